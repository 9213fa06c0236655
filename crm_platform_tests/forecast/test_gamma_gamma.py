from __future__ import annotations

import numpy as np
import pytest

from crm_platform.forecast.gamma_gamma import GammaGamma, expected_value, fit_gamma_gamma, spending_below
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
