"""The probability of a fall, learned from the client's own past: a logistic model of a few signs, mended by trees.

The logistic model (Cox 1958) has an intercept for every origin, so that it learns who falls, not when many fall. Small
trees are grown on what it leaves. How many fall is foretold from the origins (`foretelling`): where falls return with
the season, the same season a year ago counts most.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.optimize import brentq
from scipy.special import expit

from crm_platform.forecast.design import Design, fit_design, matrices, matrix
from crm_platform.forecast.foretelling import foretell
from crm_platform.forecast.search import least
from crm_platform.forecast.trees import Lesson, grow, read_raw

Reals = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

FEWEST_OF_EITHER = 50  # fallen, and not fallen, over all origins: fewer teach no signs
FEWEST_FOR_TREES = 300
FEWEST_OF_AN_ORIGIN = 5  # of either kind, for an origin to tell how many fall
MOST_LESSONS = 30_000  # customers × origins that are learned from
RIDGE = 10.0  # customers who speak for weights of 0
TREES, LEAVES = 60, 4
UNLEARNED_SIGNS = ("modelled", "level", "silence")
UNLEARNED_WEIGHT = 0.4  # of each, where nothing could be learned: together about as steep as what shops teach


class FallLesson(NamedTuple):
    """Buyers of an earlier origin, the signs that they showed, and who fell."""

    as_of: dt.date
    features: pd.DataFrame
    signs: pd.DataFrame
    fallen: Flags


@dataclass(frozen=True)
class FallModel:
    """log odds = Σ weight × (sign − mean) ÷ scale, plus the trees', plus `shift` (standard deviation `shift_sd`)."""

    names: tuple[str, ...]
    means: tuple[float, ...]
    scales: tuple[float, ...]
    weights: tuple[float, ...]
    design: Design | None
    trees: str | None
    shift: float
    shift_sd: float
    customers: int  # × origins learned from; 0 where nothing could be learned
    fallen: int

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {**vars(self), "design": self.design.to_json() if self.design else None}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> FallModel:
        """Read what `to_json` wrote."""
        design = Design.from_json(value["design"]) if value["design"] else None
        listed = {name: tuple(value[name]) for name in ("names", "means", "scales", "weights")}
        return cls(**{**value, **listed, "design": design})


def can_learn(fallen: Sequence[Flags], fewest: int = FEWEST_OF_EITHER) -> bool:
    """Whether there are enough who fell, and enough who did not, over all origins."""
    fell = sum(int(each.sum()) for each in fallen)
    return min(fell, sum(map(len, fallen)) - fell) >= fewest


def fit_fall_model(
    lessons: Sequence[FallLesson], names: Sequence[str], as_of: dt.date, horizon_days: int, *, with_trees: bool
) -> FallModel:
    """Learn from earlier origins which of the signs `names` come before a fall.

    Too few falls: see `assumed_falls`. ValueError where `can_learn` says no.
    """
    if not can_learn([each.fallen for each in lessons]):
        raise ValueError("too few fell, or too few did not, to learn from")
    taught = _at_most(lessons, MOST_LESSONS)
    origin = np.repeat(np.arange(len(taught)), [len(each.fallen) for each in taught])
    signs = pd.concat([each.signs for each in taught], ignore_index=True)
    fallen = np.concatenate([each.fallen for each in taught]).astype(np.float64)
    counts = (len(fallen) / max(len(taught), 1) / np.bincount(origin, minlength=len(taught)))[origin]
    means, scales, weights = _logistic(signs[list(names)].to_numpy(dtype=np.float64), fallen, counts, origin)
    model = FallModel(
        tuple(names), means, scales, weights, None, None, 0.0, 0.0, len(fallen), round(float(fallen.sum()))
    )
    if with_trees and can_learn([each.fallen for each in taught], FEWEST_FOR_TREES):
        model = _with_trees(model, taught, signs, fallen, counts, origin, horizon_days)
    return _at_the_level_of_origins(model, lessons, as_of, horizon_days)


def assumed_falls(now: pd.DataFrame, lessons: Sequence[FallLesson], as_of: dt.date, horizon_days: int) -> FallModel:
    """Where too few fell to learn from: three signs alike, and as many falls as the models of purchases expect.

    No sign alone tells well in every shop. Origins, where there are some, correct how many fall.

    Args:
        now: the signs of today's customers, `modelled` among them.
        lessons: earlier origins with the same signs.
        as_of: the last day known.
        horizon_days: the term.
    """
    count = len(UNLEARNED_SIGNS)
    model = FallModel(
        UNLEARNED_SIGNS, (0.0,) * count, (1.0,) * count, (UNLEARNED_WEIGHT,) * count, None, None, 0.0, 0.0, 0, 0
    )
    expected = _shift_as_modelled(model, now)
    telling = [each for each in lessons if can_learn([each.fallen], FEWEST_OF_AN_ORIGIN)]
    return _with_shift(
        model, expected, [_shift_as_modelled(model, each.signs) for each in telling], telling, as_of, horizon_days
    )


def fall_rate(model: FallModel, features: pd.DataFrame, signs: pd.DataFrame) -> Reals:
    """P(fall) of each customer, row by row."""
    rate: Reals = expit(_log_odds(model, features, signs) + model.shift)
    return rate


# --- inside -----------------------------------------------------------------------------------------------------------


