"""How often customers buy and after which purchase they stop: the MBG/NBD model.

Batislam, Denizel & Filiztekin (2007); the same model is the CBG/NBD of Hoppe & Wagner (2007). Assumptions: (1) while
active, a customer buys at random with a rate λ; (2) after each purchase, **the first included**, the customer stops for
good with probability p; (3) λ varies over customers as gamma(r, α), (4) p as beta(a, b), (5) independently. The BG/NBD
of Fader, Hardie & Lee (2005) lets nobody stop after the first purchase, and so calls every one-time buyer active.

A customer is `repeats` (x), `recency` (t_x) and `age` (T), as in `histories`. The expectation, which the papers write
with a hypergeometric function that is not defined at a = 1, is here a mean over typical values of p.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from crm_platform.forecast import stopping_after_purchase as stopping
from crm_platform.forecast.histories import checked, distinct, distinct_rows
from crm_platform.forecast.stopping_after_purchase import Parameters

Reals = npt.NDArray[np.float64]


@dataclass(frozen=True)
class MBGNBD:
    """A fitted model. `alpha` is in the unit of time of the data."""

    r: float
    alpha: float
    a: float
    b: float
    log_likelihood: float
    customers: int
    converged: bool

    @property
    def parameters(self) -> Parameters:
        """As the formulas shared with other models want them: one stage of waiting in a gap."""
        return Parameters(1, self.r, self.alpha, self.a, self.b)


def fit_mbg_nbd(
    repeats: npt.ArrayLike, recency: npt.ArrayLike, age: npt.ArrayLike, weights: npt.ArrayLike | None = None
) -> MBGNBD:
    """Maximum likelihood.

    Args:
        repeats: x per customer, at least 0.
        recency: t_x per customer, between 0 and `age`.
        age: T per customer.
        weights: how many customers each row stands for; 1 where not given.

    Raises:
        ValueError: a history that cannot be, or no customer observed for any time (see `histories.checked`).
    """
    histories = checked(repeats, recency, age, weights)
    best = stopping.fit(distinct(histories), k=1)
    _, r, alpha, a, b = best.parameters
    return MBGNBD(r, alpha, a, b, best.log_likelihood, round(float(histories.customers.sum())), best.converged)


def log_likelihood(model: MBGNBD, repeats: Reals, recency: Reals, age: Reals) -> Reals:
    """The log-likelihood of each customer's purchases."""
    return stopping.log_likelihood(model.parameters, repeats, recency, age)


def p_alive(model: MBGNBD, repeats: Reals, recency: Reals, age: Reals) -> Reals:
    """Probability that the customer has not stopped: 1 / (1 + a/(b+x) ((α+T)/(α+t_x))^(r+x))."""
    return stopping.p_alive(model.parameters, repeats, recency, age)


def expected_purchases(model: MBGNBD, repeats: Reals, recency: Reals, age: Reals, horizon: float) -> Reals:
    """Expected purchases in the `horizon` after the as-of date.

    Of an active customer who stops with p, (1 − (1 + p h/(α+T))^−(r+x)) / p; p is then beta(a, b+x+1). Exact to eight
    digits for horizons up to five times α+T and to three up to twenty times; too low beyond.
    """
    one, same = distinct_rows(repeats, age)
    x, end, purchases = repeats[one], age[one], np.zeros(len(one))
    counts, count_of_row = np.unique(x, return_inverse=True)
    nodes, weights = stopping.stopping_nodes(model.parameters, counts)
    for first in range(0, len(one), stopping.BLOCK_ROWS):
        rows = slice(first, first + stopping.BLOCK_ROWS)
        p, weight = nodes[count_of_row[rows]], weights[count_of_row[rows]]
        shape, stretch = model.r + x[rows], horizon / (model.alpha + end[rows])
        each = -np.expm1(-shape[:, None] * np.log1p(p * stretch[:, None])) / p
        purchases[rows] = (weight * each).sum(axis=1)
    expected: Reals = p_alive(model, repeats, recency, age) * purchases[same]
    return expected


def probability_of_purchase(model: MBGNBD, repeats: Reals, recency: Reals, age: Reals, horizon: float) -> Reals:
    """Probability of at least one purchase in the `horizon`: an active customer stops only after the next one."""
    silent = -(model.r + repeats) * np.log1p(horizon / (model.alpha + age))
    some: Reals = p_alive(model, repeats, recency, age) * -np.expm1(silent)
    return some
