"""How often customers buy and when they stop: the Pareto/NBD model.

Schmittlein, Morrison & Colombo (1987); formulas as in Fader & Hardie (2005), "A note on deriving the Pareto/NBD model".
Assumptions: (1) while active, a customer buys at random with a rate λ; (2) each is active for an exponential time with
rate μ, and then stops for good; (3) λ varies over customers as gamma(r, α), (4) μ as gamma(s, β), (5) independently.

A customer is three numbers in one unit of time: `repeats` (x, purchases after the first), `recency` (t_x, first to last
purchase) and `age` (T, first purchase to as-of date). Where the papers write a hypergeometric function, this module
integrates over the unknown moment of stopping: every term is positive, so nothing cancels, for any parameters.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.optimize import OptimizeResult
from scipy.special import gammaln, psi

from crm_platform.forecast.belief import LogBelief
from crm_platform.forecast.histories import checked, distinct
from crm_platform.forecast.search import least

Reals = npt.NDArray[np.float64]

BLOCK_ROWS = 65_536  # rows worked on at once: bounds the memory for a client of any size


def _nodes(count: int) -> tuple[Reals, Reals]:
    """Gauss-Legendre on 0 to 1: nodes and weights."""
    nodes, weights = np.polynomial.legendre.leggauss(count)
    return (nodes + 1) / 2, weights / 2


_NODES, _WEIGHTS = _nodes(32)
_FINE_NODES, _FINE_WEIGHTS = _nodes(48)  # where a chance may be tiny and must not fall as the horizon grows
_LOG_WEIGHTS = np.log(_WEIGHTS)
_LOG_BOUNDS = ((-7.0, 5.0), (-9.0, 12.0)) * 2  # of log r, α, s, β, times in units of the mean age; at a bound the
#                                                 gamma has narrowed to one rate for all customers, which is a model too


@dataclass(frozen=True)
class ParetoNBD:
    """A fitted model. `alpha` and `beta` are in the unit of time of the data."""

    r: float
    alpha: float
    s: float
    beta: float
    log_likelihood: float
    customers: int
    converged: bool


class _Stopping(NamedTuple):
    """The integral over the moment of stopping u, and the mean of four functions of u under its integrand."""

    log_integral: Reals
    log_alpha_u: Reals
    log_beta_u: Reals
    inverse_alpha_u: Reals
    inverse_beta_u: Reals


def fit_pareto_nbd(
    repeats: npt.ArrayLike,
    recency: npt.ArrayLike,
    age: npt.ArrayLike,
    weights: npt.ArrayLike | None = None,
    *,
    belief: LogBelief | None = None,
) -> ParetoNBD:
    """Maximum likelihood, by L-BFGS with the exact gradient; from a second start where the first does not converge.

    Args:
        repeats: x per customer, at least 0.
        recency: t_x per customer, between 0 and `age`.
        age: T per customer.
        weights: how many customers each row stands for; 1 where not given.
        belief: what is held of (r, α, s, β) beforehand, times in the unit of the data; the largest likelihood × belief
            is sought where it is given.

    Raises:
        ValueError: a history that cannot be, or no customer observed for any time (see `histories.checked`).
    """
    histories = checked(repeats, recency, age, weights)
    x, t_x, end, counts = distinct(histories)
    total = float(histories.customers.sum())
    unit = float((histories.age * histories.customers).sum()) / total
    scaled = (x, t_x / unit, end / unit, counts)
    best = _search((0.5, 0.5, 0.5, 0.5), *scaled, unit, belief)
    if not best.success:
        best = min(best, _search((1.0, 0.2, 0.7, 2.0), *scaled, unit, belief), key=lambda result: float(result.fun))
    r, alpha, s, beta = (float(value) for value in np.exp(best.x))
    without_belief = _mean_negative_log_likelihood(best.x, *scaled)[0] if belief else float(best.fun)
    # Time was measured in `unit`: a density per repeat purchase carries that unit back.
    log_likelihood = -without_belief * total - float((counts * x).sum()) * float(np.log(unit))
    return ParetoNBD(r, alpha * unit, s, beta * unit, log_likelihood, round(total), bool(best.success))


def log_likelihood(model: ParetoNBD, repeats: Reals, recency: Reals, age: Reals) -> Reals:
    """The log-likelihood of each customer's purchases."""
    log_active, log_stopped, _ = _log_histories(model, repeats, recency, age)
    return _log_constant(model, repeats) + np.logaddexp(log_active, log_stopped)