def _at_most(lessons: Sequence[FallLesson], most: int) -> list[FallLesson]:
    """At most so many rows, every n-th of each origin; an origin without a row is left out."""
    total = sum(len(each.fallen) for each in lessons)
    found = []
    for each in lessons:
        wanted = len(each.fallen) if total <= most else int(len(each.fallen) * most / total)
        rows = np.linspace(0, len(each.fallen) - 1, wanted).round().astype(np.int64)
        if wanted:
            found.append(FallLesson(each.as_of, each.features.iloc[rows], each.signs.iloc[rows], each.fallen[rows]))
    return found


def _logistic(signs: Reals, fallen: Reals, counts: Reals, origin: npt.NDArray[np.int64]) -> tuple[Any, Any, Any]:
    """Means and scales of the signs, and the weights of ridge logistic regression with an intercept per origin."""
    means, scales = signs.mean(axis=0), np.maximum(signs.std(axis=0), 1e-9)
    seen, origins = (signs - means) / scales, int(origin.max()) + 1

    def loss(parameters: Reals) -> tuple[float, Reals]:
        weights = parameters[origins:]
        odds = parameters[origin] + seen @ weights
        error = counts * (expit(odds) - fallen)
        slopes = np.concatenate([np.bincount(origin, error, origins), seen.T @ error + RIDGE * weights])
        # log(1 + e^x) without overflow
        likelihood = float((counts * (np.logaddexp(0, odds) - fallen * odds)).sum())
        return likelihood + RIDGE / 2 * float(weights @ weights), slopes

    count = signs.shape[1]
    found = least(loss, np.zeros(origins + count), [(-20.0, 20.0)] * (origins + count)).x[origins:]
    return tuple(map(float, means)), tuple(map(float, scales)), tuple(map(float, found))


def _with_trees(
    model: FallModel,
    lessons: Sequence[FallLesson],
    signs: pd.DataFrame,
    fallen: Reals,
    counts: Reals,
    origin: npt.NDArray[np.int64],
    horizon_days: int,
) -> FallModel:
    """Trees for what the signs leave; a fall is never less likely for a stronger sign, the rest is free."""
    features = pd.concat([each.features for each in lessons], ignore_index=True)
    odds = _of_signs(model, signs)
    for place in range(len(lessons)):
        rows = origin == place
        odds[rows] += _shift_to(odds[rows], float(fallen[rows].mean()))
    design = fit_design(features, horizon_days, signs)
    lesson = Lesson(matrix(design, features, signs), fallen, counts)
    directions = [int(name.startswith("expert_")) for name in design.names]
    settings = {"objective": "binary", "num_leaves": LEAVES, "monotone_constraints": directions}
    return dataclasses.replace(model, design=design, trees=grow(lesson, fallen, design, settings, odds, TREES))


def _at_the_level_of_origins(
    model: FallModel, lessons: Sequence[FallLesson], as_of: dt.date, horizon_days: int
) -> FallModel:
    """The shift with which as many are foreseen to fall as fell, foretold about the origins' mean."""
    telling = [each for each in lessons if can_learn([each.fallen], FEWEST_OF_AN_ORIGIN)]
    middle = float(np.mean([_shift_of(model, each) for each in telling])) if telling else 0.0
    return _with_shift(model, middle, [middle] * len(telling), telling, as_of, horizon_days)


def _with_shift(
    model: FallModel,
    expected: float,
    expected_then: Sequence[float],
    telling: Sequence[FallLesson],
    as_of: dt.date,
    horizon_days: int,
) -> FallModel:
    """The expected shift, corrected by what the origins' shifts were beyond those expected then."""
    beyond = np.array([_shift_of(model, each) for each in telling]) - np.array(expected_then)
    rates = np.array([each.fallen.mean() for each in telling])
    sizes = np.array([len(each.fallen) for each in telling])
    noise = 1 / (sizes * rates * (1 - rates))  # of the log odds of a share of independent customers
    ago = np.array([(as_of - each.as_of).days for each in telling], dtype=np.float64)
    told = foretell(ago, beyond, noise, horizon_days)
    return dataclasses.replace(model, shift=expected + told.mean, shift_sd=told.sd)


def _shift_of(model: FallModel, lesson: FallLesson) -> float:
    """The shift with which as many of an origin's customers are foreseen to fall as fell."""
    return _shift_to(_log_odds(model, lesson.features, lesson.signs), float(lesson.fallen.mean()))


def _shift_as_modelled(model: FallModel, signs: pd.DataFrame) -> float:
    """The shift with which as many fall as the models of purchases and values expect; 0 of nobody."""
    if not len(signs):
        return 0.0
    return _shift_to(_of_signs(model, signs), float(expit(signs["modelled"].to_numpy()).mean()))


def _log_odds(model: FallModel, features: pd.DataFrame, signs: pd.DataFrame) -> Reals:
    odds = _of_signs(model, signs)
    if model.design is None or model.trees is None or not len(features):
        return odds
    mended: Reals = odds + np.concatenate(
        [read_raw(model.trees, seen) for seen in matrices(model.design, features, signs)]
    )
    return mended


def _of_signs(model: FallModel, signs: pd.DataFrame) -> Reals:
    seen = (signs[list(model.names)].to_numpy(dtype=np.float64) - np.array(model.means)) / np.array(model.scales)
    odds: Reals = (seen * np.array(model.weights)).sum(axis=1)
    return odds


def _shift_to(odds: Reals, rate: float) -> float:
    """What to add to log odds so that their mean chance is `rate`."""
    if not 0 < rate < 1:
        return 0.0
    return float(brentq(lambda shift: float(expit(odds + shift).mean()) - rate, -40, 40, xtol=1e-9))
