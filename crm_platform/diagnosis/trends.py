"""Level, slope and change: what every headline number is judged by (R61)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from crm_platform.diagnosis.finding import Verdict

YEAR_MONTHS = 12
LEAST_POINTS = 6
LEAST_CUSTOMERS = 30  # a share of fewer people is no verdict


@dataclass(frozen=True)
class Trend:
    """Where a monthly series stands and where it is going.

    `change_per_year_rate` is the straight line's rise in a year as a share of the series' mean.
    """

    level: float
    change_per_year_rate: float

    @property
    def verdict(self) -> Verdict:
        """Healthy unless it falls; the same series reversed gets the opposite verdict."""
        return "issue" if self.change_per_year_rate < 0 else "healthy"


def verdict_on(people: int, is_healthy: bool) -> Verdict:
    """The verdict on a share of `people`; undetermined below LEAST_CUSTOMERS of them."""
    if people < LEAST_CUSTOMERS:
        return "undetermined"
    return "healthy" if is_healthy else "issue"


def share(part: float | None, whole: float | None) -> float | None:
    """`part` of `whole`; None where there is no whole."""
    return None if part is None or not whole else part / whole


def change(now: float | None, before: float | None) -> float | None:
    """The change from `before` to `now` as a share of `before`; None where there was nothing before."""
    return None if now is None or before is None or before <= 0 else now / before - 1


def trailing_sums(values: Sequence[float], window: int = YEAR_MONTHS) -> list[float]:
    """The sum of each value and the `window` − 1 before it; a year's sum has no season."""
    return [sum(values[end - window : end]) for end in range(window, len(values) + 1)]


def slope(values: Sequence[float]) -> float:
    """Rise per step of the least-squares line."""
    centre = (len(values) - 1) / 2
    spread = sum((step - centre) ** 2 for step in range(len(values)))
    return sum((step - centre) * value for step, value in enumerate(values)) / spread


def trend_of_months(values: Sequence[float]) -> Trend | None:
    """The trend of a monthly series: of its yearly sums where two years are known, else of the months themselves.

    None below six months, or where the series is nothing but zeros.
    """
    smooth = trailing_sums(values) if len(values) >= 2 * YEAR_MONTHS else list(values)
    if len(smooth) < LEAST_POINTS or sum(smooth) <= 0:
        return None
    return Trend(smooth[-1], slope(smooth) * YEAR_MONTHS * len(smooth) / sum(smooth))
