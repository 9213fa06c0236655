from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import check_grad

from crm_platform.forecast.gamma_gamma import (
    FLAGS,
    MOST_P,
    GammaGamma,
    _mean_negative_log_likelihood,
    expected_value,
    fit_gamma_gamma,
    spending_below,
)
from crm_platform_tests.oracles.known_histories import cdnow_sample_values


def test_fit_on_repeat_orders_of_cdnow_matches_fader_hardie_2013():
    sample = cdnow_sample_values()
    repeaters = sample[(sample["x"] > 0) & (sample["zbar"] > 0)]
    model = fit_gamma_gamma(repeaters["x"], repeaters["zbar"])
    assert model.customers == 946
    assert (model.p, model.q, model.gamma) == pytest.approx((6.25, 3.74, 15.44), abs=0.01)


def test_constant_amounts_are_recognised_and_the_mean_is_kept():
    model = fit_gamma_gamma([1, 2, 3] * 100, [3_000.0] * 300)
    assert model.assumed
    assert expected_value(model, np.array([1.0, 9.0]), np.array([3_000.0, 3_000.0])) == pytest.approx(3_000)


def test_planted_process_is_recovered():
    draw = np.random.default_rng(5)
    purchases = draw.integers(1, 12, 40_000)
    rate = draw.gamma(3.0, 1 / 5_000, 40_000)
    mean = draw.gamma(5.0 * purchases, 1 / rate) / purchases
    model = fit_gamma_gamma(purchases, mean)
    truth = GammaGamma(5.0, 3.0, 5_000, 0, 0, True)
    assert (model.p, model.q, model.mean_value) == pytest.approx((5.0, 3.0, truth.mean_value), rel=0.2)
    own, mean_value = np.array([1.0, 3.0, 9.0]), np.array([1_000.0, 12_000.0, 60_000.0])
    assert expected_value(model, own, mean_value) == pytest.approx(expected_value(truth, own, mean_value), rel=0.05)


def test_expected_value_lies_between_own_mean_and_the_clients_and_trusts_own_with_purchases():
    model = GammaGamma(4, 5, 10_000, 0, 1, True)
    values = expected_value(model, np.array([1.0, 10.0, 1000.0]), np.full(3, 50_000.0))
    assert model.mean_value == 10_000
    assert (np.diff([10_000, *values, 50_000]) > 0).all()


def test_values_scale_with_the_currency():
    draw = np.random.default_rng(1)
    purchases, mean = draw.integers(1, 6, 500), draw.gamma(2, 20, 500)
    pounds, yen = fit_gamma_gamma(purchases, mean), fit_gamma_gamma(purchases, mean * 135)
    assert (yen.p, yen.q, yen.gamma / 135) == pytest.approx((pounds.p, pounds.q, pounds.gamma), rel=1e-4)
    assert yen.log_likelihood == pytest.approx(pounds.log_likelihood - 500 * np.log(135), rel=1e-9)


def test_spending_below_a_level_agrees_with_simulation():
    model = GammaGamma(2.5, 3.5, 40_000, 0, 1, True)
    draw = np.random.default_rng(2)
    rate = draw.gamma(3.5 + 2.5 * 4, 1 / (40_000 + 4 * 25_000), 400_000)
    sums = draw.gamma(2.5 * 3, 1 / rate)
    below, worth = spending_below(model, *(np.array([value]) for value in (4.0, 25_000.0, 3.0, 60_000.0)))
    assert below[0] == pytest.approx((sums < 60_000).mean(), abs=0.004)
    assert worth[0] == pytest.approx((sums * (sums < 60_000)).mean(), rel=0.01)


def test_a_value_of_nothing_is_refused_in_words():
    with pytest.raises(ValueError, match="values above 0"):
        fit_gamma_gamma([1], [0.0])


def _simulated(customers: int, seed: int, truth: tuple[float, float, float] = (5.0, 3.0, 5_000.0)) -> tuple:
    p, q, gamma = truth
    draw = np.random.default_rng(seed)
    purchases = draw.integers(1, 12, customers)
    return purchases, draw.gamma(p * purchases, 1 / draw.gamma(q, 1 / gamma, customers)) / purchases


