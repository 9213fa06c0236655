from __future__ import annotations

import datetime as dt
import doctest
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from crm_platform.refusals import Refused
from crm_platform.scoring import SCORES, score_customers, scores
from crm_platform_tests.scoring.orders import AS_OF, made_up_orders

AMOUNTS = ["expected_sales", "sales_p10", "sales_p90"]


@pytest.fixture(scope="module")
def orders() -> pd.DataFrame:
    return made_up_orders()


@pytest.fixture(scope="module")
def scored(orders: pd.DataFrame) -> pd.DataFrame:
    return score_customers(orders, AS_OF, 182)


def test_the_example_of_the_docstring_is_true():
    outcome = doctest.testmod(scores)
    assert outcome.attempted > 3
    assert outcome.failed == 0


def test_there_is_one_row_per_customer_known_before_the_as_of_day_in_order(orders, scored):
    known = orders[orders["ordered_on"] < pd.Timestamp(AS_OF)]
    assert list(scored.columns) == list(SCORES)
    assert scored["customer_id"].tolist() == sorted(set(known["customer_id"]))


def test_neither_what_comes_later_nor_the_order_of_rows_nor_the_currency_changes_a_score(orders, scored):
    after = orders["ordered_on"] >= pd.Timestamp(AS_OF)
    changed = orders.assign(amount=150 * orders["amount"].where(~after, 1e6)).sample(frac=1, random_state=2)
    expected = scored.assign(**{name: scored[name] * 150 for name in AMOUNTS})
    pd.testing.assert_frame_equal(score_customers(changed, AS_OF, 182), expected, rtol=1e-12)


def test_a_purchase_on_the_day_before_the_as_of_day_raises_what_is_expected(orders, scored):
    silent = scored.sort_values(["p_active", "customer_id"]).iloc[0]
    bought = {"customer_id": silent["customer_id"], "ordered_on": pd.Timestamp(AS_OF) - pd.Timedelta(days=1)}
    more = pd.concat([orders, pd.DataFrame([{**bought, "amount": 100.0}])])
    found = score_customers(more, AS_OF, 182).set_index("customer_id").loc[silent["customer_id"]]
    assert found["p_active"] > silent["p_active"]
    assert found["expected_orders"] > silent["expected_orders"]


def test_whole_numbers_are_in_numeric_order_and_give_what_their_texts_give():
    orders = made_up_orders(40)
    orders["customer_id"] = orders["customer_id"].str[1:].astype(int) * 7
    numbers = score_customers(orders, AS_OF, 90)
    texts = score_customers(orders.assign(customer_id=orders["customer_id"].astype(str)), AS_OF, 90)
    assert numbers["customer_id"].is_monotonic_increasing
    by_text = texts.assign(customer_id=texts["customer_id"].astype(int)).sort_values("customer_id", ignore_index=True)
    pd.testing.assert_frame_equal(numbers, by_text, check_exact=True)


def test_who_has_returned_but_never_bought_is_expected_to_buy_nothing():
    returned = pd.DataFrame({"customer_id": ["R"], "ordered_on": [pd.Timestamp("2022-05-01")], "amount": [-50.0]})
    found = score_customers(pd.concat([made_up_orders(40), returned]), AS_OF, 182).set_index("customer_id")
    assert found.loc["R"].tolist() == [0, 0, 0, 0, 0, 1]
    assert score_customers(returned, AS_OF, 182).iloc[0].tolist() == ["R", 0, 0, 0, 0, 0, 1]


_ANY_AMOUNT = st.one_of(
    st.sampled_from([100.0, 0.0, -100.0, 0.01, 100_000.0, 1e-7, 1e15, -1e15, 1 / 3]),
    st.floats(-1e6, 1e6).map(lambda amount: round(amount, 2)),
    st.floats(-1e3, 1e3),
)
_ANY_ORDER = st.tuples(
    st.one_of(st.integers(0, 40).map(str), st.text(min_size=1, max_size=3).filter(str.strip)),
    st.integers(-900, 30).map(lambda days: AS_OF + dt.timedelta(days=days)),
    _ANY_AMOUNT,
)


@settings(max_examples=8, deadline=None, derandomize=True, phases=[Phase.generate])  # to shrink takes minutes
@given(st.lists(_ANY_ORDER, min_size=1, max_size=300), st.sampled_from([1, 7, 182, 1_000]))
def test_any_data_gets_sound_scores(rows, horizon_days):
    assert_sound(pd.DataFrame(rows, columns=["customer_id", "ordered_on", "amount"]), horizon_days)


def of_many(size: int) -> list[str]:
    return [f"{number:05}" for number in range(size)]


@pytest.mark.parametrize(
    "orders",
    [
        pd.DataFrame({"customer_id": ["A"], "ordered_on": ["2022-06-29"], "amount": [1]}),
        pd.DataFrame({"customer_id": of_many(500), "ordered_on": "2022-06-29", "amount": 100}),
        pd.DataFrame({"customer_id": of_many(90) * 9, "ordered_on": "2022-06-29", "amount": 0}),
        made_up_orders(200).assign(amount=1_000),
        made_up_orders(200).assign(amount=lambda frame: frame["amount"].where(frame.index % 400 != 7, 100_000)),
    ],
    ids=["one order", "one day", "nothing", "constant amounts", "outliers"],
)
def test_awkward_clients_get_sound_scores(orders):
    assert_sound(orders, 182)


def assert_sound(orders: pd.DataFrame, horizon_days: int) -> None:
    before = pd.to_datetime(orders["ordered_on"]) < pd.Timestamp(AS_OF)
    known = {name.strip() for name in orders.loc[before, "customer_id"]}
    if not known:
        with pytest.raises(Refused, match="no order is dated before"):
            score_customers(orders, AS_OF, horizon_days)
        return
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = score_customers(orders, AS_OF, horizon_days)
    numbers = found[list(SCORES[1:])].to_numpy()
    assert set(found["customer_id"]) == known
    assert len(found) == len(known)
    assert np.isfinite(numbers).all()
    assert (numbers >= 0).all()
    assert (found[["p_active", "lapse_risk"]].to_numpy() <= 1).all()
    assert (found["sales_p10"] <= found["sales_p90"]).all()
