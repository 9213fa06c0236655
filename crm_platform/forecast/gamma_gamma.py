"""How much a purchase is worth: the gamma-gamma model.

Fader & Hardie (2013), "The gamma-gamma model of monetary value". Assumptions: (1) the values of a customer's purchases
vary as gamma(p, ν) around the customer's own mean p/ν; (2) ν varies over customers as gamma(q, γ); (3) value and pace
are independent. It is fitted on every purchase, the first included: the usual packages leave it out and forecast worse.

Where the data cannot bear it the model says so in its `flag` (see `FLAGS`), and never runs away to p = 1e28.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import OptimizeResult
from scipy.special import betainc, gammaln, psi

from crm_platform.forecast.belief import LogBelief
from crm_platform.forecast.histories import distinct_rows
from crm_platform.forecast.search import least

Reals = npt.NDArray[np.float64]

FLAGS = {
    "": "The model describes the values.",
    "one_amount": "All purchases are worth the same: the mean is kept.",
    "own_amounts_constant": "Each customer's purchases are worth the same: the customer's own mean is kept.",
    "customers_alike": "Customers differ by chance alone: nearly the client's mean is expected of everyone.",
    "few_repeaters": "Too few customers bought twice: values are shrunk to the client's mean with the weight of one "
    "purchase.",
    "no_maximum": "The likelihood has no maximum: values are shrunk to the client's mean with the weight of one "
    "purchase.",
    "heavy_tail": "A few customers spend more than the model can explain (wholesale, 卸): their next purchase is "
    "foreseen too low, above all after a single one; those far out of all proportion are left out of the fit.",
}
MINIMUM_REPEATERS = 5  # customers with two purchases: below this p, the variation within a customer, is a guess
MOST_P = 500.0  # a customer's purchases differ by less than 1/√500, 4.5 %: the amounts are constant in effect
TAIL_CHANCE = 1e-3  # the highest values of the model, of which no more than `_TAIL_EXCESS` times as many may be seen
_TAIL_EXCESS, _TAIL_LEAST = 3.0, 5
_FAR_OUT = 6.0  # standard deviations of log values, told robustly: one such customer would decide p and q alone
_ASSUMED_P, _ASSUMED_Q = 4.0, 5.0
_LOG_BOUNDS = ((-4.0, float(np.log(MOST_P))), (-6.0, 8.0), (-12.0, 12.0))  # of p, q - 1, and γ in units of the mean
_STARTS = ((1.5, 2.0, 1.5), (8.0, 6.0, 1.0))


@dataclass(frozen=True)
class GammaGamma:
    """A fitted or assumed model; `gamma` is in yen. `customers` is how many it was fitted on, `flag` one of `FLAGS`."""

    p: float
    q: float
    gamma: float
    log_likelihood: float
    customers: int
    converged: bool
    assumed: bool = False
    flag: str = ""

    @property
    def mean_value(self) -> float:
        """The mean value of a purchase over all customers: pγ/(q-1)."""
        return self.p * self.gamma / (self.q - 1)


def fit_gamma_gamma(
    purchases: npt.ArrayLike, mean_value: npt.ArrayLike, *, belief: LogBelief | None = None
) -> GammaGamma:
    """Maximum likelihood over q > 1, so that a mean exists; the assumed model where the data cannot decide.

    Args:
        purchases: how many purchases per customer, at least 1.
        mean_value: their mean value before credits, above 0.
        belief: what is held of (p, q - 1, γ ÷ mean purchase) beforehand; the largest likelihood × belief is sought
            where it is given, however few the customers.

    Raises:
        ValueError: no customer, columns of different lengths, or a value that is not above 0 and finite.
    """
    everyone = _counted_once(purchases, mean_value)
    far_out = _far_out(everyone[1], everyone[2])
    n, m, customers = (column[~far_out] for column in everyone)
    unit = float((customers * n * m).sum() / (customers * n).sum())
    if belief is None and np.ptp(m) <= 1e-9 * unit:
        return assume_gamma_gamma(unit, "one_amount")
    if belief is None and customers[n > 1].sum() < MINIMUM_REPEATERS:
        return assume_gamma_gamma(unit, "few_repeaters")
    best = min((_search(start, n, m / unit, customers, belief) for start in _STARTS), key=lambda one: float(one.fun))
    low, high = np.abs(best.x - np.transpose(_LOG_BOUNDS)) < 1e-6
    if not np.isfinite(best.fun) or low[1:].any() or high[2]:
        return assume_gamma_gamma(unit, "no_maximum")
    p, excess, gamma = (float(value) for value in np.exp(best.x))
    total = float(customers.sum())
    value = -_mean_negative_log_likelihood(best.x, n, m / unit, customers)[0] * total - total * float(np.log(unit))
    model = GammaGamma(p, 1 + excess, gamma * unit, value, round(total), bool(best.success))
    flag = "customers_alike" if high[1] else _tail(model, *everyone)
    return dataclasses.replace(model, flag="own_amounts_constant" if high[0] else flag)


def assume_gamma_gamma(mean_value: float, flag: str = "few_repeaters") -> GammaGamma:
    """The model that only shrinks towards `mean_value`, with the weight of one purchase: (p, q) = (4, 5)."""
    gamma = mean_value * (_ASSUMED_Q - 1) / _ASSUMED_P
    return GammaGamma(_ASSUMED_P, _ASSUMED_Q, gamma, 0.0, 0, converged=False, assumed=True, flag=flag)


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


# --- inside -----------------------------------------------------------------------------------------------------------


def _counted_once(purchases: npt.ArrayLike, mean_value: npt.ArrayLike) -> tuple[Reals, Reals, Reals]:
    """Distinct customers in the order of their numbers, and how many there are of each: no order of rows matters."""
    n, m = np.asarray(purchases, dtype=np.float64), np.asarray(mean_value, dtype=np.float64)
    if n.ndim != 1 or n.shape != m.shape:
        raise ValueError("purchases and mean_value must be columns of one length")
    if len(n) == 0 or not (np.isfinite(m) & (m > 0) & np.isfinite(n) & (n >= 1)).all():
        raise ValueError("a gamma-gamma model needs customers with at least one purchase and finite values above 0")
    one, same = distinct_rows(n, m)
    return n[one], m[one], np.bincount(same).astype(np.float64)


def _far_out(m: Reals, customers: Reals) -> npt.NDArray[np.bool_]:
    """Values above the median of their logarithms by `_FAR_OUT` times the median deviation, in standard deviations."""
    logarithms = np.repeat(np.log(m), customers.astype(np.int64))
    median = np.median(logarithms)
    deviation = 1.4826 * np.median(np.abs(logarithms - median))
    far_out: npt.NDArray[np.bool_] = (np.log(m) > median + _FAR_OUT * deviation) & (deviation > 0)
    return far_out


def _tail(model: GammaGamma, n: Reals, m: Reals, customers: Reals) -> str:
    """Whether far more customers than the model allows have values as high as one in a thousand should have.

    A customer's sum of n values over γ is beta-prime(pn, q).
    """
    higher = betainc(model.q, model.p * n, model.gamma / (model.gamma + n * m))
    seen, allowed = float(customers[higher < TAIL_CHANCE].sum()), TAIL_CHANCE * float(customers.sum())
    return "heavy_tail" if seen > max(_TAIL_EXCESS * allowed, _TAIL_LEAST) else ""


def _search(start: tuple[float, ...], n: Reals, m: Reals, customers: Reals, belief: LogBelief | None) -> OptimizeResult:
    def objective(log_parameters: Reals) -> tuple[float, Reals]:
        value, slopes = _mean_negative_log_likelihood(log_parameters, n, m, customers)
        if belief is None:
            return value, slopes
        penalty, penalty_slopes = belief.penalty(log_parameters)
        return value + penalty / customers.sum(), slopes + penalty_slopes / customers.sum()

    return least(objective, np.log(start), _LOG_BOUNDS)


def _mean_negative_log_likelihood(log_parameters: Reals, n: Reals, m: Reals, customers: Reals) -> tuple[float, Reals]:
    p, excess, gamma = np.exp(log_parameters)
    q, shape = 1 + excess, p * n
    log_sum, log_either = np.log(n * m), np.log(gamma + n * m)
    terms = gammaln(shape + q) - gammaln(shape) - gammaln(q) + q * np.log(gamma) - np.log(m)
    terms += shape * log_sum - (shape + q) * log_either
    of_shape = psi(shape + q) - log_either
    slopes = (
        p * n * (of_shape - psi(shape) + log_sum),
        excess * (of_shape - psi(q) + np.log(gamma)),
        q - gamma * (shape + q) / (gamma + n * m),
    )
    # Plain sums, not BLAS: the same bits whatever the number of cores.
    total = customers.sum()
    return -float((customers * terms).sum() / total), -np.array([(customers * part).sum() for part in slopes]) / total
