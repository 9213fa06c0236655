"""One-off sales of a term in two steps, P(buys) × E(sales | buys), both boosted trees (see `boosted_two_stage`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from crm_platform.forecast.trees import grow, lesson, read, unit_of, without_outliers
from crm_platform.two_track.targets.subscriber_design import (
    SubscriberDesign,
    fit_subscriber_design,
    subscriber_matrix,
)

Reals = npt.NDArray[np.float64]

BLOCK_ROWS = 100_000


class Foreseen(NamedTuple):
    """Of each subscriber: P(a one-off purchase in the term), and the one-off sales expected, in yen."""

    p_buys: Reals
    sales_jpy: Reals


@dataclass(frozen=True)
class OneOffTrees:
    """Fitted trees as LightGBM's text; `unit_jpy` is what 1 of `spending` stands for."""

    design: SubscriberDesign
    unit_jpy: float
    buying: str
    spending: str

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """The inverse of `to_json`."""
        return cls(**{**stored, "design": SubscriberDesign.from_json(stored["design"])})


def fit_one_off_trees(features: pd.DataFrame, sales_jpy: Reals, weights: Reals, horizon_days: int) -> OneOffTrees:
    """Learn from subscribers of earlier origins, in any order; ValueError where there are too few (see `lesson`)."""
    design = fit_subscriber_design(features, horizon_days)
    learned = lesson(subscriber_matrix(design, features), sales_jpy, weights)
    bought = learned.sales_jpy > 0
    buying = grow(learned, bought.astype(np.float64), design, {"objective": "binary"})
    buyers = learned.only(bought)
    spending = grow(buyers, without_outliers(buyers), design, {"objective": "gamma"})
    unit_jpy = unit_of(learned, read(buying, learned.seen) * read(spending, learned.seen))
    return OneOffTrees(design, unit_jpy, buying, spending)


def read_one_off_trees(model: OneOffTrees, features: pd.DataFrame) -> Foreseen:
    """What the trees say of each row of `subscribers_at`."""
    blocks = []
    for start in range(0, max(len(features), 1), BLOCK_ROWS):
        seen = subscriber_matrix(model.design, features.iloc[start : start + BLOCK_ROWS])
        p_buys = read(model.buying, seen)
        blocks.append((p_buys, p_buys * read(model.spending, seen) * model.unit_jpy))
    return Foreseen(*(np.concatenate(column) for column in zip(*blocks, strict=True)))
