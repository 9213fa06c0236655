"""The battery: what holds for every model of purchasing. What is one model's own is tested in a file of its name."""

from __future__ import annotations

import warnings
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import check_grad
from scipy.special import gammaln

from crm_platform_tests.forecast.battery import MODELS, PurchaseModel, simulated, standard_errors
from crm_platform_tests.oracles.known_histories import cdnow_sample

every_model = pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)

quarter_days = st.integers(0, 12_000).map(lambda quarters: quarters / 4)
histories = st.tuples(st.integers(0, 10_000), st.floats(0, 1), quarter_days).map(
    lambda drawn: (float(drawn[0]), drawn[1] * drawn[2] if drawn[0] else 0.0, drawn[2])
)
bases = st.lists(histories, min_size=1, max_size=12).map(lambda rows: tuple(np.array(rows).T.copy()))
parameters = st.tuples(st.floats(0.01, 50), st.floats(0.01, 1e4), st.floats(0.01, 50), st.floats(0.01, 1e3))


def _forecasts(model: PurchaseModel, fitted: object, base: tuple[np.ndarray, ...], horizon: float) -> tuple:
    alive = model.module.p_alive(fitted, *base)
    some = model.module.probability_of_purchase(fitted, *base, horizon)
    return alive, some, model.module.expected_purchases(fitted, *base, horizon)


def _sound(alive: np.ndarray, some: np.ndarray, expected: np.ndarray) -> None:
    assert np.isfinite([*alive, *some, *expected]).all()
    assert ((some >= 0) & (some <= alive + 1e-12) & (alive <= 1)).all()
    assert (expected >= some * (1 - 1e-6) - 1e-9).all()


@pytest.mark.parametrize("name", [name for name, model in MODELS.items() if model.published])
def test_fit_on_the_published_cdnow_sample_gives_the_published_figures(name):
    model, sample = MODELS[name], cdnow_sample()
    fitted = model.fit(sample["frequency"], sample["recency"], sample["T"])
    assert fitted.converged
    assert fitted.customers == 2357
    assert np.round(model.parameters(fitted), 3) == pytest.approx(model.published, abs=0.0011)
    assert fitted.log_likelihood == pytest.approx(model.published_log_likelihood, abs=0.05)


@every_model
def test_likelihood_adds_up_to_one_over_all_histories_and_tells_how_many_buy_how_often(model):
    made, age, most = model.make(*model.truth), 78.0, 400
    share, weight = np.polynomial.legendre.leggauss(160)
    moments, weight = age * (share + 1) / 2, age * weight / 2
    x, t_x = (grid.ravel() for grid in np.meshgrid(np.arange(1.0, most), moments, indexing="ij"))
    density = model.module.log_likelihood(made, x, t_x, np.full(len(x), age)) + (x - 1) * np.log(t_x) - gammaln(x)
    nobody = np.exp(model.module.log_likelihood(made, np.zeros(1), np.zeros(1), np.full(1, age)))
    chances = np.concatenate([nobody, np.exp(density).reshape(most - 1, -1) @ weight])
    assert chances.sum() == pytest.approx(1, abs=1e-6)
    drawn = simulated(model.name, 20_000, seed=7)
    at_age = np.abs(drawn.age - age) < 2
    seen = np.array([(drawn.repeats[at_age] == count).mean() for count in range(6)])
    error = np.sqrt(chances[:6] / at_age.sum())
    assert (np.abs(seen - chances[:6]) < 4.5 * error).all()


@every_model
@pytest.mark.parametrize("point", [[-0.5, 2.0, -0.4, 1.5], [0.7, 4.0, 1.0, 3.0], [-2.0, 0.5, -3.0, 4.0]])
def test_gradient_equals_finite_differences(model, point):
    base = (
        np.array([0.0, 3.0, 40.0, 1.0]),
        np.array([0.0, 20.0, 90.0, 5.0]),
        np.array([50.0, 60.0, 90.0, 300.0]),
        np.array([5.0, 1.0, 2.0, 1.0]),
    )
    parts = [lambda point, part=part: model.objective(point, *base)[part] for part in (0, 1)]
    assert check_grad(*parts, np.array(point)) < 1e-5


@pytest.mark.parametrize(("drawn", "age"), [((1.0, 212.0, 32.0, 0.015625), 88.0), ((1.0, 13.0, 50.0, 0.015625), 15.0)])
def test_a_tiny_chance_to_buy_is_below_the_purchases_expected_and_never_falls(drawn, age):
    model = MODELS["Pareto/NBD (Fader & Hardie 2005)"]
    base = (np.array([age]), np.zeros(1), np.zeros(1))
    forecasts = [_forecasts(model, model.make(*drawn), base, horizon) for horizon in (0.5, 1.0, 89.0, 178.0, 356.0)]
    for forecast in forecasts:
        _sound(*forecast)
    assert all(late[1] >= early[1] * (1 - 1e-6) for early, late in pairwise(forecasts))


@every_model
@settings(max_examples=30, deadline=None)
@given(parameters, bases, st.floats(0.1, 400))
def test_any_history_under_any_parameters_gets_a_sound_forecast_without_a_warning(model, drawn, base, horizon):
    made = model.make(*drawn)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        near = _forecasts(model, made, base, horizon)
        far = _forecasts(model, made, base, 2 * horizon)
    _sound(*near)
    _sound(*far)
    for early, late in zip(near[1:], far[1:], strict=True):
        assert (late >= early * (1 - 1e-6) - 1e-12).all()


