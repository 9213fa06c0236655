"""A number beside itself a year before: its change, its course over five years, the verdict on both (R61, R66)."""

from __future__ import annotations

from dataclasses import dataclass

from crm_platform.diagnosis.estimates import Estimate, difference
from crm_platform.diagnosis.finding import Measured, Trend, Unit, Verdict
from crm_platform.diagnosis.verdicts import measured_against, verdict_on_change


@dataclass(frozen=True)
class YearOnYear:
    """A number now and of a year before, of which more is better, and its course; None where unknown."""

    now: Estimate | None
    before: Estimate | None
    trend: Trend | None

    @property
    def before_value(self) -> float | None:
        """What the number is held against."""
        return self.before.value if self.before else None

    @property
    def change(self) -> Estimate | None:
        """Now − before."""
        return difference(self.now, self.before) if self.now and self.before else None

    @property
    def change_value(self) -> float | None:
        """The same without its error: points of a rate, yen, customers."""
        return self.change.value if self.change else None

    @property
    def verdict(self) -> Verdict:
        """The verdict on the change; undetermined without one, however the course of the years goes."""
        if self.change is None or self.before is None:
            return "undetermined"
        return verdict_on_change(self.change, self.before.value, self.trend)

    @property
    def fallen(self) -> float:
        """By how much the number fell within the year; 0 where it is no issue."""
        return max(-(self.change_value or 0.0), 0.0) if self.verdict == "issue" else 0.0

    @property
    def shortfall(self) -> float:
        """What an issue takes away in a year: the fall within the year, or the line's where that is larger."""
        if self.verdict != "issue":
            return 0.0
        return max(self.fallen, -self.trend.slope_per_year if self.trend else 0.0)

    def measured(self, unit: Unit) -> Measured | None:
        """The number as the report prints it, in `unit`."""
        return measured_against(self.now, unit, self.before_value, self.change) if self.now else None
