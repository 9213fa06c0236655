"""New customers: on which day, through which medium, with what first order, and who they are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crm_platform.demo.calendar import Calendar
from crm_platform.demo.draws import Flags, Real, Whole, pick, pick_per_row, stream
from crm_platform.demo.house import (
    BROKEN_COHORT_FACTOR,
    BROKEN_COHORT_FROM_MONTHS,
    BROKEN_COHORT_MONTHS,
    DECLINED_FACTOR,
    DECLINED_FROM_MONTHS,
    DECLINED_SEX,
    FAMILY_SHARE,
    PREFECTURES,
    SEASON,
)
from crm_platform.demo.placements import STANDING_SHARE, Medium

TRIAL, SUBSCRIPTION, ONE_OFF = 0, 1, 2
SEXES = ("女", "男", "")
_SEX_SHARES = np.array([0.74, 0.23, 0.03])


@dataclass(frozen=True)
class Arrivals:
    """One element per customer, in the order of arrival. `medium` is a position in the list of media."""

    day: Whole
    medium: Whole
    quality: Real
    entry: Whole
    family: Whole
    extra_units: Real  # mean units beyond the first in a one-off order: individual purchasing power
    birth_year: Whole
    sex: Whole
    prefecture: Whole


def arrive(customers: int, media: list[Medium], calendar: Calendar, seed: int) -> Arrivals:
    """Draw the customers; days rise with the house's growth, its seasons and its placements."""
    rng = stream(seed, "arrivals")
    medium, day = _medium_and_day(rng, customers, media, calendar)
    order = np.argsort(day, kind="stable")
    medium, day = medium[order], day[order]
    shares = np.array([[m.trial_share, m.subscription_share, 1 - m.trial_share - m.subscription_share] for m in media])
    sex = pick(rng, _SEX_SHARES, customers)
    quality = np.array([m.quality for m in media])[medium] * _planted_factor(day, sex, calendar)
    return Arrivals(
        day=day,
        medium=medium,
        quality=quality * rng.gamma(6.0, 1 / 6.0, customers),
        entry=pick_per_row(rng, shares[medium]),
        family=pick(rng, FAMILY_SHARE, customers),
        extra_units=rng.gamma(0.5, 0.9, customers),
        birth_year=np.clip(rng.normal(1965, 13, customers), 1928, 2004).astype(np.int64),
        sex=sex,
        prefecture=pick(rng, np.array(list(PREFECTURES.values()), dtype=np.float64), customers),
    )


def in_broken_cohort(day: Whole, calendar: Calendar) -> Flags:
    """Whether an arrival on each day is of the quarter whose retention breaks."""
    first = calendar.day_of(calendar.first_month.plus(BROKEN_COHORT_FROM_MONTHS))
    last = calendar.day_of(calendar.first_month.plus(BROKEN_COHORT_FROM_MONTHS + BROKEN_COHORT_MONTHS)) - 1
    return np.asarray((day >= first) & (day <= last), dtype=np.bool_)


def in_declined_group(day: Whole, sex: Whole, calendar: Calendar) -> Flags:
    """Whether an arrival is of the group whose repeat rate has fallen."""
    return np.asarray(is_declining(sex) & (day >= decline_day(calendar)), dtype=np.bool_)


def is_declining(sex: Whole) -> Flags:
    """Who is of that group, whenever they came."""
    return np.asarray(sex == SEXES.index(DECLINED_SEX), dtype=np.bool_)


def decline_day(calendar: Calendar) -> int:
    """The day from which it declines."""
    return calendar.day_of(calendar.first_month.plus(DECLINED_FROM_MONTHS))


def _planted_factor(day: Whole, sex: Whole, calendar: Calendar) -> Real:
    cohort = np.where(in_broken_cohort(day, calendar), BROKEN_COHORT_FACTOR, 1.0)
    factor: Real = cohort * np.where(in_declined_group(day, sex, calendar), DECLINED_FACTOR, 1.0)
    return factor


def _medium_and_day(
    rng: np.random.Generator, customers: int, media: list[Medium], calendar: Calendar
) -> tuple[Whole, Whole]:
    """A medium for each customer and the day on which it brings the customer."""
    paid = np.array([m.cpo_jpy > 0 for m in media])
    visible = np.array([(min(m.last_day, calendar.last_day) - m.first_day + 1) / (m.last_day - m.first_day + 1)
                        for m in media])  # fmt: skip
    weight = np.array([m.weight for m in media]) * visible
    standing, placed = weight * ~paid, weight * paid
    share = STANDING_SHARE if paid.any() else 1.0
    chances = share * standing / standing.sum() + (1 - share) * placed / max(placed.sum(), 1e-12)
    medium = pick(rng, chances, customers)
    first = np.array([m.first_day for m in media])[medium]
    last = np.minimum(np.array([m.last_day for m in media]), calendar.last_day)[medium]
    response = first + (rng.beta(1.0, 1.6, customers) * (last - first + 1)).astype(np.int64)
    any_day = pick(rng, _daily_weight(calendar), customers)
    return medium, np.where(paid[medium], np.minimum(response, last), any_day).astype(np.int64)


def _daily_weight(calendar: Calendar) -> Real:
    """The pull of the house itself on each day: growth of 8 % of the first year per year, times the season."""
    growth = 1 + 0.08 * np.arange(calendar.last_day + 1) / 365
    weight: Real = growth * SEASON[calendar.month_number - 1]
    return weight
