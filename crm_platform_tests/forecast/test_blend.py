"""Weights of the blend: those the past can tell apart, equal ones where it cannot, always at the anchor's total."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_platform.forecast import blend as chapter
from crm_platform.forecast.blend import ANCHOR, AS_GOOD, Blend, blended, blended_then, fit_blend
from crm_platform.forecast.metrics import normalised_gini

CUSTOMERS = 2_000


def _sales(seed: int) -> np.ndarray:
    draw = np.random.default_rng(seed)
    return draw.lognormal(8, 1.5, CUSTOMERS) * (draw.random(CUSTOMERS) < 0.3)


def _foreseen(sales: np.ndarray, error: float, seed: int) -> np.ndarray:
    """What came, told with so large an error."""
    return (sales + 500) * np.random.default_rng(seed).lognormal(0, error, len(sales))


def _one_knows(better: str) -> tuple[list[dict[str, np.ndarray]], list[np.ndarray]]:
    """Two origins at which `better` tells what came, and the other draws lots."""
    actual = [_sales(1), _sales(2)]
    worse = {ANCHOR: "level", "level": ANCHOR}[better]
    past = [
        {better: _foreseen(sales, 0.3, 3 + at), worse: np.random.default_rng(at).lognormal(8, 2, CUSTOMERS)}
        for at, sales in enumerate(actual)
    ]
    return past, actual


@pytest.mark.parametrize("better", [ANCHOR, "level"])
def test_who_told_what_came_is_believed_and_who_drew_lots_is_not(better: str) -> None:
    past, actual = _one_knows(better)
    blend = fit_blend(past, actual, past[0])
    assert blend.weights[better] > 0.8
    assert sum(blend.weights.values()) == pytest.approx(1)


def test_two_that_rank_alike_weigh_alike_although_one_is_better_by_a_hair() -> None:
    sales = _sales(4)
    rank = np.argsort(np.argsort(_foreseen(sales, 0.5, 5))) + 1.0
    past = [{ANCHOR: rank, "level": rank**1.0001}]
    assert fit_blend(past, [sales], past[0]).weights == pytest.approx({ANCHOR: 0.5, "level": 0.5})


def test_weights_are_the_mean_of_all_that_come_within_a_hair_of_the_best() -> None:
    sales = _sales(6)
    told = {ANCHOR: _foreseen(sales, 1.0, 7), "level": _foreseen(sales, 1.2, 8)}
    scale = told[ANCHOR].sum() / told["level"].sum()
    tried = np.arange(7) / 6
    ginis = [normalised_gini(share * told[ANCHOR] + (1 - share) * scale * told["level"], sales) or 0 for share in tried]
    good = tried[np.array(ginis) >= max(ginis) - AS_GOOD]
    assert 1 < len(good) < len(tried)
    assert fit_blend([told], [sales], told).weights[ANCHOR] == pytest.approx(good.mean())


def test_without_an_origin_at_which_something_was_bought_all_weigh_alike() -> None:
    now = {ANCHOR: np.array([3.0, 1.0]), "level": np.array([1.0, 1.0]), "tweedie": np.array([0.0, 8.0])}
    for past, actual in (([], []), ([now], [np.zeros(2)])):
        assert fit_blend(past, actual, now).weights == pytest.approx(dict.fromkeys(now, 1 / 3))


@given(st.integers(0, 10_000), st.sampled_from([0.001, 1.0, 1_000.0]))
def test_a_blend_adds_up_to_the_anchors_total_now_and_then(seed: int, unit: float) -> None:
    draw = np.random.default_rng(seed)
    past, now = (
        {name: draw.gamma(0.3, 5_000, 60) * size for name, size in ((ANCHOR, 1), ("level", unit), ("tweedie", 7))}
        for _ in range(2)
    )
    blend = fit_blend([past], [draw.gamma(0.2, 9_000, 60)], now)
    assert sum(blend.weights.values()) == pytest.approx(1)
    assert min(blend.weights.values()) >= 0
    assert blended(blend, now).sum() == pytest.approx(now[ANCHOR].sum())
    assert blended_then(blend, past).sum() == pytest.approx(past[ANCHOR].sum())


def test_the_unit_in_which_a_forecast_is_told_changes_no_weight_and_no_yen() -> None:
    past, actual = _one_knows("level")
    dear = [{**origin, "level": origin["level"] * 100} for origin in past]
    one, other = fit_blend(past, actual, past[1]), fit_blend(dear, actual, dear[1])
    assert other.weights == pytest.approx(one.weights)
    assert blended(other, dear[1]) == pytest.approx(blended(one, past[1]))


def test_a_forecast_of_nothing_takes_its_share_of_the_total_with_it_and_breaks_nothing() -> None:
    now = {ANCHOR: np.array([4.0, 2.0]), "level": np.zeros(2)}
    assert blended(Blend({ANCHOR: 0.5, "level": 0.5}, fit_blend([], [], now).scales), now).tolist() == [2.0, 1.0]


def test_the_quick_gini_is_that_of_the_backtest_where_no_scores_are_equal() -> None:
    sales = _sales(9)
    score = _foreseen(sales, 0.8, 10)
    assert chapter._gini(score, sales) == pytest.approx(normalised_gini(score, sales), abs=1e-3)
