"""Take-up by group: the best quarter that the data prove, not the luckiest group; intervals that hold the truth."""

from __future__ import annotations

import numpy as np
import pytest

from crm_platform.two_track.business.business_case import RAISED_TO, BusinessCase, business_case
from crm_platform.two_track.business.take_up import (
    MOST_ALIKE,
    Reals,
    Spread,
    Wholes,
    expected_buyers,
    few_groups_factor,
    misses,
    spread_of,
)
from crm_platform_tests.two_track.business.shop import cells_of, client_of, year_of

SIZES = np.array([40, 60, 80, 120, 200, 300, 500, 800] * 3, dtype=np.int64)
TRUE = Spread(0.2, 20.0)  # a best quarter of 25.5 %
RAISED = list(RAISED_TO.values())


def true_buyers(shares: Reals, now: Wholes, raised_to: float | None) -> float:
    line = 0.0 if raised_to is None else TRUE.quantile(raised_to)
    return float((np.maximum(shares, line) * now).sum())


def test_the_intervals_of_all_three_scenarios_hold_the_truth_nineteen_times_in_twenty() -> None:
    draw = np.random.default_rng(4)
    held = []
    for _ in range(60):
        shares = draw.beta(*TRUE.ends, len(SIZES))
        buyers = draw.binomial(SIZES, shares)
        spread = spread_of(buyers, SIZES)
        errors = np.sqrt((misses(spread, SIZES, SIZES, RAISED, draws=60) ** 2).mean(axis=0))
        errors[1:] *= few_groups_factor(SIZES)
        for share, error in zip(RAISED, errors, strict=True):
            told = expected_buyers(spread, (buyers, SIZES), SIZES, share)
            held.append(abs(told - true_buyers(shares, SIZES, share)) <= 1.96 * error)
    by_scenario = np.array(held).reshape(-1, len(RAISED)).mean(axis=0)
    assert (by_scenario >= 0.85).all(), by_scenario  # 95 % less two errors of 60 draws, and of 60 draws each
    assert by_scenario.mean() >= 0.90


def test_buyers_of_raised_groups_are_the_mean_over_all_that_their_true_shares_may_be() -> None:
    counted, now = (np.array([9, 1]), np.array([40, 10])), np.array([1_000, 500])
    line = TRUE.quantile(0.75)
    draw = np.random.default_rng(2)
    (a, b), (buyers, subscribers) = TRUE.ends, counted
    drawn = [
        now[n] * np.maximum(draw.beta(a + buyers[n], b + subscribers[n] - buyers[n], 100_000), line) for n in range(2)
    ]
    assert expected_buyers(TRUE, counted, now, 0.75) == pytest.approx(sum(each.mean() for each in drawn), rel=0.003)


def test_the_best_quarter_is_the_true_one_where_the_counted_one_is_too_high_by_luck() -> None:
    draw = np.random.default_rng(5)
    sizes = np.full(200, 40, dtype=np.int64)
    buyers = draw.binomial(sizes, draw.beta(*TRUE.ends, len(sizes)))
    true = TRUE.quantile(0.75)
    assert spread_of(buyers, sizes).quantile(0.75) == pytest.approx(true, abs=0.015)
    assert np.quantile(buyers / sizes, 0.75) > true + 0.02


def test_groups_that_chance_alone_tells_apart_have_next_to_no_room_and_none_is_called_proven() -> None:
    draw = np.random.default_rng(6)
    proven = 0
    for _ in range(6):
        counts = [(int(size), int(draw.binomial(size, 0.2))) for size in SIZES]
        room = business_case(year_of(cells_of("stopped", counts)), client_of(), []).room
        assert room is not None
        proven += room.value > 3 * room.error
    assert proven == 0


def test_two_kinds_of_group_far_apart_are_room_beyond_chance() -> None:
    counts = [(400, 40)] * 15 + [(400, 120)] * 15
    case = business_case(year_of(cells_of("continuing", counts)), client_of(), [])
    named = {scenario.name: scenario.one_off_sales_jpy for scenario in case.scenarios}
    assert case.room is not None
    assert case.room.value > 3 * case.room.error
    assert case.room.value == pytest.approx(named["ambitious"] - named["cautious"])
    assert named["cautious"] == pytest.approx(2_400 * 5_000, rel=0.01)
    assert named["cautious"] < named["expected"] < named["ambitious"]
    assert case.behind == 6_000  # the fifteen groups at a tenth


def test_fewer_than_four_groups_have_no_best_quarter_and_only_todays_rates_are_told() -> None:
    case = business_case(year_of(cells_of("stopped", [(500, 100), (400, 60), (300, 90)])), client_of(), [])
    assert [scenario.name for scenario in case.scenarios] == ["cautious"]
    assert case.room is None
    assert case.behind == 0
    assert spread_of(np.array([100, 60, 90]), np.array([500, 400, 300])).weight == MOST_ALIKE


def test_small_groups_are_joined_by_product_group_before_they_are_given_up() -> None:
    cells = [
        type(cell)(**{**vars(cell), "channel": channel})
        for channel in ("TV", "WEB")
        for cell in cells_of("stopped", [(20, 2), (20, 8), (20, 4), (20, 6)])
    ]
    year = year_of(cells, buyers_on_file=500)
    joined = year.grouped("stopped")
    assert [(cell.subscribers, cell.buyers) for cell in joined] == [(40, 4), (40, 16), (40, 8), (40, 12)]
    assert len(business_case(year, client_of(), []).scenarios) == 3


def test_a_case_is_the_same_whatever_the_order_of_its_groups_and_survives_the_lake() -> None:
    counts = [(300, 30), (500, 140), (200, 22), (800, 99), (100, 31)]
    case = business_case(year_of(cells_of("stopped", counts)), client_of(), [])
    assert BusinessCase.from_json(case.to_json()) == case
    assert business_case(year_of(cells_of("stopped", counts)), client_of(), []) == case
