"""LTV by cohort (獲得時期別LTV, R130): what a new customer has brought after 3, 6, 12, 24 and 36 months."""

from __future__ import annotations

from typing import Any

import ibis
from ibis import _

from crm_platform.diagnosis.estimates import Estimate, mean
from crm_platform.diagnosis.finding import Action, Exhibit, Finding, Scalar, Unit
from crm_platform.diagnosis.groundwork.cohorts import (
    Cohorts,
    Sums,
    by_cohort,
    last_with_months,
    over,
    sum_and_squares,
    year_on_year,
    year_to,
)
from crm_platform.diagnosis.inputs import VALUE_MONTHS, DiagnosisInputs
from crm_platform.diagnosis.rows import one_row
from crm_platform.diagnosis.spans import HALF_YEAR_MONTHS, YEAR_MONTHS

_SHOWN_HALF_YEARS = 10


def cohort_ltv(inputs: DiagnosisInputs) -> Finding | None:
    """Cumulated 売上 per customer by half-year of acquisition; credits deducted, before cost of goods.

    Judged is the 12-month value of the last year of cohorts that have it behind them, against the year before and over
    half-years (R61). At stake: half a year's share of what the year's customers brought less. None where no customer
    is new.
    """
    monthly = value_months(inputs)
    if not monthly:
        return None
    last = last_with_months(inputs, YEAR_MONTHS)
    judged = year_on_year(inputs, monthly, last, lambda sums: value_after(sums, YEAR_MONTHS), "jpy")
    customers = round((over(monthly, year_to(inputs, last)) or {"customers": 0})["customers"])
    effect_jpy = round(judged.shortfall * customers / 2) or None
    table = ltv_rows(inputs, monthly)
    known = {months: value_of_latest(inputs, monthly, months) for months in VALUE_MONTHS}
    active = active_customers(inputs, last)
    expected_jpy = round(active * inputs.response_rate * inputs.order_value_jpy)
    numbers: dict[str, Scalar] = {
        **inputs.period,
        "last_cohort": year_to(inputs, last).month,
        "customers": customers,
        "ltv_before_jpy": judged.before_value,
        "change_jpy": judged.change_value,
        **{f"ltv_{months}m_jpy": known[months] for months in VALUE_MONTHS},
        "active_customers": active,
        "response_rate": inputs.response_rate,
        "expected_jpy": expected_jpy,
        "effect_jpy": effect_jpy,
    }
    return Finding(
        key="cohort_ltv",
        chapter="customer_value",
        verdict=judged.verdict,
        numbers=numbers,
        exhibits=_exhibits(table),
        threshold=judged.before_value,
        yen_effect_jpy=effect_jpy,
        concerned_customers=customers,
        measured=judged.measured("jpy"),
        trend=judged.trend,
        action=Action("@action_segment.first_year_active", active, "@action_channel.insert_mail", expected_jpy),
        sources=("customer_months", "customer_history"),
    )


def value_months(inputs: DiagnosisInputs) -> list[dict[str, Any]]:
    """By cohort month: customers, and for each of VALUE_MONTHS the 売上 of those months, and of squares."""
    columns: dict[str, ibis.Deferred] = {}
    for months in VALUE_MONTHS:
        columns |= sum_and_squares(f"value_{months}m", _[f"value_{months}m_jpy"])
    return by_cohort(inputs, **columns)


def value_after(sums: Sums, months: int) -> Estimate | None:
    """Cumulated 売上 per customer after so many months."""
    return mean(sums[f"value_{months}m"], sums[f"value_{months}m_squares"], sums["customers"])


def value_of_latest(inputs: DiagnosisInputs, monthly: list[dict[str, Any]], months: int) -> float | None:
    """The value after so many months, of the last year of cohorts that have them behind them."""
    sums = over(monthly, year_to(inputs, last_with_months(inputs, months)))
    return sums[f"value_{months}m"] / sums["customers"] if sums else None


def ltv_rows(inputs: DiagnosisInputs, monthly: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Per half-year of acquisition: customers, 売上 per customer after each of VALUE_MONTHS, None where still open.

    The 12-month value has its interval.
    """
    last, count = inputs.closed_index, len(inputs.closed_months) // HALF_YEAR_MONTHS
    found = []
    for back in reversed(range(count)):
        span = Cohorts(last - (back + 1) * HALF_YEAR_MONTHS + 1, last - back * HALF_YEAR_MONTHS)
        sums = over(monthly, span)
        if sums is None:
            continue
        closed = [months for months in VALUE_MONTHS if span.last <= last_with_months(inputs, months)]
        values = {
            f"ltv_{months}m_jpy": sums[f"value_{months}m"] / sums["customers"] if months in closed else None
            for months in VALUE_MONTHS
        }
        year = value_after(sums, YEAR_MONTHS) if YEAR_MONTHS in closed else None
        ends = {"ltv_12m_low_jpy": year.low_amount if year else None, "ltv_12m_high_jpy": year.high if year else None}
        found.append({"cohort_month": span.month, "customers": round(sums["customers"]), **values, **ends})
    return found


def active_customers(inputs: DiagnosisInputs, last: int) -> int:
    """New customers whose first twelve months still run and who bought in the last six."""
    active = inputs.beginnings.filter((_.cohort > last) & ~_.is_silent)
    return int(one_row(active.agg(customers=_.count()))["customers"])


def _exhibits(table: list[dict[str, Any]]) -> tuple[Exhibit, ...]:
    lines = [
        {"cohort_month": row["cohort_month"], "months": f"@ltv_after.{months}", "ltv_jpy": row[f"ltv_{months}m_jpy"]}
        for months in VALUE_MONTHS
        for row in table
        if row[f"ltv_{months}m_jpy"] is not None
    ]
    names = ("ltv_3m_jpy", "ltv_6m_jpy", "ltv_12m_jpy", "ltv_12m_low_jpy", "ltv_12m_high_jpy")
    yen: tuple[tuple[str, Unit], ...] = tuple((name, "jpy") for name in (*names, "ltv_24m_jpy", "ltv_36m_jpy"))
    shown = Exhibit(
        "cohort_table",
        "table",
        tuple(table[-_SHOWN_HALF_YEARS:]),
        columns=(("cohort_month", "month"), ("customers", "count"), *yen),
    )
    if len({row["cohort_month"] for row in lines}) < 2:
        return (shown,) if table else ()
    line = Exhibit(
        "values", "line", tuple(lines), x="cohort_month", y="ltv_jpy", x_unit="month", y_unit="jpy", series="months"
    )
    return (line, shown)
