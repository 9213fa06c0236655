"""Busy and quiet months (期間別の繁閑, R60): an index by month of the year, 100 on average."""

from __future__ import annotations

import math

from ibis import _

from crm_platform.diagnosis.estimates import Estimate, errors_for
from crm_platform.diagnosis.finding import Action, Exhibit, Finding, Row, Scalar, Trend, Verdict
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.rows import one_row
from crm_platform.diagnosis.spans import HALF_YEAR_MONTHS, YEAR_MONTHS
from crm_platform.diagnosis.trends import trend_of
from crm_platform.diagnosis.verdicts import measured_against, verdict_on_line

QUIET_INDEX = 80.0  # the platform's own line: a month a fifth below the average
_LEAST_MONTHS = 2 * YEAR_MONTHS
_LEAST_FREEDOM = YEAR_MONTHS  # a year of months beyond one each: below that no spread is known
Ratios = dict[int, list[float]]


def seasonality(inputs: DiagnosisInputs) -> Finding:
    """The index of each month of the year, and whether a quiet month lies ahead.

    A season that is there is no fault in itself. 課題 only where a month among the next six lies below 80 (the
    platform's own line) by more than chance, as the years differ among themselves: there is time to act. At stake: what
    lifts such months to 80. The action expects the assumed response of the last half-year's buyers, one order each.
    Undetermined below three years, shown from two years on.
    """
    sales = inputs.monthly_sales_jpy
    ratios = ratios_by_month(sales, inputs.closed_months[-1].number) if len(sales) >= _LEAST_MONTHS else None
    index = index_by_month(ratios) if ratios else None
    if ratios is None or index is None:
        return Finding("seasonality", "integrated", "undetermined", inputs.period, sources=_SOURCES)
    last = inputs.closed_months[-1]
    coming = [last.plus(step).number for step in range(1, HALF_YEAR_MONTHS + 1)]
    worst = min(coming, key=lambda number: index[number])
    spread_rate = spread_between_years(ratios)
    found = (
        {number: _estimate(index, ratios, number, spread_rate) for number in index} if spread_rate is not None else {}
    )
    quiet = [number for number in coming if found and _is_issue(found[number])]
    verdict: Verdict = "undetermined"
    if found:
        verdict = "issue" if quiet else verdict_on_line(found[worst], QUIET_INDEX, errors=errors_for(HALF_YEAR_MONTHS))
    mean_jpy = sum(sales[-YEAR_MONTHS:]) / YEAR_MONTHS
    lift_jpy = round(sum((QUIET_INDEX - index[number]) / 100 * mean_jpy for number in quiet)) or None
    buyers = recent_buyers(inputs)
    expected_jpy = round(buyers * inputs.response_rate * inputs.order_value_jpy)
    peak, trough = max(index, key=lambda m: index[m]), min(index, key=lambda m: index[m])
    numbers: dict[str, Scalar] = {
        **inputs.period,
        "peak": f"@month.{peak}",
        "peak_index": index[peak],
        "trough": f"@month.{trough}",
        "trough_index": index[trough],
        "coming_trough": f"@month.{worst}",
        "coming_trough_index": index[worst],
        "quiet_index": QUIET_INDEX,
        "quiet_months": len(quiet),
        "spread_rate": spread_rate,
        "monthly_mean_jpy": round(mean_jpy),
        "recent_buyers": buyers,
        "order_value_jpy": inputs.order_value_jpy,
        "response_rate": inputs.response_rate,
        "expected_jpy": expected_jpy,
        "effect_jpy": lift_jpy,
    }
    shown = found or {number: Estimate(value, 0.0) for number, value in index.items()}
    return Finding(
        key="seasonality",
        chapter="integrated",
        verdict=verdict,
        numbers=numbers,
        exhibits=_exhibits(shown, worst, is_sure=bool(found)),
        threshold=QUIET_INDEX,
        yen_effect_jpy=lift_jpy,
        concerned_customers=buyers,
        measured=measured_against(found[worst], "index", QUIET_INDEX, found[worst], errors=errors_for(HALF_YEAR_MONTHS))
        if found
        else None,
        trend=_trend(inputs, ratios, worst, spread_rate) if spread_rate is not None else None,
        action=Action("@action_segment.recent_buyers", buyers, "@action_channel.sales_plan", expected_jpy),
        sources=_SOURCES,
    )


