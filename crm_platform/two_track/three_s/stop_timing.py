"""When in a cycle stops are told, and when the next delivery comes: what silence until now says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
import pandas as pd

from crm_platform.two_track.three_s.life_table import Reals

_STEP, _LAST = 0.05, 4.0  # cycles since the order
_GRID = np.arange(0.0, _LAST + _STEP / 2, _STEP)
_FEW = 0.5  # of a case, so that what was never seen is not impossible


@dataclass(frozen=True)
class StopTiming:
    """Share of the stops, and of the next deliveries, that come later than 0, 0.05, 0.1 … cycles after the order."""

    stops: tuple[float, ...]
    deliveries: tuple[float, ...]

    @classmethod
    def of(cls, rows: pd.DataFrame) -> Self:
        """From former deliveries (`stop_signs.lesson_rows`)."""
        gone, stopped = rows["gone_cycles"].to_numpy(dtype=np.float64), rows["stopped"].to_numpy(dtype=bool)
        return cls(_later(gone[stopped]), _later(gone[~stopped]))

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """The inverse of `to_json`."""
        return cls(tuple(stored["stops"]), tuple(stored["deliveries"]))

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return asdict(self)

    def stops_later(self, elapsed_cycles: Reals) -> Reals:
        """Share of the stops that come later than so many cycles after the order."""
        shares: Reals = np.interp(elapsed_cycles, _GRID, self.stops)
        return shares

    def still(self, hazards: Reals, elapsed_cycles: Reals) -> Reals:
        """Chance that a stop comes, where neither a stop nor the next delivery has until now (Bayes)."""
        stops = hazards * self.stops_later(elapsed_cycles)
        goes_on = (1 - hazards) * np.interp(elapsed_cycles, _GRID, self.deliveries)
        return stops / (stops + goes_on)


def _later(gone_cycles: Reals) -> tuple[float, ...]:
    """Never 0, as nothing that was not seen is impossible; what is not known yet comes after all."""
    gone = np.sort(np.where(np.isnan(gone_cycles), np.inf, gone_cycles))
    later = len(gone) - np.searchsorted(gone, _GRID, side="right")
    return tuple(float(share) for share in (later + _FEW) / (len(gone) + _FEW))
