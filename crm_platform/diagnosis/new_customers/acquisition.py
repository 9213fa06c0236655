"""Acquisition (対新規客 戦略診断, R58): how many new customers came, and what they were worth."""

from __future__ import annotations

from typing import Any

from crm_platform.diagnosis.finding import Exhibit, Finding, Row, Scalar, Verdict
from crm_platform.diagnosis.inputs import WARM_UP_MONTHS, DiagnosisInputs
from crm_platform.diagnosis.new_customers.cohorts import (
    cohort_months,
    cohort_sizes,
    months_known,
    new_by_month,
    quarters,
)
from crm_platform.diagnosis.trends import YEAR_MONTHS, change, trend_of_months

_HALF_YEAR = 6


def acquisition(inputs: DiagnosisInputs) -> Finding | None:
    """New customers per month, their trend, and their value of six and twelve months by quarter of acquisition.

    Healthy unless the trend falls (R61); it is judged from the second year of data on, over two years or more. At
    stake: the new customers missing against the year before, for half a year × their value of six months. None where
    no new customer came.
    """
    monthly = new_by_month(inputs)
    if not sum(monthly):
        return None
    settled = monthly[WARM_UP_MONTHS:]
    trend = trend_of_months(settled) if len(settled) >= 2 * YEAR_MONTHS else None
    values = value_rows(inputs)
    year = sum(monthly[-YEAR_MONTHS:])
    year_before = sum(settled[-2 * YEAR_MONTHS : -YEAR_MONTHS]) if len(settled) >= 2 * YEAR_MONTHS else None
    six_month_jpy = next((row["value_6m_jpy"] for row in reversed(values) if row["value_6m_jpy"] is not None), None)
    verdict: Verdict = trend.verdict if trend else "undetermined"
    effect_jpy = None
    if verdict == "issue" and year_before is not None and six_month_jpy is not None:
        effect_jpy = round(max(year_before - year, 0) / 2 * six_month_jpy) or None
    numbers: dict[str, Scalar] = {
        **inputs.period,
        "new_customers": year,
        "new_customers_before": year_before,
        "change_rate": change(year, year_before),
        "trend_rate": trend.change_per_year_rate if trend else None,
        "value_6m_jpy": six_month_jpy,
        "value_12m_jpy": next((r["value_12m_jpy"] for r in reversed(values) if r["value_12m_jpy"] is not None), None),
        "peak_new_customers": max(monthly),
        "peak_month": str(inputs.closed_months[monthly.index(max(monthly))]),
        "effect_jpy": effect_jpy,
    }
    return Finding(
        key="acquisition",
        chapter="new_customers",
        verdict=verdict,
        numbers=numbers,
        exhibits=_exhibits(inputs, monthly, values),
        threshold=0.0,
        yen_effect_jpy=effect_jpy,
        concerned_customers=year,
    )


def value_rows(inputs: DiagnosisInputs) -> list[dict[str, Any]]:
    """By quarter of acquisition: new customers, and 売上 per customer in the first 6 and 12 months, if known."""
    sizes, found = cohort_sizes(inputs), cohort_months(inputs)
    spans = quarters(inputs)
    rows = []
    for back in range(len(spans) - 1, -1, -1):
        quarter, customers = spans[len(spans) - 1 - back], sizes.get(back, 0)
        rows.append(
            {
                "quarter": str(quarter.last),
                "new_customers": customers,
                **{
                    f"value_{months}m_jpy": _value(found, back, months) / customers
                    if customers and months_known(inputs, quarter) >= months
                    else None
                    for months in (_HALF_YEAR, YEAR_MONTHS)
                },
            }
        )
    return rows


def _value(found: dict[tuple[int, int], dict[str, Any]], back: int, months: int) -> int:
    return sum(found[back, age]["sales_jpy"] for age in range(months) if (back, age) in found)


def _exhibits(inputs: DiagnosisInputs, monthly: list[int], values: list[dict[str, Any]]) -> tuple[Exhibit, ...]:
    bars: list[Row] = [
        {"month": str(month), "new_customers": count}
        for month, count in zip(inputs.closed_months, monthly, strict=True)
    ]
    lines = [
        {"quarter": row["quarter"], "months": f"@value_after.{months}", "value_jpy": row[f"value_{months}m_jpy"]}
        for months in (_HALF_YEAR, YEAR_MONTHS)
        for row in values
        if row[f"value_{months}m_jpy"] is not None
    ]
    exhibits = [Exhibit("monthly", "bar", tuple(bars), x="month", y="new_customers", x_unit="month")]
    if len({line["quarter"] for line in lines}) >= 2:
        exhibits.append(
            Exhibit(
                "value", "line", tuple(lines), x="quarter", y="value_jpy", x_unit="month", y_unit="jpy", series="months"
            )
        )
    return tuple(exhibits)
