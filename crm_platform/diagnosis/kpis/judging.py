"""Which KPIs are worse than a year before beyond chance; as many looks are taken as there are KPIs to judge."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from crm_platform.diagnosis.estimates import SHOWN_ERRORS, SURE_ERRORS, Estimate, difference, errors_for
from crm_platform.diagnosis.finding import Direction, Trend, Verdict
from crm_platform.diagnosis.kpis.series import KpiSeries
from crm_platform.diagnosis.spans import month_of
from crm_platform.diagnosis.trends import trend_of
from crm_platform.diagnosis.verdicts import verdict_on_change


@dataclass(frozen=True)
class JudgedKpi:
    """A KPI with its change against the year before, its course over five years, and the verdict on both.

    `verdict` is None where neither direction is better, or nothing is known.
    """

    series: KpiSeries
    change: Estimate | None
    trend: Trend | None
    verdict: Verdict | None

    @property
    def is_better(self) -> bool:
        """Whether the KPI changed for the better by more than chance allows a single look."""
        if self.change is None or self.verdict is None or self.series.kpi.better == "neither":
            return False
        return _upward(self.change, self.series).value > SURE_ERRORS * self.change.error


def judged_kpis(series: Iterable[KpiSeries]) -> list[JudgedKpi]:
    """Every KPI judged, in the order given."""
    all_series = list(series)
    looks = sum(one.kpi.better != "neither" and one.now is not None and one.before is not None for one in all_series)
    return [_judged(one, errors_for(looks)) for one in all_series]


def _judged(series: KpiSeries, errors: float) -> JudgedKpi:
    now, before = series.now, series.before
    change = difference(now, before) if now and before else None
    course = trend_of([(str(month_of(month)), found) for month, found in series.settled], series.kpi.unit)
    trend = _sure(course, errors) if course else None
    if series.kpi.better == "neither" or now is None:
        return JudgedKpi(series, change, trend, None)
    if change is None or before is None:
        return JudgedKpi(series, change, trend, "undetermined")
    turned = _upward_trend(trend, series) if trend else None
    return JudgedKpi(
        series, change, trend, verdict_on_change(_upward(change, series), before.value, turned, errors=errors)
    )


def _upward(change: Estimate, series: KpiSeries) -> Estimate:
    """The change as if more were better."""
    return change.times(-1) if series.kpi.better == "less" else change


def _upward_trend(trend: Trend, series: KpiSeries) -> Trend:
    """The course as if more were better."""
    turned: dict[Direction, Direction] = {"rising": "falling", "falling": "rising", "level": "level"}
    return replace(trend, direction=turned[trend.direction]) if series.kpi.better == "less" else trend


def _sure(trend: Trend, errors: float) -> Trend:
    """The course, level unless its slope is beyond chance for so many looks."""
    error = (trend.slope_high - trend.slope_low) / (2 * SHOWN_ERRORS)
    return trend if abs(trend.slope_per_year) > errors * error else replace(trend, direction="level")
