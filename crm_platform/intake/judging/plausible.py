"""What a client's own past makes plausible: of a month's volume, of a rate, of days without an order.

Medians and median deviations, so that one odd month neither hides itself nor accuses the next; floors from the
Poisson and binomial laws, so that a small client is not accused of chance; nothing where too little is known.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, log, sqrt

import numpy as np
import numpy.typing as npt
from scipy.stats import theilslopes

Numbers = npt.NDArray[np.float64]

YEAR = 12
FEWEST_FORMER_MONTHS = 6
FEWEST_ORDERS = 10  # a usual month; below it an empty month is no surprise
FEWEST_FORMER_DAYS = 90
SMALLEST_SPREAD = 0.15  # of the logarithm: a month 15 % above or below its usual is nothing to speak of
SMALLEST_RATE_SPREAD = 0.01
USUAL_CLOSURE_DAYS = 7  # the New Year, Golden Week and Obon close a house for up to a week
GAP_CHANCE = 0.001
_NORMAL = 1.4826  # a normal distribution's standard deviation by its median absolute deviation


@dataclass(frozen=True)
class Held:
    """Each month held against its past: `usual` (the median before) and `score` (spreads away from it), or NaN."""

    usual: Numbers
    score: Numbers


def volume_deviation(volumes: Numbers, orders: Numbers) -> Held:
    """How far each month's volume lies from the twelve months before it, in spreads of their logarithms.

    Neither growth nor a season is a fault: a month also passes that fits the trend of those months, or the same month
    a year earlier moved by the growth since. `orders`: how many there were, which tells what chance does.
    """
    usual, score = np.full(len(volumes), np.nan), np.full(len(volumes), np.nan)
    for at in range(len(volumes)):
        former, ordered = (values[max(at - YEAR, 0) : at] for values in (volumes, orders))
        if len(former) < FEWEST_FORMER_MONTHS or np.median(ordered) < FEWEST_ORDERS or np.median(former) <= 0:
            continue
        usual[at] = np.median(former)
        spread = _log_spread(former, ordered)
        distances = (_distance(volumes[at], usual[at]), _distance_from_trend(volumes[at], former))
        score[at] = min(*distances, _distance_from_last_year(volumes, at)) / spread
    return Held(usual, score)


def _log_spread(former: Numbers, orders: Numbers) -> float:
    """Robust spread of the logarithms, never below chance: Poisson numbers of orders that differ in size."""
    logs = np.log(former + 1)
    deviation = _NORMAL * float(np.median(np.abs(logs - np.median(logs))))
    return max(deviation, SMALLEST_SPREAD, sqrt(2 / float(np.median(orders))))


def _distance(volume: float, expected: float) -> float:
    return abs(log((volume + 1) / (expected + 1)))


def _distance_from_trend(volume: float, former: Numbers) -> float:
    """From the line through the logarithms of the months before (Theil and Sen: the median of all slopes)."""
    line = theilslopes(np.log(former + 1))
    return abs(log(volume + 1) - float(line.intercept + line.slope * len(former)))


def _distance_from_last_year(volumes: Numbers, at: int) -> float:
    if at < YEAR or volumes[at - YEAR] <= 0:
        return float("inf")
    latest, before = volumes[at - YEAR : at], volumes[max(at - 2 * YEAR, 0) : at - YEAR]
    known = len(before) >= FEWEST_FORMER_MONTHS and np.median(before) > 0
    growth = float(np.median(latest) / np.median(before)) if known else 1.0
    return _distance(volumes[at], volumes[at - YEAR] * growth)


def rise_of_rates(rates: Numbers, orders: Numbers) -> Held:
    """How far each month's share of orders lies above that of the twelve months before, in spreads; never below zero.

    The spread is the larger of that of the months before and that of chance among so many orders.
    """
    usual, score = np.full(len(rates), np.nan), np.full(len(rates), np.nan)
    for at in range(len(rates)):
        former = rates[max(at - YEAR, 0) : at]
        former = former[~np.isnan(former)]
        if len(former) < FEWEST_FORMER_MONTHS or np.isnan(rates[at]):
            continue
        usual[at] = np.median(former)
        deviation = _NORMAL * float(np.median(np.abs(former - usual[at])))
        plausible = min(max(usual[at], SMALLEST_RATE_SPREAD), 0.5)
        chance = np.sqrt(plausible * (1 - plausible) / max(orders[at], 1))
        score[at] = max(rates[at] - usual[at], 0.0) / max(deviation, float(chance), SMALLEST_RATE_SPREAD)
    return Held(usual, score)


def plausible_gap_days(days_without: npt.NDArray[np.int64], days_with_orders: int) -> int | None:
    """The longest run of days without an order that chance explains; None where the history is too short to say.

    Were days without an order independent, a longer run would come about once in a thousand such histories. The longest
    run itself is left out, or it would excuse itself. A week is plausible for everybody.
    """
    longest = int(days_without.max(initial=0))
    without = int(days_without.sum()) - longest
    days = days_with_orders + without
    if days < FEWEST_FORMER_DAYS:
        return None
    share = without / days
    if share == 0:
        return USUAL_CLOSURE_DAYS
    return max(USUAL_CLOSURE_DAYS, ceil(log(GAP_CHANCE / days_with_orders) / log(share)))
