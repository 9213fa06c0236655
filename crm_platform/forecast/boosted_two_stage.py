"""Sales of the term in two steps: whether a customer buys at all, and how much one who buys does; both boosted trees.

Assumptions: (1) sales are P(buys) × E(sales | buys), the two-part or hurdle model (Cragg 1971; Duan et al. 1983), with
different reasons for either; (2) among who buys, sales are gamma-like: the error grows with the level; (3) what
preceded sales at earlier origins precedes them again. The first step is the retention power (継続力, R53).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from crm_platform.forecast.design import Design, Matrix, fit_design, matrices, matrix
from crm_platform.forecast.trees import FEWEST_CUSTOMERS, grow, lesson, read, unit_of, without_outliers

Reals = npt.NDArray[np.float64]


@dataclass(frozen=True)
class BoostedTwoStage:
    """Fitted trees. `unit_jpy` is what 1 of `spending` stands for: about the mean sales of who bought.

    `buying` is null where everybody bought: the probability is 1 then.
    """

    design: Design
    unit_jpy: float
    buying: str | None
    spending: str
    customers: int

    def to_json(self) -> dict[str, Any]:
        """Plain JSON; the trees are LightGBM's text."""
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """The inverse of `to_json`."""
        design = Design.from_json(stored["design"])
        return cls(design, stored["unit_jpy"], stored["buying"], stored["spending"], stored["customers"])


def fit_boosted_two_stage(
    features: pd.DataFrame,
    sales_jpy: npt.ArrayLike,
    *,
    horizon_days: int,
    weights: npt.ArrayLike | None = None,
    experts: pd.DataFrame | None = None,
) -> BoostedTwoStage:
    """Learn from customers of earlier origins, in any order.

    Args:
        features: rows of `history.customer_features`, buyers only.
        sales_jpy: 売上 of each in the term that followed, at least 0; who has some bought.
        horizon_days: the term.
        weights: how much each row counts; 1 where not given.
        experts: forecasts of other models made then, row by row (see `design.fit_design`).

    Raises:
        ValueError: nothing to learn from (see `trees.lesson` and `design.fit_design`), or too few who bought.
    """
    design = fit_design(features, horizon_days, experts)
    learned = lesson(matrix(design, features, experts), sales_jpy, weights)
    bought = learned.sales_jpy > 0
    if bought.sum() < FEWEST_CUSTOMERS:
        raise ValueError(f"what a buyer spends needs at least {FEWEST_CUSTOMERS} who bought, not {bought.sum()}")
    buying = None if bought.all() else grow(learned, bought.astype(np.float64), design, {"objective": "binary"})
    buyers = learned.only(bought)
    spending = grow(buyers, without_outliers(buyers), design, {"objective": "gamma"})
    unit_jpy = unit_of(learned, _probability(buying, learned.seen) * read(spending, learned.seen))
    return BoostedTwoStage(design, unit_jpy, buying, spending, len(bought))


def probability_of_purchase(
    model: BoostedTwoStage, features: pd.DataFrame, experts: pd.DataFrame | None = None
) -> Reals:
    """P(some sales in the term) of each customer, row by row of `features` (buyers only)."""
    return np.concatenate([probability_seen(model, seen) for seen in matrices(model.design, features, experts)])


def expected_sales(model: BoostedTwoStage, features: pd.DataFrame, experts: pd.DataFrame | None = None) -> Reals:
    """売上 expected of each customer in the term, in yen: above 0, row by row of `features` (buyers only)."""
    blocks = [
        probability_seen(model, seen) * sales_if_buying_seen(model, seen)
        for seen in matrices(model.design, features, experts)
    ]
    return np.concatenate(blocks)


def probability_seen(model: BoostedTwoStage, seen: Matrix) -> Reals:
    """P(some sales in the term) of rows of the design's matrix."""
    return _probability(model.buying, seen)


def sales_if_buying_seen(model: BoostedTwoStage, seen: Matrix) -> Reals:
    """売上 of the term, given that the customer buys, of rows of the design's matrix, in yen."""
    sales: Reals = read(model.spending, seen) * model.unit_jpy
    return sales


def _probability(buying: str | None, seen: Matrix) -> Reals:
    return np.ones(len(seen)) if buying is None else read(buying, seen)
