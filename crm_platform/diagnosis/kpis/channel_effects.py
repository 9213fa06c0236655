"""Contacts by channel (R112): how many, at what cost, how many bought within thirty days, and for how much."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

import ibis
from ibis import _

from crm_platform.diagnosis.estimates import Estimate, difference, errors_for, proportion
from crm_platform.diagnosis.finding import Action, Exhibit, Finding, Row, Scalar, Unit, Verdict
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.kpis.contacts import contacted
from crm_platform.diagnosis.kpis.terms import ANSWER_DAYS
from crm_platform.diagnosis.rows import client_text, rows, yen_sum
from crm_platform.diagnosis.trends import trend_of
from crm_platform.diagnosis.verdicts import LEAST_CUSTOMERS, measured_against, verdict_on_change

_YEAR_DAYS = 365
_MOST_YEARS = 5


def channel_effects(inputs: DiagnosisInputs) -> Finding | None:
    """Answers of contacted customers by channel in the last 365 days, each channel judged against the year before.

    An answer is a purchase up to 30 days after a contact; contacts of the last 30 days are left out. It is no effect:
    without customers who were not contacted, nobody knows who would have bought anyway. At stake: the answers missing
    against the year before in half a year × what an answer brought. A channel of fewer than 30 customers stands in the
    table alone: it is not judged, and is not the best. None where no contact is delivered.
    """
    found = channel_rows(inputs)
    now = [row for row in found if row["years_ago"] == 0]
    if not now:
        return None
    before = {row["channel"]: row for row in found if row["years_ago"] == 1}
    told = _of_enough(now)
    judged = {row["channel"] for row in _of_enough(before.values())}
    changes = {row["channel"]: _change(row, before[row["channel"]]) for row in told if row["channel"] in judged}
    errors = errors_for(len(changes))
    verdicts: dict[str, Verdict] = {
        name: verdict_on_change(changed, _rate(before[name]).value, errors=errors) for name, changed in changes.items()
    }
    worse = [row for row in now if verdicts.get(row["channel"]) == "issue"]
    lost_jpy = [round(-changes[row["channel"]].value * row["customers"] / 2 * _per_answer_jpy(row)) for row in worse]
    verdict: Verdict = "issue" if worse else "healthy" if "healthy" in verdicts.values() else "undetermined"
    effect_jpy = (sum(lost_jpy) or None) if worse else None
    shown = (
        worse[lost_jpy.index(max(lost_jpy))] if worse else max(now, key=lambda row: (row["customers"], row["channel"]))
    )
    shown_before = before.get(shown["channel"])
    best, rate = max(told, key=lambda row: _rate(row).value, default=None), _rate(shown)
    # What half a year of contacts was followed by; whether they caused it is not known.
    action = Action(
        "@action_segment.kpi_contacted", shown["customers"], shown["channel"], round(shown["sales_jpy"] / 2)
    )
    numbers: dict[str, Scalar] = {
        **inputs.period,
        "channels": len(now),
        "judged_channels": sum(one != "undetermined" for one in verdicts.values()),
        "worse_channels": len(worse),
        "contacts": sum(row["contacts"] for row in now),
        "cost_jpy": sum(row["cost_jpy"] for row in now if row["cost_jpy"] is not None),
        "answer_days": ANSWER_DAYS,
        "shown_channel": shown["channel"],
        "shown_rate": rate.value,
        "shown_rate_before": _rate(shown_before).value if shown_before else None,
        "shown_customers": shown["customers"],
        "shown_responders": shown["responders"],
        "shown_per_answer_jpy": round(_per_answer_jpy(shown)),
        "best_channel": best["channel"] if best else None,
        "best_rate": _rate(best).value if best else None,
        "least_customers": LEAST_CUSTOMERS,
        "effect_jpy": effect_jpy,
        "expected_jpy": action.expected_jpy,
    }
    return Finding(
        key="channel_effects",
        chapter="kpis",
        verdict=verdict,
        numbers=numbers,
        exhibits=_exhibits(now),
        threshold=_rate(shown_before).value if shown_before else None,
        yen_effect_jpy=effect_jpy,
        concerned_customers=shown["customers"],
        measured=measured_against(
            rate, "rate", _rate(shown_before).value if shown_before else None, changes.get(shown["channel"])
        ),
        trend=trend_of(_course(found, shown["channel"], inputs.as_of), "rate"),
        action=action,
        sources=("contacts", "customer_days"),
    )


def channel_rows(inputs: DiagnosisInputs) -> list[dict[str, Any]]:
    """By channel and year back (`years_ago` 0: the 365 days up to 30 days before the as-of date), in order.

    `contacts`, `customers` contacted, `responders` of them, `purchases` and `sales_jpy` of their purchase days (each
    counted once), `cost_jpy` of the contacts (None where no contact of the channel has a cost), `costed_contacts`.
    """
    told = contacted(inputs)
    if told is None or inputs.contacts is None:
        return []
    last = inputs.as_of - dt.timedelta(days=ANSWER_DAYS)
    people = _by_year(told.contacts, last).group_by("channel", "years_ago").agg(customers=_.customer_id.nunique())
    days = (
        _by_year(told.answers, last)
        .group_by("channel", "years_ago", "customer_id", "day")
        .agg(sales_jpy=_.sales_jpy.max())
    )
    bought = days.group_by("channel", "years_ago").agg(
        responders=_.customer_id.nunique(), purchases=_.count(), sales_jpy=yen_sum(_.sales_jpy)
    )
    costs = _by_year(inputs.contacts, last).group_by("channel", "years_ago")
    costs = costs.agg(contacts=_.count(), costed_contacts=_.unit_cost_jpy.count(), cost_jpy=_.unit_cost_jpy.sum())
    keys = ["channel", "years_ago"]
    joined = costs.inner_join(people, keys).left_join(bought, keys)
    joined = joined.select(
        "contacts",
        "costed_contacts",
        "cost_jpy",
        "customers",
        "years_ago",
        channel=client_text(joined.channel),
        responders=joined.responders.fill_null(0),
        purchases=joined.purchases.fill_null(0),
        sales_jpy=joined.sales_jpy.fill_null(0),
    )
    return rows(joined.order_by("channel", "years_ago"))


def _by_year(contacts: ibis.Table, last: dt.date) -> ibis.Table:
    """Contacts up to `last`, with the years (of 365 days) before it, five at most."""
    known = contacts.filter(contacts.contacted_on <= last)
    days_ago = ibis.literal(last).delta(known.contacted_on, unit="day")
    return known.mutate(years_ago=(days_ago // _YEAR_DAYS).cast("int64")).filter(_.years_ago < _MOST_YEARS)


def _of_enough(channels: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The channels by which as many customers were contacted as a share takes to be compared with another."""
    return [row for row in channels if row["customers"] >= LEAST_CUSTOMERS]


