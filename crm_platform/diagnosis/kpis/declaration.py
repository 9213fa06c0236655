"""What a KPI is: its names, its one written formula, and how it is made of a month's sums (R114)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from crm_platform.diagnosis.finding import Unit
from crm_platform.diagnosis.kpis.sums import Measure

Better = Literal["more", "less", "neither"]
Need = Literal["media_cost", "subscriptions", "subscription_events", "contacts", "trials"]


@dataclass(frozen=True)
class Kpi:
    """One KPI in one reading.

    `numerator`, `denominator` and `period` are the formula in words; `reading` is A or B where the field uses the name
    two ways. The value of a month is made of the `window_months` up to it; it is known `lag_days` after that month, by
    calendar months where it counts the months since a first purchase (`lag_months`). `needs` are data without which
    there is none.
    """

    key: str
    name_ja: str
    name_en: str
    unit: Unit
    numerator: str
    denominator: str
    period: str
    sources: tuple[str, ...]
    measure: Measure
    better: Better
    reading: Literal["", "A", "B"] = ""
    window_months: int = 1
    lag_months: int = 0
    lag_days: int = 0
    needs: tuple[Need, ...] = ()

    @property
    def formula(self) -> str:
        """The formula in one line; an amount or a count has no denominator."""
        return f"{self.numerator} ÷ {self.denominator}" if self.denominator else self.numerator
