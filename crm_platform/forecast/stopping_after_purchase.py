"""What the models share in which a customer may stop for good after any purchase, the first included.

A gap between purchases is k stages of waiting, each exponential with the customer's own rate λ; λ varies over customers
as gamma(r, α). After each purchase the customer stops with an own probability p, which varies as beta(a, b). With
m = r + kx, the rate of a customer's history is gamma(m, α + t_x), and the silence δ = T − t_x since the last purchase
is survived with probability

    S = ((α + t_x)/(α + T))^m Σ_{j<k} (m)_j/j! q^j,  q = δ/(α + T):

fewer than k stages have passed in δ. Every term is positive, so nothing cancels, for any parameters.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.linalg import eigh_tridiagonal
from scipy.optimize import OptimizeResult
from scipy.special import gammaln, psi

from crm_platform.forecast.histories import Histories
from crm_platform.forecast.search import least

Reals = npt.NDArray[np.float64]

BLOCK_ROWS = 16_384  # rows worked on at once: bounds the memory for a client of any size, and stays in the cache
SAMPLE_ROWS = 20_000  # of a larger client are searched first, so that all are gone through only a few times
NODES = 32  # of the Gauss-Jacobi rule over the probability of stopping
_LOG_BOUNDS = ((-7.0, 5.0), (-9.0, 12.0), (-7.0, 7.0), (-7.0, 7.0))  # of log r, α, a, b, α in units of the mean age
_STARTS = ((0.5, 0.3, 1.0, 2.0), (1.0, 1.0, 0.3, 3.0), (0.2, 0.05, 2.0, 2.0))


class Parameters(NamedTuple):
    """Of the model above; `alpha` is in the unit of time of the data."""

    k: int
    r: float
    alpha: float
    a: float
    b: float


class Waiting(NamedTuple):
    """The silence since the last purchase: log S, and its slopes by r and by α."""

    log_survived: Reals
    slope_r: Reals
    slope_alpha: Reals


@dataclass(frozen=True)
class Fit:
    """The best parameters. The log-likelihood leaves out the factor of the gaps, which knows no parameter but k."""

    parameters: Parameters
    log_likelihood: float
    converged: bool


def fit(histories: Histories, k: int, start: Parameters | None = None) -> Fit:
    """Maximum likelihood for distinct `histories`, by L-BFGS with the exact gradient.

    The search begins at `start` (the fit of k − 1, say) where it is given, and from further starts where it does not
    converge. Time is measured in mean ages, so that its unit changes nothing.
    """
    x, t_x, end, customers = histories
    unit = float((end * customers).sum() / customers.sum())
    scaled = Histories(x, t_x / unit, end / unit, customers)
    begin = np.log(_STARTS[0])
    if start is not None:
        begin = np.log([start.r, start.alpha / unit * k / start.k, start.a, start.b])
    best = _search(begin, k, scaled)
    for other in _STARTS[1:]:
        if best.success:
            break
        best = min(best, _search(np.log(other), k, scaled), key=lambda result: float(result.fun))
    r, alpha, a, b = (float(value) for value in np.exp(best.x))
    # Time was measured in `unit`: a density per stage of waiting carries that unit back.
    log_likelihood = -float(best.fun) * float(customers.sum()) - k * float((customers * x).sum()) * float(np.log(unit))
    return Fit(Parameters(k, r, alpha * unit, a, b), log_likelihood, bool(best.success))


def log_likelihood(parameters: Parameters, x: Reals, t_x: Reals, end: Reals) -> Reals:
    """Of each history, without the factor of the gaps."""
    k, r, alpha, a, b = parameters
    value: Reals = _of_repeats(parameters, x) + r * np.log(alpha) - (r + k * x) * np.log(alpha + t_x)
    return value + np.log(a + (b + x) * np.exp(waiting(parameters, x, t_x, end).log_survived))


def p_alive(parameters: Parameters, x: Reals, t_x: Reals, end: Reals) -> Reals:
    """Probability that the customer has not stopped: (b+x) S / (a + (b+x) S)."""
    _, _, _, a, b = parameters
    going_on = (b + x) * np.exp(waiting(parameters, x, t_x, end).log_survived)
    share: Reals = going_on / (a + going_on)
    return share


def waiting(parameters: Parameters, x: Reals, t_x: Reals, end: Reals) -> Waiting:
    """How likely the customer's silence is for one who has not stopped."""
    k, r, alpha, _, _ = parameters
    m, silence, later = r + k * x, end - t_x, alpha + end
    log_share = -np.log1p(silence / (alpha + t_x))
    slope_alpha = m * silence / ((alpha + t_x) * later)
    if k == 1:
        return Waiting(m * log_share, log_share, slope_alpha)
    q = silence / later
    term, total = np.ones_like(q), np.ones_like(q)
    harmonic, by_m, by_q = np.zeros_like(q), np.zeros_like(q), np.zeros_like(q)
    for j in range(1, k):
        harmonic += 1 / (m + j - 1)
        term = term * q * ((m + j - 1) / j)
        total += term
        by_m += term * harmonic
        by_q += term * j
    # d log q / dα is −1/(α+T), and term_j goes with q^j
    return Waiting(m * log_share + np.log(total), log_share + by_m / total, slope_alpha - by_q / (total * later))


