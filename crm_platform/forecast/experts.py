"""The forecasts that are blended: two that assume how customers buy, two that only learn what came of such customers.

Each errs in its own way: models of purchasing know nothing of goods and cancellations, the weighted level nothing of
stopping, and trees nothing that earlier origins did not show. At an earlier origin each is told as it would have been
told then: the models fitted on what was known, the trees grown on other customers. Of what came two things remain in
it: the kind of model, half-life and caution were chosen at these origins, and the other customers lived in that term.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from crm_platform.forecast import purchases, weighted_level
from crm_platform.forecast.boosted import FEWEST_BUYERS, Boosted, Reading, can_learn, learn, read_boosted
from crm_platform.forecast.notes import Note
from crm_platform.forecast.origins import Origin
from crm_platform.forecast.prior import Prior
from crm_platform.forecast.spending import Spending, expected_sales, expected_value, fit_spending, refit_spending
from crm_platform.forecast.weighted_level import WeightedLevel, fit_weighted_level

Reals = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Experts:
    """The fitted forecasts; without trees where too few customers bought after earlier origins."""

    horizon_days: int
    spending: Spending
    level: WeightedLevel
    boosted: Boosted | None

    @property
    def notes(self) -> tuple[Note, ...]:
        """What a reader should know of the fits."""
        few = Note("no_trees", {"fewest": FEWEST_BUYERS})
        return (*self.spending.notes, *self.level.notes, *([] if self.boosted else [few]))

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "horizon_days": self.horizon_days,
            "spending": self.spending.to_json(),
            "level": self.level.to_json(),
            "boosted": self.boosted.to_json() if self.boosted else None,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Experts:
        """Read what `to_json` wrote."""
        return cls(
            horizon_days=value["horizon_days"],
            spending=Spending.from_json(value["spending"]),
            level=WeightedLevel.from_json(value["level"]),
            boosted=Boosted.from_json(value["boosted"]) if value["boosted"] else None,
        )


@dataclass(frozen=True, eq=False)
class Told:
    """What the experts say of each customer: expected sales by expert, and the rest of the forecast."""

    sales_jpy: Mapping[str, Reals]
    p_active: Reals
    expected_purchases: Reals
    purchase_rate: Reals


def fit_experts(
    now: pd.DataFrame, past: Sequence[Origin], horizon_days: int, *, prior: Prior | None = None
) -> tuple[Experts, list[Experts], list[Told]]:
    """The experts of today; those of every earlier origin, without trees; and what all would have said there.

    Args:
        now: buyers as known at the as-of date.
        past: earlier origins, the latest first.
        horizon_days: the term.
        prior: parameters of other clients, for a client with few repeaters.
    """
    spending = fit_spending(now, past, horizon_days, prior=prior)
    level = fit_weighted_level(past, now, horizon_days)
    then = [Experts(horizon_days, refit_spending(spending, origin.features), level, None) for origin in past]
    told = [consult(each, origin.features) for each, origin in zip(then, past, strict=True)]
    if not can_learn(past):
        return Experts(horizon_days, spending, level, None), then, told
    hints = [_hints(each, one, o.features) for each, one, o in zip(then, told, past, strict=True)]
    boosted, readings = learn(past, hints)
    told = [_with_trees(one, reading) for one, reading in zip(told, readings, strict=True)]
    return Experts(horizon_days, spending, level, boosted), then, told


def consult(experts: Experts, features: pd.DataFrame) -> Told:
    """Every expert's forecast of buyers as `describe` gives them."""
    model, term = experts.spending.purchases, experts.horizon_days
    expected = purchases.expected_purchases(model, features, term)
    sales = {
        "spending": expected_sales(experts.spending, features, expected),
        "level": weighted_level.expected_sales(experts.level, features),
    }
    rate = purchases.probability_of_purchase(model, features, term)
    told = Told(sales, purchases.p_active(model, features), expected, rate)
    if experts.boosted is None or not len(features):
        return told
    return _with_trees(told, read_boosted(experts.boosted, features, _hints(experts, told, features)))


def _with_trees(told: Told, reading: Reading) -> Told:
    """The trees beside the models; the chance of a purchase is the mean of both."""
    sales = {**told.sales_jpy, "tweedie": reading.tweedie_jpy, "two_stage": reading.two_stage_jpy}
    return Told(sales, told.p_active, told.expected_purchases, (told.purchase_rate + reading.purchase_rate) / 2)


def _hints(experts: Experts, told: Told, features: pd.DataFrame) -> pd.DataFrame:
    """What the models say, for the trees to see."""
    return pd.DataFrame(
        {
            "spending_jpy": told.sales_jpy["spending"],
            "level_jpy": told.sales_jpy["level"],
            "value_jpy": expected_value(experts.spending, features),
            "p_active": told.p_active,
        }
    )
