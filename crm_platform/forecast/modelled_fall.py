"""Probability of a fall as the models of purchases and values have it: known at the first origin as at the last.

A fall (ランクダウン) is buying less than half of the last term's sales, or nothing, in the next term.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from crm_platform.forecast.gamma_gamma import spending_below
from crm_platform.forecast.origins import reals
from crm_platform.forecast.pareto_nbd import purchase_count_probabilities
from crm_platform.forecast.spending import Spending, expected_value, kept_share, mean_value

Reals = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

FALLEN_SHARE = 0.5  # of the last term's sales; below it the customer has fallen
CELLS_AT_ONCE = 1_000_000  # customers × numbers of purchases: bounds the memory


def has_fallen(level_jpy: Reals, came_jpy: Reals) -> Flags:
    """Whether what came is less than half of the level of the term before, row by row."""
    fallen: Flags = came_jpy < FALLEN_SHARE * level_jpy
    return fallen


def modelled_fall_rate(features: pd.DataFrame, model: Spending, horizon_days: float) -> Reals:
    """P(fall) of buyers with sales in the last term: Σ over n of P(n purchases) × P(their value is below the level).

    Customers are taken together by how many purchases matter, up to one a day.
    """
    kept = np.maximum(kept_share(model, features), 1e-6)
    level = reals(features, "sales_term_jpy") / kept * FALLEN_SHARE
    most = np.minimum(
        2 ** np.ceil(np.log2(2 * level / expected_value(model, features) + 4)), np.ceil(horizon_days)
    ).astype(np.int64)
    rate = np.zeros(len(level))
    for size in np.unique(most):
        rows = np.flatnonzero(most == size)
        for some in np.array_split(rows, np.ceil(len(rows) * size / CELLS_AT_ONCE).astype(np.int64)):
            rate[some] = _fall_rate(features.iloc[some], level[some], model, horizon_days, int(size))
    return np.clip(rate, 0, 1)


def _fall_rate(features: pd.DataFrame, level: Reals, model: Spending, horizon_days: float, most: int) -> Reals:
    purchases, t_x, age = (reals(features, name) for name in ("purchase_days", "tenure_days", "age_days"))
    chance = purchase_count_probabilities(model.purchases.pareto, purchases - 1, t_x, age, horizon_days, most)
    below, _ = spending_below(
        model.values,
        purchases[:, None],
        mean_value(features)[:, None],
        np.arange(1, most + 1, dtype=np.float64)[None, :],
        level[:, None],
    )
    rate: Reals = chance[:, 0] + (chance[:, 1:] * below).sum(axis=1)
    return rate
