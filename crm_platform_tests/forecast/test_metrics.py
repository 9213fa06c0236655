from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from crm_platform.alerts.looking_back.outcome import area_under_curve
from crm_platform.forecast.metrics import (
    bias,
    bias_error,
    decile_error,
    gini_errors,
    inversions,
    lorenz_points,
    normalised_gini,
    share_above,
    share_below,
    share_that_moves,
    tenths,
    top_share,
)

rows_of = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 1000)), min_size=3, max_size=40)


def arrays(rows: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    score, actual = (np.array(values, dtype=float) for values in zip(*rows, strict=True))
    return score, actual


@pytest.mark.parametrize(
    ("score", "actual", "gini"),
    [
        ([2, 3, 1], [5, 3, 2], 1 / 3),  # ranks −1, 0, 1 from the mean: 0·5 + 1·3 − 1·2 = 1, at best 5 − 2 = 3
        ([0.86, 0.26, 0.52, 0.32], [1, 1, 0, 1], -1 / 3),  # 1.5 − 1.5 − .5 = −.5, at best .5 · 3 = 1.5
        ([1, 1, 0], [10, 0, 0], 0.5),  # a tie of two for the one buyer: .5 · 10 of 1 · 10
    ],
)
def test_gini_is_what_a_hand_computes(score, actual, gini):
    assert normalised_gini(np.array(score, float), np.array(actual, float)) == pytest.approx(gini)


@given(rows_of)
def test_gini_is_one_for_the_perfect_order_minus_one_reversed_and_nought_for_a_constant(rows):
    score, actual = arrays(rows)
    if np.ptp(actual) == 0:
        assert normalised_gini(score, actual) is None
        return
    assert normalised_gini(actual, actual) == pytest.approx(1)
    assert normalised_gini(-actual, actual) == pytest.approx(-1)
    assert normalised_gini(np.ones_like(actual), actual) == pytest.approx(0, abs=1e-12)
    assert -1 - 1e-9 <= normalised_gini(score, actual) <= 1 + 1e-9


@settings(max_examples=30)
@given(rows_of)
def test_only_the_order_of_the_scores_matters_and_not_the_unit_of_sales(rows):
    score, actual = arrays(rows)
    assume(np.ptp(actual) > 0)
    for told, came in ((np.exp(score), actual), (7 * score - 3, actual), (score, 100 * actual)):
        assert normalised_gini(told, came) == pytest.approx(normalised_gini(score, actual))
        assert top_share(told, came, 0.1) == pytest.approx(top_share(score, actual, 0.1))
        assert lorenz_points(told, came) == pytest.approx(lorenz_points(score, actual))
        assert (tenths(told) == tenths(score)).all()


@settings(max_examples=30)
@given(rows_of, st.randoms(use_true_random=False))
def test_no_figure_depends_on_the_order_of_rows(rows, random):
    shuffled = rows.copy()
    random.shuffle(shuffled)
    one, other = arrays(rows), arrays(shuffled)
    for figure in (normalised_gini, bias, decile_error, share_above, share_below, lambda *a: top_share(*a, 0.1)):
        assert figure(*one) == pytest.approx(figure(*other), abs=1e-9)


def test_of_buying_or_not_gini_is_twice_the_area_under_the_curve_less_one():
    draw = np.random.default_rng(1)
    score, bought = draw.integers(0, 20, 500).astype(float), draw.random(500) < 0.3
    area = area_under_curve(score, bought)
    assert normalised_gini(score, bought.astype(float)) == pytest.approx(2 * area - 1)


def test_a_score_drawn_at_random_has_a_gini_near_nought():
    draw = np.random.default_rng(2)
    actual = draw.lognormal(0, 1, 20_000)
    assert abs(normalised_gini(draw.random(20_000), actual)) < 0.03


def test_gini_is_the_area_between_lorenz_curve_and_diagonal_over_that_of_the_perfect_order():
    draw = np.random.default_rng(3)
    score = draw.random(5_000)
    actual = np.maximum(score + draw.normal(0, 0.4, 5_000), 0)

    def area(by: np.ndarray) -> float:
        return float(np.trapezoid(lorenz_points(by, actual, 501), dx=1 / 500)) - 0.5

    assert normalised_gini(score, actual) == pytest.approx(area(score) / area(actual), abs=1e-4)


def test_lorenz_curve_runs_from_nothing_to_all_and_shares_ties_out():
    assert lorenz_points(np.ones(4), np.array([8.0, 0, 0, 0]), 5) == pytest.approx([0, 0.25, 0.5, 0.75, 1])
    assert lorenz_points(np.array([4.0, 3, 2, 1]), np.array([8.0, 2, 0, 0]), 5) == pytest.approx([0, 0.8, 1, 1, 1])
    assert lorenz_points(np.ones(4), np.zeros(4)) == []


def test_top_share_counts_a_tie_at_the_boundary_pro_rata():
    score, actual = np.array([9.0, 1, 1, 1, 1]), np.array([50.0, 30, 10, 10, 0])
    assert top_share(score, actual, 0.2) == pytest.approx(0.5)
    assert top_share(score, actual, 0.4) == pytest.approx(0.5 + 0.5 / 4)
    assert top_share(score, np.zeros(5), 0.4) is None


def test_tenths_hold_a_tenth_each_the_best_first_and_equal_scores_share_one():
    assert tenths(np.arange(20, 0, -1.0)).tolist() == [1 + n // 2 for n in range(20)]
    assert tenths(np.array([5.0, *np.zeros(9)])).tolist() == [1, *[6] * 9]
    assert tenths(np.zeros(0)).tolist() == []


def test_the_errors_of_gini_lead_and_bias_are_those_of_customers_drawn_anew():
    random = np.random.default_rng(3)
    worth = random.gamma(0.5, 1.0, 400)
    actual = random.poisson(worth) * random.gamma(2.0, 1_000.0, 400).round()
    scores = {
        "ours": 2_000 * worth * random.lognormal(0, 0.5, 400),
        "rfm": np.ceil(worth * random.lognormal(0, 0.9, 400)),
    }
    drawn = []
    for _ in range(300):
        chosen = random.integers(0, 400, 400)
        ours, rfm = (normalised_gini(score[chosen], actual[chosen]) for score in scores.values())
        drawn.append((ours, ours - rfm, bias(scores["ours"][chosen], actual[chosen])))
    gini, leads = gini_errors(scores, actual, "ours")
    found = (gini, leads["rfm"], bias_error(scores["ours"], actual))
    assert found == pytest.approx(np.std(drawn, axis=0), rel=0.15)
    assert gini_errors(scores, 0 * actual, "ours") == (None, {"rfm": None})


def test_decile_error_weighs_each_tenth_by_what_it_bought():
    foreseen = np.arange(10, 0, -1.0)
    actual = foreseen.copy()
    actual[0], actual[9] = 5.0, 3.0  # |10 − 5| + |1 − 3| of 55 − 5 + 2
    assert decile_error(foreseen, actual) == pytest.approx(7 / 52)
    assert decile_error(foreseen, foreseen) == 0
    assert decile_error(2 * foreseen, foreseen) == pytest.approx(1)
    assert decile_error(foreseen, 0 * foreseen) is None


def test_bias_is_the_total_foreseen_over_the_total_bought():
    assert bias(np.array([3.0, 3.0]), np.array([4.0, 1.0])) == pytest.approx(1.2)
    assert bias(np.array([3.0]), np.array([0.0])) is None


def test_coverage_counts_who_is_outside_and_nobody_can_be_below_nothing():
    actual = np.array([0.0, 5, 10, 20])
    assert share_above(np.array([0.0, 4, 10, 30]), actual) == 0.25
    assert share_below(np.array([0.0, 6, 10, 30]), actual) == pytest.approx(2 / 3)
    assert share_below(np.zeros(4), actual) is None
    assert share_above(np.zeros(0), np.zeros(0)) is None


def test_honest_intervals_of_a_known_distribution_leave_a_tenth_outside_on_either_side():
    actual = np.random.default_rng(4).exponential(100, 20_000)
    low, high = (np.full(20_000, -100 * np.log(1 - share)) for share in (0.1, 0.9))
    assert share_above(high, actual) == pytest.approx(0.1, abs=0.01)
    assert share_below(low, actual) == pytest.approx(0.1, abs=0.01)


def test_inversions_count_classes_that_sold_more_than_the_one_above():
    assert inversions([9.0, 7, 8, 8, 3, 4]) == 2
    assert inversions([]) == 0


def test_share_that_moves_counts_only_customers_in_both():
    former, present = pd.Series({"A": 1, "B": 2, "C": 3}), pd.Series({"B": 2, "C": 1, "D": 9})
    assert share_that_moves(former, present) == 0.5
    assert share_that_moves(former, pd.Series({"Z": 1})) is None
