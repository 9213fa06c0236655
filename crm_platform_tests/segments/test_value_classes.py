from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_platform.forecast import fit_forecast, forecast_customers, forecast_everyone, share_that_moves
from crm_platform.segments.rfm import rfm_cells, rfm_classes
from crm_platform.segments.value_classes import assign_segments, issue_book, value_classes
from crm_platform.tables.analyses import FORECASTS, SEGMENT_BOOK, SEGMENTS
from crm_platform_tests.oracles.known_histories import days_of, history_of
from crm_platform_tests.oracles.simulated_buyers import Truth, regular_buyer, simulate_buyers

AS_OF = dt.date(2022, 6, 30)

amounts = st.lists(st.floats(0, 1e7).map(lambda value: round(value, 2)), min_size=1, max_size=60)


def _forecasts(expected: dict[str, float]) -> pa.Table:
    values = np.array(list(expected.values()), dtype=float)
    columns = {column.name: np.zeros(len(values)) for column in FORECASTS.columns[1:]}
    return FORECASTS.from_columns({**columns, "customer_id": list(expected), "expected_sales_jpy": values})


def _book(purchases: pd.DataFrame, as_of: dt.date, horizon_days: int, classes: int = 10) -> pa.Table:
    """The book that the real forecast of these purchases issues."""
    days, history = days_of(purchases), history_of(purchases, pd.Timestamp(as_of))
    model = fit_forecast(days, as_of, horizon_days)
    return issue_book(forecast_everyone(history, forecast_customers(days, model), model), as_of, classes)


def _kinds(*customers: str) -> pd.Series:
    return pd.Series("other", index=list(customers))


def _by_customer(table: pa.Table, column: str) -> pd.Series:
    return table.to_pandas().set_index("customer_id")[column]


@given(amounts, st.integers(1, 12))
def test_classes_follow_the_forecast_never_split_ties_and_leave_no_gap(expected, classes):
    given_class = value_classes(np.array(expected), classes)
    for value, own in zip(expected, given_class, strict=True):
        for other, others in zip(expected, given_class, strict=True):
            assert (own == others) if value == other else (own <= others) == (value > other) or own == others
    used = sorted(set(given_class.tolist()))
    assert used == list(range(1, len(used) + 1))
    assert len(used) <= classes
    if len(set(expected)) >= classes:
        assert used[-1] == classes


@given(amounts, st.randoms(use_true_random=False))
def test_classes_do_not_depend_on_the_order_of_customers(expected, random):
    order = list(range(len(expected)))
    random.shuffle(order)
    values = np.array(expected)
    assert (value_classes(values[order], 10) == value_classes(values, 10)[order]).all()


def test_a_heavy_tail_gives_small_classes_at_the_top_and_none_dominates_the_sales():
    expected = np.sort(np.random.default_rng(1).pareto(1.3, 20_000))[::-1] * 1_000
    given_class = value_classes(expected, 10)
    sizes = np.bincount(given_class)[1:]
    assert (np.diff(sizes) > 0).all()
    assert sizes[0] >= 20
    assert expected[given_class == 1].sum() < 0.6 * expected.sum()


def test_no_class_number_below_one_is_accepted():
    with pytest.raises(ValueError, match="at least one value class"):
        value_classes(np.array([1.0]), 0)


def test_the_book_holds_for_six_calendar_months():
    book = issue_book(_forecasts({"A": 5.0, "B": 1.0}), AS_OF, 10)
    assert SEGMENT_BOOK.faults(book) == []
    assert set(book["valid_from"].to_pylist()) == {dt.date(2022, 7, 1)}
    assert set(book["valid_to"].to_pylist()) == {dt.date(2022, 12, 31)}


def test_new_forecasts_move_no_class_and_new_customers_are_new_in_the_term():
    book = issue_book(_forecasts({"A": 900.0, "B": 100.0, "C": 1.0}), AS_OF, 3)
    later = assign_segments(book, _forecasts({"A": 0.0, "B": 100.0, "C": 9_999.0, "D": 50_000.0}), _kinds(*"ABCD"))
    assert SEGMENTS.faults(later) == []
    classes = later["value_class"].to_pylist()
    assert classes == [*book["value_class"].to_pylist(), None]
    assert later["is_new_in_term"].to_pylist() == [False, False, False, True]
    assert later["expected_sales_jpy"].to_pylist() == [0.0, 100.0, 9_999.0, 50_000.0]


def test_an_empty_book_is_refused_in_words():
    with pytest.raises(ValueError, match="issue one first"):
        assign_segments(SEGMENT_BOOK.empty(), _forecasts({"A": 1.0}), _kinds("A"))


def test_a_customer_without_a_kind_of_buyer_is_an_error():
    book = issue_book(_forecasts({"A": 5.0, "B": 1.0}), AS_OF, 10)
    with pytest.raises(ValueError, match="1 customers have no kind"):
        assign_segments(book, _forecasts({"A": 5.0, "B": 1.0}), _kinds("A"))


def test_good_customers_whose_gap_stretches_fall_in_rfm_and_keep_the_value_class():
    others = simulate_buyers(700, seed=21, truth=Truth(alpha=25, s=0.5, beta=2_000))  # a lively client
    names = [f"STEADY{number:02d}" for number in range(20)]
    rfm, value = [], []
    for last_on in ("2022-06-15", "2022-05-16"):  # within the cycle of 30 days; silent for 1.5 times the cycle
        own = [regular_buyer(name, 30, 30, last_on, 3_000 * (1 + n)) for n, name in enumerate(names)]
        purchases = pd.concat([others, *own])
        value.append(_by_customer(_book(purchases, AS_OF, 184), "value_class")[names])
        cells = rfm_cells(history_of(purchases, pd.Timestamp(AS_OF)))
        rfm.append(cells.set_index("customer_id").loc[names, "rfm_score"])
    assert (rfm[1] < rfm[0]).all()
    assert (value[1] - value[0]).max() <= 1
    assert share_that_moves(*value) <= 0.25


def test_rfm_scores_are_fifths_and_equal_customers_share_them():
    history = history_of(simulate_buyers(500, seed=3), pd.Timestamp(AS_OF))
    cells = rfm_cells(pd.concat([history, history.assign(customer_id="Z" + history["customer_id"])]))
    assert cells.iloc[:500, 1:].to_numpy().tolist() == cells.iloc[500:, 1:].to_numpy().tolist()
    assert cells["recency_score"].value_counts().between(180, 220).all()
    assert cells["rfm_score"].between(3, 15).all()
    assert set(rfm_classes(history, 10)) <= set(range(1, 11))