def stopping_nodes(parameters: Parameters, x: Reals) -> tuple[Reals, Reals]:
    """Gauss-Jacobi nodes and weights of p ~ beta(a, b + x + 1), the stopping of who went on after x repeats.

    One row per x. By the eigenvalues of the Jacobi matrix (Golub & Welsch 1969): a few typical values of p in place of
    the density, so that sums over them keep every sign and order that holds for each p.
    """
    n = np.arange(NODES, dtype=np.float64)
    lower, upper = parameters.a - 1, (parameters.b + x)[:, None]  # exponents of p and of 1 − p
    both = lower + upper
    centre = (lower + 1) / (both + 2) * np.ones_like(n)
    level = 2 * n[1:] + both
    centre[:, 1:] = (1 + (lower - upper) * both / (level * (level + 2))) / 2
    step = n[1:] * (n[1:] + upper) * (n[1:] + lower) / (level**2 * (level + 1))
    step[:, 1:] *= (n[2:] + both) / (level[:, 1:] - 1)
    # LAPACK's stev works by plain rotations, not by BLAS: the same bits whatever the number of cores.
    solved = [eigh_tridiagonal(*row, lapack_driver="stev") for row in zip(centre, np.sqrt(step), strict=True)]
    nodes, weights = np.array([each[0] for each in solved]), np.array([each[1][0] ** 2 for each in solved])
    return np.clip(nodes, 1e-15, 1 - 1e-12), weights


# --- inside -----------------------------------------------------------------------------------------------------------


def _search(start: Reals, k: int, histories: Histories) -> OptimizeResult:
    begin = np.clip(start, *np.transpose(_LOG_BOUNDS))
    rows = len(histories.age)
    if rows > 2 * SAMPLE_ROWS:
        sample = Histories(*(column[:: rows // SAMPLE_ROWS] for column in histories))
        begin = _descend(begin, k, sample).x
    return _descend(begin, k, histories)


def _descend(start: Reals, k: int, histories: Histories) -> OptimizeResult:
    counts = np.unique(histories.repeats, return_inverse=True)
    return least(_mean_negative_log_likelihood, start, _LOG_BOUNDS, k, histories, *counts)


def _mean_negative_log_likelihood(
    log_parameters: Reals, k: int, histories: Histories, counts: Reals, count_of_row: npt.NDArray[np.int64]
) -> tuple[float, Reals]:
    """Terms of the count of repeats alone are worked out once per count, the others per history."""
    parameters = Parameters(k, *(float(value) for value in np.exp(log_parameters)))
    with_count = np.bincount(count_of_row, weights=histories.customers, minlength=len(counts))
    value = (with_count * _of_repeats(parameters, counts)).sum()
    slopes = np.array([(with_count * part).sum() for part in _slopes_of_repeats(parameters, counts)])
    for first in range(0, len(histories.age), BLOCK_ROWS):
        block = Histories(*(column[first : first + BLOCK_ROWS] for column in histories))
        of_block = _of_times(parameters, block)
        value += of_block[0]
        slopes += of_block[1:]
    total = histories.customers.sum()
    return -float(value / total), -slopes * np.exp(log_parameters) / total


def _of_times(parameters: Parameters, histories: Histories) -> Reals:
    """Sum over customers of the log-likelihood's terms that know the times, and its slopes by r, α, a, b."""
    x, t_x, end, customers = histories
    k, r, alpha, a, b = parameters
    silence = waiting(parameters, x, t_x, end)
    going_on = (b + x) * np.exp(silence.log_survived)
    either = a + going_on
    alive = going_on / either
    log_rate = np.log(alpha / (alpha + t_x))
    parts = (
        r * log_rate - k * x * np.log(alpha + t_x) + np.log(either),
        log_rate + alive * silence.slope_r,
        r / alpha - (r + k * x) / (alpha + t_x) + alive * silence.slope_alpha,
        1 / either,
        alive / (b + x),
    )
    # Plain sums, not BLAS: the same bits whatever the number of cores.
    return np.array([(customers * part).sum() for part in parts])


def _of_repeats(parameters: Parameters, x: Reals) -> Reals:
    k, r, _, a, b = parameters
    terms: Reals = gammaln(r + k * x) - gammaln(r) + gammaln(b + x) - gammaln(b)
    return terms + gammaln(a + b) - gammaln(a + b + x + 1)


def _slopes_of_repeats(parameters: Parameters, x: Reals) -> tuple[Reals, Reals, Reals, Reals]:
    k, r, _, a, b = parameters
    either = psi(a + b) - psi(a + b + x + 1)
    return psi(r + k * x) - psi(r), np.zeros_like(x), either, either + psi(b + x) - psi(b)
