"""How good a forecast was, in numbers: order, amounts, intervals, stability. Each takes plain arrays, row by row.

`score` and `foreseen` are what was said, `actual` is what came: 売上 of the term in yen, not below 0. Every figure is
blind to the order of the rows, and where nothing can be said (nobody bought, nobody to count) it is None.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pandas as pd

Reals = npt.NDArray[np.float64]
Wholes = npt.NDArray[np.int64]

LORENZ_POINTS = 51  # every fiftieth of the customers


def normalised_gini(score: Reals, actual: Reals) -> float | None:
    """How well `score` orders `actual`: its Gini coefficient over that of the perfect order. 1 is perfect, 0 is chance.

    With r the rank of a row by score and r̄ their mean: Σ (r − r̄) · actual, over the same sum with the ranks of
    `actual` itself. Equal scores share their mean rank, so that ties earn nothing by luck. None where all customers
    bought the same.
    """
    best = _concentration(actual, actual)
    return _concentration(score, actual) / best if best > 0 else None


def gini_errors(scores: Mapping[str, Reals], actual: Reals, ours: str) -> tuple[float | None, dict[str, float | None]]:
    """Standard errors over customers: of the normalised Gini of `ours`, and of its lead over each other score.

    The lead's is paired, since the same customers stand behind both. Linearised: a customer's part in a concentration
    is that of all pairs with him in them (a jackknife in closed form). None where all customers bought the same.
    """
    best = _concentration(actual, actual)
    if best <= 0:
        return None, dict.fromkeys(name for name in scores if name != ours)
    perfect = _parts(actual, actual)
    influences = {
        name: (_parts(score, actual) - _concentration(score, actual) / best * perfect) / best
        for name, score in scores.items()
    }
    leads = {name: influences[ours] - influence for name, influence in influences.items() if name != ours}
    return _root_of_squares(influences[ours]), {name: _root_of_squares(lead) for name, lead in leads.items()}


def bias_error(foreseen: Reals, actual: Reals) -> float | None:
    """Standard error of `bias` over customers: √Σ (foreseen − bias · actual)² ÷ Σ actual; None where nobody bought."""
    total = float(actual.sum())
    return _root_of_squares(foreseen - float(foreseen.sum()) / total * actual) / total if total > 0 else None


def top_share(score: Reals, actual: Reals, share: float) -> float | None:
    """Share of actual sales that the best `share` of customers by score hold; a tie at the boundary counts pro rata."""
    if actual.sum() <= 0:
        return None
    return float(np.interp(share, *_cumulated(score, actual)))


def lorenz_points(score: Reals, actual: Reals, points: int = LORENZ_POINTS) -> list[float]:
    """Share of actual sales held by the best 0, 1/(points−1), …, all of the customers by score (ローレンツ曲線).

    Ties count pro rata. Twice the area between the curve and the diagonal, over the same of the perfect order, is the
    normalised Gini, but for the width of a step. Empty where nobody bought.
    """
    if actual.sum() <= 0:
        return []
    return [float(share) for share in np.interp(np.linspace(0, 1, points), *_cumulated(score, actual))]


def bias(foreseen: Reals, actual: Reals) -> float | None:
    """Σ foreseen ÷ Σ actual: 1.05 is 5 % too much; None where nobody bought."""
    total = float(actual.sum())
    return float(foreseen.sum()) / total if total > 0 else None


def tenths(score: Reals) -> Wholes:
    """Deciles (十分位) 1, the best tenth by score, to 10; customers with equal scores share that of their mean rank."""
    share = pd.Series(score).rank(method="average", ascending=False).to_numpy(dtype=np.float64) / max(len(score), 1)
    return np.clip(np.ceil(share * 10 - 1e-9), 1, 10).astype(np.int64)


def decile_error(foreseen: Reals, actual: Reals) -> float | None:
    """Value-weighted decile error: Σ |F − A| ÷ Σ A over the tenths by forecast, F and A their sums.

    It is the mean of |F ÷ A − 1| with the tenths' actual sales as weights; None where nobody bought.
    """
    total = float(actual.sum())
    if total <= 0:
        return None
    sums = pd.DataFrame({"tenth": tenths(foreseen), "foreseen": foreseen, "actual": actual}).groupby("tenth").sum()
    return float((sums["foreseen"] - sums["actual"]).abs().sum()) / total


def share_above(upper: Reals, actual: Reals) -> float | None:
    """Share of customers who bought for more than `upper`: a tenth, where it is an honest 90th percentile."""
    return float((actual > upper).mean()) if len(actual) else None


def share_below(lower: Reals, actual: Reals) -> float | None:
    """Share who bought for less than `lower`, among those whose `lower` is above 0: no sales are below nothing."""
    bounded = lower > 0
    return float((actual[bounded] < lower[bounded]).mean()) if bounded.any() else None


def inversions(means: Sequence[float]) -> int:
    """How many classes, listed from the best down, sold more per customer than the class just above them."""
    return sum(lower > upper for upper, lower in pairwise(means))


def share_that_moves(former: pd.Series, present: pd.Series) -> float | None:
    """Share of the customers in both who changed class or score between two runs (R52); None where there is none."""
    both = former.index.intersection(present.index)
    if both.empty:
        return None
    return float((former.loc[both].to_numpy() != present.loc[both].to_numpy()).mean())


def _concentration(score: Reals, actual: Reals) -> float:
    ranks = pd.Series(score).rank(method="average").to_numpy(dtype=np.float64)
    return float(((ranks - ranks.mean()) * actual).sum())


def _parts(score: Reals, actual: Reals) -> Reals:
    """Each row's part in `_concentration`: ½ Σ sign(score − score′)(actual − actual′) over all other rows."""
    ranks = pd.Series(score).rank(method="average").to_numpy(dtype=np.float64)
    _values, place = np.unique(score, return_inverse=True)
    sums = np.bincount(place, weights=actual)
    below = np.cumsum(sums) - sums
    above = actual.sum() - below - sums
    return np.asarray(actual * (ranks - ranks.mean()) - (below - above)[place] / 2)


def _root_of_squares(parts: Reals) -> float:
    return float(np.sqrt((parts**2).sum()))


def _cumulated(score: Reals, actual: Reals) -> tuple[Reals, Reals]:
    """Cumulated shares of customers and of their actual sales from the best score down, a step per different score."""
    by_score = pd.DataFrame({"score": score, "sales": actual, "customers": 1.0}).groupby("score").sum()
    steps = by_score.sort_index(ascending=False).cumsum()
    customers, sales = (np.concatenate([[0.0], steps[name].to_numpy(np.float64)]) for name in ("customers", "sales"))
    return customers / len(actual), sales / float(actual.sum())
