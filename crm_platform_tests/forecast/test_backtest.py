from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_platform.forecast import (
    backtest,
    fit_forecast,
    forecast_customers,
    normalised_gini,
    share_that_moves,
    top_share,
)
from crm_platform_tests.oracles.known_histories import cdnow, history_of, online_retail, sales_after
from crm_platform_tests.oracles.simulated_buyers import simulate_buyers

scores = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 1000)), min_size=3, max_size=40)


@given(scores)
def test_gini_is_one_for_the_perfect_order_minus_one_reversed_and_nought_for_a_constant(rows):
    score, sales = (np.array(values, dtype=float) for values in zip(*rows, strict=True))
    if np.ptp(sales) == 0:
        assert normalised_gini(score, sales) is None
        return
    assert normalised_gini(sales, sales) == pytest.approx(1)
    assert normalised_gini(-sales, sales) == pytest.approx(-1)
    assert normalised_gini(np.ones_like(sales), sales) == pytest.approx(0, abs=1e-12)
    assert -1 - 1e-9 <= normalised_gini(score, sales) <= 1 + 1e-9


@given(scores, st.randoms(use_true_random=False))
def test_gini_and_top_share_do_not_depend_on_the_order_of_rows(rows, random):
    shuffled = rows.copy()
    random.shuffle(shuffled)
    score, sales = (np.array(values, dtype=float) for values in zip(*rows, strict=True))
    score_2, sales_2 = (np.array(values, dtype=float) for values in zip(*shuffled, strict=True))
    if np.ptp(sales) > 0:
        assert normalised_gini(score, sales) == pytest.approx(normalised_gini(score_2, sales_2))
        assert top_share(score, sales, 0.1) == pytest.approx(top_share(score_2, sales_2, 0.1))


def test_top_share_counts_a_tie_at_the_boundary_pro_rata():
    score, sales = np.array([9.0, 1, 1, 1, 1]), np.array([50.0, 30, 10, 10, 0])
    assert top_share(score, sales, 0.2) == pytest.approx(0.5)
    assert top_share(score, sales, 0.4) == pytest.approx(0.5 + 0.5 / 4)


def test_backtest_tells_what_came_true_in_plain_json():
    purchases = simulate_buyers(4_000, seed=11)
    history = history_of(purchases, "2022-06-30")
    forecasts = forecast_customers(history, fit_forecast(history), 184)
    result = backtest(history, forecasts, sales_after(purchases, "2022-06-30", 184))
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    assert result["as_of"] == "2022-06-30"
    assert [row["value_class"] for row in result["classes"]] == list(range(1, 11))
    assert sum(row["customers"] for row in result["classes"]) == result["customers"] == len(history)
    assert result["bias"] == pytest.approx(1, abs=0.1)
    assert result["methods"]["ours"]["gini"] > max(
        result["methods"][name]["gini"] for name in ("rfm", "recency", "past_sales")
    )


def test_backtest_refuses_a_history_without_forecasts():
    history = history_of(simulate_buyers(60, seed=1), "2022-06-30")
    forecasts = forecast_customers(history, fit_forecast(history), 184).slice(1)
    with pytest.raises(ValueError, match="1 customers of the history have no forecast"):
        backtest(history, forecasts, pd.Series(dtype=float))


def test_a_term_without_a_sale_gives_nulls_and_no_error():
    history = history_of(simulate_buyers(60, seed=1), "2022-06-30")
    forecasts = forecast_customers(history, fit_forecast(history), 184)
    result = backtest(history, forecasts, pd.DataFrame({"customer_id": [], "sales_jpy": []}))
    assert result["bias"] is None
    assert result["methods"]["ours"] == {"gini": None, "top_decile_share": None}


def test_share_that_moves_counts_only_customers_in_both():
    former, present = pd.Series({"A": 1, "B": 2, "C": 3}), pd.Series({"B": 2, "C": 1, "D": 9})
    assert share_that_moves(former, present) == 0.5
    assert share_that_moves(former, pd.Series({"Z": 1})) is None


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("data", "as_of"),
    [
        (cdnow, "1997-12-31"),
        (online_retail, "2010-12-09"),
        (online_retail, "2011-03-31"),
        (online_retail, "2011-06-11"),
    ],
)
def test_forecast_beats_rfm_recency_and_past_sales_on_real_customers(data, as_of):
    purchases = data()
    history = history_of(purchases, as_of)
    forecasts = forecast_customers(history, fit_forecast(history), 182)
    methods = backtest(history, forecasts, sales_after(purchases, as_of, 182))["methods"]
    for name in ("rfm", "recency", "past_sales"):
        assert methods["ours"]["gini"] > methods[name]["gini"]
        assert methods["ours"]["top_decile_share"] > methods[name]["top_decile_share"]