_SOURCES = ("customer_months", "customer_history")


def ratios_by_month(sales_jpy: list[int], last_month_number: int) -> Ratios | None:
    """By month of the year 1–12: sales over their centred mean of twelve months, the earliest year first.

    Ratio to moving average (移動平均比率法), so that growth does not count as season. It needs 24 months, and sales in
    every twelve of them; None otherwise.
    """
    half = YEAR_MONTHS // 2
    ratios: Ratios = {number: [] for number in range(1, YEAR_MONTHS + 1)}
    for place in range(half, len(sales_jpy) - half):
        around = sales_jpy[place - half : place + half + 1]
        centred_jpy = (sum(around) - (around[0] + around[-1]) / 2) / YEAR_MONTHS
        if centred_jpy <= 0:
            return None
        number = (last_month_number - len(sales_jpy) + place) % YEAR_MONTHS + 1
        ratios[number].append(sales_jpy[place] / centred_jpy)
    return ratios if all(ratios.values()) else None


def index_by_month(ratios: Ratios) -> dict[int, float] | None:
    """The mean ratio of each month of the year, scaled so that the twelve have the mean 100; None where all are 0."""
    means = {number: sum(found) / len(found) for number, found in ratios.items()}
    scale = sum(means.values()) / YEAR_MONTHS
    return {number: mean / scale * 100 for number, mean in means.items()} if scale > 0 else None


def spread_between_years(ratios: Ratios) -> float | None:
    """How far one year's ratio of a month lies from that month's mean, as a share of it (standard deviation).

    Pooled over the months, since a few years of one month alone cannot tell; whatever hits a whole month, such as a
    campaign, is in it. None below twelve ratios more than months (three years), or where nothing varies.
    """
    deviations, freedom = 0.0, 0
    for found in ratios.values():
        mean = sum(found) / len(found)
        if mean > 0:
            deviations += sum((ratio / mean - 1) ** 2 for ratio in found)
            freedom += len(found) - 1
    return math.sqrt(deviations / freedom) if freedom >= _LEAST_FREEDOM else None


def recent_buyers(inputs: DiagnosisInputs) -> int:
    """Customers who bought in the last six closed months, whether or not they bought again in a running one."""
    span = inputs.span(min(HALF_YEAR_MONTHS, len(inputs.closed_months)))
    if span is None:
        return 0
    bought = inputs.purchases.filter(span.holds(_.month))
    found: int = one_row(bought.agg(customers=_.customer_id.nunique()))["customers"]
    return found


def _estimate(index: dict[int, float], ratios: Ratios, number: int, spread_rate: float) -> Estimate:
    return Estimate(index[number], index[number] * spread_rate / math.sqrt(len(ratios[number])))


def _is_issue(month: Estimate) -> bool:
    return verdict_on_line(month, QUIET_INDEX, errors=errors_for(HALF_YEAR_MONTHS)) == "issue"


def _trend(inputs: DiagnosisInputs, ratios: Ratios, number: int, spread_rate: float) -> Trend | None:
    """The month's own index year by year; the last that has six months after it is the latest."""
    latest = inputs.closed_months[-1].plus(-HALF_YEAR_MONTHS)
    latest = latest.plus(-((latest.number - number) % YEAR_MONTHS))
    points = [
        (str(latest.plus(-YEAR_MONTHS * back)), Estimate(ratio * 100, ratio * 100 * spread_rate))
        for back, ratio in enumerate(reversed(ratios[number]))
    ]
    return trend_of(points[::-1], "index")


def _exhibits(shown: dict[int, Estimate], worst: int, *, is_sure: bool) -> tuple[Exhibit, ...]:
    bars: list[Row] = [
        {
            "month": f"@month.{number}",
            "index": shown[number].value,
            "index_low": shown[number].low_amount if is_sure else None,
            "index_high": shown[number].high if is_sure else None,
        }
        for number in range(1, YEAR_MONTHS + 1)
    ]
    chart = Exhibit("index", "bar", tuple(bars), x="month", y="index", y_unit="index", highlight=f"@month.{worst}")
    table = Exhibit(
        "index_table",
        "table",
        tuple(bars),
        columns=(("month", "text"), ("index", "index"), ("index_low", "index"), ("index_high", "index")),
    )
    return (chart, table) if is_sure else (chart,)
