from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy.stats import nbinom

from crm_platform.forecast import mbg_cnbd_k, mbg_nbd
from crm_platform.forecast.mbg_cnbd_k import MOST_STAGES, MBGCNBDk, fit_mbg_cnbd_k
from crm_platform.forecast.mbg_nbd import MBGNBD, fit_mbg_nbd
from crm_platform_tests.forecast.battery import simulated
from crm_platform_tests.oracles.known_histories import cdnow_sample


def _model(k: int, r: float = 1.3, alpha: float = 4.0, a: float = 0.8, b: float = 2.5) -> MBGCNBDk:
    return MBGCNBDk(k, r, alpha, a, b, 0.0, 0, True, False)


HISTORIES = (
    np.array([0.0, 0, 3, 20, 5, 0]),
    np.array([0.0, 0, 10, 50, 7, 0]),
    np.array([0.0, 30, 12, 50, 9, 1]),
)


def test_with_one_stage_everything_equals_the_mbg_nbd_to_the_last_bit():
    sample = cdnow_sample()
    base = tuple(sample[name].to_numpy(float) for name in ("frequency", "recency", "T"))
    regular, random = fit_mbg_cnbd_k(*base, k=1), fit_mbg_nbd(*base)
    assert regular.parameters == random.parameters
    assert regular.log_likelihood == random.log_likelihood
    for name in ("log_likelihood", "p_alive"):
        assert (getattr(mbg_cnbd_k, name)(regular, *base) == getattr(mbg_nbd, name)(random, *base)).all()
    for name in ("expected_purchases", "probability_of_purchase"):
        own, plain = getattr(mbg_cnbd_k, name)(regular, *base, 39.0), getattr(mbg_nbd, name)(random, *base, 39.0)
        assert (own == plain).all()


def test_cdnow_shows_no_regularity_as_the_authors_of_the_model_found():
    sample = cdnow_sample()
    assert fit_mbg_cnbd_k(sample["frequency"], sample["recency"], sample["T"]).k == 1


@pytest.mark.parametrize("k", [2, 4])
def test_regularity_is_recovered_with_the_gaps_and_without(k):
    drawn = simulated(f"MBG/CNBD-{k}", 12_000, seed=9)
    assert fit_mbg_cnbd_k(*drawn.histories, log_gaps=drawn.log_gaps).k == k
    assert fit_mbg_cnbd_k(*drawn.histories).k == k


@pytest.mark.parametrize("k", [2, 3, 5, 12])
def test_expected_purchases_equal_their_sum_over_purchases(k):
    """Σ_n P(the n-th purchase falls in the horizon) P(going on n − 1 times), the stages since the last one weighed."""
    model, horizon, n = _model(k), 26.0, np.arange(1, 3000)
    summed = []
    for x, t_x, end in zip(*HISTORIES, strict=True):
        m, q, z = model.r + k * x, (end - t_x) / (model.alpha + end), horizon / (model.alpha + end + horizon)
        begun = nbinom.pmf(np.arange(k), m, 1 - q)
        goes_on = (model.b + x + n) / (model.a + model.b + x + n)
        survived = np.concatenate([[1], np.cumprod(goes_on)[:-1]])
        per_stage = [(nbinom.sf(n * k - j - 1, m + j, 1 - z) * survived).sum() for j in range(k)]
        summed.append((begun * per_stage).sum() / begun.sum())
    expected = mbg_cnbd_k.expected_purchases(model, *HISTORIES, horizon)
    assert expected == pytest.approx(mbg_cnbd_k.p_alive(model, *HISTORIES) * summed, rel=1e-12)


def test_the_papers_approximation_is_off_where_the_exact_expectation_is_not():
    """MBG/NBD's expectation with kα for α, times P(active), scaled to the whole: fair in sum, not by customer."""
    drawn = simulated("MBG/CNBD-4", 30_000, seed=6, horizon=4.0)
    model = fit_mbg_cnbd_k(*drawn.histories, k=4)
    exact = mbg_cnbd_k.expected_purchases(model, *drawn.histories, 4.0)
    plain = MBGNBD(model.r, model.k * model.alpha, model.a, model.b, 0.0, 0, True)
    x, t_x, end = drawn.histories
    approximate = mbg_nbd.expected_purchases(plain, x, t_x, end, 4.0) / mbg_nbd.p_alive(plain, x, t_x, end)
    approximate *= mbg_cnbd_k.p_alive(model, x, t_x, end)
    approximate *= exact.sum() / approximate.sum()
    later = drawn.later
    just_bought = (x >= 3) & (end - t_x < 0.25 * t_x / np.maximum(x, 1))
    noise = 4 * later[just_bought].std() / np.sqrt(just_bought.sum())
    assert later[just_bought].mean() == pytest.approx(exact[just_bought].mean(), abs=noise)
    assert approximate[just_bought].mean() > exact[just_bought].mean() + noise


def test_constant_gaps_end_at_the_bound_and_say_so():
    x = np.arange(1.0, 60)
    fitted = fit_mbg_cnbd_k(x, 30 * x, 30 * x + 15, log_gaps=x * np.log(30))
    assert (fitted.k, fitted.k_at_bound) == (MOST_STAGES, True)


def test_two_purchases_at_one_moment_leave_one_stage():
    fitted = fit_mbg_cnbd_k([2, 5, 0], [30, 90, 0], [60, 100, 40], log_gaps=[-np.inf, 5 * np.log(18), 0])
    assert fitted.k == 1
    assert np.isfinite(fitted.log_likelihood)


def test_silence_tells_more_of_a_regular_customer():
    history = (np.array([10.0]), np.array([300.0]), np.array([390.0]))
    alive = [mbg_cnbd_k.p_alive(_model(k, 2.0, 60.0 / k), *history)[0] for k in (1, 2, 4, 8)]
    assert (np.diff(alive) < 0).all()


@pytest.mark.parametrize(
    ("log_gaps", "k"), [([1.0, 2.0], None), ([np.nan], None), ([9.0], None), ([0.0], 0), ([0.0], 13)]
)
def test_gaps_and_stages_that_cannot_be_are_refused(log_gaps, k):
    with pytest.raises(ValueError, match="must"):
        fit_mbg_cnbd_k([1], [1], [2], log_gaps=log_gaps, k=k)


def test_weights_stand_for_repeated_customers_with_their_gaps():
    drawn = simulated("MBG/CNBD-2", 300, seed=2)
    columns = (*drawn.histories, drawn.log_gaps)
    x, t_x, age, log_gaps = (np.concatenate([column, column]) for column in columns)
    twice = fit_mbg_cnbd_k(x, t_x, age, log_gaps=log_gaps)
    once = fit_mbg_cnbd_k(*drawn.histories, weights=np.full(300, 2.0), log_gaps=drawn.log_gaps)
    assert dataclasses.replace(once, log_likelihood=0.0) == dataclasses.replace(twice, log_likelihood=0.0)
    assert once.log_likelihood == pytest.approx(twice.log_likelihood, rel=1e-12)
