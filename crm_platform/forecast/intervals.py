"""An interval per customer, of 80 % over all of them together: what became, at earlier origins, of customers alike.

Conformal in spirit (Vovk, Gammerman & Shafer 2005; Lei et al. 2018): actual ÷ foreseen sales of earlier origins, each
at its own true level, are sorted by P(purchase); the quantiles of customers alike, times what is foreseen now, are the
interval. Whether the level itself is met is uncertain, too, and widens it.

Most customers of most shops buy nothing in a term. Where P(purchase) is below .1 the honest upper end is 0, and fewer
than a tenth sell more. The promise of a conformal interval is about all customers together, so of those with an upper
end above 0 more than a tenth lie beyond it: up to .12 where that makes a tenth of all, and up to .2 where it takes so
much for the least that may be called a tenth, .085. The lower end is 0 where more than a tenth buy nothing.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from scipy.special import ndtri

from crm_platform.forecast.calibration import Calibration, PastForecast, at_pace, log_pace
from crm_platform.forecast.notes import Note, notes_from_json, notes_to_json

Reals = npt.NDArray[np.float64]

SHARE_BEYOND = 0.1  # of customers, at either end
SHARES_ABOVE = ((0.1, 0.12), (0.085, 0.2))  # of all customers, with at most so many of those whose upper end is above 0
MINIMUM_CUSTOMERS = 1_000  # at earlier origins in all: below this the spread is assumed
MOST_CUSTOMERS = 50_000  # of an origin: more add nothing but time
CUSTOMERS_PER_GROUP, MOST_GROUPS = 400, 40
TAIL = 0.05  # the likeliest buyers are halved again and again into smaller groups: lower ends are theirs
SMALLEST_GROUP = 100
ASSUMED_LOG_SD = 1.0  # of a buyer's sales
_LEVELS = ((-(3**0.5), 1 / 6), (0.0, 2 / 3), (3**0.5, 1 / 6))  # Gauss-Hermite: three levels in place of the normal


@dataclass(frozen=True)
class Intervals:
    """By the logarithm of a customer's rate of buying, −log(1 − P(purchase)), rising: both ends ÷ foreseen sales.

    `share_above` of the customers whose upper end is above 0 lie beyond it.
    """

    log_rates: tuple[float, ...]
    lower: tuple[float, ...]
    upper: tuple[float, ...]
    share_above: float
    customers: int
    notes: tuple[Note, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        lists = {name: list(getattr(self, name)) for name in ("log_rates", "lower", "upper")}
        return {**dataclasses.asdict(self), **lists, "notes": notes_to_json(self.notes)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Intervals:
        """Read what `to_json` wrote."""
        tuples: dict[str, Any] = {name: tuple(value[name]) for name in ("log_rates", "lower", "upper")}
        return cls(**{**value, **tuples, "notes": notes_from_json(value["notes"])})


def fit_intervals(past: Sequence[PastForecast], calibration: Calibration, present_rate: Reals) -> Intervals:
    """Learn both ends from earlier origins.

    Args:
        past: what `fit_calibration` was given; where too few, the spread is assumed and `notes` says so.
        calibration: of the present forecast.
        present_rate: calibrated P(purchase) of the present customers or a fair sample of them: how many of them buy
            hardly ever decides how many of the others may lie beyond the upper end.
    """
    told = [each for each in past if each.sales_jpy.sum() > 0 and each.foreseen_jpy.sum() > 0]
    if sum(len(each.sales_jpy) for each in told) < MINIMUM_CUSTOMERS:
        return _assumed(calibration)
    pairs = [_at_true_level(each, calibration.power) for each in sorted(told, key=lambda each: each.as_of)]
    rate, ratio = (np.concatenate(parts) for parts in zip(*pairs, strict=True))
    order = np.lexsort((ratio, rate))
    rate, ratio = rate[order], ratio[order]
    groups = [slice(first, end) for first, end in _groups(len(rate))]
    middle = np.array([np.median(rate[group]) for group in groups])
    buying = np.array([(ratio[group] > 0).mean() for group in groups])
    distinct, place = np.unique(middle, return_inverse=True)
    mean_buying = np.bincount(place, buying) / np.bincount(place)
    above = _share_above(np.interp(_log_rate(present_rate), distinct, mean_buying))
    lower = np.array([_quantile(ratio[group], SHARE_BEYOND, calibration.level_sd) for group in groups])
    upper = np.array([_quantile(ratio[group], 1 - above, calibration.level_sd) for group in groups])
    return _as_rising(middle, lower, upper, above, len(rate), ())


def interval(model: Intervals, foreseen_jpy: Reals, purchase_rate: Reals) -> tuple[Reals, Reals]:
    """The lower and the upper end (p10 and p90) of each customer's sales in the term, in yen.

    A tenth of all customers is to lie beyond either; beyond an upper end above 0 it is `model.share_above`.

    Args:
        model: as fitted.
        foreseen_jpy: expected sales, calibrated (`calibrated`): level, season and trend of the term come with it.
        purchase_rate: P(purchase), calibrated (`calibrated_rate`).
    """
    log_rate = _log_rate(purchase_rate)
    lower: Reals = foreseen_jpy * np.interp(log_rate, model.log_rates, model.lower)
    upper: Reals = foreseen_jpy * np.interp(log_rate, model.log_rates, model.upper)
    return lower, upper


# --- inside -----------------------------------------------------------------------------------------------------------


def _at_true_level(past: PastForecast, power: float) -> tuple[Reals, Reals]:
    """Log rate of buying, and actual ÷ foreseen sales, had level and pace been foreseen rightly; evenly sampled."""
    foreseen = past.foreseen_jpy**power
    foreseen = foreseen * (past.sales_jpy.sum() / foreseen.sum())
    ratio = np.divide(past.sales_jpy, foreseen, out=np.zeros_like(foreseen), where=foreseen > 0)
    log_rate = _log_rate(at_pace(past.purchase_rate, float(np.exp(log_pace(past)))))
    order = np.lexsort((ratio, log_rate))  # so that the sample is the same whatever the order of the customers
    sample = order[np.linspace(0, len(order) - 1, min(len(order), MOST_CUSTOMERS)).round().astype(np.int64)]
    return log_rate[sample], ratio[sample]


def _log_rate(purchase_rate: Reals) -> Reals:
    rate: Reals = np.log(-np.log1p(-np.clip(purchase_rate, 1e-9, 1 - 1e-9)))
    return rate


def _groups(customers: int) -> list[tuple[int, int]]:
    """Bounds of groups of customers in order: equal ones, and ever smaller ones for the last `TAIL`."""
    equal = int(np.clip(customers / CUSTOMERS_PER_GROUP, 2, MOST_GROUPS))
    bounds = list(np.linspace(0, customers * (1 - TAIL), equal + 1).round().astype(np.int64))
    while (customers - bounds[-1]) // 2 >= SMALLEST_GROUP:
        bounds.append(bounds[-1] + (customers - bounds[-1]) // 2)
    bounds = [*bounds[:-1], customers] if customers - bounds[-1] < SMALLEST_GROUP else [*bounds, customers]
    return [(int(first), int(end)) for first, end in itertools.pairwise(bounds)]


def _share_above(buying: Reals) -> float:
    """The share beyond an upper end above 0, by `SHARES_ABOVE`, given the probability that each customer buys."""
    if not len(buying):
        return SHARE_BEYOND

    def needed(share_of_all: float, most: float) -> float:
        def surplus(share: float) -> float:
            return float(np.minimum(buying, share).mean()) - share_of_all

        if surplus(most) <= 0:
            return most
        return float(brentq(surplus, SHARE_BEYOND, most)) if surplus(SHARE_BEYOND) < 0 else SHARE_BEYOND

    return max(needed(*each) for each in SHARES_ABOVE)


def _quantile(ratio: Reals, share: float, level_sd: float) -> float:
    """Quantile of `ratio` times a level that is uncertain."""
    values = np.concatenate([ratio * np.exp(level_sd * step) for step, _ in _LEVELS])
    weights = np.concatenate([np.full(len(ratio), weight) for _, weight in _LEVELS])
    return float(np.quantile(values, share, weights=weights, method="inverted_cdf"))


def _as_rising(
    middle: Reals, lower: Reals, upper: Reals, above: float, customers: int, notes: tuple[Note, ...]
) -> Intervals:
    """Groups with the same middle become one, so that there is one value for each rate of buying."""
    first = np.unique(middle, return_index=True)[1]
    rates, lowest, highest = (tuple(float(value) for value in values[first]) for values in (middle, lower, upper))
    return Intervals(rates, lowest, highest, above, customers, notes)


def _assumed(calibration: Calibration) -> Intervals:
    """A buyer's sales are log-normal around what is foreseen for one who buys."""
    rate = np.concatenate([np.linspace(0.001, 0.099, 20), np.linspace(0.1, 0.9, 81), np.linspace(0.9001, 0.9999, 50)])
    sd = float(np.hypot(ASSUMED_LOG_SD, calibration.level_sd))

    def end(share: float) -> Reals:
        below = np.clip((share - (1 - rate)) / rate, 0, 1 - 1e-9)
        return np.where(below > 0, np.exp(sd * ndtri(np.maximum(below, 1e-300)) - sd**2 / 2) / rate, 0.0)

    notes = (Note("spread_assumed", {"fewest": MINIMUM_CUSTOMERS}),)
    return _as_rising(_log_rate(rate), end(SHARE_BEYOND), end(1 - SHARE_BEYOND), SHARE_BEYOND, 0, notes)
