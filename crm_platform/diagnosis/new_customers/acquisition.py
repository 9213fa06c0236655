"""Acquisition (対新規客 戦略診断, R58): how many new customers came, and what they were worth."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ibis import _

from crm_platform.diagnosis.estimates import Estimate, count_of, mean
from crm_platform.diagnosis.finding import Action, Exhibit, Finding, Row, Scalar, Verdict
from crm_platform.diagnosis.groundwork.cohorts import (
    Cohorts,
    Sums,
    by_cohort,
    last_with_months,
    over,
    settled,
    sum_and_squares,
    year_before,
    year_to,
)
from crm_platform.diagnosis.inputs import WARM_UP_MONTHS, DiagnosisInputs
from crm_platform.diagnosis.spans import HALF_YEAR_MONTHS, QUARTER_MONTHS, YEAR_MONTHS, index_of
from crm_platform.diagnosis.trends import change, trend_of
from crm_platform.diagnosis.year_on_year import YearOnYear

_VALUES = (HALF_YEAR_MONTHS, YEAR_MONTHS)


def acquisition(inputs: DiagnosisInputs) -> Finding | None:
    """New customers of twelve months beside the twelve before and by year (R58, R61), and their 6- and 12-month value.

    The error of a count is that of people who come independently, widened by the waves in which they do come. At
    stake: half of the new customers missing against the year before × their value of six months. None where no new
    customer came.
    """
    monthly = by_cohort(
        inputs, **sum_and_squares("value_6m", _.value_6m_jpy), **sum_and_squares("value_12m", _.value_12m_jpy)
    )
    counts = monthly_counts(inputs, monthly)
    if not sum(counts):
        return None
    waves = wave_factor(counts[WARM_UP_MONTHS:])
    spans = settled(inputs, inputs.closed_index, YEAR_MONTHS)
    trend = trend_of([(span.month, _people(monthly, span, waves)) for span in spans], "count")
    now = _people(monthly, year_to(inputs, inputs.closed_index), waves)
    former = year_before(inputs, inputs.closed_index)
    judged = YearOnYear(now, _people(monthly, former, waves) if former else None, trend)
    values = {months: value_of_year(inputs, monthly, months) for months in _VALUES}
    half_year = values[HALF_YEAR_MONTHS]
    value_jpy = half_year.value if half_year else None
    effect_jpy = round(judged.shortfall / 2 * value_jpy) or None if value_jpy else None
    recent = sum(counts[-HALF_YEAR_MONTHS:])
    is_whole_year = len(counts) >= YEAR_MONTHS  # a younger history holds no twelve months to be named
    numbers: dict[str, Scalar] = {
        **inputs.period,
        "new_customers": round(now.value),
        "counted_months": min(len(counts), YEAR_MONTHS),
        "new_customers_before": round(judged.before.value) if judged.before else None,
        "change_rate": change(now.value, judged.before_value),
        "slope_per_year": trend.slope_per_year if trend else None,
        **_value_numbers(values),
        "peak_new_customers": max(counts),
        "peak_month": str(inputs.closed_months[counts.index(max(counts))]),
        "missing_customers": round(judged.shortfall),
        "recent_customers": recent,
        "effect_jpy": effect_jpy,
        "response_rate": inputs.response_rate,
        "expected_jpy": round(recent * inputs.response_rate * inputs.order_value_jpy),
    }
    return Finding(
        key="acquisition",
        chapter="new_customers",
        verdict=judged.verdict,
        numbers=numbers,
        exhibits=_exhibits(inputs, counts, monthly),
        threshold=judged.before_value,
        yen_effect_jpy=effect_jpy,
        concerned_customers=round(judged.shortfall) if judged.verdict == "issue" else round(now.value),
        measured=judged.measured("count") if is_whole_year else None,
        trend=judged.trend,
        action=_action(judged.verdict, round(judged.shortfall), effect_jpy, recent, numbers["expected_jpy"]),
        sources=("customer_history", "customer_months"),
    )


def _action(verdict: Verdict, missing: int, effect_jpy: int | None, recent: int, expected_jpy: Any) -> Action:
    if verdict == "issue":
        return Action("@action_segment.missing_new_customers", missing, "@action_channel.advertising", effect_jpy or 0)
    return Action("@action_segment.recent_new_customers", recent, "@action_channel.insert_mail", expected_jpy)


def monthly_counts(inputs: DiagnosisInputs, monthly: Sequence[Any]) -> list[int]:
    """New customers of each closed month, in order."""
    found = {row["cohort"]: row["customers"] for row in monthly}
    return [found.get(index_of(month), 0) for month in inputs.closed_months]


def wave_factor(counts: Sequence[int]) -> float:
    """How many times wider than by independent arrival the monthly counts scatter; 1 where they do not.

    Each month is held against the same month of the year before, so that a season is no wave, and what the whole year
    rose or fell is taken out. New customers come in waves of placements; each is not as sure as so many single people.
    """
    variances, expected = 0.0, 0.0
    for start in range(0, len(counts) - 2 * YEAR_MONTHS + 1, YEAR_MONTHS):
        before, now = (counts[start + shift : start + shift + YEAR_MONTHS] for shift in (0, YEAR_MONTHS))
        rises = [later - former for former, later in zip(before, now, strict=True)]
        middle = sum(rises) / YEAR_MONTHS
        variances += sum((rise - middle) ** 2 for rise in rises) * YEAR_MONTHS / (YEAR_MONTHS - 1)
        expected += sum(before) + sum(now)
    return max(math.sqrt(variances / expected), 1.0) if expected else 1.0


def _people(monthly: Sequence[Any], span: Cohorts, waves: float) -> Estimate:
    count = count_of((over(monthly, span) or {"customers": 0})["customers"])
    return Estimate(count.value, count.error * waves)


def value_of_year(inputs: DiagnosisInputs, monthly: Sequence[Any], months: int) -> Estimate | None:
    """売上 per customer in the first `months`, over the last year of cohorts that have them behind them."""
    sums = over(monthly, year_to(inputs, last_with_months(inputs, months)))
    return _value(sums, months) if sums else None


def _value(sums: Sums, months: int) -> Estimate | None:
    return mean(sums[f"value_{months}m"], sums[f"value_{months}m_squares"], sums["customers"])


def _value_numbers(values: dict[int, Estimate | None]) -> dict[str, Scalar]:
    found: dict[str, Scalar] = {}
    for months, estimate in values.items():
        found[f"value_{months}m_jpy"] = estimate.value if estimate else None
        found[f"value_{months}m_low_jpy"] = estimate.low_amount if estimate else None
        found[f"value_{months}m_high_jpy"] = estimate.high if estimate else None
    return found


def value_rows(inputs: DiagnosisInputs, monthly: Sequence[Any], length: int) -> list[dict[str, Any]]:
    """By `length` months of acquisition: new customers, and 売上 per customer in 6 and 12 months, with its interval.

    None where a cohort does not have the months behind it.
    """
    last, count = inputs.closed_index, len(inputs.closed_months) // length
    spans = [Cohorts(last - (back + 1) * length + 1, last - back * length) for back in reversed(range(count))]
    found = []
    for span in spans:
        sums = over(monthly, span)
        known = {
            months: _value(sums, months) if sums and span.last <= last_with_months(inputs, months) else None
            for months in _VALUES
        }
        customers = round(sums["customers"]) if sums else 0
        found.append({"cohort_month": span.month, "new_customers": customers, **_value_numbers(known)})
    return found


def _exhibits(inputs: DiagnosisInputs, counts: list[int], monthly: Sequence[Any]) -> tuple[Exhibit, ...]:
    bars: list[Row] = [
        {"month": str(month), "new_customers": count} for month, count in zip(inputs.closed_months, counts, strict=True)
    ]
    lines = [
        {"quarter": row["cohort_month"], "months": f"@value_after.{months}", "value_jpy": row[f"value_{months}m_jpy"]}
        for months in _VALUES
        for row in value_rows(inputs, monthly, QUARTER_MONTHS)
        if row[f"value_{months}m_jpy"] is not None
    ]
    value = Exhibit(
        "value", "line", tuple(lines), x="quarter", y="value_jpy", x_unit="month", y_unit="jpy", series="months"
    )
    columns = [f"value_{months}m{end}_jpy" for months in _VALUES for end in ("", "_low", "_high")]
    table = Exhibit(
        "value_table",
        "table",
        tuple(value_rows(inputs, monthly, HALF_YEAR_MONTHS)[-2 * 5 :]),
        columns=(("cohort_month", "month"), ("new_customers", "count"), *((name, "jpy") for name in columns)),
    )
    shown = [Exhibit("monthly", "bar", tuple(bars), x="month", y="new_customers", x_unit="month")]
    if len({line["quarter"] for line in lines}) >= 2:
        shown.append(value)
    return (*shown, table) if table.rows else tuple(shown)
