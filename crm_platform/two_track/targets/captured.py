"""How sure it is that the head of one list holds more of the sales than the head of another."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from crm_platform.forecast import metrics

Reals = npt.NDArray[np.float64]

STEP = 0.05  # of the customers, either side of the end of the head: how much is bought there


def captured_errors(
    scores: Mapping[str, Reals], actual: Reals, share: float, ours: str
) -> tuple[float | None, dict[str, float | None]]:
    """Standard errors over customers: of `metrics.top_share` of `ours`, and of its lead over that of each other score.

    Linearised: a customer's part is what he adds to the head's sales and to all sales, and by how much he moves the
    place where the head ends. The lead's error is paired, since the same customers stand behind both. None where
    nobody bought.
    """
    if actual.sum() <= 0:
        return None, dict.fromkeys(name for name in scores if name != ours)
    parts = {name: _parts(score, actual, share) for name, score in scores.items()}
    leads: dict[str, float | None] = {name: _error(parts[ours] - part) for name, part in parts.items() if name != ours}
    return _error(parts[ours]), leads


def _parts(score: Reals, actual: Reals, share: float) -> Reals:
    """Each row's influence on the captured share."""
    inside = _inside(score, share)
    captured = float((actual * inside).sum() / actual.sum())
    low, high = max(share - STEP, 0.0), min(share + STEP, 1.0)
    ends = [metrics.top_share(score, actual, place) or 0.0 for place in (low, high)]
    at_the_end = (ends[1] - ends[0]) / (high - low)  # as a share of the mean sales of a customer
    parts: Reals = actual / actual.sum() * (inside - captured) - at_the_end * (inside - share) / len(actual)
    return parts


def _inside(score: Reals, share: float) -> Reals:
    """How much of each row is in the head: 1, 0, or a tie's part of the places that are left."""
    ranks = pd.Series(-score).rank(method="min").to_numpy(dtype=np.float64) - 1
    _values, place, counts = np.unique(score, return_inverse=True, return_counts=True)
    inside: Reals = np.clip((share * len(score) - ranks) / counts[place], 0.0, 1.0)
    return inside


def _error(parts: Reals) -> float:
    return float(np.sqrt((parts**2).sum()))
