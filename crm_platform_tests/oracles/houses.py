"""Whole made-up clients for the diagnosis: nothing planted in them, or one thing of known size, or its mirror.

The house has run for six years before its first month of data, at a steady stream of new customers who differ from one
another, so that nothing in it rises, falls or stands out but by chance. Customers are of three kinds: half buy once,
a quarter subscribe and stop by a smoothly falling hazard, a quarter buy at their own pace until they leave
(Pareto/NBD with lives that end in time). Products are chosen without regard to one another.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from crm_platform.periods import Month

Whole = npt.NDArray[np.int64]
Real = npt.NDArray[np.float64]

LAST_MONTH = Month(2025, 6)
CHANNELS = ("TV", "WEB", "新聞", "折込チラシ")
BAD_CHANNEL, STAGNANT_CHANNEL = "WEB", "TV"
GROUPS = ("サプリメント", "スキンケア", "ヘアケア", "健康食品")
RISING_GROUP, FALLING_GROUP = "ヘアケア", "健康食品"
PAIR = ("P02", "P05")
STAGNANT_SINCE_MONTHS = 18  # before the end
COHORT_SINCE_MONTHS, COHORT_MONTHS = 12, 3  # the quarter that begins twelve months before the end
LAPSE_ORDER = 3

BEFORE_DAYS = 2190  # that the house has run before its first month
ONE_TIME, SUBSCRIBER, OCCASIONAL = range(3)
_STOP_HAZARD = np.maximum(0.22 / np.arange(1, 61) ** 0.5, 0.06)  # after the first delivery, the second …
CYCLE_DAYS = 30
POPULARITY = np.array([14, 12, 11, 10, 9, 9, 8, 7, 6, 5, 5, 4], dtype=np.float64)
GROUP_OF_PRODUCT = np.arange(12) % 4
_SECOND_LINE_RATE = 0.15


@dataclass(frozen=True)
class Plants:
    """What is planted; the defaults plant nothing, and the mirror of a plant goes the other way.

    A quality multiplies the chance to buy again and the length of stay. `lapse_rate` is the share of customers who
    leave after their third order beyond those who would; -1 lets no subscriber stop there. `rising` and `falling` are
    the yearly factors of two product groups' popularity.
    """

    pair_rate: float | None = None  # of orders with the first product hold the second, too; chance alone where None
    bad_quality: float = 1.0
    cohort_quality: float = 1.0
    lapse_rate: float = 0.0
    stagnant_quality: float = 1.0
    rank_is_blind: bool = False
    rising: float = 1.0
    falling: float = 1.0
    repeat_share: float = 0.5  # of customers buy again, half of them by subscription
    arrivals_growth: float = 1.0  # new customers of a year ÷ those of the year before


@dataclass(frozen=True)
class People:
    """One element per customer who ever came; days count from the first day of data and may lie before it."""

    day: Whole
    channel: Whole
    quality: Real
    kind: Whole
    frailty: Real
    level: Real


@dataclass(frozen=True)
class Orders:
    """One element per order of those who ever came, by customer and day; `number` counts a customer's orders from 1.

    `line_order` and `line_product` have an element per line: the position of its order and of its product.
    """

    customer: Whole
    day: Whole
    number: Whole
    line_order: Whole
    line_product: Whole


@dataclass(frozen=True)
class Clock:
    """The months of data; day 0 is the first day of the first month."""

    months: int

    @property
    def first_month(self) -> Month:
        """The first month of data."""
        return LAST_MONTH.plus(1 - self.months)

    @property
    def days(self) -> int:
        """How many days the data spans."""
        return self.day_of(LAST_MONTH.plus(1))

    @property
    def first_day_of_epoch(self) -> int:
        """Day 0 as days since 1970-01-01."""
        return (self.first_month.first_day - dt.date(1970, 1, 1)).days

    def holds(self, day: Whole) -> npt.NDArray[np.bool_]:
        """Whether each day lies within the data."""
        return np.asarray((day >= 0) & (day < self.days), dtype=np.bool_)

    def day_of(self, month: Month) -> int:
        """The number of a month's first day."""
        return (month.first_day - self.first_month.first_day).days


def draw_people(rng: np.random.Generator, customers: int, clock: Clock, planted: Plants) -> People:
    """Everyone who ever came: about `customers` within the months of data, and as steadily in the six years before."""
    days = clock.days
    count = rng.poisson(customers * (days + BEFORE_DAYS) / days)
    day = np.sort(_arrival_days(rng, count, days, planted.arrivals_growth))
    channel = rng.integers(0, len(CHANNELS), count)
    quality = np.ones(count)
    quality[channel == CHANNELS.index(BAD_CHANNEL)] *= planted.bad_quality
    late = day >= clock.day_of(LAST_MONTH.plus(1 - STAGNANT_SINCE_MONTHS))
    quality[late & (channel == CHANNELS.index(STAGNANT_CHANNEL))] *= planted.stagnant_quality
    begun = LAST_MONTH.plus(1 - COHORT_SINCE_MONTHS)
    in_cohort = (day >= clock.day_of(begun)) & (day < clock.day_of(begun.plus(COHORT_MONTHS)))
    quality[in_cohort] *= planted.cohort_quality
    once = np.clip(1 - planted.repeat_share * quality, 0.05, 1.0)
    chance = rng.random(count)
    kind = np.where(chance < once, ONE_TIME, np.where(chance < (1 + once) / 2, SUBSCRIBER, OCCASIONAL))
    return People(day, channel, quality, kind, rng.gamma(4.0, 1 / 4.0, count) / quality, rng.lognormal(0, 1.4, count))