def p_alive(model: ParetoNBD, repeats: Reals, recency: Reals, age: Reals) -> Reals:
    """Probability that the customer is still active at the as-of date."""
    log_active, log_stopped, _ = _log_histories(model, repeats, recency, age)
    alive: Reals = 1 / (1 + np.exp(np.minimum(log_stopped - log_active, 700)))
    return alive


def expected_purchases(model: ParetoNBD, repeats: Reals, recency: Reals, age: Reals, horizon: float) -> Reals:
    """Expected purchases in the `horizon` after the as-of date (Fader & Hardie 2005, equation 41)."""
    pace = (model.r + repeats) / (model.alpha + age)
    stretch = np.log1p(horizon / (model.beta + age))
    exponent = (model.s - 1) * stretch
    active_time = (model.beta + age) * stretch * np.where(exponent == 0, 1, -np.expm1(-exponent) / _not_zero(exponent))
    expected: Reals = p_alive(model, repeats, recency, age) * pace * active_time
    return expected


def probability_of_purchase(model: ParetoNBD, repeats: Reals, recency: Reals, age: Reals, horizon: float) -> Reals:
    """Probability of at least one purchase in the `horizon`: 1 − P(X(T, T+h) = 0 | x, t_x, T).

    An active customer buys before stopping at u, or survives the horizon and buys in it:
    ∫₀ʰ (1 − (a/(a+u))^(r+x)) s b^s/(b+u)^(s+1) du + (1 − (a/(a+h))^(r+x)) (b/(b+h))^s, with a = α+T and b = β+T. Both
    terms are above 0, so that a small chance is as exact as a large one.
    """
    shape, a, b = model.r + repeats, model.alpha + age, model.beta + age
    scale = np.minimum(a, b) / (1 + shape + model.s)  # nodes on the logarithm of time, as in the likelihood
    span = np.log1p(horizon / scale)
    bought = -np.expm1(-shape * np.log1p(horizon / a)) * np.exp(-model.s * np.log1p(horizon / b))
    for node, weight in zip(_FINE_NODES, _FINE_WEIGHTS, strict=True):
        u = scale * np.expm1(node * span)
        density = model.s * np.exp(-model.s * np.log1p(u / b)) / (b + u)
        bought -= weight * span * (scale + u) * density * np.expm1(-shape * np.log1p(u / a))
    some: Reals = p_alive(model, repeats, recency, age) * np.clip(bought, 0, 1)
    return some


def purchase_count_probabilities(
    model: ParetoNBD, repeats: Reals, recency: Reals, age: Reals, horizon: float, most: int
) -> Reals:
    """Probabilities of exactly 0, 1, …, `most` purchases in the `horizon`, one row per customer.

    Given the moment of stopping u, purchases are negative binomial with r+x successes; u is integrated out.
    """
    shape, a, b = model.r + repeats, model.alpha + age, model.beta + age
    counts = np.zeros((len(age), most + 1))
    scale = np.minimum(a, b) / (1 + shape + model.s)  # nodes on the logarithm of time, as in the likelihood
    span = np.log1p(horizon / scale)
    for node, weight in zip(_NODES, _WEIGHTS, strict=True):
        u = scale * np.expm1(node * span)
        step = weight * span * (scale + u)
        density = model.s * np.exp(-model.s * np.log1p(u / b)) / (b + u)
        _add_negative_binomial(counts, density * step, shape, u / (a + u))
    _add_negative_binomial(counts, np.exp(-model.s * np.log1p(horizon / b)), shape, horizon / (a + horizon))
    alive = p_alive(model, repeats, recency, age)
    counts *= alive[:, None]
    counts[:, 0] += 1 - alive
    return counts


# --- inside -----------------------------------------------------------------------------------------------------------


def _search(
    start: tuple[float, ...], x: Reals, t_x: Reals, end: Reals, counts: Reals, unit: float, belief: LogBelief | None
) -> OptimizeResult:
    def objective(log_parameters: Reals) -> tuple[float, Reals]:
        value, slopes = _mean_negative_log_likelihood(log_parameters, x, t_x, end, counts)
        if belief is None:
            return value, slopes
        in_unit_of_data = log_parameters + np.log([1, unit, 1, unit])
        penalty, penalty_slopes = belief.penalty(in_unit_of_data)
        return value + penalty / counts.sum(), slopes + penalty_slopes / counts.sum()

    return least(objective, np.log(start), _LOG_BOUNDS)


