"""A model used inside its term forecasts the day that is asked for: its customers, its season, its length."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest

from crm_platform.forecast import FittedForecast, carried_forecast, fit_forecast, forecast_customers
from crm_platform.forecast.season import Season
from crm_platform_tests.oracles.known_histories import days_of
from crm_platform_tests.oracles.simulated_buyers import simulate_buyers

LEARNED, LATER, DAYS = dt.date(2022, 6, 30), dt.date(2022, 10, 31), 184
YULE = Season((0.5,) * 6 + (1.5,) * 6, True, dt.date(2018, 1, 1), ())  # sales come in the second half of the year


@pytest.fixture(scope="module")
def drawn() -> tuple:
    purchases = simulate_buyers(400, seed=5)
    return days_of(purchases), fit_forecast(days_of(purchases), LEARNED, DAYS)


def test_carried_to_its_own_day_a_model_says_the_same(drawn) -> None:
    days, model = drawn
    carried = forecast_customers(days, carried_forecast(model, LEARNED, DAYS))
    assert carried.equals(forecast_customers(days, model))


def test_a_carried_model_sees_what_customers_did_since_and_what_was_learned_stays(drawn) -> None:
    days, model = drawn
    carried = carried_forecast(model, LATER, DAYS)
    assert carried.experts is model.experts and carried.falls is model.falls
    before, after = (forecast_customers(days, one).set_index("customer_id") for one in (model, carried))
    since = days.filter((days.day > LEARNED) & (days.day <= LATER)).customer_id.to_pyarrow().to_pylist()
    silent = before.index.difference(since)
    was, now = (side.loc[silent, "retention_power_rate"].sum() for side in (before, after))
    assert now < 0.8 * was  # four months of silence more


def test_a_shorter_term_and_a_weaker_season_are_foreseen_to_bring_less(drawn) -> None:
    _, model = drawn
    seasonal = replace(model, season=YULE)
    shorter = carried_forecast(model, LATER, DAYS // 2).calibration
    assert shorter.level == pytest.approx(model.calibration.level / 2)
    to_spring = carried_forecast(seasonal, dt.date(2022, 12, 31), DAYS).calibration
    to_autumn = carried_forecast(seasonal, dt.date(2023, 6, 30), DAYS).calibration
    assert to_spring.level < 0.6 * model.calibration.level
    assert to_autumn.level == pytest.approx(model.calibration.level, rel=0.02)  # a year later the season is the same
    ratios = [getattr(to_spring, name) / getattr(model.calibration, name) for name in ("level", "scale_jpy", "pace")]
    assert np.ptp(ratios) == pytest.approx(0, abs=1e-9)


def test_a_carried_model_names_the_day_it_learned_on_and_survives_json(drawn) -> None:
    _, model = drawn
    carried = carried_forecast(model, LATER, DAYS)
    assert ("held", {"day": "2022-06-30"}) in [(note.key, note.numbers) for note in carried.notes]
    assert FittedForecast.from_json(carried.to_json()) == carried


def test_a_model_is_not_carried_back_into_what_it_knew_the_outcome_of(drawn) -> None:
    with pytest.raises(ValueError, match="knows more than"):
        carried_forecast(drawn[1], LEARNED - dt.timedelta(days=1), DAYS)
