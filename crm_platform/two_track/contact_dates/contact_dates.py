"""Do the contact dates hit the day on which the customer needs more (なくなりそうなタイミング, R107)?"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from typing import Any

import ibis
from ibis import _

from crm_platform.diagnosis.estimates import Estimate, errors_for, proportion
from crm_platform.diagnosis.finding import Action, Exhibit, Finding, Row, Scalar, Unit, Verdict
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.rows import client_text, one_row, rows
from crm_platform.diagnosis.verdicts import LEAST_CUSTOMERS, measured_against, verdict_on_change
from crm_platform.two_track.contact_dates.looking_back import METHODS, WITHIN_DAYS

_WEEKS = 8
_SOON_WEEKS = 4
_SHOWN_PRODUCTS = 15
_YARDSTICKS = METHODS[1:]


def contact_dates(inputs: DiagnosisInputs) -> Finding | None:
    """The share of customers who bought the product again within a week of the run-out foreseen half a year ago.

    Judged against the better of two yardsticks over the same deliveries: the customer's own cycle, and 30 days for all.
    At stake: the calls of six months that the yardstick would have placed in time and these dates do not, × the mean
    order value. None where nobody has a date.
    """
    if inputs.contact_dates is None or inputs.product_supply is None:
        return None
    due = due_sums(inputs)
    if not due["dated"] + due["subscribers"]:
        return None
    came = inputs.contact_dates_backtest or {}
    hits = {method: proportion(hit, came["compared"]) for method, hit in came["hits"].items()} if came else {}
    rival = max(_YARDSTICKS, key=lambda method: came["hits"][method]) if came else _YARDSTICKS[0]
    change, ours = paired_change(came, rival), hits.get(METHODS[0])
    theirs = hits.get(rival)
    line = theirs.value if theirs else None
    verdict = _verdict(came, change, line)
    soon = due["overdue"] + due["soon"]
    expected_jpy = round(soon * inputs.response_rate * inputs.order_value_jpy)
    effect_jpy = _effect(inputs, due, change) if verdict == "issue" else None
    supply = supply_rows(inputs)
    worst = next((row for row in supply if row["supply_verdict"] == "@supply.contradicted"), None)
    numbers: dict[str, Scalar] = {
        **inputs.period,
        **{f"{name}_customers": number for name, number in due.items()},
        "due_customers": soon,
        "weeks": _SOON_WEEKS,
        "within_days": WITHIN_DAYS,
        "compared": came.get("compared", 0),
        "in_time_rate": ours.value if ours else None,
        "rival": f"@timing.{rival}",
        "rival_rate": line,
        "change_points": change.value if change else None,
        "contradicted_products": sum(row["supply_verdict"] == "@supply.contradicted" for row in supply),
        "worst_product": worst["supply_product"] if worst else None,
        "worst_master_days": worst["supply_master_days"] if worst else None,
        "worst_learned_days": worst["supply_learned_days"] if worst else None,
        "response_rate": inputs.response_rate,
        "expected_jpy": expected_jpy,
        "effect_jpy": effect_jpy,
    }
    return Finding(
        key="contact_dates",
        chapter="contact_dates",
        verdict=verdict,
        numbers=numbers,
        exhibits=_exhibits(inputs, came, hits, supply),
        threshold=line,
        yen_effect_jpy=effect_jpy,
        concerned_customers=soon,
        measured=measured_against(ours, "rate", line, change, errors=errors_for(len(_YARDSTICKS))) if ours else None,
        action=Action("@action_segment.running_out", soon, "@action_channel.phone", expected_jpy),
        sources=("contact_dates", "product_supply", "products", "customer_history", "contact_dates_backtest"),
    )


def due_sums(inputs: DiagnosisInputs) -> Mapping[str, int]:
    """Customers with a date to be called on: all, overdue, within four weeks, within half a year; subscribers apart."""
    dates = _table(inputs.contact_dates)
    days = dates.next_contact_on.delta(ibis.literal(inputs.as_of), unit="day").cast("int64")
    sums = {
        "dated": dates.count(where=dates.to_call),
        "overdue": dates.count(where=dates.to_call & (days <= 0)),
        "soon": dates.count(where=dates.to_call & (days > 0) & (days <= 7 * _SOON_WEEKS)),
        "half_year": dates.count(where=dates.to_call & (days <= 183)),
        "subscribers": dates.count(where=~dates.to_call),
    }
    return {name: int(number) for name, number in one_row(dates.agg(**sums)).items()}


def paired_change(came: Mapping[str, Any], rival: str) -> Estimate | None:
    """Share in time less that of the yardstick, over the same deliveries (McNemar's error); None below two."""
    people = came.get("compared", 0)
    if people < 2:
        return None
    ours, theirs = came["only_product"][rival], came["only_yardstick"][rival]
    value = (ours - theirs) / people
    spread = (ours + theirs + 1) / people - value**2  # one more, so that no difference is not certain to stay none
    return Estimate(value, math.sqrt(max(spread, 0.0) / people))


def supply_rows(inputs: DiagnosisInputs) -> list[dict[str, Any]]:
    """Products with the days of the master beside those that repeats tell, most repeats first; contradictions named."""
    named = inputs.products.select("product_id", name=client_text(ibis.coalesce(_.product_name, _.product_id)))
    supply = _table(inputs.product_supply).left_join(named, "product_id")
    shown = supply.order_by(_.contradicts_master.desc(), _.customers.desc(), _.product_id).limit(_SHOWN_PRODUCTS)
    return [
        {
            "supply_product": row["name"] or row["product_id"],
            "supply_master_days": row["master_days"],
            "supply_learned_days": row["learned_days"],
            "supply_low_days": row["learned_low_days"],
            "supply_high_days": row["learned_high_days"],
            "supply_repeats": row["repeats"],
            "supply_customers": row["customers"],
            "supply_verdict": _said(row),
        }
        for row in rows(shown)
    ]


def _said(row: Mapping[str, Any]) -> str:
    if row["contradicts_master"]:
        return "@supply.contradicted"
    if row["supply_source"] is None:
        return "@supply.too_few"
    if row["master_days"] is not None and row["learned_days"] is not None:
        return "@supply.agrees"
    return f"@supply.{row['supply_source']}"


def _verdict(came: Mapping[str, Any], change: Estimate | None, line: float | None) -> Verdict:
    if change is None or line is None or came["compared"] < LEAST_CUSTOMERS:
        return "undetermined"
    return verdict_on_change(change, line, errors=errors_for(len(_YARDSTICKS)))


def _effect(inputs: DiagnosisInputs, due: Mapping[str, int], change: Estimate | None) -> int | None:
    short = max(-change.value, 0.0) if change else 0.0
    return round(short * due["half_year"] * inputs.order_value_jpy) or None


def _table(table: ibis.Table | None) -> ibis.Table:
    if table is None:
        raise ValueError("contact dates and days of supply come together")
    return table


def _exhibits(
    inputs: DiagnosisInputs, came: Mapping[str, Any], hits: Mapping[str, Estimate | None], supply: list[dict[str, Any]]
) -> tuple[Exhibit, ...]:
    columns: tuple[tuple[str, Unit], ...] = (
        ("supply_product", "text"),
        ("supply_master_days", "days"),
        ("supply_learned_days", "days"),
        ("supply_low_days", "days"),
        ("supply_high_days", "days"),
        ("supply_repeats", "count"),
        ("supply_customers", "count"),
        ("supply_verdict", "text"),
    )
    weeks = Exhibit("weeks", "bar", tuple(_week_rows(inputs)), x="due_week", y="due_customers", y_unit="count")
    table = Exhibit("supply", "table", tuple(supply), columns=columns)
    if not any(hits.values()):
        return weeks, table
    methods = tuple(
        {
            "timing_method": f"@timing.{method}",
            "timing_rate": found.value,
            "timing_low_rate": max(found.low, 0.0),
            "timing_high_rate": min(found.high, 1.0),
            "timing_error_days": came["median_error_days"][method],
        }
        for method, found in hits.items()
        if found
    )
    named: tuple[tuple[str, Unit], ...] = (
        ("timing_method", "text"),
        ("timing_rate", "rate"),
        ("timing_low_rate", "rate"),
        ("timing_high_rate", "rate"),
        ("timing_error_days", "days"),
    )
    return weeks, Exhibit("timing", "table", methods, columns=named), table


def _week_rows(inputs: DiagnosisInputs) -> list[Row]:
    """Overdue, then the eight weeks after the as-of date by their first day."""
    called = _table(inputs.contact_dates).filter(_.to_call)
    days = called.next_contact_on.delta(ibis.literal(inputs.as_of), unit="day").cast("int64")
    week = ibis.greatest(((days + 6) / 7).floor().cast("int64"), 0)
    counted = called.mutate(week=week).filter(_.week <= _WEEKS).group_by("week").agg(number=_.count())
    found = {row["week"]: row["number"] for row in rows(counted.order_by("week"))}
    first = inputs.as_of + dt.timedelta(days=1)
    return [
        {
            "due_week": "@due.overdue" if not week_no else f"{first + dt.timedelta(days=7 * (week_no - 1)):%m/%d}",
            "due_customers": found.get(week_no, 0),
        }
        for week_no in range(_WEEKS + 1)
    ]