def test_gradient_equals_finite_differences():
    n, m = _simulated(50, seed=1)
    parts = [
        lambda point, part=part: _mean_negative_log_likelihood(point, n, m / 2_500, np.ones(50))[part]
        for part in (0, 1)
    ]
    for point in ([0.4, 0.7, 0.4], [2.0, -1.0, 3.0]):
        assert check_grad(*parts, np.array(point)) < 1e-5


@pytest.mark.parametrize("truth", [(5.0, 3.0, 5_000.0), (1.2, 6.0, 20_000.0)])
def test_planted_parameters_are_recovered_within_their_standard_errors(truth):
    n, m = _simulated(8_000, seed=3, truth=truth)
    model = fit_gamma_gamma(n, m)
    point, w, step = np.log([model.p, model.q - 1, model.gamma]), np.ones(len(n)), 1e-4
    sides = [
        [_mean_negative_log_likelihood(point + sign * step * unit, n, m, w)[1] for sign in (1, -1)]
        for unit in np.eye(3)
    ]
    curvature = np.array([(up - down) / (2 * step) for up, down in sides]) * len(w)
    errors = np.sqrt(np.diag(np.linalg.inv((curvature + curvature.T) / 2)))
    assert model.flag == ""
    assert (np.abs(point - np.log([truth[0], truth[1] - 1, truth[2]])) < 3 * errors).all()


_N, _M = _simulated(400, seed=8)
_DRAW = np.random.default_rng(1)
AWKWARD = {
    "one customer": ([3], [2_000.0], "one_amount"),
    "one amount for all": ([1, 2, 3] * 30, [980.0] * 90, "one_amount"),
    "nobody bought twice": ([1] * 60, range(100, 160), "few_repeaters"),
    "customers alike": ([4] * 3_000, 125.0 * _DRAW.gamma(32.0, 0.25, 3_000), "customers_alike"),
    "each always pays the same": (
        _DRAW.choice([1, 900], 400),
        np.exp(_DRAW.normal(7, 0.02, 400)),
        "own_amounts_constant",
    ),
    "twelve wholesalers": ([*_N, *[3] * 12], [*_M, *np.arange(1, 13) * 3e7], "heavy_tail"),
}


@pytest.mark.parametrize("case", AWKWARD)
def test_where_the_data_cannot_bear_the_model_it_says_so_and_stays_sound(case):
    purchases, mean, flag = AWKWARD[case]
    purchases, mean = np.array(purchases, dtype=float), np.array(mean, dtype=float)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = fit_gamma_gamma(purchases, mean)
        values = expected_value(model, purchases, mean)
    assert model.flag == flag
    assert flag in FLAGS
    assert 0 < model.p <= MOST_P * 1.001
    assert np.isfinite(values).all()
    assert (values > 0).all()


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 5_000), st.floats(0.01, 1e12)), min_size=1, max_size=12))
def test_any_values_can_be_fitted_without_a_warning(rows):
    purchases, mean = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = fit_gamma_gamma(purchases, mean)
        values = expected_value(model, purchases, mean)
    assert np.isfinite([model.p, model.q, model.gamma, model.log_likelihood, *values]).all()
    assert (values > 0).all()
    assert model.flag in FLAGS


def test_neither_the_order_of_customers_nor_their_cores_change_a_bit():
    n, m = _simulated(2_000, seed=4)
    assert fit_gamma_gamma(n[::-1], m[::-1]) == fit_gamma_gamma(n, m)


def test_credits_larger_than_the_sales_do_not_reach_the_model_which_reads_values_before_credits():
    with pytest.raises(ValueError, match="values above 0"):
        fit_gamma_gamma([2, 3], [1_000.0, -50.0])


@pytest.mark.parametrize(
    ("purchases", "mean"), [([], []), ([0.5], [1.0]), ([1, 2], [1.0]), ([1], [np.nan]), ([np.inf], [1.0])]
)
def test_bad_input_is_refused_in_words(purchases, mean):
    with pytest.raises(ValueError, match=r"needs customers|one length"):
        fit_gamma_gamma(purchases, mean)


def test_two_hundred_thousand_customers_are_fitted_and_foreseen():
    n, m = _simulated(200_000, seed=9)
    model = fit_gamma_gamma(n, np.round(m))
    assert model.converged
    assert expected_value(model, n, m).mean() == pytest.approx(model.mean_value, rel=0.02)
