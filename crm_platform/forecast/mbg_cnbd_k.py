"""How often customers with a rhythm buy and after which purchase they stop: the MBG/CNBD-k model.

Reutterer, Platzer & Schröder (2021), "Leveraging purchase regularity for predicting customer behavior the easy way";
the measure of regularity is that of Platzer & Reutterer (2016). Assumptions: (1) a gap between purchases is Erlang-k
with the customer's own rate λ, k stages of mean 1/λ each, so that its coefficient of variation is 1/√k; (2) after each
purchase, the first included, the customer stops for good with probability p; (3) λ varies over customers as
gamma(r, α), (4) p as beta(a, b), (5) independently; (6) k is the same for all. With k = 1 this is the MBG/NBD.

A customer is `repeats` (x), `recency` (t_x) and `age` (T), as in `histories`, and for the choice of k the sum of the
natural logarithms of the gaps. The papers approximate the expectation for k > 1 by the MBG/NBD's with kα in place of α,
scaled to the expected total of the cohort; here it is exact, from the stages of waiting still open at the as-of date.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln

from crm_platform.forecast import mbg_nbd
from crm_platform.forecast import stopping_after_purchase as stopping
from crm_platform.forecast.histories import Histories, checked, distinct, distinct_rows
from crm_platform.forecast.mbg_nbd import MBGNBD
from crm_platform.forecast.stopping_after_purchase import Parameters

Reals = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.inexact]

MOST_STAGES = 12  # gaps more regular than this (coefficient of variation 0.29) are taken for k = 12
_BLOCK_ROWS = 2_048
_GRID = (32, 32)  # points by silence and by horizon; more rows than 1,024 with one x are interpolated


@dataclass(frozen=True)
class MBGCNBDk:
    """A fitted model. `alpha` is in the unit of time of the data, and λ the rate of a stage: a gap's mean is k/λ.

    `k_at_bound`: the data are so regular that the likelihood still rose at `MOST_STAGES`.
    """

    k: int
    r: float
    alpha: float
    a: float
    b: float
    log_likelihood: float
    customers: int
    converged: bool
    k_at_bound: bool

    @property
    def parameters(self) -> Parameters:
        """As the formulas shared with other models want them."""
        return Parameters(self.k, self.r, self.alpha, self.a, self.b)


def fit_mbg_cnbd_k(
    repeats: npt.ArrayLike,
    recency: npt.ArrayLike,
    age: npt.ArrayLike,
    weights: npt.ArrayLike | None = None,
    *,
    log_gaps: npt.ArrayLike | None = None,
    k: int | None = None,
) -> MBGCNBDk:
    """Maximum likelihood for k = 1, 2, 3, … until it falls, at most `MOST_STAGES`; for one `k` where it is given.

    Args:
        repeats: x per customer, at least 0.
        recency: t_x per customer, between 0 and `age`.
        age: T per customer.
        weights: how many customers each row stands for; 1 where not given.
        log_gaps: Σ ln gap per customer, in the unit of the other times; 0 for who bought once, −∞ where a gap is 0.
            Where it is not given, k is judged by x, t_x and T alone, which tell less of it.
        k: the number of stages, where it is known.

    Raises:
        ValueError: a history that cannot be, or no customer observed for any time (see `histories.checked`); `k` not
            from 1 to `MOST_STAGES`; `log_gaps` of another length, not a number, or more than even gaps would give.
    """
    histories = checked(repeats, recency, age, weights)
    logarithms = None if log_gaps is None else _checked_log_gaps(log_gaps, histories)
    if k is not None and not 1 <= k <= MOST_STAGES:
        raise ValueError(f"k must be from 1 to {MOST_STAGES}")
    once = distinct(histories)
    best = _fit(once, histories, logarithms, k or 1, None)
    while k is None and best.k < MOST_STAGES:
        more = _fit(once, histories, logarithms, best.k + 1, best.parameters)
        if more.log_likelihood <= best.log_likelihood:
            return best
        best = more
    return best


def log_likelihood(model: MBGCNBDk, repeats: Reals, recency: Reals, age: Reals, log_gaps: Reals | None = None) -> Reals:
    """The log-likelihood of each customer's purchases; −∞ where k > 1 and two purchases fell on one moment."""
    value = stopping.log_likelihood(model.parameters, repeats, recency, age)
    return value + _log_factor_of_gaps(model.k, repeats, recency, log_gaps)


def p_alive(model: MBGCNBDk, repeats: Reals, recency: Reals, age: Reals) -> Reals:
    """Probability that the customer has not stopped; falls the faster in silence the more regular the gaps."""
    return stopping.p_alive(model.parameters, repeats, recency, age)


