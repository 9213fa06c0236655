"""Published sample sizes, and the lift that comes true as often as promised."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from crm_platform.alerts import (
    sizes_for_lift_in_buyers,
    sizes_for_lift_in_sales,
    smallest_lift_in_buyers,
    smallest_lift_in_sales,
)


def test_rates_need_the_groups_that_r_s_manual_prints() -> None:
    """Examples of R's power.prop.test: 76.7 a group for 0.50 against 0.75 at power 0.9; 50 show 0.50 against 0.8026."""
    assert sizes_for_lift_in_buyers(0.25, 0.50, power=0.9) == (77, 77)
    assert 0.5 + smallest_lift_in_buyers(50, 50, 0.5, power=0.9) == pytest.approx(0.8026, abs=5e-5)
    assert 0.5 + smallest_lift_in_buyers(50, 50, 0.5, power=0.740) == pytest.approx(0.75, abs=5e-4)
    assert sizes_for_lift_in_buyers(0.001, 0.5, significance=0.001, power=0.9)[0] == pytest.approx(10_451_937, abs=1)
    assert sizes_for_lift_in_buyers(0.1, 0.9)[0] == pytest.approx(73.37, abs=1)


@pytest.mark.parametrize(("effect", "published"), [(0.2, 393), (0.3, 175), (0.4, 100), (0.5, 64)])
def test_amounts_need_the_groups_of_cohens_table(effect: float, published: int) -> None:
    """Cohen 1988, table 2.4.1, two-sided 0.05, power 0.80; Student's t asks for about one more than the normal law."""
    size, _ = sizes_for_lift_in_sales(effect * 10_000, 10_000)
    assert published - 1 <= size <= published


def test_seven_thousand_each_show_about_two_points_on_a_rate_of_a_third() -> None:
    rate, size = 1 / 3, 7_000
    lift = smallest_lift_in_buyers(size, size, rate)
    pooled, other = rate + lift / 2, rate + lift
    under_none = (2 * pooled * (1 - pooled) / size) ** 0.5
    under_lift = ((rate * (1 - rate) + other * (1 - other)) / size) ** 0.5
    assert lift == pytest.approx(1.959964 * under_none + 0.841621 * under_lift, rel=1e-5)
    assert lift == pytest.approx(0.0225, abs=0.0005)


def test_a_lift_of_the_smallest_size_is_found_in_four_campaigns_of_five() -> None:
    treated, control, rate = 3_000, 1_500, 0.2
    lift, draw = smallest_lift_in_buyers(treated, control, rate), np.random.default_rng(1)
    one, other = draw.binomial(treated, rate + lift, 20_000), draw.binomial(control, rate, 20_000)
    pooled = (one + other) / (treated + control)
    error = np.sqrt(pooled * (1 - pooled) * (1 / treated + 1 / control))
    found = np.abs(one / treated - other / control) > norm.isf(0.025) * error
    assert found.mean() == pytest.approx(0.8, abs=0.01)


def test_adjusting_by_earlier_sales_shows_smaller_lifts_in_fewer_customers() -> None:
    plain, adjusted = (smallest_lift_in_sales(7_000, 7_000, 30_000, rho=rho) for rho in (0.0, 0.6))
    assert plain == pytest.approx(2.801585 * 30_000 * (2 / 7_000) ** 0.5, rel=1e-6)
    assert adjusted == pytest.approx(0.8 * plain)
    assert sizes_for_lift_in_sales(adjusted, 30_000, rho=0.6) == (7_000, 7_000)


@settings(max_examples=40, deadline=None)
@given(st.integers(20, 10_000), st.integers(20, 10_000), st.floats(0, 0.9))
def test_the_sizes_for_the_smallest_lift_are_the_sizes_it_came_from(treated, control, rate) -> None:
    lift = smallest_lift_in_buyers(treated, control, rate)
    if lift is None:
        return
    share = treated / (treated + control)
    found = sizes_for_lift_in_buyers(lift, rate, treated_share=share)
    assert all(
        size <= wanted + 1 and size >= wanted - 1 for size, wanted in zip(found, (treated, control), strict=True)
    )
    assert smallest_lift_in_buyers(4 * treated, 4 * control, rate) < lift
    assert smallest_lift_in_sales(4 * treated, 4 * control, 1_000) == pytest.approx(
        smallest_lift_in_sales(treated, control, 1_000) / 2
    )


def test_groups_that_can_show_nothing_say_so_and_impossible_questions_are_errors() -> None:
    assert smallest_lift_in_buyers(0, 10, 0.2) is None
    assert smallest_lift_in_buyers(5, 5, 0.9) is None
    assert smallest_lift_in_buyers(100, 100, 1.0) is None
    assert smallest_lift_in_sales(10, 0, 1_000) is None
    for ask in (
        lambda: smallest_lift_in_buyers(10, 10, 1.1),
        lambda: sizes_for_lift_in_buyers(0, 0.5),
        lambda: sizes_for_lift_in_buyers(0.6, 0.5),
        lambda: sizes_for_lift_in_buyers(0.1, 0.5, treated_share=1),
        lambda: smallest_lift_in_sales(10, 10, -1),
        lambda: smallest_lift_in_sales(10, 10, 1, rho=1.1),
        lambda: sizes_for_lift_in_sales(0, 1),
    ):
        with pytest.raises(ValueError, match=r"."):
            ask()
