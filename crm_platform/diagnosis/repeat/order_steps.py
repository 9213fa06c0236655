"""From order to order (継続率・残存率, F1→F2→F3…): how many new customers go on, and where they stop."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ibis import _

from crm_platform.diagnosis.estimates import Estimate, proportion
from crm_platform.diagnosis.finding import Action, Exhibit, Finding, Row, Scalar, Unit
from crm_platform.diagnosis.groundwork.cohorts import (
    Cohorts,
    Sums,
    by_cohort,
    last_with_months,
    over,
    year_before,
    year_on_year,
    year_to,
)
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.rows import one_row, rows, yen_sum
from crm_platform.diagnosis.spans import YEAR_MONTHS
from crm_platform.diagnosis.trends import share
from crm_platform.diagnosis.verdicts import LEAST_CUSTOMERS

STEPS = tuple(range(2, 11))
_SHOWN_STEPS_BY_KIND = range(2, 7)
_JUDGED_STEP = 3
_YEARS = ("now", "before")


def order_steps(inputs: DiagnosisInputs) -> Finding | None:
    """The share of new customers who reach the n-th purchase within twelve months, of the first and of the one before.

    継続率 = n-th ÷ first, 残存率 = n-th ÷ previous (CPM.md §5, definition A; other houses use the words the other way
    round). Judged is the 継続率 of the third purchase, of the last year of cohorts with twelve months behind them,
    against the year before and over half-years (R61). At stake: the third purchases missing in half a year × the mean
    order value. None where no customer is new.
    """
    monthly = by_cohort(inputs, **reached())
    if not monthly:
        return None
    last = last_with_months(inputs, YEAR_MONTHS)
    judged = year_on_year(inputs, monthly, last, third_rate, "rate")
    years = {"now": over(monthly, year_to(inputs, last)), "before": over(monthly, year_before(inputs, last))}
    table = step_rows(years)
    now = years["now"] or {"customers": 0}
    effect_jpy = round(judged.shortfall * now["customers"] / 2 * inputs.order_value_jpy) or None
    waiting = at_second(inputs, last)
    expected_jpy = round(waiting * inputs.response_rate * inputs.order_value_jpy)
    third = next((row for row in table if row["step"] == f"@order_step.{_JUDGED_STEP}"), {})
    numbers: dict[str, Scalar] = {
        **inputs.period,
        "last_cohort": year_to(inputs, last).month,
        "first_buyers": round(now["customers"]),
        "third_rate": judged.now.value if judged.now else None,
        "third_rate_before": judged.before_value,
        "change_points": judged.change_value,
        "third_step_rate": third.get("from_previous_rate"),
        "weakest_step": _weakest(table, "step"),
        "weakest_rate": _weakest(table, "from_previous_rate"),
        "waiting_customers": waiting,
        "response_rate": inputs.response_rate,
        "expected_jpy": expected_jpy,
        "effect_jpy": effect_jpy,
    }
    return Finding(
        key="order_steps",
        chapter="repeat",
        verdict=judged.verdict,
        numbers=numbers,
        exhibits=_exhibits(years, table, kind_rows(inputs, year_to(inputs, last))),
        threshold=judged.before_value,
        yen_effect_jpy=effect_jpy,
        concerned_customers=waiting,
        measured=judged.measured("rate"),
        trend=judged.trend,
        action=Action("@action_segment.at_second_purchase", waiting, "@action_channel.insert_phone", expected_jpy),
        sources=("customer_months", "customer_history"),
    )


def reached() -> dict[str, Any]:
    """How many customers reached the n-th purchase day within twelve months."""
    return {f"reached_{step}": yen_sum(_.purchases_12m >= step) for step in STEPS}


def third_rate(sums: Sums) -> Estimate | None:
    """継続率 of the third purchase: third ÷ first."""
    return proportion(sums[f"reached_{_JUDGED_STEP}"], sums["customers"])


def at_second(inputs: DiagnosisInputs, last: int) -> int:
    """New customers whose twelve months still run and who bought exactly twice."""
    waiting = inputs.beginnings.filter((_.cohort > last) & (_.purchases == _JUDGED_STEP - 1))
    return int(one_row(waiting.agg(customers=_.count()))["customers"])


def step_rows(years: Mapping[str, Sums | None]) -> list[dict[str, Any]]:
    """Per step of the latest year: customers, share of the first (継続率), share of the step before (残存率).

    `from_first_before_rate`: the same of the year before; None without one.
    """
    now, before = years["now"], years["before"]
    if now is None:
        return []
    return [
        {
            "step": f"@order_step.{step}",
            "customers": round(_reached(now, step)),
            "from_first_rate": share(_reached(now, step), now["customers"]),
            "from_previous_rate": share(_reached(now, step), _reached(now, step - 1)),
            "from_first_before_rate": share(_reached(before, step), before["customers"]) if before else None,
            "from_previous_before_rate": share(_reached(before, step), _reached(before, step - 1)) if before else None,
        }
        for step in (1, *STEPS)
        if step == 1 or _reached(now, step - 1)
    ]


def kind_rows(inputs: DiagnosisInputs, span: Cohorts) -> list[dict[str, Any]]:
    """By kind of the first order and step to the sixth: share of the step before (残存率), of 30 customers or more."""
    inside = inputs.beginnings.filter(span.holds(_.cohort) & _.first_order_kind.notnull())
    sums = inside.group_by("first_order_kind").agg(customers=_.count(), **reached())
    return [
        {
            "kind": f"@order_kind.{row['first_order_kind']}",
            "step": f"@order_step.{step}",
            "from_previous_rate": _reached(row, step) / _reached(row, step - 1),
        }
        for row in rows(sums.order_by("first_order_kind"))
        for step in _SHOWN_STEPS_BY_KIND
        if _reached(row, step - 1) >= LEAST_CUSTOMERS
    ]


def _reached(sums: Sums, step: int) -> float:
    if step < 1:
        return 0.0
    return sums["customers"] if step == 1 else sums[f"reached_{step}"]


def _weakest(table: list[dict[str, Any]], name: str) -> Scalar:
    steps = [row for row in table[1:] if row["from_previous_rate"] is not None]
    found: Scalar = min(steps, key=lambda row: row["from_previous_rate"])[name] if steps else None
    return found


def _exhibits(
    years: Mapping[str, Sums | None], table: list[dict[str, Any]], kinds: list[dict[str, Any]]
) -> tuple[Exhibit, ...]:
    if not table:
        return ()
    names = {"now": "from_first_rate", "before": "from_first_before_rate"}
    lines: list[Row] = [
        {"order_no": position, "cohort_year": f"@cohort_year.{year}", "from_first_rate": row[names[year]]}
        for year in _YEARS
        if years[year]
        for position, row in enumerate(table, start=1)
    ]
    columns: tuple[tuple[str, Unit], ...] = (
        ("step", "text"),
        ("customers", "count"),
        ("from_first_rate", "rate"),
        ("from_previous_rate", "rate"),
        ("from_first_before_rate", "rate"),
        ("from_previous_before_rate", "rate"),
    )
    heat = Exhibit("kinds", "heatmap", tuple(kinds), x="step", y="from_previous_rate", y_unit="rate", series="kind")
    return (
        Exhibit(
            "steps",
            "line",
            tuple(lines),
            x="order_no",
            y="from_first_rate",
            x_unit="count",
            y_unit="rate",
            series="cohort_year",
        ),
        Exhibit("step_table", "table", tuple(table), columns=columns),
        *((heat,) if kinds else ()),
    )