@every_model
@settings(max_examples=30, deadline=None)
@given(parameters, st.integers(0, 300))
def test_silence_only_lowers_the_chance_of_being_active(model, drawn, repeats):
    silences = np.concatenate([[0], np.geomspace(0.1, 5000, 40)])
    t_x = np.full(41, 100.0 if repeats else 0.0)
    alive = model.module.p_alive(model.make(*drawn), np.full(41, float(repeats)), t_x, t_x + silences)
    assert (np.diff(alive) <= 1e-9).all()


@every_model
@settings(max_examples=15, deadline=None)
@given(bases.filter(lambda base: base[2].max() > 0))
def test_any_customers_can_be_fitted_and_forecast_without_a_warning(model, base):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fitted = model.fit(*base)
        _sound(*_forecasts(model, fitted, base, 182.0))
    assert not np.isnan(fitted.log_likelihood)
    assert min(model.parameters(fitted)) > 0


AWKWARD = {
    "everybody bought once": ([0] * 50, [0] * 50, range(1, 51)),
    "one customer": ([3], [200], [300]),
    "one customer, one purchase": ([0], [0], [10]),
    "all first bought on one day": ([0, 1, 2, 5] * 20, [0, 40, 90, 99] * 20, [100] * 80),
    "all purchases at one moment": ([0, 3, 2], [0, 0, 0], [100, 100, 50]),
    "ten thousand purchases": ([10_000, 0, 1, 2], [999.9, 0, 20, 500], [1000, 10, 400, 800]),
    "some bought today": ([0, 0, 4, 1], [0, 0, 100, 9], [0, 0, 100, 90]),
    "nobody ever stops": ([10] * 60, [100] * 60, [100] * 60),
    "constant gaps": (range(1, 41), range(30, 1201, 30), range(31, 1202, 30)),
}


@every_model
@pytest.mark.parametrize("case", AWKWARD)
def test_awkward_customers_get_a_sound_forecast(model, case):
    base = tuple(np.array(list(column), dtype=float) for column in AWKWARD[case])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fitted = model.fit(*base)
        _sound(*_forecasts(model, fitted, base, 182.0))


@every_model
def test_unit_of_time_changes_nothing_but_the_unit(model):
    drawn = simulated(model.name, 600, seed=1)
    x, t_x, age = drawn.histories
    weeks, days = model.fit(x, t_x, age), model.fit(x, t_x * 7, age * 7)
    in_time = [7.0 if name in ("alpha", "beta") else 1.0 for name in model.names]
    assert np.array(model.parameters(days)) / in_time == pytest.approx(model.parameters(weeks), rel=2e-3)
    assert days.log_likelihood == pytest.approx(weeks.log_likelihood - x.sum() * np.log(7), rel=1e-6)
    assert model.module.expected_purchases(days, x, t_x * 7, age * 7, 182.0) == pytest.approx(
        model.module.expected_purchases(weeks, x, t_x, age, 26.0), rel=2e-3
    )


@every_model
def test_weights_stand_for_repeated_customers_and_the_order_of_rows_for_nothing(model):
    base = simulated(model.name, 300, seed=2).histories
    twice = model.fit(*(np.concatenate([column, column]) for column in base))
    assert model.fit(*base, weights=np.full(300, 2.0)) == twice
    assert model.fit(*(column[::-1] for column in base), weights=np.full(300, 2.0)) == twice


@every_model
@pytest.mark.parametrize(
    ("repeats", "recency", "age", "weights"),
    [
        ([], [], [], None),
        ([0, 1], [0, 0], [0, 0], None),
        ([-1], [1], [2], None),
        ([1.5], [1], [2], None),
        ([1], [3], [2], None),
        ([0], [1], [2], None),
        ([1], [np.nan], [2], None),
        ([1], [1], [np.inf], None),
        ([1, 2], [1], [2], None),
        ([1], [1], [2], [-1]),
        ([1], [1], [2], [0]),
    ],
)
def test_bad_input_is_refused_in_words(model, repeats, recency, age, weights):
    with pytest.raises(ValueError, match=r"must|at least one customer"):
        model.fit(repeats, recency, age, weights)


@every_model
def test_planted_parameters_are_recovered_within_their_standard_errors_and_the_future_is_foreseen(model):
    drawn = simulated(model.name, 12_000, seed=5)
    gaps = {"log_gaps": drawn.log_gaps} if model.name.startswith("MBG/CNBD") else {}
    fitted = model.fit(*drawn.histories, **gaps)
    point = np.log(model.parameters(fitted))
    errors = (point - np.log(model.truth)) / standard_errors(model, point, drawn.histories)
    assert (np.abs(errors) < 3).all(), errors
    alive, some, expected = _forecasts(model, fitted, drawn.histories, 26.0)
    for tenth in np.array_split(np.argsort(expected, kind="stable"), 10):
        noise = np.sqrt(drawn.later[tenth].var() / len(tenth)) + 0.003
        assert drawn.later[tenth].mean() == pytest.approx(expected[tenth].mean(), abs=4 * noise)
        assert (drawn.later[tenth] > 0).mean() == pytest.approx(some[tenth].mean(), abs=0.06)
        assert drawn.active[tenth].mean() == pytest.approx(alive[tenth].mean(), abs=0.06)
    assert drawn.later.sum() == pytest.approx(expected.sum(), rel=0.03)


@every_model
def test_fifty_thousand_customers_are_fitted_and_forecast(model):
    drawn = simulated(model.name, 50_000, seed=6)
    age = np.ceil(drawn.age * 7)
    base = (drawn.repeats, np.minimum(np.floor(drawn.recency * 7), age), age)
    fitted = model.fit(*base)
    assert fitted.converged
    assert fitted.customers == 50_000
    alive, some, expected = _forecasts(model, fitted, base, 182.0)
    _sound(alive, some, expected)
    assert expected.sum() == pytest.approx(drawn.later.sum(), rel=0.03)
