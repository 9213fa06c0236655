"""What errors of former forecasts say of the next: they last, return each year at the same time, or pass.

None of the three is assumed to be large: all are gaussian processes around 0 (Rasmussen & Williams 2006), and
`STRENGTHS` of them are weighted by how well they explain the origins (Bayesian model averaging, Hoeting et al. 1999).
Terms that overlap share their customers' luck: eight origins a month apart tell little more than two terms.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Reals = npt.NDArray[np.float64]

YEAR_DAYS, LASTING_DAYS = 365.25, 5 * 365.25


class Strengths(NamedTuple):
    """Standard deviations of the error: lasting, returning each year, passing in a term."""

    lasting: float
    yearly: float
    passing: float


STRENGTHS = tuple(Strengths(*each) for each in itertools.product((0.03, 0.06), (0.05, 0.2, 0.4), (0.03, 0.1)))
SHAPE_STRENGTHS = tuple(Strengths(*each) for each in itertools.product((0.03, 0.08), (0.02, 0.06), (0.03,)))
YEARLY_WIDTH = 0.45  # of the yearly part: origins more than two months apart in the year begin to differ


class Foretold(NamedTuple):
    """What to expect, and how far off it may be."""

    mean: float
    sd: float


def foretell(
    ago: Reals, values: Reals, noise: Reals, horizon_days: int, candidates: Sequence[Strengths] = STRENGTHS
) -> Foretold:
    """Mean and standard deviation at `ago` = 0 of what had `values`, with variance `noise`, so many days `ago`.

    The noise of two origins is as alike as the share of the `horizon_days` that their terms have in common.
    """
    now = np.zeros(1)
    luck = np.sqrt(np.outer(noise, noise)) * np.maximum(1 - np.abs(ago[:, None] - ago[None, :]) / horizon_days, 0)
    logs, means, variances = [], [], []
    for strengths in candidates:
        covariance = _covariance(ago, ago, strengths, horizon_days) + luck
        with_now = _covariance(now, ago, strengths, horizon_days)[0]
        weights = np.linalg.solve(covariance, with_now)
        fit = float((values * np.linalg.solve(covariance, values)).sum())
        logs.append(-0.5 * (fit + float(np.linalg.slogdet(covariance)[1])))
        means.append(float((weights * values).sum()))
        variances.append(float(np.square(strengths).sum()) - float((weights * with_now).sum()))
    share = np.exp(np.array(logs) - max(logs))
    share /= share.sum()
    mean = float((share * means).sum())
    return Foretold(mean, float(np.sqrt((share * (np.array(variances) + (np.array(means) - mean) ** 2)).sum())))


def _covariance(one: Reals, other: Reals, strengths: Strengths, horizon_days: int) -> Reals:
    apart = one[:, None] - other[None, :]
    returning = np.exp(-2 * (np.sin(np.pi * apart / YEAR_DAYS) / YEARLY_WIDTH) ** 2 - (apart / LASTING_DAYS) ** 2)
    passing = np.exp(-np.abs(apart) / horizon_days)
    return strengths.lasting**2 + strengths.yearly**2 * returning + strengths.passing**2 * passing
