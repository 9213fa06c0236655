"""How often a customer places orders while buying at all: the pace behind purchasing power (購買力).

Cancelled orders count (seed 000:161, R21): the pace reads placed orders and the day of registration alone, so that a
cancellation moves nothing. Assumption: orders after the first come at random with a rate that varies over customers as
gamma(r, α) (Ehrenberg 1959, the NBD). Lapsing is left to retention power (継続力).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln, psi

from crm_platform.forecast.search import least

Reals = npt.NDArray[np.float64]

_LOG_BOUNDS = ((-9.0, 9.0), (-9.0, 14.0))


@dataclass(frozen=True)
class OrderingPace:
    """A gamma-Poisson model; `alpha_days` in days. `customers` is how many it was fitted on."""

    r: float
    alpha_days: float
    customers: int
    assumed: bool = False


def fit_ordering_pace(orders: npt.ArrayLike, known_days: npt.ArrayLike) -> OrderingPace:
    """Maximum likelihood; one order a year as the prior where nobody ordered twice or no time has passed."""
    repeats, days = np.asarray(orders, dtype=np.float64) - 1, np.asarray(known_days, dtype=np.float64)
    if repeats.sum() == 0 or days.sum() == 0:
        return OrderingPace(1.0, float(days.sum()) + 365.0, 0, assumed=True)
    result = least(_mean_negative_log_likelihood, np.log([0.7, max(days.mean(), 1.0)]), _LOG_BOUNDS, repeats, days)
    r, alpha = (float(value) for value in np.exp(result.x))
    return OrderingPace(r, alpha, len(days))


def orders_when_buying(pace: OrderingPace, orders: Reals, known_days: Reals, horizon_days: float) -> Reals:
    """Expected orders in the horizon given at least one: E(N) / P(N ≥ 1), never below 1."""
    shape = pace.r + np.maximum(orders - 1, 0)
    exposure = pace.alpha_days + known_days
    some = -np.expm1(-shape * np.log1p(horizon_days / exposure))
    expected = shape * horizon_days / exposure
    return np.maximum(np.where(some > 0, expected / np.where(some > 0, some, 1), 1), 1)


def _mean_negative_log_likelihood(log_parameters: Reals, repeats: Reals, days: Reals) -> tuple[float, Reals]:
    """And its slopes by log r and log α."""
    r, alpha = np.exp(log_parameters)
    terms = gammaln(r + repeats) - gammaln(r) + r * np.log(alpha) - (r + repeats) * np.log(alpha + days)
    by_r = r * (psi(r + repeats) - psi(r) + np.log(alpha) - np.log(alpha + days))
    by_alpha = r - (r + repeats) * alpha / (alpha + days)
    return -float(terms.mean()), -np.array([by_r.mean(), by_alpha.mean()])
