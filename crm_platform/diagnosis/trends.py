"""Level, slope and change: what every headline number is judged by (R61)."""

from __future__ import annotations

import math
from collections.abc import Sequence

from crm_platform.diagnosis.estimates import SHOWN_ERRORS, SURE_ERRORS, Estimate
from crm_platform.diagnosis.finding import Direction, Trend, Unit
from crm_platform.diagnosis.spans import FIVE_YEARS_MONTHS, YEAR_MONTHS, index_of
from crm_platform.periods import Month

LEAST_SPANS = 3  # two points make no line


def line_told(rate: float | None) -> float | None:
    """A rate from which on a contact pays, at least 0.1 %: rates are told in tenths of a percent."""
    return None if rate is None else max(rate, 0.001)


def share(part: float | None, whole: float | None) -> float | None:
    """`part` of `whole`; None where there is no whole."""
    return None if part is None or not whole else part / whole


def change(now: float | None, before: float | None) -> float | None:
    """The change from `before` to `now` as a share of `before`; None where there was nothing before."""
    return None if now is None or before is None or before <= 0 else now / before - 1


def trend_of(points: Sequence[tuple[str, Estimate]], unit: Unit) -> Trend | None:
    """The course of a number over the last five years or all there are (R61); None below three points.

    `points` are (last month of a span as `2025-06`, estimate), the earliest first. The least-squares line treats the
    points as independent; where the same loyal customers stand behind them, its true error is smaller. It rises or
    falls where its slope is more than three standard errors from 0, so the series reversed goes the other way.
    """
    if not points:
        return None
    last = _years(points[-1][0])
    shown = [(month, estimate) for month, estimate in points if last - _years(month) < FIVE_YEARS_MONTHS / YEAR_MONTHS]
    years = [_years(month) for month, _ in shown]
    if len(shown) < LEAST_SPANS:
        return None
    centre = sum(years) / len(years)
    spread = sum((year - centre) ** 2 for year in years)
    rise = sum((year - centre) * estimate.value for year, (_, estimate) in zip(years, shown, strict=True)) / spread
    error = (
        math.sqrt(
            sum(((year - centre) * estimate.error) ** 2 for year, (_, estimate) in zip(years, shown, strict=True))
        )
        / spread
    )
    direction: Direction = "level"
    if abs(rise) > SURE_ERRORS * error:
        direction = "rising" if rise > 0 else "falling"
    return Trend(
        unit=unit,
        points=tuple((month, estimate.value) for month, estimate in shown),
        level=shown[-1][1].value,
        slope_per_year=rise,
        slope_low=rise - SHOWN_ERRORS * error,
        slope_high=rise + SHOWN_ERRORS * error,
        direction=direction,
    )


def _years(month: str) -> float:
    return index_of(Month.parse(month)) / YEAR_MONTHS
