"""Both boosted models: grown on the same customers of earlier origins, read from the same matrix.

An earlier origin is foretold by trees that were grown on the other half of the customers, so that what a customer did
is never in the forecast that is held against it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from crm_platform.forecast.boosted_tweedie import BoostedTweedie, fit_boosted_tweedie, sales_seen
from crm_platform.forecast.boosted_two_stage import (
    BoostedTwoStage,
    fit_boosted_two_stage,
    probability_seen,
    sales_if_buying_seen,
)
from crm_platform.forecast.design import matrices
from crm_platform.forecast.origins import Origin

Reals = npt.NDArray[np.float64]

FEWEST_BUYERS = 200  # customers who bought after the latest earlier origin: below this trees learn noise
MOST_LESSONS = 60_000  # customers × origins that trees learn from


@dataclass(frozen=True)
class Boosted:
    """The fitted models, learned from the same rows."""

    tweedie: BoostedTweedie
    two_stage: BoostedTwoStage

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {"tweedie": self.tweedie.to_json(), "two_stage": self.two_stage.to_json()}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Boosted:
        """Read what `to_json` wrote."""
        return cls(BoostedTweedie.from_json(value["tweedie"]), BoostedTwoStage.from_json(value["two_stage"]))


class Reading(NamedTuple):
    """What the trees say of each customer: sales of the term by either model, and P(purchase)."""

    tweedie_jpy: Reals
    two_stage_jpy: Reals
    purchase_rate: Reals


def can_learn(past: Sequence[Origin]) -> bool:
    """Whether enough customers bought after the latest earlier origin, in either half of them."""
    if not past:
        return False
    bought = past[0].sales_jpy > 0
    return bool(bought.sum() >= FEWEST_BUYERS and min(bought[::2].sum(), bought[1::2].sum()) >= FEWEST_BUYERS / 4)


def learn(past: Sequence[Origin], hints: Sequence[pd.DataFrame]) -> tuple[Boosted, list[Reading]]:
    """The models grown on everyone, and what trees of the other half say of each origin's customers.

    Args:
        past: earlier origins of one term, the latest first.
        hints: at each, what other models said then, row by row.
    """
    half_of = pd.Series(np.arange(len(past[0].features)) % 2, index=past[0].features["customer_id"])
    # Who was known at an earlier origin was known at the latest, so everyone has a half.
    halves = [half_of[origin.features["customer_id"]].to_numpy() for origin in past]
    by_half = [
        _grow(
            [_Lesson(o, h, half == wanted) for o, h, half in zip(past, hints, halves, strict=True)], MOST_LESSONS // 2
        )
        for wanted in (0, 1)
    ]
    readings = []
    for origin, hint, half in zip(past, hints, halves, strict=True):
        of_zero, of_one = (read_boosted(boosted, origin.features, hint) for boosted in by_half)
        readings.append(Reading(*(np.where(half == 0, one, zero) for zero, one in zip(of_zero, of_one, strict=True))))
    everyone = [_Lesson(o, h, np.ones(len(o.features), dtype=bool)) for o, h in zip(past, hints, strict=True)]
    return _grow(everyone, MOST_LESSONS), readings


def read_boosted(boosted: Boosted, features: pd.DataFrame, hints: pd.DataFrame) -> Reading:
    """What the trees say of buyers as `describe` gives them, with the hints of the same day."""
    blocks = []
    for seen in matrices(boosted.tweedie.design, features, hints):  # both designs are of the same rows, hence equal
        rate = probability_seen(boosted.two_stage, seen)
        spent = sales_if_buying_seen(boosted.two_stage, seen)
        blocks.append((sales_seen(boosted.tweedie, seen), rate * spent, rate))
    return Reading(*(np.concatenate(column) for column in zip(*blocks, strict=True)))


# --- inside -----------------------------------------------------------------------------------------------------------


class _Lesson(NamedTuple):
    """Some of an origin's customers."""

    origin: Origin
    hints: pd.DataFrame
    rows: npt.NDArray[np.bool_]


def _grow(lessons: Sequence[_Lesson], most: int) -> Boosted:
    """Trees from at most so many rows, every n-th; each origin counts as much as the next."""
    place = np.repeat(np.arange(len(lessons)), [int(each.rows.sum()) for each in lessons])
    rows = np.linspace(0, len(place) - 1, min(len(place), most)).round().astype(np.int64)
    features = pd.concat([each.origin.features[each.rows] for each in lessons], ignore_index=True)
    hints = pd.concat([each.hints[each.rows] for each in lessons], ignore_index=True)
    sales = np.concatenate([each.origin.sales_jpy[each.rows] for each in lessons])
    given: dict[str, Any] = {
        "features": features.iloc[rows],
        "sales_jpy": sales[rows],
        "horizon_days": lessons[0].origin.horizon_days,
        "weights": (1 / np.maximum(np.bincount(place[rows]), 1))[place[rows]],
        "experts": hints.iloc[rows],
    }
    return Boosted(fit_boosted_tweedie(**given), fit_boosted_two_stage(**given))