def _rate(row: dict[str, Any]) -> Estimate:
    found = proportion(row["responders"], row["customers"])
    if found is None:
        raise ValueError(f"the channel {row['channel']} has contacts but no customer")
    return found


def _change(now: dict[str, Any], before: dict[str, Any]) -> Estimate:
    return difference(_rate(now), _rate(before))


def _per_answer_jpy(row: dict[str, Any]) -> float:
    return row["sales_jpy"] / row["responders"] if row["responders"] else 0.0


def _course(found: list[dict[str, Any]], channel: str, as_of: dt.date) -> list[tuple[str, Estimate]]:
    """The answer rate of a channel in each year, the earliest first."""
    years = sorted((row for row in found if row["channel"] == channel), key=lambda row: -row["years_ago"])
    last = as_of - dt.timedelta(days=ANSWER_DAYS)
    return [(f"{last - dt.timedelta(days=_YEAR_DAYS * row['years_ago']):%Y-%m}", _rate(row)) for row in years]


def _exhibits(now: list[dict[str, Any]]) -> tuple[Exhibit, ...]:
    table: list[Row] = [
        {
            **{name: row[name] for name in ("channel", "contacts", "customers", "responders", "sales_jpy")},
            "response_rate": _rate(row).value,
            "low": max(_rate(row).low, 0.0),
            "high": min(_rate(row).high, 1.0),
            "cost_jpy": row["cost_jpy"],
            "jpy_per_contact": row["sales_jpy"] / row["contacts"],
            "cost_per_answer_jpy": row["cost_jpy"] / row["responders"]
            if row["cost_jpy"] is not None and row["responders"] and row["costed_contacts"] == row["contacts"]
            else None,
        }
        for row in now
    ]
    enough = [row["channel"] for row in _of_enough(now)]
    told = tuple(row for row in table if row["channel"] in enough)
    bars = Exhibit("rates", "bar", told, x="channel", y="response_rate", y_unit="rate")
    columns: tuple[tuple[str, Unit], ...] = (
        ("channel", "text"),
        ("contacts", "count"),
        ("customers", "count"),
        ("responders", "count"),
        ("response_rate", "rate"),
        ("low", "rate"),
        ("high", "rate"),
        ("sales_jpy", "jpy"),
        ("cost_jpy", "jpy"),
        ("cost_per_answer_jpy", "jpy"),
    )
    shown = (bars, Exhibit("channels", "table", tuple(table), columns=columns))
    return tuple(exhibit for exhibit in shown if exhibit.rows)
