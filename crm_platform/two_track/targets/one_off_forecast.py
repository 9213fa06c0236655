"""One-off sales (都度) of the next term of every subscriber, learned from the client's own earlier origins only.

Trees where enough subscribers bought, rates of customers alike where not; brought to the level that former forecasts
deserved (`calibration`, `season`), with an interval from what became of customers alike (`intervals`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import ibis
import numpy as np
import numpy.typing as npt
import pandas as pd

from crm_platform.forecast.calibration import Calibration, PastForecast, calibrated, calibrated_rate, fit_calibration
from crm_platform.forecast.carrying import carried_calibration
from crm_platform.forecast.forecast import every_nth
from crm_platform.forecast.intervals import Intervals, fit_intervals, interval
from crm_platform.forecast.origins import plan_origins
from crm_platform.forecast.season import Season, fit_season, season_shift
from crm_platform.two_track.one_off_purchases import one_off_buyers, one_off_jpy
from crm_platform.two_track.targets.basket_level import in_todays_yen
from crm_platform.two_track.targets.known import KnownSubscribers
from crm_platform.two_track.targets.lessons import Lesson, can_be_held_against, halves, lessons_at
from crm_platform.two_track.targets.one_off_rates import OneOffRates, fit_one_off_rates, read_one_off_rates
from crm_platform.two_track.targets.one_off_trees import (
    Foreseen,
    OneOffTrees,
    fit_one_off_trees,
    read_one_off_trees,
)

Reals = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

MOST_LESSONS = 200_000  # subscribers × origins that are learned from
FEWEST_BUYERS = (
    40  # who bought one-off after the latest earlier origin: with fewer, rates of customers alike do as well
)
SUBSCRIBERS_AT_ONCE = 100_000


@dataclass(frozen=True)
class OneOffForecast:
    """A frozen model. `buyers` are the subscribers with a one-off purchase on file, trial sizes left out.

    `buyers_learned` of `lessons` (subscribers × origins) bought in the term after; the yen of each of `origins` were
    multiplied by its `basket_factors`, to be learned from as yen of today. `level` is what the yen of `rates` or
    `trees` are multiplied by before calibration (see `Learned`).
    """

    as_of: dt.date
    horizon_days: int
    subscribers: int
    buyers: int
    lessons: int
    buyers_learned: int
    origins: tuple[dt.date, ...]
    basket_factors: tuple[float, ...]
    rates: OneOffRates
    trees: OneOffTrees | None
    level: float
    season: Season
    calibration: Calibration
    intervals: Intervals

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        told = {name: part.to_json() if hasattr(part, "to_json") else part for name, part in vars(self).items()}
        return {**told, "as_of": self.as_of.isoformat(), "origins": [origin.isoformat() for origin in self.origins]}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> OneOffForecast:
        """Read what `to_json` wrote."""
        kinds: Mapping[str, Any] = {
            "rates": OneOffRates,
            "season": Season,
            "calibration": Calibration,
            "intervals": Intervals,
        }
        return cls(
            **{
                **value,
                **{name: kind.from_json(value[name]) for name, kind in kinds.items()},
                "trees": OneOffTrees.from_json(value["trees"]) if value["trees"] else None,
                "as_of": dt.date.fromisoformat(value["as_of"]),
                "origins": tuple(dt.date.fromisoformat(origin) for origin in value["origins"]),
                "basket_factors": tuple(value["basket_factors"]),
            }
        )

    def carried_to(self, as_of: dt.date, horizon_days: int) -> OneOffForecast:
        """The model as it forecasts the `horizon_days` after `as_of`; ValueError where that is before its own day."""
        learned = (self.as_of, self.horizon_days)
        calibration = carried_calibration(self.calibration, self.season, learned, (as_of, horizon_days))
        return replace(self, as_of=as_of, calibration=calibration)


def fit_one_off_forecast(known: KnownSubscribers, as_of: dt.date, horizon_days: int) -> OneOffForecast | None:
    """Learn from what is known up to `as_of`; None where nothing can be: each half of the subscribers needs a buyer.

    That is one who bought one-off after an earlier origin; models of one half are held against the other.
    A client with more than `MOST_LESSONS` subscribers × origins is learned from every n-th subscriber.
    """
    known = known.until(as_of)
    ids = known.subscriber_ids()
    first_on = known.days.day.min().to_pyarrow().as_py()
    origins = plan_origins(first_on, as_of, horizon_days) if first_on is not None else []
    if not len(ids) or not origins:
        return None
    sample = known.of_customers(every_nth(ids, MOST_LESSONS // (len(origins) + 1)))
    now, *former = lessons_at(sample, [as_of, *origins], horizon_days)
    past, basket_factors = in_todays_yen(now, former)
    if not can_be_held_against(now, past):
        return None
    rates, trees, level, came_true = learn_one_off(now, past, horizon_days)
    present = _read(rates, trees, now.features)
    season = fit_season(_one_off_days(sample.days), as_of)
    within = _season_within(past, season, horizon_days)
    calibration = fit_calibration(came_true, present.sales_jpy * level, as_of, horizon_days, season, within)
    return OneOffForecast(
        as_of=as_of,
        horizon_days=horizon_days,
        subscribers=len(ids),
        buyers=one_off_buyers(known.days, known.goods, known.turns),
        lessons=sum(len(lesson.sales_jpy) for lesson in past),
        buyers_learned=sum(int((lesson.sales_jpy > 0).sum()) for lesson in past),
        origins=tuple(lesson.as_of for lesson in past),
        basket_factors=basket_factors,
        rates=rates,
        trees=trees,
        level=level,
        season=season,
        calibration=calibration,
        intervals=fit_intervals(came_true, calibration, calibrated_rate(calibration, present.p_buys)),
    )


def foresee_one_off(model: OneOffForecast, features: pd.DataFrame) -> dict[str, Reals]:
    """Of rows of `subscribers_at` on the model's day: `p_buys`, `expected_sales_jpy`, `sales_p10_jpy`, `_p90_jpy`."""
    told = _read(model.rates, model.trees, features)
    p_buys = calibrated_rate(model.calibration, told.p_buys)
    sales = calibrated(model.calibration, told.sales_jpy * model.level)
    lower, upper = interval(model.intervals, sales, p_buys)
    return {"p_buys": p_buys, "expected_sales_jpy": sales, "sales_p10_jpy": lower, "sales_p90_jpy": upper}


