from __future__ import annotations

import datetime as dt
import json
from functools import lru_cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_platform.forecast.calibration import (
    Calibration,
    PastForecast,
    calibrated,
    calibrated_rate,
    fit_calibration,
)
from crm_platform.forecast.intervals import Intervals, fit_intervals, interval
from crm_platform.forecast.season import Season
from crm_platform_tests.oracles.former_forecasts import former_forecasts, origins_before
from crm_platform_tests.oracles.known_histories import cdnow, online_retail
from crm_platform_tests.oracles.simulated_buyers import START, Truth, simulate_buyers

TERM = 182
AS_IT_IS = Calibration(1.0, 0.0, 1.0, 1.0, 1.0, 1.0, 0, ())
EAGER = Truth(r=1.5, alpha=30.0, s=0.5, beta=900.0)
RATES = np.linspace(0.01, 0.9, 90)


@lru_cache(maxsize=4)
def _simulated(truth: Truth) -> tuple[Intervals, np.ndarray, np.ndarray, np.ndarray]:
    """The fitted intervals of simulated customers, both ends at the last origin, and the sales that came."""
    purchases = simulate_buyers(4_000, 5, truth, days=1_300)
    as_of = (START + np.timedelta64(1_300 - TERM - 1, "D")).date()
    past = former_forecasts(purchases, origins_before(as_of, TERM, most=4), TERM)
    (now,) = former_forecasts(purchases, [as_of], TERM)
    return (*_ends(past, now, START.date()), now.sales_jpy)


def _ends(past: list[PastForecast], now: PastForecast, first_on: dt.date):
    season = Season((1.0,) * 12, False, first_on, ())
    calibration = fit_calibration(past, now.foreseen_jpy, now.as_of, TERM, season)
    foreseen, rate = calibrated(calibration, now.foreseen_jpy), calibrated_rate(calibration, now.purchase_rate)
    model = fit_intervals(past, calibration, rate)
    return model, *interval(model, foreseen, rate)


@pytest.mark.parametrize("truth", [EAGER, Truth()])
def test_a_tenth_of_simulated_customers_sells_beyond_either_end(truth):
    _, lower, upper, sales = _simulated(truth)
    assert (sales > upper).mean() == pytest.approx(0.1, abs=0.02)
    told = lower > 0
    if told.sum() > 300:
        assert (sales < lower)[told].mean() == pytest.approx(0.1, abs=0.02 + 2 * 0.3 / np.sqrt(told.sum()))


def test_lower_ends_above_nothing_are_told_where_customers_buy_surely():
    _, lower, upper, _ = _simulated(EAGER)
    assert (lower > 0).mean() > 0.1
    assert (lower[lower > 0] < upper[lower > 0]).all()


def test_where_most_buy_nothing_their_upper_end_is_nothing_and_that_is_made_up_for_within_limits():
    model, _, upper, sales = _simulated(Truth())
    assert (upper == 0).mean() > 0.5
    assert (sales > upper)[upper == 0].mean() < 0.08
    assert 0.12 < model.share_above <= 0.2
    assert (sales > upper)[upper > 0].mean() == pytest.approx(model.share_above, abs=0.04)


def test_who_the_present_customers_are_decides_how_many_of_the_likely_buyers_lie_beyond():
    draw = np.random.default_rng(4)
    rate = np.repeat([0.02, 0.5], 3_000)
    sales = np.where(draw.random(6_000) < rate, draw.gamma(3.0, 1_000.0, 6_000), 0.0)
    past = [PastForecast(dt.date(2020, 1, 1), rate * 3_000, rate, sales)]
    for likely, share_above in ((1.0, 0.1), (0.85, 0.114), (0.5, 0.15), (0.1, 0.2)):
        present = np.where(np.arange(1_000) < 1_000 * likely, 0.5, 0.02)
        assert fit_intervals(past, AS_IT_IS, present).share_above == pytest.approx(share_above, abs=0.006)


