"""Sales of the term from everything known of a customer: boosted trees under a Tweedie distribution.

Assumptions: (1) sales are 0 with some probability and gamma-like above it, a compound Poisson-gamma whose variance is
mean^`VARIANCE_POWER` times a constant (Jørgensen 1987; boosted by Yang, Qian & Zou 2018, "Insurance premium prediction
via gradient tree-boosted Tweedie compound Poisson models"); (2) what preceded sales at earlier origins precedes them
again. Nothing is assumed of how customers buy or stop, so it sees what purchase models cannot: cancellations, kinds of
goods, discounts, subscriptions (R50).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from crm_platform.forecast.design import Design, Matrix, fit_design, matrices, matrix
from crm_platform.forecast.trees import grow, lesson, read, unit_of, without_outliers

Reals = npt.NDArray[np.float64]

VARIANCE_POWER = 1.4  # between 1 (Poisson) and 2 (gamma); 1.2 to 1.7 rank alike


@dataclass(frozen=True)
class BoostedTweedie:
    """Fitted trees; `unit_jpy` is what 1 of the trees stands for: about the mean sales of who was learned from."""

    design: Design
    unit_jpy: float
    trees: str
    customers: int

    def to_json(self) -> dict[str, Any]:
        """Plain JSON; the trees are LightGBM's text."""
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """The inverse of `to_json`."""
        design = Design.from_json(stored["design"])
        return cls(design, stored["unit_jpy"], stored["trees"], stored["customers"])


def fit_boosted_tweedie(
    features: pd.DataFrame,
    sales_jpy: npt.ArrayLike,
    *,
    horizon_days: int,
    weights: npt.ArrayLike | None = None,
    experts: pd.DataFrame | None = None,
) -> BoostedTweedie:
    """Learn from customers of earlier origins, in any order.

    Args:
        features: rows of `history.customer_features`, buyers only.
        sales_jpy: 売上 of each in the term that followed, at least 0.
        horizon_days: the term.
        weights: how much each row counts; 1 where not given.
        experts: forecasts of other models made then, row by row (see `design.fit_design`).

    Raises:
        ValueError: nothing to learn from (see `trees.lesson` and `design.fit_design`).
    """
    design = fit_design(features, horizon_days, experts)
    learned = lesson(matrix(design, features, experts), sales_jpy, weights)
    objective = {"objective": "tweedie", "tweedie_variance_power": VARIANCE_POWER}
    trees = grow(learned, without_outliers(learned), design, objective)
    unit_jpy = unit_of(learned, read(trees, learned.seen))
    return BoostedTweedie(design, unit_jpy, trees, len(learned.sales_jpy))


def expected_sales(model: BoostedTweedie, features: pd.DataFrame, experts: pd.DataFrame | None = None) -> Reals:
    """売上 expected of each customer in the term, in yen: above 0, row by row of `features` (buyers only)."""
    return np.concatenate([sales_seen(model, seen) for seen in matrices(model.design, features, experts)])


def sales_seen(model: BoostedTweedie, seen: Matrix) -> Reals:
    """The same of rows of the design's matrix."""
    sales: Reals = read(model.trees, seen) * model.unit_jpy
    return sales