def subscribers_in_parts(known: KnownSubscribers, as_of: dt.date, horizon_days: int) -> Iterator[pd.DataFrame]:
    """The rows of `subscribers_at` of every subscriber, in order of customer, so many at once."""
    known = known.until(as_of)
    ids = known.subscriber_ids()
    for start in range(0, len(ids), SUBSCRIBERS_AT_ONCE):
        some = ids.iloc[start : start + SUBSCRIBERS_AT_ONCE]
        part = known if len(some) == len(ids) else known.between(some.iloc[0], some.iloc[-1])
        yield part.subscribers([as_of], horizon_days)


class Learned(NamedTuple):
    """The models of all subscribers, and what models of the other half said at each earlier origin (`came_true`).

    A model foretells less of others than of those whom it was learned from. So the past and the present are at the
    level of the other half's models, at which `came_true` adds up to what came of all origins: the yen of `rates` or
    `trees` are `level` times what they say.
    """

    rates: OneOffRates
    trees: OneOffTrees | None
    level: float
    came_true: list[PastForecast]


def learn_one_off(now: Lesson, past: Sequence[Lesson], horizon_days: int) -> Learned:
    """Learn from `past`, in yen of today, all origins alike; `now` are the subscribers whose future is asked for.

    ValueError where nobody bought in one of the halves (see `can_be_held_against`).
    """
    lessons = [now, *past]
    features = pd.concat([lesson.features for lesson in lessons], ignore_index=True)
    sales = np.concatenate([lesson.sales_jpy for lesson in lessons])
    place = np.repeat(np.arange(len(lessons)), [len(lesson.sales_jpy) for lesson in lessons])
    weights, is_past = (1 / np.bincount(place))[place], place > 0
    half, with_trees = halves(lessons), _can_grow(past)

    def fitted(taught: Flags) -> tuple[OneOffRates, OneOffTrees | None]:
        return _fit(features[taught], sales[taught], weights[taught], horizon_days, with_trees=with_trees)

    p_buys, foreseen = np.zeros(len(sales)), np.zeros(len(sales))
    for asked in (half == 0, half == 1):
        p_buys[asked], foreseen[asked] = _read(*fitted(is_past & ~asked), features[asked])
    foreseen *= (weights * sales)[is_past].sum() / (weights * foreseen)[is_past].sum()
    rates, trees = fitted(is_past)
    level = float(foreseen[~is_past].sum() / _read(rates, trees, now.features).sales_jpy.sum())
    came_true = [
        PastForecast(lesson.as_of, foreseen[place == n], p_buys[place == n], lesson.sales_jpy)
        for n, lesson in enumerate(past, 1)
    ]
    return Learned(rates, trees, level, came_true)


# --- inside -----------------------------------------------------------------------------------------------------------


def _one_off_days(days: ibis.Table) -> ibis.Table:
    """CUSTOMER_DAYS as if only one-off lines had been bought, for the season of these."""
    sold = days.mutate(standing_sales_jpy=one_off_jpy(days), returned_jpy=ibis.literal(0.0))
    return sold.filter(sold.standing_sales_jpy > 0).select("customer_id", "day", "standing_sales_jpy", "returned_jpy")


def _season_within(past: Sequence[Lesson], season: Season, horizon_days: int) -> float:
    """The shift for season's sake that forecasts hold which were learned from all these terms alike."""
    means = np.array([lesson.sales_jpy.mean() for lesson in past])
    shifts = np.array([season_shift(season, lesson.as_of, horizon_days) for lesson in past])
    return float(means.sum() / (means / shifts).sum())


def _can_grow(past: Sequence[Lesson]) -> bool:
    """Whether enough subscribers bought after the latest origin."""
    return bool((past[0].sales_jpy > 0).sum() >= FEWEST_BUYERS)


def _fit(
    features: pd.DataFrame, sales: Reals, weights: Reals, horizon_days: int, *, with_trees: bool
) -> tuple[OneOffRates, OneOffTrees | None]:
    rates = fit_one_off_rates(features, sales, weights, horizon_days)
    return rates, fit_one_off_trees(features, sales, weights, horizon_days) if with_trees else None


def _read(rates: OneOffRates, trees: OneOffTrees | None, features: pd.DataFrame) -> Foreseen:
    return read_one_off_rates(rates, features) if trees is None else read_one_off_trees(trees, features)