def draw_orders(rng: np.random.Generator, people: People, clock: Clock, planted: Plants) -> Orders:
    """All that they order, before the months of data, within them and after."""
    customer, day, number = _orders(rng, people, planted)
    return Orders(customer, day, number, *_parcels(rng, people, customer, day, planted, clock.days))


def _arrival_days(rng: np.random.Generator, count: int, days: int, growth: float) -> Whole:
    """Evenly over the time before the data and its months, or growing by a constant rate."""
    chance, span = rng.random(count), days + BEFORE_DAYS
    rate = np.log(growth) / 365.25
    moment = span * chance if rate == 0 else np.log1p(chance * np.expm1(rate * span)) / rate
    return np.floor(moment).astype(np.int64) - BEFORE_DAYS


def _orders(rng: np.random.Generator, people: People, planted: Plants) -> tuple[Whole, Whole, Whole]:
    """Customer, day and number of every order, by customer and day; at most one a day."""
    count = len(people.day)
    deliveries = np.where(people.kind == SUBSCRIBER, _deliveries(rng, people.frailty, planted.lapse_rate), 1)
    who = np.repeat(np.arange(count), deliveries)
    nth = np.arange(len(who)) - np.repeat(np.cumsum(deliveries) - deliveries, deliveries)
    at = people.day[who] + nth * CYCLE_DAYS + np.where(nth > 0, rng.integers(-2, 3, len(who)), 0)
    life = rng.exponential(1.0, count) / rng.gamma(3.0, 1 / (3 * 200), count) * people.quality
    rate = rng.gamma(2.0, 1 / (2 * 50), count)
    repeats = np.where(people.kind == OCCASIONAL, 1 + rng.poisson(rate * life), 0)
    buyer = np.repeat(np.arange(count), repeats)
    later = people.day[buyer] + 1 + np.floor(rng.random(len(buyer)) * life[buyer]).astype(np.int64)
    keys = np.unique(np.stack([np.concatenate([who, buyer]), np.concatenate([at, later])]), axis=1)
    customer, day = keys[0], keys[1]
    starts = np.searchsorted(customer, customer)
    number = np.arange(len(customer)) - starts + 1
    leaves = rng.random(count) < max(planted.lapse_rate, 0.0)
    kept = (number <= LAPSE_ORDER) | ~leaves[customer]
    return customer[kept], day[kept], number[kept]


def _deliveries(rng: np.random.Generator, frailty: Real, lapse_rate: float) -> Whole:
    hazard = _STOP_HAZARD.copy()
    hazard[LAPSE_ORDER - 1] *= 1 + min(lapse_rate, 0.0)
    borne = np.cumsum(-np.log1p(-hazard))
    return np.minimum(np.searchsorted(borne, rng.exponential(1.0, len(frailty)) / frailty), len(borne) - 1) + 1


def _parcels(
    rng: np.random.Generator, people: People, customer: Whole, day: Whole, planted: Plants, days: int
) -> tuple[Whole, Whole]:
    """Order and product of every line; subscribers keep to the product that they began with."""
    since = people.day[customer]
    chosen_on = np.where(people.kind[customer] == SUBSCRIBER, since, day)
    product = _product(rng.random(len(customer)), chosen_on, planted, days)
    own = _product(rng.random(len(people.day)), people.day, planted, days)
    product = np.where(people.kind[customer] == SUBSCRIBER, own[customer], product)
    second = _product(rng.random(len(customer)), day, planted, days)
    has_second = rng.random(len(customer)) < _SECOND_LINE_RATE
    if planted.pair_rate is not None:
        first_of_pair = product == int(PAIR[0][1:]) - 1
        has_second[first_of_pair] = rng.random(int(first_of_pair.sum())) < planted.pair_rate
        second[first_of_pair] = int(PAIR[1][1:]) - 1
    has_second &= second != product
    order = np.concatenate([np.arange(len(customer)), np.flatnonzero(has_second)])
    products = np.concatenate([product, second[has_second]])
    place = np.argsort(order, kind="stable")
    return order[place], products[place]


def _product(chance: Real, day: Whole, planted: Plants, days: int) -> Whole:
    """A product for each chance, by the popularity of its day."""
    years = (day - days / 2) / 365.25
    weights = np.tile(POPULARITY, (len(day), 1))
    for group, factor in ((RISING_GROUP, planted.rising), (FALLING_GROUP, planted.falling)):
        weights[:, np.isin(GROUP_OF_PRODUCT, GROUPS.index(group))] *= (factor**years)[:, None]
    edges = np.cumsum(weights, axis=1)
    product: Whole = np.minimum((chance[:, None] * edges[:, -1:] >= edges).sum(axis=1), len(POPULARITY) - 1)
    return product
