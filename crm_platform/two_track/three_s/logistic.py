"""Logistic regression with a ridge, and errors that know a subscription seen in many months for one (クラスター)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from crm_platform.forecast.search import one_thread
from crm_platform.two_track.three_s.life_table import Reals

_STEPS = 50
_CLOSE = 1e-6


class Logistic(NamedTuple):
    """Coefficients and their standard errors."""

    coefficients: Reals
    errors: Reals


def probability(logits: Reals) -> Reals:
    """1 / (1 + e^−x)."""
    said: Reals = 1 / (1 + np.exp(-np.clip(logits, -30, 30)))
    return said


def logit(chances: Reals) -> Reals:
    """The inverse of `probability`."""
    inside = np.clip(chances, 1e-9, 1 - 1e-9)
    said: Reals = np.log(inside / (1 - inside))
    return said


def fit_logistic(seen: Reals, happened: Reals, people: npt.NDArray[np.int64], ridge: Reals) -> Logistic:
    """By Newton's method; errors by the sandwich over `people` (Liang and Zeger 1986).

    Args:
        seen: a row per case.
        happened: 0 or 1 for each.
        people: a whole number for each: cases of the same number are not independent.
        ridge: penalty of each squared coefficient, halved; above 0 wherever columns add up to another.
    """
    with one_thread():
        at, inverse = _maximum(seen, happened, ridge)
        scores = seen * (happened - probability(seen @ at))[:, None]
        in_order = np.argsort(people, kind="stable")
        first = np.flatnonzero(np.diff(people[in_order], prepend=people[in_order[0]] - 1))
        sums = np.add.reduceat(scores[in_order], first, axis=0)
        variances = np.diag(inverse @ (sums.T @ sums) @ inverse)
    return Logistic(at, np.sqrt(np.maximum(variances, 0.0)))


def _maximum(seen: Reals, happened: Reals, ridge: Reals) -> tuple[Reals, Reals]:
    """The coefficients, and the inverse of the information at them."""
    at = np.zeros(seen.shape[1])
    inverse: Reals = np.eye(len(at))
    for _ in range(_STEPS):
        chances = probability(seen @ at)
        information = (seen.T * (chances * (1 - chances))) @ seen + np.diag(ridge)
        inverse = np.asarray(np.linalg.inv(information), dtype=np.float64)
        step = inverse @ (seen.T @ (happened - chances) - ridge * at)
        at = at + np.clip(step, -3, 3)
        if np.abs(step).max() < _CLOSE:
            break
    return at, inverse
