"""Former forecasts are made by models of the other half of the subscribers, and the present one is at their level."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from crm_platform.two_track.targets.lessons import Lesson, halves, lessons_at
from crm_platform.two_track.targets.one_off_forecast import Learned, learn_one_off
from crm_platform.two_track.targets.one_off_rates import fit_one_off_rates, read_one_off_rates
from crm_platform_tests.oracles.simulated_subscribers import draw_shop

TERM_DAYS = 182
Lessons = tuple[Lesson, list[Lesson]]


@pytest.fixture(scope="module")
def lessons() -> Lessons:
    """The subscribers of a small shop, of whom too few buy for trees, today and at three earlier origins."""
    shop = draw_shop(1, 150)
    days = [shop.as_of - dt.timedelta(days=ago) for ago in (0, TERM_DAYS, TERM_DAYS + 30, 2 * TERM_DAYS)]
    now, *past = lessons_at(shop.known(), days, TERM_DAYS)
    return now, past


@pytest.fixture(scope="module")
def learned(lessons: Lessons) -> Learned:
    found = learn_one_off(*lessons, TERM_DAYS)
    assert found.trees is None
    return found


def test_former_forecasts_add_up_to_what_came_of_all_origins(learned: Learned) -> None:
    foreseen, came = (
        sum(values.mean() for values in columns)
        for columns in zip(*((each.foreseen_jpy, each.sales_jpy) for each in learned.came_true), strict=True)
    )
    assert foreseen == pytest.approx(came)


def test_the_present_is_at_the_level_of_models_of_the_other_half(lessons: Lessons) -> None:
    now, (then, *_earlier) = lessons
    learned, half = learn_one_off(now, [then], TERM_DAYS), halves([now, then])
    half_now, half_then = half[: len(now.sales_jpy)], half[len(now.sales_jpy) :]
    of_others, of_others_then = np.zeros(len(half_now)), np.zeros(len(half_then))
    for own in (0, 1):
        taught = half_then != own
        rates = fit_one_off_rates(then.features[taught], then.sales_jpy[taught], np.ones(taught.sum()), TERM_DAYS)
        of_others[half_now == own] = read_one_off_rates(rates, now.features[half_now == own]).sales_jpy
        of_others_then[~taught] = read_one_off_rates(rates, then.features[~taught]).sales_jpy
    of_all = learned.level * read_one_off_rates(learned.rates, now.features).sales_jpy
    assert of_all.sum() / then.sales_jpy.sum() == pytest.approx(of_others.sum() / of_others_then.sum())


def test_what_a_customer_bought_moves_forecasts_of_the_other_half_only(lessons: Lessons, learned: Learned) -> None:
    now, past = lessons
    latest = past[0]
    place = int(np.argmax(latest.sales_jpy))
    dearer = latest.sales_jpy.copy()
    dearer[place] *= 30
    again = learn_one_off(now, [Lesson(latest.as_of, latest.features, dearer), *past[1:]], TERM_DAYS)
    half = halves([now, latest])[len(now.sales_jpy) :]
    ratio = again.came_true[0].foreseen_jpy / learned.came_true[0].foreseen_jpy
    own, other = ratio[half == half[place]], ratio[half != half[place]]
    assert np.ptp(own) < 1e-9 * own.max(), "those of the own half keep their order and their distances"
    assert np.ptp(other) > 0.01
    assert other.max() > 1.5 * own.max()
