"""How many subscriptions are left after each delivery (継続率): Kaplan and Meier's estimate from a life table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from crm_platform.diagnosis.estimates import SHOWN_ERRORS, Estimate, proportion

Reals = npt.NDArray[np.float64]
_BEYOND = 0.025  # of either side of a 95 % interval


@dataclass(frozen=True, eq=False)
class LifeTable:
    """Per cycle from the first: `at_risk` whose outcome is known, and `stopped` of them.

    Who began before the data enters late, whose cycle still runs leaves early (censored).
    """

    at_risk: Reals
    stopped: Reals

    @classmethod
    def of(cls, at_risk: Sequence[float], stopped: Sequence[float]) -> LifeTable:
        """From plain numbers; ValueError where more stop than are at risk."""
        risk, stops = np.asarray(at_risk, dtype=np.float64), np.asarray(stopped, dtype=np.float64)
        if risk.shape != stops.shape or (stops > risk).any() or (stops < 0).any():
            raise ValueError("per cycle as many at risk as stop, or more")
        return cls(risk, stops)

    def observed(self, least: float) -> int:
        """How many cycles from the first have at least so many at risk, without a gap."""
        few = np.flatnonzero(self.at_risk < max(least, 1))
        return int(few[0]) if len(few) else len(self.at_risk)

    def first(self, cycles: int) -> LifeTable:
        """The table of the first so many cycles."""
        return LifeTable(self.at_risk[:cycles], self.stopped[:cycles])

    @property
    def hazards(self) -> Reals:
        """Share that stops after each delivery; 0 where nobody is at risk."""
        return np.divide(self.stopped, self.at_risk, out=np.zeros(len(self.at_risk)), where=self.at_risk > 0)

    def hazard(self, cycle_no: int) -> Estimate | None:
        """The share that stops after one delivery, with its error."""
        return proportion(self.stopped[cycle_no - 1], self.at_risk[cycle_no - 1])


@dataclass(frozen=True)
class Survival:
    """Share of new subscriptions that go on beyond a delivery, with its 95 % interval; `error` is Greenwood's."""

    cycle_no: int
    rate: float
    error: float
    low: float
    high: float


def kaplan_meier(table: LifeTable) -> list[Survival]:
    """Kaplan and Meier (1958) per cycle, as far as somebody is at risk; Greenwood's error, intervals on log(−log)."""
    found, rate, spread = [], 1.0, 0.0
    for place in range(table.observed(1)):
        at_risk, stopped = float(table.at_risk[place]), float(table.stopped[place])
        before = rate
        rate *= 1 - stopped / at_risk
        if rate <= 0:
            found.append(Survival(place + 1, 0.0, 0.0, 0.0, before * (1 - _BEYOND ** (1 / at_risk))))
            break
        spread += stopped / (at_risk * (at_risk - stopped))
        low, high = _log_log(rate, spread, at_risk)
        found.append(Survival(place + 1, rate, rate * math.sqrt(spread), low, high))
    return found


def survival_at(table: LifeTable, cycle_no: int) -> Estimate | None:
    """The share that goes on beyond a delivery; None where the table does not reach it."""
    found = kaplan_meier(table)
    return Estimate(found[cycle_no - 1].rate, found[cycle_no - 1].error) if len(found) >= cycle_no else None


def _log_log(rate: float, spread: float, at_risk: float) -> tuple[float, float]:
    """The interval of Kalbfleisch and Prentice, which stays within 0 and 1; without a stop, Clopper and Pearson's."""
    if rate >= 1:
        return _BEYOND ** (1 / at_risk), 1.0
    reach = SHOWN_ERRORS * math.sqrt(spread) / -math.log(rate)
    return rate ** math.exp(reach), rate ** math.exp(-reach)
