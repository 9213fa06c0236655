"""Do the contact dates hit the day on which the customer needs more (なくなりそうなタイミング, R107)?"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from typing import Any

import ibis
from ibis import _

from crm_platform.diagnosis.finding import Action, Exhibit, Finding, Row, Scalar, Unit
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.rows import client_text, one_row, rows
from crm_platform.two_track.contact_dates.timing import Timing

_WEEKS = 8
_SOON_WEEKS = 4
_SHOWN_PRODUCTS = 15
_SUPPLY: tuple[tuple[str, Unit], ...] = (
    ("supply_product", "text"),
    ("supply_master_days", "days"),
    ("supply_learned_days", "days"),
    ("supply_low_days", "days"),
    ("supply_high_days", "days"),
    ("supply_repeats", "count"),
    ("supply_customers", "count"),
    ("supply_verdict", "text"),
)


def contact_dates(inputs: DiagnosisInputs) -> Finding | None:
    """The share of the calls of half a year ago that would have come in time (see `look_back`).

    Judged against the better of two yardsticks over the same customers: their own cycle, and 30 days for all. At stake:
    the calls of six months that the yardstick would have placed in time and these dates do not, × the mean order value.
    None where nobody has a date.
    """
    if inputs.contact_dates is None or inputs.product_supply is None:
        return None
    due, past = due_sums(inputs), Timing.of(inputs.contact_dates_backtest)
    if not due["dated"] + due["subscribers"] + due["lapsed"]:
        return None
    supply, soon = supply_rows(inputs), due["overdue"] + due["soon"]
    worth = _worth(inputs, due, past)
    return Finding(
        key="contact_dates",
        chapter="contact_dates",
        verdict=past.verdict,
        numbers={**inputs.period, **_due_numbers(due), **past.numbers(), **_supply_numbers(supply), **worth},
        exhibits=(_weeks(inputs), *past.exhibits(), Exhibit("supply", "table", tuple(supply), columns=_SUPPLY)),
        threshold=past.line,
        yen_effect_jpy=worth["effect_jpy"],
        concerned_customers=soon,
        measured=past.measured(),
        action=Action("@action_segment.running_out", soon, "@action_channel.phone", worth["expected_jpy"]),
        sources=("contact_dates", "product_supply", "products", "customer_history", "contact_dates_backtest"),
    )


def due_sums(inputs: DiagnosisInputs) -> Mapping[str, int]:
    """Customers to be called: all, overdue, within four weeks, within half a year; lapsed and subscribers apart."""
    dates = _table(inputs.contact_dates)
    days = dates.next_contact_on.delta(ibis.literal(inputs.as_of), unit="day").cast("int64")
    sums = {
        "dated": dates.count(where=dates.to_call),
        "overdue": dates.count(where=dates.to_call & (days <= 0)),
        "soon": dates.count(where=dates.to_call & (days > 0) & (days <= 7 * _SOON_WEEKS)),
        "half_year": dates.count(where=dates.to_call & (days <= 183)),
        "lapsed": dates.count(where=dates.reason == "lapsed"),
        "subscribers": dates.count(where=~dates.to_call & (dates.reason != "lapsed")),
    }
    return {name: int(number) for name, number in one_row(dates.agg(**sums)).items()}


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


def _due_numbers(due: Mapping[str, int]) -> dict[str, Scalar]:
    """Counts of `due_sums`, and how many become due a day in the four weeks to come, rounded up."""
    return {
        **{f"{name}_customers": number for name, number in due.items()},
        "subscribers_customers": due["subscribers"] or None,  # a house without any is not told that none are called
        "due_customers": due["overdue"] + due["soon"],
        "daily_customers": math.ceil(due["soon"] / (7 * _SOON_WEEKS)),
        "weeks": _SOON_WEEKS,
    }


def _supply_numbers(supply: list[dict[str, Any]]) -> dict[str, Scalar]:
    """How many products' days the repeats contradict, and the first of them."""
    contradicted = [row for row in supply if row["supply_verdict"] == "@supply.contradicted"]
    worst = contradicted[0] if contradicted else {}
    return {
        "contradicted_products": len(contradicted),
        "worst_product": worst.get("supply_product"),
        "worst_master_days": worst.get("supply_master_days"),
        "worst_learned_days": worst.get("supply_learned_days"),
    }


def _worth(inputs: DiagnosisInputs, due: Mapping[str, int], past: Timing) -> dict[str, Any]:
    """What the calls of four weeks should bring, and what half a year of badly timed ones loses where it is proven."""
    short = max(-past.change.value, 0.0) if past.change and past.verdict == "issue" else 0.0
    soon = due["overdue"] + due["soon"]
    return {
        "response_rate": inputs.response_rate,
        "expected_jpy": round(soon * inputs.response_rate * inputs.order_value_jpy),
        "effect_jpy": round(short * due["half_year"] * inputs.order_value_jpy) or None,
    }


def _weeks(inputs: DiagnosisInputs) -> Exhibit:
    return Exhibit("weeks", "bar", tuple(_week_rows(inputs)), x="due_week", y="due_customers", y_unit="count")


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


def _table(table: ibis.Table | None) -> ibis.Table:
    if table is None:
        raise ValueError("contact dates and days of supply come together")
    return table
