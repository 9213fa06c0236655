"""The trend of sales (売上推移): level, slope, verdict."""

from __future__ import annotations

from crm_platform.diagnosis.finding import Exhibit, Finding, Row, Scalar, Verdict
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.trends import YEAR_MONTHS, change, trend_of_months


def sales_trend(inputs: DiagnosisInputs) -> Finding | None:
    """売上 by month with the mean of twelve months, and whether it rises or falls (R61).

    Healthy unless the trend falls. At stake: the fall of the last twelve months against those before, for half a year.
    None where no month is closed.
    """
    sales = inputs.monthly_sales_jpy
    if not sales:
        return None
    trend = trend_of_months(sales)
    year_jpy = sum(sales[-YEAR_MONTHS:])
    before_jpy = sum(sales[-2 * YEAR_MONTHS : -YEAR_MONTHS]) if len(sales) >= 2 * YEAR_MONTHS else None
    verdict: Verdict = trend.verdict if trend else "undetermined"
    fall_jpy = max(before_jpy - year_jpy, 0) if before_jpy is not None else 0
    effect_jpy = fall_jpy // 2 or None if verdict == "issue" else None
    best = max(range(len(sales)), key=lambda number: (sales[number], number))
    numbers: dict[str, Scalar] = {
        **inputs.period,
        "sales_12m_jpy": year_jpy,
        "sales_12m_before_jpy": before_jpy,
        "change_rate": change(year_jpy, before_jpy),
        "trend_rate": trend.change_per_year_rate if trend else None,
        "monthly_mean_jpy": round(year_jpy / len(sales[-YEAR_MONTHS:])),
        "last_month_jpy": sales[-1],
        "best_month": str(inputs.closed_months[best]),
        "best_month_jpy": sales[best],
        "effect_jpy": effect_jpy,
    }
    return Finding(
        key="sales_trend",
        chapter="integrated",
        verdict=verdict,
        numbers=numbers,
        exhibits=_exhibits(inputs, sales),
        threshold=0.0,
        yen_effect_jpy=effect_jpy,
    )


def _exhibits(inputs: DiagnosisInputs, sales: list[int]) -> tuple[Exhibit, ...]:
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
    return (
        Exhibit(
            "monthly",
            "line",
            (*monthly, *smooth),
            x="month",
            y="sales_jpy",
            x_unit="month",
            y_unit="jpy",
            series="series",
        ),
    )
