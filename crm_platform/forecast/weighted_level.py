"""The recent level of a customer's sales as a forecast of its own: an exponentially weighted mean.

Simple exponential smoothing (Brown 1959, "Statistical Forecasting for Inventory Control"; Holt 1957). Assumptions: (1)
a customer's sales move about a level that wanders without direction, so that the weight of a sale halves with each
half-life since; (2) the half-life is one for all customers of a client. The level is sales ÷ time, both weighted alike;
a past that is short against the half-life says little, and a first purchase begins it by definition, so `caution` adds
time without sales to every past. A half-life of one term and a caution of two are kept unless others ranked customers
clearly better at every earlier origin with a past of a term; the sum of the forecasts is that of the sales that
followed the earlier origins.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from crm_platform.forecast.metrics import normalised_gini
from crm_platform.forecast.notes import Note, notes_from_json, notes_to_json
from crm_platform.forecast.origins import Origin, reals
from crm_platform.history.customer_features import SPANS

Reals = npt.NDArray[np.float64]

CAUTIONS = (0.125, 0.5, 2.0, 8.0)  # terms of empty time added; from 8 on the age of a past hardly matters
LEAST_GAIN = 0.005  # of the normalised Gini at every such origin, for leaving the usual
_USUAL = ("term", 2.0)
_MOST_SCALE = 10.0  # of sales to levels: more is a client whose past had hardly begun


@dataclass(frozen=True)
class WeightedLevel:
    """`span` names the half-life in `SPANS`, `caution` is in terms; `scale` brings the level to the term's sales.

    `rankings` holds the mean normalised Gini of each candidate at the earlier origins.
    """

    horizon_days: float
    span: str
    caution: float
    scale: float
    rankings: Mapping[str, float]
    notes: tuple[Note, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {**dataclasses.asdict(self), "notes": notes_to_json(self.notes)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> WeightedLevel:
        """Read what `to_json` wrote."""
        return cls(**{**value, "notes": notes_from_json(value["notes"])})


def fit_weighted_level(past: Sequence[Origin], features_now: pd.DataFrame, horizon_days: float) -> WeightedLevel:
    """Choose half-life and caution on earlier origins, the same for all of them; assume them where there is none.

    Args:
        past: earlier origins of the same client; those of another term and those without sales are left out.
        features_now: buyers as `origins.describe` gives them: without a past, what they bought per day goes on.
        horizon_days: the term of the forecast.
    """
    usable = [one for one in past if one.horizon_days == horizon_days and one.sales_jpy.sum() > 0]
    if not usable:
        plain = WeightedLevel(horizon_days, *_USUAL, 1.0, {}, (Note("level_assumed"),))
        return dataclasses.replace(
            plain, scale=_scale([_going_on(features_now, horizon_days)], [plain], [features_now])
        )
    candidates = [WeightedLevel(horizon_days, *pair, 1.0, {}, ()) for pair in itertools.product(SPANS, CAUTIONS)]
    usual = WeightedLevel(horizon_days, *_USUAL, 1.0, {}, ())
    ranks = {_name(one): np.array([_ranking(one, origin) for origin in usable]) for one in candidates}
    # At an origin with a shorter past than a term long half-lives cannot be told apart.
    telling = np.array([origin.features["age_days"].max() >= horizon_days for origin in usable])
    gains = {name: (each - ranks[_name(usual)])[telling] for name, each in ranks.items()}
    better = [one for one in candidates if gains[_name(one)].min(initial=np.inf if telling.any() else 0) > LEAST_GAIN]
    rankings = {name: float(each.mean()) for name, each in ranks.items()}
    best = max([usual, *better], key=lambda one: rankings[_name(one)])
    features, sales = [one.features for one in usable], [float(one.sales_jpy.sum()) for one in usable]
    return dataclasses.replace(best, scale=_scale(sales, [best] * len(usable), features), rankings=rankings)


def expected_sales(model: WeightedLevel, features: pd.DataFrame) -> Reals:
    """Expected 売上 in the term, per row, credits deducted; 0 where they exceed the sales."""
    span_days = SPANS[model.span] * model.horizon_days
    level = np.maximum(np.nan_to_num(reals(features, f"level_{model.span}_jpy")), 0)
    age = np.nan_to_num(reals(features, "age_days")) + 1  # the day of the first purchase is a day, too
    halving = np.log(2) / span_days
    added = model.caution * model.horizon_days
    whole = 1 / halving  # the weighted time of an endless past
    time = (-np.expm1(-halving * age) * whole + added) / (whole + added) * whole
    sales: Reals = model.scale * model.horizon_days * level / time
    return sales


def _scale(sales: Sequence[float], models: Sequence[WeightedLevel], features: Sequence[pd.DataFrame]) -> float:
    foreseen = sum(float(expected_sales(*pair).sum()) for pair in zip(models, features, strict=True))
    return min(sum(sales) / foreseen, _MOST_SCALE) if foreseen > 0 else 0.0


def _going_on(features: pd.DataFrame, horizon_days: float) -> float:
    """Sales of a term if all customers together went on as they did since their first purchase."""
    net = np.maximum(reals(features, "standing_sales_jpy") - reals(features, "returned_jpy"), 0).sum()
    longest = float(np.nan_to_num(reals(features, "age_days")).max(initial=0)) + 1
    return float(net) * min(horizon_days / longest, 1.0)


def _ranking(model: WeightedLevel, origin: Origin) -> float:
    return normalised_gini(expected_sales(model, origin.features), origin.sales_jpy) or 0.0


def _name(model: WeightedLevel) -> str:
    return f"{model.span}, caution {model.caution:g}"
