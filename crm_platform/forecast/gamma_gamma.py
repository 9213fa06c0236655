"""How much a purchase is worth: the gamma-gamma model.

Fader & Hardie (2013), "The gamma-gamma model of monetary value". Assumptions: (1) the values of a customer's purchases
vary as gamma(p, ν) around the customer's own mean p/ν; (2) ν varies over customers as gamma(q, γ); (3) value and pace
are independent. It is fitted on every purchase, the first included: the usual packages leave it out and forecast worse.

Where every purchase costs the same, or too few customers bought twice, p cannot be told from data. Then the model is
`assumed`: shrinkage towards the client's mean with the weight of one purchase, (p, q) = (4, 5).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import betainc, gammaln

Reals = npt.NDArray[np.float64]

_ASSUMED_P, _ASSUMED_Q = 4.0, 5.0
_DEGENERATE_P = 500.0  # a customer's purchases differ by less than 1/√500, 4.5 %: the amounts are constant in effect
_LOG_BOUNDS = ((-4.0, 8.0), (-6.0, 8.0), (-12.0, 12.0))  # of p, q - 1, and γ in units of the mean


@dataclass(frozen=True)
class GammaGamma:
    """A fitted or assumed model; `gamma` is in yen. `customers` is how many it was fitted on."""

    p: float
    q: float
    gamma: float
    log_likelihood: float
    customers: int
    converged: bool
    assumed: bool = False

    @property
    def mean_value(self) -> float:
        """The mean value of a purchase over all customers: pγ/(q-1)."""
        return self.p * self.gamma / (self.q - 1)


def fit_gamma_gamma(purchases: npt.ArrayLike, mean_value: npt.ArrayLike) -> GammaGamma:
    """Maximum likelihood over q > 1, so that a mean exists; the assumed model where the data cannot decide.

    Args:
        purchases: how many purchases per customer, at least 1.
        mean_value: their mean value, above 0.

    Raises:
        ValueError: no customer, or a value that is not above 0.
    """
    n, m = np.asarray(purchases, dtype=np.float64), np.asarray(mean_value, dtype=np.float64)
    if len(n) == 0 or np.any(m <= 0) or np.any(n < 1):
        raise ValueError("a gamma-gamma model needs customers with at least one purchase and values above 0")
    unit = float(np.average(m, weights=n))
    result = minimize(
        _mean_negative_log_likelihood,
        np.log([1.5, 2.0, 1.5]),
        args=(n, m / unit),
        method="L-BFGS-B",
        bounds=_LOG_BOUNDS,
        options={"ftol": 1e-12, "gtol": 1e-7, "maxiter": 500},
    )
    p, excess, gamma = (float(value) for value in np.exp(result.x))
    if not result.success or p > _DEGENERATE_P or not np.isfinite(result.fun):
        return assume_gamma_gamma(unit)
    log_likelihood = -float(result.fun) * len(n) - len(n) * float(np.log(unit))
    return GammaGamma(p, 1 + excess, gamma * unit, log_likelihood, len(n), converged=True)


def assume_gamma_gamma(mean_value: float) -> GammaGamma:
    """The model that only shrinks towards `mean_value`, with the weight of one purchase."""
    return GammaGamma(
        _ASSUMED_P, _ASSUMED_Q, mean_value * (_ASSUMED_Q - 1) / _ASSUMED_P, 0.0, 0, converged=False, assumed=True
    )


def expected_value(model: GammaGamma, purchases: Reals, mean_value: Reals) -> Reals:
    """Expected value of the customer's next purchase: own mean and the client's, weighted (equation 5 of the paper)."""
    return model.p * (model.gamma + purchases * mean_value) / (model.p * purchases + model.q - 1)


def spending_below(
    model: GammaGamma, purchases: Reals, mean_value: Reals, counts: Reals, level: Reals
) -> tuple[Reals, Reals]:
    """For `counts` further purchases: P(their sum < level), and E(sum; sum < level), in yen.

    Given ν the sum is gamma(p·count, ν), and ν is gamma(q + p·purchases, γ + purchases·mean): a beta-prime in all.
    Arrays broadcast against each other.
    """
    shape = model.p * counts
    own_shape = model.q + model.p * purchases
    own_rate = model.gamma + purchases * mean_value
    share = level / (level + own_rate)
    below = np.asarray(betainc(shape, own_shape, share), dtype=np.float64)
    portion = np.asarray(betainc(shape + 1, own_shape - 1, share), dtype=np.float64)
    return below, own_rate * shape / (own_shape - 1) * portion


def _mean_negative_log_likelihood(log_parameters: Reals, n: Reals, m: Reals) -> float:
    p, excess, gamma = np.exp(log_parameters)
    q = 1 + excess
    terms = (
        gammaln(p * n + q)
        - gammaln(p * n)
        - gammaln(q)
        + q * np.log(gamma)
        + (p * n - 1) * np.log(m)
        + p * n * np.log(n)
        - (p * n + q) * np.log(gamma + m * n)
    )
    return -float(terms.mean())