def expected_purchases(model: MBGCNBDk, repeats: Reals, recency: Reals, age: Reals, horizon: float) -> Reals:
    """Expected purchases in the `horizon` after the as-of date, worked out once per distinct history."""
    if model.k == 1:
        return mbg_nbd.expected_purchases(_without_rhythm(model), repeats, recency, age, horizon)
    one, same = distinct_rows(repeats, recency, age)
    x, t_x, end = repeats[one], recency[one], age[one]
    purchases = np.zeros(len(one))
    counts, first, rows_of_count = np.unique(x, return_index=True, return_counts=True)  # rows are in the order of x
    nodes, weights = stopping.stopping_nodes(model.parameters, counts)
    silence, stretch = (end - t_x) / (model.alpha + end), horizon / (model.alpha + end)
    many = rows_of_count > math.prod(_GRID)
    few = np.flatnonzero(~np.repeat(many, rows_of_count))
    rule_of_row = np.repeat(np.arange(len(counts)), rows_of_count)[few]
    purchases[few] = _purchases_of_active(
        model.parameters, x[few], silence[few], stretch[few], nodes[rule_of_row], weights[rule_of_row]
    )
    for count in np.flatnonzero(many):
        rows = slice(first[count], first[count] + rows_of_count[count])
        rule = nodes[[count]], weights[[count]]
        purchases[rows] = _between_exact_ones(model.parameters, counts[count], silence[rows], stretch[rows], *rule)
    expected = p_alive(model, x, t_x, end) * purchases
    # The next purchase alone is the lower bound, to the last bit of rounding.
    return np.maximum(expected, probability_of_purchase(model, x, t_x, end, horizon))[same]


def probability_of_purchase(model: MBGCNBDk, repeats: Reals, recency: Reals, age: Reals, horizon: float) -> Reals:
    """Probability of at least one purchase in the `horizon`: 1 − S(T+h)/S(T) for who has not stopped."""
    if model.k == 1:
        return mbg_nbd.probability_of_purchase(_without_rhythm(model), repeats, recency, age, horizon)
    later = stopping.waiting(model.parameters, repeats, recency, age + horizon).log_survived
    silent = np.minimum(later - stopping.waiting(model.parameters, repeats, recency, age).log_survived, 0)
    some: Reals = p_alive(model, repeats, recency, age) * -np.expm1(silent)
    return some


# --- inside -----------------------------------------------------------------------------------------------------------


def _without_rhythm(model: MBGCNBDk) -> MBGNBD:
    return MBGNBD(*model.parameters[1:], model.log_likelihood, model.customers, model.converged)


def _fit(once: Histories, histories: Histories, log_gaps: Reals | None, k: int, start: Parameters | None) -> MBGCNBDk:
    best = stopping.fit(once, k, start)
    x, t_x, _, customers = histories
    used = customers > 0
    of_gaps = (customers[used] * _log_factor_of_gaps(k, x, t_x, log_gaps)[used]).sum()
    total = round(float(customers.sum()))
    value = best.log_likelihood + float(of_gaps)
    return MBGCNBDk(*best.parameters, value, total, best.converged, k_at_bound=k == MOST_STAGES)


def _checked_log_gaps(log_gaps: npt.ArrayLike, histories: Histories) -> Reals:
    values = np.asarray(log_gaps, dtype=np.float64)
    if values.shape != histories.age.shape:
        raise ValueError("log_gaps must be a column as long as the others")
    x, t_x = histories.repeats, histories.recency
    even = x * np.log(np.where(t_x > 0, t_x, 1) / np.maximum(x, 1))
    possible = np.where((x > 0) & (t_x == 0), np.isneginf(values), values <= even + 1e-6 * (1 + np.abs(even)))
    if not (possible & ((x > 0) | (values == 0))).all():
        raise ValueError("log_gaps must be the sum of the logarithms of gaps that add up to recency")
    return values


def _log_factor_of_gaps(k: int, x: Reals, t_x: Reals, log_gaps: Reals | None) -> Reals:
    """What the density has of the gaps beside that of one stage: Π gap^(k−1) / Γ(k)^x.

    Without the gaps, that of their sum, t_x^(kx−1)/Γ(kx) for t_x^(x−1)/Γ(x): a sum of kx stages for one of x.
    """
    factor = np.zeros(len(x))
    bought = x > 0
    if k == 1 or not bought.any():
        return factor
    x, t_x = x[bought], t_x[bought]
    if log_gaps is not None:
        factor[bought] = (k - 1) * log_gaps[bought] - x * gammaln(k)
        return factor
    with np.errstate(divide="ignore"):  # all purchases at one moment: no density of stages allows it, log 0 is meant
        factor[bought] = x * (k - 1) * np.log(t_x) + gammaln(x) - gammaln(k * x)
    return factor


