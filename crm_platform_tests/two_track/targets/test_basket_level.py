"""Lessons in today's yen: a forecast that follows prices, and the chance of a few baskets that it does not follow."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from crm_platform.two_track.targets import KnownSubscribers, fit_one_off_forecast, foresee_one_off
from crm_platform.two_track.targets.basket_level import basket_level, in_todays_yen
from crm_platform.two_track.targets.lessons import Lesson
from crm_platform_tests.oracles.known_subscribers import with_drifting_prices
from crm_platform_tests.oracles.simulated_subscribers import draw_shop

TERM_DAYS = 182
TODAY = dt.date(2025, 1, 1)


def lesson(basket_jpy: float, buyers: int, years_ago: int = 0, seed: int = 1) -> Lesson:
    """So many customers with two purchases each, whose baskets differ by a half; one more who never bought."""
    draw = np.random.default_rng([seed, years_ago])
    spent = basket_jpy * draw.gamma(4.0, 1 / 4, buyers)
    features = pd.DataFrame(
        {
            "customer_id": [f"C{n:05}" for n in range(buyers + 1)],
            "repeats_in_year": [*[2.0] * buyers, 0.0],
            "one_off_in_year_jpy": [*2 * spent, 0.0],
        }
    )
    return Lesson(TODAY.replace(year=TODAY.year - years_ago), features, np.append(spent, 0.0))


def expected_jpy(known: KnownSubscribers, as_of: dt.date) -> float:
    model = fit_one_off_forecast(known, as_of, TERM_DAYS)
    assert model is not None
    said = foresee_one_off(model, known.until(as_of).subscribers([as_of], TERM_DAYS))
    return float(said["expected_sales_jpy"].sum())


def test_many_buyers_bring_a_lesson_to_todays_yen_and_a_dozen_move_it_by_a_part() -> None:
    now, past = lesson(1_500, 5_000), lesson(1_000, 5_000, years_ago=1)
    (told,), (factor,) = in_todays_yen(now, [past])
    assert factor == pytest.approx(1.5, rel=0.03)
    np.testing.assert_allclose(told.sales_jpy, past.sales_jpy * factor)
    np.testing.assert_allclose(told.features["one_off_in_year_jpy"], past.features["one_off_in_year_jpy"] * factor)
    assert told.features["repeats_in_year"].equals(past.features["repeats_in_year"])
    few = [in_todays_yen(lesson(1_500, 12, 0, seed), [lesson(1_000, 12, 1, seed)])[1][0] for seed in range(40)]
    assert 1.05 < np.mean(few) < 1.3


def test_an_older_change_is_believed_sooner_and_without_a_purchase_there_is_no_level() -> None:
    now, nobody = lesson(1_500, 12), lesson(1_000, 0)
    _told, (recent, older) = in_todays_yen(now, [lesson(1_000, 12, 1, seed) for seed in (2, 2)])
    assert recent == older
    aged = Lesson(TODAY.replace(year=2021), lesson(1_000, 12, 1, 2).features, np.zeros(13))
    assert in_todays_yen(now, [aged])[1][0] > recent > 1
    assert basket_level(nobody.features) is None
    assert in_todays_yen(now, [nobody])[1] == in_todays_yen(nobody, [now])[1] == (1.0,)


def test_where_all_prices_are_higher_and_rise_the_forecast_follows_to_the_middle_of_the_term() -> None:
    shop = draw_shop(1, 150)  # of whom too few buy for trees, whose noise moves with the yen
    then, steady = shop.as_of - dt.timedelta(days=TERM_DAYS), shop.known()
    money = {name: steady.days[name] * 4 for name in steady.days.columns if name.endswith("_jpy")}
    dearer = with_drifting_prices(replace(steady, days=steady.days.mutate(**money)), then, 0.2)
    rise = 1.2 ** (TERM_DAYS / 2 / 365.25)
    assert expected_jpy(dearer, then) == pytest.approx(4 * rise * expected_jpy(steady, then), rel=0.03)
