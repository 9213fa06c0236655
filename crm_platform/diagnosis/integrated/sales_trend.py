"""The trend of sales (売上推移): level, slope, verdict."""

from __future__ import annotations

from crm_platform.diagnosis.estimates import Estimate
from crm_platform.diagnosis.finding import Action, Exhibit, Finding, Row, Scalar, Verdict
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.integrated.years import sales_by_year, year_pairs
from crm_platform.diagnosis.spans import YEAR_MONTHS
from crm_platform.diagnosis.trends import change, trend_of
from crm_platform.diagnosis.verdicts import measured_against, verdict_on_change


def sales_trend(inputs: DiagnosisInputs) -> Finding | None:
    """売上 of twelve months against the twelve before, and whether the years rise or fall (R61).

    Judged is the change, each customer beside himself of a year before, and the course of up to five years. At stake:
    half the year's fall, or half of what a falling trend takes in a year, whichever is more. The action expects the
    assumed response of those who bought less than the year before, who bring back what they fell by. None where no
    month is closed.
    """
    sales = inputs.monthly_sales_jpy
    if not sales:
        return None
    pairs = year_pairs(inputs)
    latest = pairs[-1] if pairs else None
    by_year = sales_by_year(pairs)
    trend = trend_of(by_year, "jpy")
    verdict: Verdict = "undetermined"
    effect_jpy = None
    if latest:
        if latest.is_judged:
            verdict = verdict_on_change(latest.change, latest.before.value, trend)
        falls_jpy = max(-latest.change.value, -trend.slope_per_year if trend else 0.0, 0.0)
        effect_jpy = round(falls_jpy / 2) or None if verdict == "issue" else None
    shrunk = latest.shrunk if latest else 0
    expected_jpy = round(-latest.shrunk_jpy * inputs.response_rate / 2) if latest else 0
    year_jpy = sum(sales[-YEAR_MONTHS:])
    before_jpy = round(latest.before.value) if latest else None
    best = max(range(len(sales)), key=lambda number: (sales[number], number))
    numbers: dict[str, Scalar] = {
        **inputs.period,
        "years": len(by_year),
        "sales_12m_jpy": year_jpy,
        "sales_12m_before_jpy": before_jpy,
        "change_rate": change(year_jpy, before_jpy),
        "trend_jpy": trend.slope_per_year if trend else None,
        "trend_direction": f"@direction.{trend.direction}" if trend else None,
        "monthly_mean_jpy": round(year_jpy / len(sales[-YEAR_MONTHS:])),
        "last_month_jpy": sales[-1],
        "best_month": str(inputs.closed_months[best]),
        "best_month_jpy": sales[best],
        "shrunk_customers": shrunk,
        "shrunk_jpy": -latest.shrunk_jpy if latest else None,
        "response_rate": inputs.response_rate,
        "expected_jpy": expected_jpy,
        "effect_jpy": effect_jpy,
    }
    now = latest.now if latest else Estimate(year_jpy, 0.0)
    return Finding(
        key="sales_trend",
        chapter="integrated",
        verdict=verdict,
        numbers=numbers,
        exhibits=_exhibits(inputs, sales, by_year),
        threshold=latest.before.value if latest else None,
        yen_effect_jpy=effect_jpy,
        concerned_customers=shrunk or None,
        measured=measured_against(now, "jpy", latest.before.value, latest.change) if latest else None,
        trend=trend,
        action=Action("@action_segment.shrunk", shrunk, "@action_channel.post_phone", expected_jpy) if latest else None,
        sources=("customer_months", "customer_history"),
    )


def _exhibits(inputs: DiagnosisInputs, sales: list[int], by_year: list[tuple[str, Estimate]]) -> tuple[Exhibit, ...]:
    if len(sales) < 2:
        return ()
    monthly: list[Row] = [
        {"month": str(month), "series": "@series.monthly", "sales_jpy": value}
        for month, value in zip(inputs.closed_months, sales, strict=True)
    ]
    smooth: list[Row] = [
        {
            "month": str(month),
            "series": "@series.yearly_mean",
            "sales_jpy": round(sum(sales[end - YEAR_MONTHS + 1 : end + 1]) / YEAR_MONTHS),
        }
        for end, month in enumerate(inputs.closed_months)
        if end >= YEAR_MONTHS - 1
    ]
    line = Exhibit(
        "monthly",
        "line",
        (*monthly, *smooth),
        x="month",
        y="sales_jpy",
        x_unit="month",
        y_unit="jpy",
        series="series",
    )
    return (line, _years(by_year)) if by_year else (line,)


def _years(by_year: list[tuple[str, Estimate]]) -> Exhibit:
    found: list[Row] = [
        {
            "year_last_month": month,
            "year_jpy": round(now.value),
            "year_low_jpy": round(now.low_amount),
            "year_high_jpy": round(now.high),
            "year_change_rate": change(now.value, by_year[place - 1][1].value) if place else None,
        }
        for place, (month, now) in enumerate(by_year)
    ]
    return Exhibit(
        "years",
        "table",
        tuple(found),
        columns=(
            ("year_last_month", "month"),
            ("year_jpy", "jpy"),
            ("year_low_jpy", "jpy"),
            ("year_high_jpy", "jpy"),
            ("year_change_rate", "rate"),
        ),
    )
