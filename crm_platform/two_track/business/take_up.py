"""What share of subscribers buys one-off in a year (都度の利用率), by group, and what the own best quarter reaches.

Of the groups (product group × channel) some have a high share by luck. So the true shares are taken to be spread as a
beta distribution, whose mean and spread are those that remain once chance is taken out (empirical Bayes; Kleinman 1973,
"Proportions with extraneous variance", JASA 68), and each group is drawn to the mean as its own evidence asks for. The
best quarter is the upper quartile of that distribution, not of what was counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import betainc, betaincinv, ndtri, stdtrit

from crm_platform.two_track.business.subscriber_year import LEAST_GROUPS, LEAST_IN_GROUP

Reals = npt.NDArray[np.float64]
Wholes = npt.NDArray[np.int64]

MOST_ALIKE = 1e6  # groups that chance alone tells apart: as if so many subscribers had been seen of each
DRAWS, _SEED = 400, 20250701
_END = 0.975  # of a 95 % interval


@dataclass(frozen=True)
class Spread:
    """The beta distribution of the groups' true shares: its mean, and how many subscribers it counts for."""

    mean: float
    weight: float

    @property
    def ends(self) -> tuple[float, float]:
        """The two parameters of the distribution."""
        return self.mean * self.weight, (1 - self.mean) * self.weight

    def quantile(self, share: float) -> float:
        """The share of subscribers that so many of the groups do not reach; the mean where groups are alike."""
        return self.mean if self.weight >= MOST_ALIKE else float(betaincinv(*self.ends, share))


def has_groups(subscribers: Wholes) -> bool:
    """Whether enough groups have enough subscribers to tell how groups differ."""
    return int((subscribers >= LEAST_IN_GROUP).sum()) >= LEAST_GROUPS


def spread_of(buyers: Wholes, subscribers: Wholes) -> Spread:
    """Mean and spread of the true shares of groups of which `buyers` of `subscribers` bought."""
    whole = float(subscribers.sum())
    mean = float((buyers.sum() + 0.5) / (whole + 1))
    told = subscribers >= LEAST_IN_GROUP
    if not has_groups(subscribers):
        return Spread(mean, MOST_ALIKE)
    bought, seen = buyers[told].astype(np.float64), subscribers[told].astype(np.float64)
    of_told = bought.sum() / seen.sum()
    chance = of_told * (1 - of_told)
    squares = float((seen * (bought / seen - of_told) ** 2).sum())
    effective = seen.sum() - (seen**2).sum() / seen.sum()
    between = (squares - (len(seen) - 1) * chance) / (effective - (len(seen) - 1)) if chance else 0.0
    if between <= chance / MOST_ALIKE:
        return Spread(mean, MOST_ALIKE)
    return Spread(mean, float(np.clip(chance / between - 1, 1.0, MOST_ALIKE)))


def expected_buyers(spread: Spread, counted: tuple[Wholes, Wholes], now: Wholes, raised_to: float | None) -> float:
    """Buyers of a year among `now` subscribers of each group; groups below the quantile `raised_to` come up to it.

    `counted` are buyers and subscribers of each group in the year that is known. The expectation is over what each
    group's true share may be: E[max(p, q)] of a beta distribution.
    """
    buyers, subscribers = counted
    first, second = spread.ends
    a, b = first + buyers, second + subscribers - buyers
    share = a / (a + b)
    if raised_to is not None and spread.weight < MOST_ALIKE:
        line = spread.quantile(raised_to)
        share = line * betainc(a, b, line) + share * (1 - betainc(a + 1, b, line))
    return float((share * now).sum())


def few_groups_factor(subscribers: Wholes) -> float:
    """By how much an interval of raised shares is wider because few groups tell the quantile: Student's t."""
    groups = int((subscribers >= LEAST_IN_GROUP).sum())
    return float(stdtrit(max(groups - 1, 1), _END) / ndtri(_END))


def misses(
    spread: Spread, subscribers: Wholes, now: Wholes, raised: Sequence[float | None], draws: int = DRAWS
) -> Reals:
    """What `expected_buyers` would miss the truth by: a row per draw, a column per element of `raised`.

    Each draw has true shares and buyers of its own from the fitted distribution (parametric bootstrap; Laird and Louis
    1987), so that the error of the quantile and of every group's share is in it. The same draws serve every column.
    """
    draw = np.random.default_rng(_SEED)
    alike = spread.weight >= MOST_ALIKE
    found = np.empty((draws, len(raised)))
    for row in found:
        true = np.full(len(subscribers), spread.mean) if alike else draw.beta(*spread.ends, len(subscribers))
        buyers = draw.binomial(subscribers, true)
        fitted = spread_of(buyers, subscribers)
        for column, share in enumerate(raised):
            line = 0.0 if share is None else spread.quantile(share)
            told = expected_buyers(fitted, (buyers, subscribers), now, share)
            row[column] = told - float((np.maximum(true, line) * now).sum())
    return found
