"""One-off sales where buyers are too few for trees: what came of subscribers in the same state, need and recency.

Assumption: subscribers of a cell buy alike. The rate of a cell is drawn to that of the same need in either state, and
this to that of all, each as if `SUBSCRIBERS_DRAWN` more had been seen (a beta-binomial estimate of fixed strength).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from crm_platform.two_track.targets.one_off_trees import Foreseen

Reals = npt.NDArray[np.float64]
Wholes = npt.NDArray[np.int64]

SILENCES = (1 / 2, 1.0, 2.0)  # terms since the last one-off purchase: bounds between cells
TIMES = (1, 2, 4)  # one-off purchases so far, from which a customer is in the next cell
SUBSCRIBERS_DRAWN = 30.0
BUYERS_DRAWN = 10.0
_KINDS = 2 + (len(SILENCES) + 1) * len(TIMES)  # never, trial sizes only, silence × times
_STATES = 2


@dataclass(frozen=True)
class OneOffRates:
    """Per cell (state × never, trial only, or silence × times): P(buys in the term), and yen of those who buy."""

    horizon_days: int
    p_buys: tuple[float, ...]
    spent_jpy: tuple[float, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """The inverse of `to_json`."""
        return cls(stored["horizon_days"], tuple(stored["p_buys"]), tuple(stored["spent_jpy"]))


def fit_one_off_rates(features: pd.DataFrame, sales_jpy: Reals, weights: Reals, horizon_days: int) -> OneOffRates:
    """Learn from subscribers of earlier origins (rows of `subscribers_at`); `weights` say how much each row counts.

    Raises:
        ValueError: nobody bought.
    """
    if not (sales_jpy > 0).any():
        raise ValueError("none of these subscribers bought one-off afterwards: there is nothing to learn")
    cell = _cells(features, horizon_days)
    counts = weights / weights.mean()
    seen, bought, spent = (
        np.bincount(cell, values, _STATES * _KINDS).astype(np.float64).reshape(_STATES, _KINDS)
        for values in (counts, counts * (sales_jpy > 0), counts * sales_jpy)
    )
    p_buys = _drawn(bought, seen, SUBSCRIBERS_DRAWN)
    value = _drawn(spent, bought, BUYERS_DRAWN)
    value *= spent.sum() / (seen * p_buys * value).sum()  # what is foretold adds up to what came
    return OneOffRates(horizon_days, tuple(map(float, p_buys.ravel())), tuple(map(float, value.ravel())))


def read_one_off_rates(model: OneOffRates, features: pd.DataFrame) -> Foreseen:
    """What became of others in the cell of each row."""
    cell = _cells(features, model.horizon_days)
    p_buys, spent = np.array(model.p_buys)[cell], np.array(model.spent_jpy)[cell]
    return Foreseen(p_buys, p_buys * spent)


def _cells(features: pd.DataFrame, horizon_days: int) -> Wholes:
    repeats = features["repeat_days"].to_numpy(dtype=np.float64)
    gap = features["one_off_gap_days"].to_numpy(dtype=np.float64, na_value=np.inf) / horizon_days
    silence = np.searchsorted(SILENCES, gap)
    times = np.clip(np.searchsorted(TIMES, repeats, side="right") - 1, 0, len(TIMES) - 1)
    without = (features["one_off_days"].to_numpy(dtype=np.float64) > 0).astype(np.int64)
    kind = np.where(repeats > 0, 2 + silence * len(TIMES) + times, without)
    cells: Wholes = (features["is_continuing"].to_numpy(dtype=np.int64) * _KINDS + kind).astype(np.int64)
    return cells


def _drawn(part: Reals, whole: Reals, strength: float) -> Reals:
    """Part ÷ whole per cell, drawn to that of the same kind in either state, and this to that of all."""
    ratio = part.sum() / whole.sum()
    of_kind = (part.sum(axis=0, keepdims=True) + strength * ratio) / (whole.sum(axis=0, keepdims=True) + strength)
    drawn: Reals = (part + strength * of_kind) / (whole + strength)
    return drawn
