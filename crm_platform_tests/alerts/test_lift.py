from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from crm_platform.alerts.measuring.lift import adjusted_lift, fit_adjustment, plain_lift, wilson


def _bought(treated: tuple[int, int], control: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """So many of so many bought, in each group."""
    outcome = np.concatenate([np.arange(size) < bought for bought, size in (treated, control)]).astype(float)
    return outcome, np.arange(len(outcome)) < treated[1]


def _customers(size: int = 400, seed: int = 5) -> tuple[np.ndarray, np.ndarray, list[tuple[str, np.ndarray]]]:
    """Sales with a lift of 1,000 yen, the group, and three figures of the past that foretell them."""
    draw = np.random.default_rng(seed)
    past = [draw.lognormal(9, 1, size), draw.poisson(3, size).astype(float), draw.random(size)]
    is_treated = draw.permutation(size) < size * 3 // 5
    sales = 0.5 * past[0] + 2_000 * past[1] + draw.lognormal(8, 1, size) + np.where(is_treated, 1_000 + past[0] / 9, 0)
    return sales, is_treated, list(zip(("sales_before", "purchases", "risk"), past, strict=True))


@pytest.mark.parametrize(
    ("treated", "control", "low", "high"),
    [
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((6, 7), (2, 7), 0.0582, 0.8062),
        ((5, 56), (0, 29), -0.0381, 0.1926),
    ],
)
def test_intervals_of_two_shares_are_those_of_newcombe_1998(treated, control, low, high) -> None:
    found = plain_lift(*_bought(treated, control), is_rate=True)
    assert (found.low, found.high) == (pytest.approx(low, abs=6e-5), pytest.approx(high, abs=6e-5))
    assert found.lift == pytest.approx(treated[0] / treated[1] - control[0] / control[1])


def test_the_interval_of_a_share_is_wilson_s() -> None:
    assert wilson(81 / 263, 263) == (pytest.approx(0.2553, abs=5e-5), pytest.approx(0.3662, abs=5e-5))
    assert wilson(0.0, 20) == (0.0, pytest.approx(0.1611, abs=5e-5))


def test_the_interval_of_two_means_is_welch_s() -> None:
    sales, is_treated, _ = _customers()
    found = plain_lift(sales, is_treated, is_rate=False)
    known = stats.ttest_ind(sales[is_treated], sales[~is_treated], equal_var=False)
    assert found.standard_error == pytest.approx(found.lift / known.statistic)
    assert (found.low, found.high) == pytest.approx(tuple(known.confidence_interval(0.95)))


def test_the_adjusted_lift_is_the_coefficient_of_the_interacted_regression_with_hc3_errors() -> None:
    sales, is_treated, covariates = _customers()
    found = adjusted_lift(sales, is_treated, fit_adjustment(covariates, is_treated), covariates[0][1], is_rate=False)
    past = np.column_stack([values for _, values in covariates])
    past = (past - past.mean(axis=0)) / past.std(axis=0)
    design = np.column_stack([np.ones(len(sales)), is_treated, past, past * is_treated[:, None]])
    inverse = np.linalg.inv(design.T @ design)
    coefficients = inverse @ design.T @ sales
    residual = (sales - design @ coefficients) / (1 - np.einsum("ij,jk,ik->i", design, inverse, design))
    hc3 = inverse @ (design.T * residual**2) @ design @ inverse
    differing = coefficients[5:] @ np.cov(past.T) @ coefficients[5:] / len(sales)
    assert found.method == "lin"
    assert found.lift == pytest.approx(coefficients[1])
    assert found.standard_error == pytest.approx(np.sqrt(hc3[1, 1] + differing))
    assert found.low < found.lift < found.high


def test_few_treated_beside_thousands_have_the_interval_of_few() -> None:
    draw = np.random.default_rng(3)
    past, is_treated = draw.normal(size=6_060), np.arange(6_060) < 60
    sales = past + draw.normal(size=6_060)
    found = adjusted_lift(sales, is_treated, fit_adjustment([("past", past)], is_treated), past, is_rate=False)
    assert found.method == "lin"
    t = (found.high - found.lift) / found.standard_error
    assert stats.t.ppf(0.975, 63) < t < stats.t.ppf(0.975, 57)


def test_the_past_takes_chance_out_of_the_lift() -> None:
    sales, is_treated, covariates = _customers()
    plain = plain_lift(sales, is_treated, is_rate=False)
    found = adjusted_lift(sales, is_treated, fit_adjustment(covariates, is_treated), covariates[0][1], is_rate=False)
    assert found.standard_error < 0.7 * plain.standard_error


def test_units_of_the_past_and_figures_that_repeat_others_do_not_matter() -> None:
    sales, is_treated, covariates = _customers()
    found = adjusted_lift(sales, is_treated, fit_adjustment(covariates, is_treated), covariates[0][1], is_rate=False)
    told = [
        ("sales_before", covariates[0][1] * 1e6),
        ("in_dollars", covariates[0][1] / 100 + 7),
        ("alike", np.full(len(sales), 3.0)),
        *covariates[1:],
    ]
    other = fit_adjustment(told, is_treated)
    assert other.used == ("sales_before", "purchases", "risk")
    assert other.dropped == ("in_dollars", "alike")
    again = adjusted_lift(sales, is_treated, other, covariates[0][1], is_rate=False)
    assert (again.lift, again.standard_error) == (
        pytest.approx(found.lift),
        pytest.approx(found.standard_error),
    )


def test_few_customers_are_adjusted_by_one_figure_and_fewer_by_none() -> None:
    sales, is_treated, covariates = _customers()
    small = np.r_[np.flatnonzero(is_treated)[:30], np.flatnonzero(~is_treated)[:30]]
    own, past, group = sales[small], covariates[0][1][small], is_treated[small]
    adjustment = fit_adjustment([("flag", (small == small[0]).astype(float))], group)  # one customer's own coefficient
    assert adjustment.arms is None
    found = adjusted_lift(own, group, adjustment, past, is_rate=False)
    within = [own - own[group].mean() * group - own[~group].mean() * ~group, past - past[group].mean() * group]
    within[1] -= past[~group].mean() * ~group
    slope = (within[0] @ within[1]) / (within[1] @ within[1])
    assert found.method == "cuped"
    plain = plain_lift(own, group, is_rate=False)
    assert found.lift == pytest.approx(plain.lift - slope * (past[group].mean() - past[~group].mean()))
    few = np.r_[:10, 30:40]
    nothing = fit_adjustment([("past", past[few])], group[few])
    assert nothing.reason == "few_customers"
    assert adjusted_lift(own[few], group[few], nothing, past[few], is_rate=False).method == "welch"


def test_where_nobody_differs_no_interval_of_yen_is_claimed_but_one_of_shares_is() -> None:
    nothing, is_treated = np.zeros(60), np.arange(60) < 30
    assert plain_lift(nothing, is_treated, is_rate=False).low is None
    shares = plain_lift(nothing, is_treated, is_rate=True)
    assert shares.low == -shares.high < -0.1


def test_a_giant_in_a_small_group_does_not_make_the_adjusted_interval_wider_than_half_again_the_plain_one():
    """One of 85 customers bought for a thousand times as much: a coefficient of his own would leave no interval."""
    draw = np.random.default_rng(4)
    treated = np.arange(85) < 46
    past = draw.lognormal(8, 0.5, 85)
    past[0] = 1_000 * past[1:].mean()
    bought = (draw.random(85) < 0.5).astype(float)
    adjustment = fit_adjustment([("sales_before_jpy", past)], treated)
    assert adjustment.reason == "outlier"
    plain = plain_lift(bought, treated, is_rate=True)
    adjusted = adjusted_lift(bought, treated, adjustment, draw.poisson(2, 85).astype(float), is_rate=True)
    assert adjusted.method == "cuped"
    assert adjusted.high - adjusted.low < 1.5 * (plain.high - plain.low)