def _mean_negative_log_likelihood(
    log_parameters: Reals, x: Reals, t_x: Reals, end: Reals, counts: Reals
) -> tuple[float, Reals]:
    r, alpha, s, beta = (float(value) for value in np.exp(log_parameters))
    model = ParetoNBD(r, alpha, s, beta, log_likelihood=0.0, customers=0, converged=True)
    log_active, log_stopped, stopping = _log_histories(model, x, t_x, end)
    log_either = np.logaddexp(log_active, log_stopped)
    active = np.exp(log_active - log_either)
    stopped = 1 - active
    log_a, log_b = np.log(alpha + end), np.log(beta + end)
    gradient = (
        psi(r + x) - psi(r) + np.log(alpha) - active * log_a - stopped * stopping.log_alpha_u,
        r / alpha - (r + x) * (active / (alpha + end) + stopped * stopping.inverse_alpha_u),
        np.log(beta) - active * log_b + stopped * (1 / s - stopping.log_beta_u),
        s / beta - active * s / (beta + end) - stopped * (s + 1) * stopping.inverse_beta_u,
    )
    total = counts.sum()
    # Plain sums, not BLAS: the same bits whatever the number of cores.
    value = (counts * (_log_constant(model, x) + log_either)).sum() / total
    slopes = np.array([(counts * part).sum() for part in gradient]) * np.exp(log_parameters) / total
    return -float(value), -slopes


def _log_constant(model: ParetoNBD, x: Reals) -> Reals:
    constant: Reals = gammaln(model.r + x) - gammaln(model.r)
    constant += model.r * np.log(model.alpha) + model.s * np.log(model.beta)
    return constant


def _log_histories(model: ParetoNBD, x: Reals, t_x: Reals, end: Reals) -> tuple[Reals, Reals, _Stopping]:
    """Log density of the history when still active, and when stopped at some moment between last purchase and now."""
    shape = model.r + x
    stopping = _over_stopping(model, shape, t_x, end)
    log_active = -shape * np.log(model.alpha + end) - model.s * np.log(model.beta + end)
    return log_active, np.log(model.s) + stopping.log_integral, stopping


def _over_stopping(model: ParetoNBD, shape: Reals, lower: Reals, upper: Reals) -> _Stopping:
    blocks = [
        _over_stopping_block(model, shape[rows], lower[rows], upper[rows])
        for rows in (slice(first, first + BLOCK_ROWS) for first in range(0, max(len(shape), 1), BLOCK_ROWS))
    ]
    return _Stopping(*(np.concatenate(parts) for parts in zip(*blocks, strict=True)))


def _over_stopping_block(model: ParetoNBD, shape: Reals, lower: Reals, upper: Reals) -> _Stopping:
    """∫ (α+u)^-shape (β+u)^-(s+1) du from `lower` to `upper`, by Gauss-Legendre on the logarithm of time since `lower`.

    The scale of that logarithm is how fast the integrand falls at `lower`, so that it is smooth at the nodes.
    """
    scale = np.minimum(model.alpha + lower, model.beta + lower) / (1 + shape + model.s)
    span = np.log1p((upper - lower) / scale)
    z = span[:, None] * _NODES
    u = lower[:, None] + scale[:, None] * np.expm1(z)
    log_a, log_b = np.log(model.alpha + u), np.log(model.beta + u)
    terms = _LOG_WEIGHTS + z - shape[:, None] * log_a - (model.s + 1) * log_b
    peak = terms.max(axis=1)
    terms = np.exp(terms - peak[:, None])
    total = terms.sum(axis=1)
    with np.errstate(divide="ignore"):  # a customer who bought today cannot have stopped since: log 0 is meant
        log_integral = peak + np.log(total) + np.log(scale) + np.log(span)
    terms /= total[:, None]
    return _Stopping(
        log_integral,
        np.einsum("ij,ij->i", terms, log_a),
        np.einsum("ij,ij->i", terms, log_b),
        np.einsum("ij,ij->i", terms, np.exp(-log_a)),
        np.einsum("ij,ij->i", terms, np.exp(-log_b)),
    )


def _add_negative_binomial(counts: Reals, weight: Reals, shape: Reals, share: Reals) -> None:
    """Add `weight` × the probabilities of a negative binomial, each from the one before it, to the rows of `counts`."""
    probability = weight * np.exp(shape * np.log1p(-share))
    counts[:, 0] += probability
    for count in range(1, counts.shape[1]):
        probability = probability * (share * (shape + count - 1) / count)
        counts[:, count] += probability


def _not_zero(values: Reals) -> Reals:
    return np.where(values == 0, 1, values)
