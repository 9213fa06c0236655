from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import hyp2f1

from crm_platform.forecast import mbg_nbd
from crm_platform.forecast.mbg_nbd import MBGNBD


def _model(r: float = 0.525, alpha: float = 6.183, a: float = 0.891, b: float = 1.614) -> MBGNBD:
    return MBGNBD(r, alpha, a, b, 0.0, 0, True)


def _published(model: MBGNBD, x: np.ndarray, t_x: np.ndarray, end: np.ndarray, horizon: float) -> np.ndarray:
    """Batislam, Denizel & Filiztekin (2007): the closed form, with its hypergeometric function."""
    r, alpha, a, b = model.r, model.alpha, model.a, model.b
    alive = 1 / (1 + a / (b + x) * ((alpha + end) / (alpha + t_x)) ** (r + x))
    later = alpha + end + horizon
    power = ((alpha + end) / later) ** (r + x) * hyp2f1(r + x, b + x + 1, a + b + x, horizon / later)
    return alive * (a + b + x) / (a - 1) * (1 - power)


def test_expected_purchases_equal_the_closed_form_of_the_paper():
    x, t_x, end = np.array([0.0, 2.0, 26.0, 1.0]), np.array([0.0, 30.43, 30.86, 3.0]), np.array([38.86, 38.86, 31.0, 5])
    for model in (_model(), _model(2, 30, 2.5, 0.3), _model(0.2, 4, 0.2, 9)):
        for horizon in (1.0, 39.0):
            own = mbg_nbd.expected_purchases(model, x, t_x, end, horizon)
            assert own == pytest.approx(_published(model, x, t_x, end, horizon), rel=1e-8)


def test_expected_purchases_are_continuous_where_the_closed_form_is_not_defined():
    near = [
        float(mbg_nbd.expected_purchases(_model(a=a), *(np.array([v]) for v in (3.0, 20, 40)), 26.0)[0])
        for a in (1 - 1e-9, 1.0, 1 + 1e-9)
    ]
    assert near[0] == pytest.approx(near[1], rel=1e-7)
    assert near[2] == pytest.approx(near[1], rel=1e-7)


def test_expected_purchases_add_up_purchase_by_purchase():
    """The n-th purchase of the horizon comes where time allows n and the customer went on n − 1 times."""
    model, x, end, horizon = _model(), 4.0, 30.0, 26.0
    draw = np.random.default_rng(4)
    rate = draw.gamma(model.r + x, 1 / (model.alpha + end), 400_000)
    stops = draw.beta(model.a, model.b + x + 1, 400_000)
    purchases = np.minimum(draw.poisson(rate * horizon), draw.geometric(np.maximum(stops, 1e-12)))
    alive = mbg_nbd.p_alive(model, *(np.array([v]) for v in (x, 28.0, end)))[0]
    expected = mbg_nbd.expected_purchases(model, *(np.array([v]) for v in (x, 28.0, end)), horizon)[0]
    assert expected / alive == pytest.approx(purchases.mean(), abs=4 * purchases.std() / np.sqrt(len(purchases)))


def test_a_one_time_buyer_may_have_stopped_already():
    alive = mbg_nbd.p_alive(_model(), np.zeros(2), np.zeros(2), np.array([0.0, 500.0]))
    assert alive[0] == pytest.approx(1.614 / (0.891 + 1.614))
    assert alive[1] < alive[0] / 3


@settings(max_examples=30, deadline=None)
@given(st.floats(0.05, 20), st.floats(0.05, 20), st.integers(0, 2_000), st.floats(0.1, 5))
def test_nodes_have_the_moments_of_the_beta(a, b, repeats, horizon):
    nodes, weights = mbg_nbd.stopping.stopping_nodes(_model(a=a, b=b).parameters, np.array([float(repeats)]))
    after, total = b + repeats + 1, a + b + repeats + 1
    assert weights.sum() == pytest.approx(1)
    assert (weights * nodes).sum() == pytest.approx(a / total, rel=1e-9)
    assert (weights * nodes * (1 - nodes)).sum() == pytest.approx(a * after / (total * (total + 1)), rel=1e-9)
    assert (weights * (1 - nodes) ** horizon).sum() <= 1
