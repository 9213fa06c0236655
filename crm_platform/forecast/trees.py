"""Growing gradient-boosted trees and reading them: LightGBM (Ke et al. 2017), small, one-threaded, the same every time.

Trees are kept as LightGBM's own text, which any later version reads. What is known beforehand is not left to the data
to find out: a forecast never falls as a customer's level, pace or an expert's forecast rises, nor rises with the
silence since the last purchase. That steadies the ranking where customers are few.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from crm_platform.forecast.design import Matrix

Reals = npt.NDArray[np.float64]

FEWEST_CUSTOMERS = 40  # to learn from, and as many buyers for what a buyer spends
HIGHEST_KEPT = 0.99  # of buyers' sales: what the largest buy above it says nothing about the others
TREES = 100
_SHRINKAGE: dict[str, Any] = {
    "learning_rate": 0.05,
    "num_leaves": 8,
    "lambda_l2": 5.0,
    "feature_fraction": 0.3,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "max_bin": 63,
}
_SAME_EVERY_TIME: dict[str, Any] = {
    "deterministic": True,
    "force_col_wise": True,
    "num_threads": 1,
    "seed": 1,
    "verbosity": -1,
}


class Columns(Protocol):
    """What trees know of the columns of their matrix (see `design.Design`)."""

    @property
    def names(self) -> tuple[str, ...]:
        """A name for each."""

    @property
    def kinds(self) -> list[int]:
        """The places of those that are codes of kinds."""

    @property
    def directions(self) -> list[int]:
        """Per column 1 where a forecast must not fall as it rises, −1 where it must not rise, 0 where it is free."""


class Lesson(NamedTuple):
    """What trees learn from, in an order that the order of the rows given does not change."""

    seen: Matrix
    sales_jpy: Reals
    weights: Reals

    def only(self, rows: npt.NDArray[np.bool_]) -> Lesson:
        """The lesson of some of the customers."""
        return Lesson(self.seen[rows], self.sales_jpy[rows], self.weights[rows])


def lesson(seen: Matrix, sales_jpy: npt.ArrayLike, weights: npt.ArrayLike | None) -> Lesson:
    """Customers, what each bought afterwards, and how much each counts (1 where not given); rows sorted by content.

    Raises:
        ValueError: columns of different lengths, fewer than `FEWEST_CUSTOMERS` rows, a value that is negative or not
            finite, no weight above 0, or nobody who bought.
    """
    sales = np.asarray(sales_jpy, dtype=np.float64)
    counts = np.ones(sales.shape) if weights is None else np.asarray(weights, dtype=np.float64)
    if sales.shape != (len(seen),) or counts.shape != sales.shape:
        raise ValueError("features, sales and weights must have one row per customer")
    if not all(np.isfinite(values).all() and (values >= 0).all() for values in (sales, counts)):
        raise ValueError("sales and weights must be finite and not negative")
    told = counts > 0
    if told.sum() < FEWEST_CUSTOMERS:
        raise ValueError(f"boosted trees need at least {FEWEST_CUSTOMERS} customers to learn from, not {told.sum()}")
    if not (sales[told] > 0).any():
        raise ValueError("none of these customers bought anything afterwards: there is nothing to learn")
    order = _by_content(np.column_stack([seen, sales, counts]))
    return Lesson(seen[order], sales[order], counts[order]).only(told[order])


def grow(
    learned: Lesson,
    label: Reals,
    design: Columns,
    objective: Mapping[str, Any],
    start: Reals | None = None,
    trees: int = TREES,
) -> str:
    """Trees that foretell `label` from `learned.seen`, or mend what `start` foretells, as LightGBM's text.

    `objective` may hold any other of LightGBM's settings, too.
    """
    import lightgbm  # noqa: PLC0415  half a second, which who only reads a forecast need not wait

    rows = len(label)
    settings = {
        **_SHRINKAGE,
        **_SAME_EVERY_TIME,
        "min_data_in_leaf": int(np.clip(rows // 200, 5, 100)),
        "monotone_constraints": design.directions,
        **objective,
    }
    data = lightgbm.Dataset(
        learned.seen,
        label,
        weight=learned.weights / learned.weights.mean(),
        feature_name=list(design.names),
        categorical_feature=design.kinds,
        init_score=start,
    )
    text: str = lightgbm.train(settings, data, trees).model_to_string()
    return text


def read(trees: str, seen: Matrix) -> Reals:
    """What the trees foretell of each row, in the unit of their label."""
    import lightgbm  # noqa: PLC0415  as above

    if not len(seen):
        return np.zeros(0)
    return np.asarray(lightgbm.Booster(model_str=trees).predict(seen, num_threads=1), dtype=np.float64)


def read_raw(trees: str, seen: Matrix) -> Reals:
    """What the trees add to what they were started from, before it becomes a rate."""
    import lightgbm  # noqa: PLC0415  as above

    if not len(seen):
        return np.zeros(0)
    booster = lightgbm.Booster(model_str=trees)
    return np.asarray(booster.predict(seen, num_threads=1, raw_score=True), dtype=np.float64)


def without_outliers(learned: Lesson) -> Reals:
    """Sales with a mean of 1, those above the `HIGHEST_KEPT` quantile of buyers lowered to it (winsorised)."""
    sales = learned.sales_jpy
    kept = np.minimum(sales, np.quantile(sales[sales > 0], HIGHEST_KEPT))
    label: Reals = kept * (learned.weights.sum() / (kept * learned.weights).sum())
    return label


def unit_of(learned: Lesson, foretold: Reals) -> float:
    """Yen per unit of `foretold`, so that what is foretold of who was learned from adds up to what they bought.

    Shrunken trees and lowered outliers alone would leave the total too low.
    """
    return float((learned.sales_jpy * learned.weights).sum() / (foretold * learned.weights).sum())


def _by_content(rows: Reals) -> npt.NDArray[np.int64]:
    """Rows in the order of their bytes: equal ones are interchangeable."""
    packed = np.ascontiguousarray(rows)
    return np.argsort(packed.view(np.dtype((np.void, packed.itemsize * packed.shape[1]))).ravel(), kind="stable")
