from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_platform.alerts import simulate_campaign


def test_the_numbers_of_the_seed_come_out_exactly():
    """Seed 003:133-146."""
    found = simulate_campaign(7_000, 0.05, 10_000, 100, 20_000, 10_000)
    assert (found.retained_customers, found.sales_jpy, found.cost_jpy) == (350, 3_500_000, 700_000)
    assert (found.ltv_delta_jpy, found.ltv_increment_jpy) == (10_000, 3_500_000)
    assert (found.sales_minus_cost_jpy, found.cost_per_retained_jpy, found.total_jpy) == (2_800_000, 2_000, 7_000_000)
    assert found.sales_jpy / found.cost_jpy == 5.0
    assert found.break_even_response_rate == 0.01
    assert found.break_even_response_rate_with_ltv == 0.005


def test_decimal_rates_are_exact():
    assert simulate_campaign(1_000_000, 0.07, 1, 0, 0, 0).sales_jpy == 70_000
    assert simulate_campaign(10, 0.29, 100, 0, 0, 0).sales_jpy == 290


@given(st.integers(1, 10**6), st.integers(1, 10**6), st.integers(1, 10**4))
def test_at_the_break_even_rate_sales_pay_the_cost(targets, order, unit_cost):
    found = simulate_campaign(targets, 0.5, order, unit_cost, 0, 0)
    if found.break_even_response_rate is None:
        assert unit_cost > order
        return
    at_even = simulate_campaign(targets, found.break_even_response_rate, order, unit_cost, 0, 0)
    assert abs(at_even.sales_minus_cost_jpy) <= 1


def test_a_measure_nobody_answers_costs_and_brings_nothing():
    found = simulate_campaign(100, 0, 10_000, 100, 20_000, 10_000)
    assert (found.retained_customers, found.sales_jpy, found.cost_jpy) == (0, 0, 10_000)
    assert found.cost_per_retained_jpy is None


@given(
    st.integers(0, 10**5), st.decimals(0, 1, places=4), st.integers(0, 10**5), st.integers(0, 10**4),
    st.integers(0, 10**5), st.integers(0, 10**5),
)  # fmt: skip
def test_at_a_margin_of_one_profit_is_sales_and_at_none_only_the_cost_is_left(targets, rate, order, cost, kept, fallen):
    plan = (targets, float(rate), order, cost, kept, fallen)
    plain, all_kept, nothing = (simulate_campaign(*plan, gross_margin_rate=margin) for margin in (None, 1.0, 0.0))
    assert all_kept.profit_minus_cost_jpy == plain.sales_minus_cost_jpy
    assert all_kept.ltv_profit_increment_jpy == plain.ltv_increment_jpy
    assert all_kept.profit_break_even_response_rate == plain.break_even_response_rate
    assert all_kept.profit_break_even_response_rate_with_ltv == plain.break_even_response_rate_with_ltv
    assert (nothing.profit_minus_cost_jpy, nothing.profit_break_even_response_rate) == (-nothing.cost_jpy, None)
    assert plain.profit_minus_cost_jpy is None


def test_profit_of_the_seeds_campaign_at_60_percent():
    found = simulate_campaign(7_000, 0.05, 10_000, 100, 20_000, 10_000, gross_margin_rate=0.6)
    assert (found.gross_profit_jpy, found.profit_minus_cost_jpy) == (2_100_000, 1_400_000)
    assert found.ltv_profit_increment_jpy == 2_100_000
    with pytest.raises(ValueError, match="gross margin rate must lie between 0 and 1"):
        simulate_campaign(7_000, 0.05, 10_000, 100, 20_000, 10_000, gross_margin_rate=60)


@pytest.mark.parametrize(("rate", "cost"), [(1.1, 1), (-0.1, 1), (0.1, -1)])
def test_impossible_plans_are_refused_in_words(rate, cost):
    with pytest.raises(ValueError, match=r"between 0 and 1|negative"):
        simulate_campaign(10, rate, 100, cost, 0, 0)
