"""Busy and quiet months (期間別の繁閑, R60): an index by month of the year, 100 on average."""

from __future__ import annotations

from crm_platform.diagnosis.finding import Exhibit, Finding, Row, Scalar
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.trends import YEAR_MONTHS

QUIET_INDEX = 80.0  # the platform's own line: a month a fifth below the average
_LEAST_MONTHS = 2 * YEAR_MONTHS
_HALF_YEAR = 6


def seasonality(inputs: DiagnosisInputs) -> Finding:
    """The index of each month of the year; healthy where no month is below 80 (the platform's own line).

    At stake: what lifts the quiet months among the next six to 80. Undetermined below two years.
    """
    sales = inputs.monthly_sales_jpy
    index = index_by_month(sales, inputs.closed_months[-1].number) if len(sales) >= _LEAST_MONTHS else None
    if index is None:
        return Finding("seasonality", "integrated", "undetermined", inputs.period)
    last = inputs.closed_months[-1]
    peak, trough = max(index, key=lambda m: index[m]), min(index, key=lambda m: index[m])
    mean_jpy = sum(sales[-YEAR_MONTHS:]) / YEAR_MONTHS
    coming = [last.plus(step).number for step in range(1, _HALF_YEAR + 1)]
    lift_jpy = round(sum(max(QUIET_INDEX - index[number], 0.0) / 100 * mean_jpy for number in coming))
    is_issue = index[trough] < QUIET_INDEX
    numbers: dict[str, Scalar] = {
        **inputs.period,
        "peak": f"@month.{peak}",
        "peak_index": index[peak],
        "trough": f"@month.{trough}",
        "trough_index": index[trough],
        "quiet_index": QUIET_INDEX,
        "quiet_months": sum(value < QUIET_INDEX for value in index.values()),
        "monthly_mean_jpy": round(mean_jpy),
        "effect_jpy": lift_jpy or None if is_issue else None,
    }
    bars: list[Row] = [{"month": f"@month.{number}", "index": index[number]} for number in range(1, YEAR_MONTHS + 1)]
    return Finding(
        key="seasonality",
        chapter="integrated",
        verdict="issue" if is_issue else "healthy",
        numbers=numbers,
        exhibits=(
            Exhibit("index", "bar", tuple(bars), x="month", y="index", y_unit="index", highlight=f"@month.{trough}"),
        ),
        threshold=QUIET_INDEX,
        yen_effect_jpy=lift_jpy or None if is_issue else None,
    )


def index_by_month(sales_jpy: list[int], last_month_number: int) -> dict[int, float] | None:
    """By month of the year 1–12: sales over their centred mean of twelve months, averaged; their mean is 100.

    Ratio to moving average (移動平均比率法), so that growth does not count as season. It needs 24 months, and sales in
    every twelve of them; None otherwise.
    """
    half = YEAR_MONTHS // 2
    ratios: dict[int, list[float]] = {}
    for place in range(half, len(sales_jpy) - half):
        around = sales_jpy[place - half : place + half + 1]
        centred_jpy = (sum(around) - (around[0] + around[-1]) / 2) / YEAR_MONTHS
        if centred_jpy <= 0:
            return None
        number = (last_month_number - len(sales_jpy) + place) % YEAR_MONTHS + 1
        ratios.setdefault(number, []).append(sales_jpy[place] / centred_jpy)
    means = {number: sum(found) / len(found) for number, found in sorted(ratios.items())}
    total = sum(means.values())
    if len(means) < YEAR_MONTHS or total <= 0:
        return None
    return {number: mean * 100 * YEAR_MONTHS / total for number, mean in means.items()}