def test_the_level_and_its_uncertainty_carry_over():
    draw = np.random.default_rng(1)
    rate = draw.uniform(0.3, 0.99, 4_000)
    sales = np.where(draw.random(4_000) < rate, draw.gamma(3.0, 1_000.0, 4_000), 0.0)
    past = [PastForecast(dt.date(2020, 1, 1), rate * 3_000, rate, sales)]
    model = fit_intervals(past, AS_IT_IS, rate)
    unsure = fit_intervals(past, Calibration(1.0, 0.3, 1.0, 1.0, 1.0, 1.0, 1, ()), rate)
    lower, upper = interval(model, rate * 3_000, rate)
    assert np.allclose(interval(model, rate * 6_000, rate)[1], 2 * upper)
    wide_lower, wide_upper = interval(unsure, rate * 3_000, rate)
    assert wide_upper.mean() > 1.02 * upper.mean()
    assert wide_lower[lower > 0].mean() < lower[lower > 0].mean()
    tenfold = [PastForecast(p.as_of, p.foreseen_jpy * 10, p.purchase_rate, p.sales_jpy * 10) for p in past]
    assert fit_intervals(tenfold, AS_IT_IS, rate).upper == pytest.approx(model.upper)
    # A level that was missed at the origin does not count twice: only the spread around it is learned.
    missed = [PastForecast(p.as_of, p.foreseen_jpy * 2, p.purchase_rate, p.sales_jpy) for p in past]
    assert fit_intervals(missed, AS_IT_IS, rate).upper == pytest.approx(model.upper)


def test_with_few_customers_the_spread_is_assumed_and_said():
    model = fit_intervals([], AS_IT_IS, np.zeros(0))
    assert model.notes[0].key == "spread_assumed"
    rate = np.array([0.0, 0.05, 0.09, 0.2, 0.5, 0.89, 0.95, 1.0])
    lower, upper = interval(model, 1_000.0 * rate, rate)
    assert (upper[:3] == 0).all()
    assert (np.diff(upper[2:]) > 0).all()
    assert (lower[:6] == 0).all()
    assert (lower[6:] > 0).all()
    buyers = 1_000.0 * np.exp(np.random.default_rng(2).normal(size=20_000) - 0.5)
    assert (buyers > interval(model, np.array([1_000.0]), np.array([1.0]))[1]).mean() == pytest.approx(0.1, abs=0.02)


def test_the_order_of_customers_and_origins_changes_no_bit():
    purchases = simulate_buyers(2_000, 6, Truth(), days=900)
    past = former_forecasts(purchases, [dt.date(2021, 3, 1), dt.date(2021, 6, 1)], TERM)
    shuffle = np.random.default_rng(1).permutation(len(past[1].sales_jpy))
    other = PastForecast(
        past[1].as_of, past[1].foreseen_jpy[shuffle], past[1].purchase_rate[shuffle], past[1].sales_jpy[shuffle]
    )
    one, two = (fit_intervals(each, AS_IT_IS, RATES) for each in (past, [other, past[0]]))
    assert two.upper == pytest.approx(one.upper, rel=1e-9)
    assert fit_intervals(past[::-1], AS_IT_IS, RATES) == one
    assert Intervals.from_json(json.loads(json.dumps(one.to_json()))) == one


@settings(derandomize=True, max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.floats(0, 1), st.sampled_from([1_000, 1_500, 3_000]), st.sampled_from([0.0, 1.0, 0.3]))
def test_any_customers_get_a_sound_interval(seed, buying, customers, even):
    """Also where all spend the same, where nobody or everybody buys, where nothing was foreseen of some."""
    draw = np.random.default_rng(seed)
    rate = np.full(customers, buying) if even == 1 else draw.beta(0.3, 1.0, customers)
    foreseen = np.where(draw.random(customers) < even, 0.0, draw.lognormal(8, 2, customers) * rate)
    sales = np.where(draw.random(customers) < rate, np.round(draw.lognormal(8, 2)), 0.0)
    model = fit_intervals([PastForecast(dt.date(2020, 1, 1), foreseen, rate, sales)], AS_IT_IS, rate)
    lower, upper = interval(model, foreseen, rate)
    assert np.isfinite(lower).all()
    assert np.isfinite(upper).all()
    assert (lower >= 0).all()
    assert (lower <= upper).all()


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("data", "as_of", "first_on"),
    [(cdnow, dt.date(1997, 12, 30), dt.date(1997, 1, 1)), (online_retail, dt.date(2011, 6, 11), dt.date(2009, 12, 1))],
)
def test_about_a_tenth_of_real_customers_sells_beyond_either_end(data, as_of, first_on):
    """A point more is allowed than the goal says: the level of a single term is met or missed for all at once."""
    origins = [day for day in origins_before(as_of, TERM) if day >= first_on + dt.timedelta(days=TERM // 3)]
    past = former_forecasts(data(), origins, TERM)
    (now,) = former_forecasts(data(), [as_of], TERM)
    _, lower, upper = _ends(past, now, first_on)
    assert (now.sales_jpy > upper).mean() == pytest.approx(0.1, abs=0.03)
    told = lower > 0
    assert (now.sales_jpy < lower)[told].mean() == pytest.approx(0.1, abs=0.035)