def _between_exact_ones(
    parameters: Parameters, x: float, q: Reals, stretch: Reals, stops: Reals, weights: Reals
) -> Reals:
    """`_purchases_of_active` of many rows with one x, interpolated between exact ones at the points of a grid.

    It is a smooth function of q and the stretch. The points are Chebyshev's (Trefethen 2013, "Approximation Theory and
    Approximation Practice") on the logarithms, which take the bends out.
    """
    bend = parameters.k / (parameters.r + parameters.k * x)
    across, along = np.log1p(q / bend), np.log(stretch)
    on_q, on_stretch = _chebyshev_points(across, _GRID[0]), _chebyshev_points(along, _GRID[1])
    grid = np.meshgrid(bend * np.expm1(on_q), np.exp(on_stretch), indexing="ij")
    rule = (np.repeat(one, math.prod(_GRID), axis=0) for one in (stops, weights))
    counts = np.full(math.prod(_GRID), x)
    exact = _purchases_of_active(parameters, counts, *(axis.ravel() for axis in grid), *rule)
    logarithms = np.log(exact).reshape(_GRID)
    between = np.zeros(len(q))
    for start in range(0, len(q), _BLOCK_ROWS):
        rows = slice(start, start + _BLOCK_ROWS)
        by_q, by_stretch = _lagrange(across[rows], on_q), _lagrange(along[rows], on_stretch)
        between[rows] = np.exp(np.einsum("ij,ij->i", np.einsum("ij,jk->ik", by_q, logarithms), by_stretch))
    return between


def _chebyshev_points(values: Reals, number: int) -> Reals:
    """Points of the second kind over the range of `values`, a little wider where the range is none."""
    low, high = float(values.min()), float(values.max())
    half = max((high - low) / 2, 1e-6)
    points: Reals = low + half + half * np.cos(np.pi * np.arange(number) / (number - 1))
    return points


def _lagrange(values: Reals, points: Reals) -> Reals:
    """Weight of each of the points in the interpolated value, by the barycentric formula."""
    signs = (-1.0) ** np.arange(len(points))
    signs[[0, -1]] /= 2
    distance = values[:, None] - points
    distance[distance == 0] = 1e-300  # on a point: that point alone
    weights = signs / distance
    share: Reals = weights / weights.sum(axis=1, keepdims=True)
    return share


def _purchases_of_active(
    parameters: Parameters, x: Reals, q: Reals, stretch: Reals, stops: Reals, weights: Reals
) -> Reals:
    """Expected purchases in the horizon of one who is active now, with q = (T−t_x)/(α+T) and stretch = h/(α+T).

    Each row of `stops` and `weights` is the rule of `stopping.stopping_nodes` for the row's x.
    """
    expected = np.zeros(len(x))
    for first in range(0, len(x), _BLOCK_ROWS):
        rows = slice(first, first + _BLOCK_ROWS)
        m = parameters.r + parameters.k * x[rows]
        each = _of_stopping(parameters.k, m[:, None], q[rows][:, None], stretch[rows][:, None], stops[rows])
        expected[rows] = (weights[rows] * each).sum(axis=1)
    return expected


def _of_stopping(k: int, m: Reals, q: Reals, stretch: Reals, stops: Reals) -> Reals:
    """Expected purchases of active customers who stop with each probability in the row of `stops`.

    Since the last purchase j < k stages have passed with chances ∝ (m)_j/j! q^j, and N more pass in the horizon,
    negative binomial with shape m+j: M = ⌊(j+N)/k⌋ purchases, were there no stopping. With it, and s = 1−p, the
    expectation is (1 − E s^M)/p. Over the k-th roots τ of s, s^⌊L/k⌋ = Σ_τ p τ^(L+1) / (k s (1−τ)), and
    E τ^N = y^(m+j) with y = 1/(1 + (1−τ) h/(α+T)). Each root's share of 1 − E s^M is a sum of positive terms where τ is
    positive, and the others carry a factor p: nothing is lost where p is near 0.
    """
    log_root = np.log1p(-stops) / k
    root = np.exp(log_root)
    total = _of_root(k, m, q, stretch, root, -np.expm1(log_root)).real
    for turn in range(1, k // 2 + 1):
        both = 1 if 2 * turn == k else 2  # the conjugate root adds the conjugate
        tau = root * np.exp(2j * np.pi * turn / k)
        total = total + both * _of_root(k, m, q, stretch, tau, 1 - tau).real
    purchases: Reals = total / (k * (1 - stops))
    return purchases


def _of_root(k: int, m: Reals, q: Reals, stretch: Reals, tau: Numbers, stop: Numbers) -> Numbers:
    """τ/(1−τ) Σ_j c_j (qτ)^j (1 − y^(m+j)) / Σ_j c_j q^j, with c_j = (m)_j/j! and `stop` = 1 − τ, exact near 0."""
    rest = stop * stretch
    log_y = -np.log1p(rest)
    y, left = np.exp(log_y), -np.expm1(m * log_y)
    kept, term, every = 1 - left, np.ones_like(tau), np.ones_like(q)
    total, of_all = left.copy(), every.copy()
    for j in range(1, k):
        ratio = q * ((m + j - 1) / j)
        left, kept = left + kept * (rest * y), kept * y
        term, every = term * (ratio * tau), every * ratio
        total += term * left
        of_all += every
    share: Numbers = tau / stop * total / of_all
    return share
