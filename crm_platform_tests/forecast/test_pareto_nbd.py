from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import check_grad
from scipy.special import gammaln, hyp2f1

from crm_platform.forecast import pareto_nbd
from crm_platform.forecast.pareto_nbd import ParetoNBD, fit_pareto_nbd
from crm_platform_tests.oracles.known_histories import cdnow_sample


def _model(r: float = 0.553, alpha: float = 10.578, s: float = 0.606, beta: float = 11.669) -> ParetoNBD:
    return ParetoNBD(r, alpha, s, beta, 0.0, 0, True)


def _one(repeats: float, recency: float, age: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return np.array([float(repeats)]), np.array([float(recency)]), np.array([float(age)])


models = st.builds(
    _model, *(st.floats(low, high) for low, high in ((0.05, 20.0), (0.1, 500.0), (0.05, 20.0), (0.1, 500.0)))
)
customers = st.tuples(st.integers(0, 300), st.floats(0, 1), st.floats(0, 2000)).map(
    lambda drawn: _one(drawn[0], drawn[1] * drawn[2] if drawn[0] else 0, drawn[2])
)


def test_fit_on_cdnow_matches_fader_hardie_2005():
    sample = cdnow_sample()
    model = fit_pareto_nbd(sample["frequency"], sample["recency"], sample["T"])
    assert model.converged
    assert model.customers == 2357
    assert (model.r, model.alpha, model.s, model.beta) == pytest.approx((0.553, 10.578, 0.606, 11.669), abs=0.002)
    assert model.log_likelihood == pytest.approx(-9595.0, abs=0.05)


def test_likelihood_equals_the_hypergeometric_form_of_the_paper():
    model = _model()
    x, t_x, end = np.array([0.0, 2.0, 26.0]), np.array([0.0, 30.43, 30.86]), np.array([38.86, 38.86, 31.0])
    shape, high, gap = model.r + model.s + x, max(model.alpha, model.beta), abs(model.alpha - model.beta)
    second = model.s + 1 if model.alpha >= model.beta else model.r + x

    def term(t: np.ndarray) -> np.ndarray:
        return hyp2f1(shape, second, shape + 1, gap / (high + t)) / (high + t) ** shape

    alive = (model.alpha + end) ** -(model.r + x) * (model.beta + end) ** -model.s
    paper = np.exp(gammaln(model.r + x) - gammaln(model.r)) * model.alpha**model.r * model.beta**model.s
    paper = np.log(paper * (alive + model.s / shape * (term(t_x) - term(end))))
    assert pareto_nbd.log_likelihood(model, x, t_x, end) == pytest.approx(paper, rel=1e-10)


def test_gradient_equals_finite_differences():
    x, t_x, end = np.array([0.0, 3.0, 40.0, 1.0]), np.array([0.0, 20.0, 90.0, 5.0]), np.array([50.0, 60.0, 90.0, 300.0])
    counts = np.array([5.0, 1.0, 2.0, 1.0])

    def value(point: np.ndarray) -> float:
        return pareto_nbd._mean_negative_log_likelihood(point, x, t_x, end, counts)[0]

    def slope(point: np.ndarray) -> np.ndarray:
        return pareto_nbd._mean_negative_log_likelihood(point, x, t_x, end, counts)[1]

    for point in ([-0.5, 2.0, -0.4, 2.5], [0.7, 4.0, 1.0, 5.0], [-2.0, 0.5, -3.0, 6.0]):
        assert check_grad(value, slope, np.array(point)) < 1e-5


def test_planted_parameters_are_recovered_and_the_future_is_foreseen():
    draw = np.random.default_rng(3)
    size, end, horizon = 20_000, 104.0, 52.0
    rate, stop = draw.gamma(0.7, 1 / 8.0, size), draw.exponential(1 / draw.gamma(1.2, 1 / 40.0, size))
    active = np.minimum(stop, end)
    x = draw.poisson(rate * active).astype(float)
    t_x = np.where(x > 0, active * draw.random(size) ** (1 / np.maximum(x, 1)), 0)  # the last of x uniform moments
    later = draw.poisson(rate * np.clip(stop - end, 0, horizon))
    model = fit_pareto_nbd(x, t_x, np.full(size, end))
    assert (model.r, model.alpha, model.s, model.beta) == pytest.approx((0.7, 8.0, 1.2, 40.0), rel=0.15)
    arrays = (x, t_x, np.full(size, end))
    assert pareto_nbd.expected_purchases(model, *arrays, horizon).sum() == pytest.approx(later.sum(), rel=0.03)
    chance = pareto_nbd.probability_of_purchase(model, *arrays, horizon)
    for low, high in ((0, 0.1), (0.1, 0.5), (0.5, 0.9), (0.9, 1)):
        inside = (chance >= low) & (chance < high)
        assert (later[inside] > 0).mean() == pytest.approx(chance[inside].mean(), abs=0.03)
    alive = pareto_nbd.p_alive(model, *arrays)
    assert (stop > end).mean() == pytest.approx(alive.mean(), abs=0.01)


def test_weights_stand_for_repeated_customers():
    sample = cdnow_sample().head(300)
    arrays = [sample[name].to_numpy(float) for name in ("frequency", "recency", "T")]
    twice = fit_pareto_nbd(*(np.concatenate([values, values]) for values in arrays))
    weighted = fit_pareto_nbd(*arrays, weights=np.full(300, 2.0))
    assert weighted == twice


def test_unit_of_time_changes_nothing_but_the_unit():
    sample = cdnow_sample().head(600)
    x, t_x, end = (sample[name].to_numpy(float) for name in ("frequency", "recency", "T"))
    weeks, days = fit_pareto_nbd(x, t_x, end), fit_pareto_nbd(x, t_x * 7, end * 7)
    assert (days.r, days.alpha / 7, days.s, days.beta / 7) == pytest.approx(
        (weeks.r, weeks.alpha, weeks.s, weeks.beta), rel=1e-3
    )
    assert days.log_likelihood == pytest.approx(weeks.log_likelihood - x.sum() * np.log(7), rel=1e-6)


@settings(max_examples=60, deadline=None)
@given(models, customers, st.floats(1, 400))
def test_probabilities_of_counts_agree_with_mean_and_with_silence(model, customer, horizon):
    some = pareto_nbd.probability_of_purchase(model, *customer, horizon)
    expected = pareto_nbd.expected_purchases(model, *customer, horizon)
    alive = pareto_nbd.p_alive(model, *customer)
    counts = pareto_nbd.purchase_count_probabilities(model, *customer, horizon, 40)[0]
    assert np.isfinite([some[0], expected[0], alive[0]]).all()
    assert 0 <= some[0] <= alive[0] <= 1
    assert some[0] <= expected[0] * (1 + 1e-6) + 1e-12
    assert counts.min() >= 0
    assert counts.sum() <= 1 + 1e-6
    assert counts[0] == pytest.approx(1 - some[0], abs=1e-5)
    assert counts @ np.arange(41) <= expected[0] * (1 + 1e-3) + 1e-9


def test_counts_add_up_to_one_and_to_the_expected_purchases():
    customer = _one(12, 300, 330)
    model = _model(0.8, 60, 0.9, 300)
    counts = pareto_nbd.purchase_count_probabilities(model, *customer, 182, 150)[0]
    assert counts.sum() == pytest.approx(1, abs=1e-9)
    assert counts @ np.arange(151) == pytest.approx(
        float(pareto_nbd.expected_purchases(model, *customer, 182)[0]), rel=1e-8
    )


def test_expected_purchases_are_continuous_where_s_is_one():
    near = [
        float(pareto_nbd.expected_purchases(_model(s=s), *_one(3, 20, 40), 26)[0]) for s in (1 - 1e-9, 1.0, 1 + 1e-9)
    ]
    assert near[0] == pytest.approx(near[1], rel=1e-7)
    assert near[2] == pytest.approx(near[1], rel=1e-7)


def test_who_bought_today_is_alive_and_silence_only_lowers_the_chance():
    recency, ages = np.full(50, 100.0), 100.0 + np.arange(50) * 10
    alive = pareto_nbd.p_alive(_model(), np.full(50, 8.0), recency, ages)
    assert alive[0] == 1
    assert (np.diff(alive) < 0).all()


def test_equal_silence_means_more_for_the_shorter_cycle():
    monthly, quarterly = _one(24, 720, 780), _one(6, 720, 780)
    model = _model(0.8, 60, 0.9, 300)
    assert pareto_nbd.p_alive(model, *monthly)[0] < pareto_nbd.p_alive(model, *quarterly)[0]


def test_extreme_histories_give_finite_likelihoods():
    x, t_x, end = (
        np.array([0.0, 0.0, 5000.0, 5000.0, 3.0]),
        np.array([0, 0, 4000.0, 1.0, 0.0]),
        np.array([0, 1e4, 4000, 1e4, 0]),
    )
    for model in (_model(), _model(20, 0.01, 20, 1e4), _model(0.01, 1e5, 0.01, 0.1)):
        assert np.isfinite(pareto_nbd.log_likelihood(model, x, t_x, end)).all()
        assert np.isfinite(pareto_nbd.expected_purchases(model, x, t_x, end, 182)).all()


def test_no_customer_is_refused_in_words():
    with pytest.raises(ValueError, match="at least one customer"):
        fit_pareto_nbd([], [], [])
