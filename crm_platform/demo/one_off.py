"""One-off purchases (都度): Pareto/NBD customers, regular buyers, subscribers beside and after their contract.

Also what is known to bring customers back: the bulk sale to those who stopped (まとめ売り) and the mailing to the
dormant (休眠掘り起こし).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crm_platform.demo.arrivals import Arrivals
from crm_platform.demo.buyers import REGULAR, SUBSCRIBER, Buyers
from crm_platform.demo.calendar import Calendar
from crm_platform.demo.contracts import NEVER, ContractHistory, Contracts
from crm_platform.demo.draws import Real, Whole, pick, stream
from crm_platform.demo.house import SEASON

_BESIDE_SHARE = 0.35  # of subscribers buy one-off beside their contract
_AFTER_SHARE = 0.22  # of those who stopped go on buying one-off (定期解約客の再購入)
_BULK_SHARE = 0.13  # of those who stopped take the bulk offer
_BULK_AGAIN_SHARE = 0.35
_REACTIVATED_SHARE = 0.03  # of lapsed one-off buyers answer the mailing
BULK_DISCOUNT_PERCENTS = np.array([10, 15, 20, 25], dtype=np.int64)


@dataclass(frozen=True)
class Purchases:
    """One element per purchase: customer and day."""

    customer: Whole
    day: Whole


@dataclass(frozen=True)
class BulkPurchases(Purchases):
    """Bulk orders with their units (3 and more) and discount (10 % and more)."""

    quantity: Whole
    discount_percent: Whole


@dataclass(frozen=True)
class OneOffHistory:
    """All purchases outside contracts after the first order, and when each customer's known process ended.

    `lapsed_on` is NEVER where it had not ended by the last day; bulk and reactivated purchases may come after it.
    """

    purchases: Purchases
    bulk: BulkPurchases
    reactivated: Purchases
    lapsed_on: Whole


def buy_one_off(
    arrivals: Arrivals, buyers: Buyers, contracts: Contracts, history: ContractHistory, calendar: Calendar, seed: int
) -> OneOffHistory:
    """Draw every purchase outside contracts up to the last day."""
    last_day = calendar.last_day
    own_end = _clipped(arrivals.day + np.where(buyers.dropout_rate > 0, buyers.lifetime_days, 0.0), last_day)
    own = _poisson(np.arange(len(arrivals.day)), arrivals.day, own_end, buyers.one_off_rate, calendar,
                   stream(seed, "occasional"))  # fmt: skip
    regular = _at_own_interval(arrivals, buyers, own_end, last_day, stream(seed, "regular"))
    beside = _beside_contract(contracts, history, calendar, stream(seed, "beside"))
    after, after_end = _after_contract(contracts, history, calendar, stream(seed, "after"))
    lapsed_on = _lapsed_on(own_end, buyers, contracts, history, after_end, last_day)
    return OneOffHistory(
        purchases=_together(own, regular, beside, after),
        bulk=_bulk(contracts, history, last_day, stream(seed, "bulk")),
        reactivated=_reactivated(lapsed_on, buyers, last_day, stream(seed, "reactivated")),
        lapsed_on=lapsed_on,
    )


def _clipped(days: Real | Whole, last_day: int) -> Whole:
    """Whole days; NEVER beyond the last day."""
    return np.where(days > last_day, NEVER, np.minimum(days, last_day)).astype(np.int64)


def _poisson(
    customer: Whole, start: Whole, end: Whole, rate: Real, calendar: Calendar, rng: np.random.Generator
) -> Purchases:
    """Poisson purchases after `start` up to `end`, thinned by the season of their day."""
    until = np.minimum(end, calendar.last_day)
    window = np.maximum(until - start, 0)
    count = rng.poisson(rate * SEASON.max() * window)
    row = np.repeat(np.arange(len(customer)), count)
    day = start[row] + 1 + (rng.random(len(row)) * window[row]).astype(np.int64)
    season = SEASON[calendar.month_number[np.minimum(day, calendar.last_day)] - 1]
    kept = (rng.random(len(row)) * SEASON.max() < season) & (day <= until[row])
    return Purchases(customer[row[kept]], day[kept])


def _at_own_interval(
    arrivals: Arrivals, buyers: Buyers, end: Whole, last_day: int, rng: np.random.Generator
) -> Purchases:
    """Regular buyers: the k-th purchase k own intervals after the first, ± a tenth of the interval."""
    customer = np.flatnonzero(buyers.kind == REGULAR).astype(np.int64)
    interval = buyers.own_interval_days[customer]
    until = np.minimum(end[customer], last_day)
    count = np.maximum((until - arrivals.day[customer]) / interval, 0).astype(np.int64)
    row = np.repeat(np.arange(len(customer)), count)
    nth = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count) + 1
    shift = np.clip(rng.normal(0, 0.1, len(row)), -0.3, 0.3)
    day = arrivals.day[customer[row]] + np.round(interval[row] * (nth + shift)).astype(np.int64)
    kept = day <= until[row]
    return Purchases(customer[row[kept]], day[kept])


def _beside_contract(
    contracts: Contracts, history: ContractHistory, calendar: Calendar, rng: np.random.Generator
) -> Purchases:
    """One-off purchases of subscribers while their contract runs (定期継続客の追加購入)."""
    count = len(contracts.customer)
    takes = rng.random(count) < _BESIDE_SHARE
    rate = np.where(takes, rng.gamma(1.5, 1 / (1.5 * 140), count), 0.0)
    return _poisson(contracts.customer, contracts.first_day, history.ended_on, rate, calendar, rng)


def _after_contract(
    contracts: Contracts, history: ContractHistory, calendar: Calendar, rng: np.random.Generator
) -> tuple[Purchases, Whole]:
    """One-off purchases after the final stop, and the day on which they end for good (else the stop)."""
    count = len(contracts.customer)
    stopped = history.ended_on <= calendar.last_day
    takes = stopped & (rng.random(count) < _AFTER_SHARE)
    rate = np.where(takes, rng.gamma(1.5, 1 / (1.5 * 70), count), 0.0)
    lifetime = np.where(takes, rng.exponential(1.0, count) / rng.gamma(1.5, 1 / (1.5 * 260), count), 0.0)
    start = np.where(stopped, history.ended_on, calendar.last_day)
    end = np.where(stopped, _clipped(start + lifetime, calendar.last_day), NEVER)
    return _poisson(contracts.customer, start, end, rate, calendar, rng), end


def _lapsed_on(
    own_end: Whole, buyers: Buyers, contracts: Contracts, history: ContractHistory, after_end: Whole, last_day: int
) -> Whole:
    """The day on which the last known process of each customer ended; NEVER while one still runs."""
    lapsed_on = own_end.copy()
    lapsed_on[buyers.kind == SUBSCRIBER] = NEVER  # a contract that has yet to begin
    lapsed_on[contracts.customer] = np.maximum(history.ended_on, after_end)
    return np.where(lapsed_on > last_day, NEVER, lapsed_on)


def _bulk(contracts: Contracts, history: ContractHistory, last_day: int, rng: np.random.Generator) -> BulkPurchases:
    """Bulk orders of those who stopped for good, some of whom order in bulk again."""
    count = len(contracts.customer)
    takes = (history.ended_on <= last_day) & (rng.random(count) < _BULK_SHARE)
    first = history.ended_on + 20 + rng.exponential(45, count).astype(np.int64)
    second = first + 90 + rng.exponential(40, count).astype(np.int64)
    again = takes & (rng.random(count) < _BULK_AGAIN_SHARE)
    customer = np.concatenate([contracts.customer[takes], contracts.customer[again]])
    day = np.concatenate([first[takes], second[again]])
    quantity = rng.integers(3, 7, len(day))
    percent = BULK_DISCOUNT_PERCENTS[pick(rng, np.array([0.35, 0.25, 0.3, 0.1]), len(day))]
    kept = day <= last_day
    return BulkPurchases(customer[kept], day[kept], quantity[kept], percent[kept])


def _reactivated(lapsed_on: Whole, buyers: Buyers, last_day: int, rng: np.random.Generator) -> Purchases:
    """One purchase each of the lapsed one-off buyers who answer the mailing, 200 days after the lapse or later."""
    count = len(lapsed_on)
    takes = (lapsed_on <= last_day) & (buyers.kind != SUBSCRIBER) & (rng.random(count) < _REACTIVATED_SHARE)
    day = lapsed_on + 200 + rng.exponential(150, count).astype(np.int64)
    customer = np.flatnonzero(takes & (day <= last_day)).astype(np.int64)
    return Purchases(customer, day[customer])


def _together(*parts: Purchases) -> Purchases:
    return Purchases(np.concatenate([p.customer for p in parts]), np.concatenate([p.day for p in parts]))
