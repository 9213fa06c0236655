from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_platform.refusals import Refused
from crm_platform.scoring import score_customers
from crm_platform.scoring.customer_days import days_before, whole_amounts
from crm_platform.scoring.scores import orders_of
from crm_platform.tables import TABLES
from crm_platform_tests.scoring.orders import AS_OF, made_up_orders


@pytest.fixture(scope="module")
def orders() -> pd.DataFrame:
    return made_up_orders()


def days_of(orders: pd.DataFrame) -> tuple[pd.DataFrame, list[object], float]:
    """What alone the forecast reads, and how its results are told."""
    made = days_before(orders_of(orders), AS_OF)
    return made.days.order_by("customer_id", "day").to_pandas(), made.customer_ids.to_pylist(), made.unit


def assert_same(changed: pd.DataFrame, orders: pd.DataFrame, factor: float = 1) -> None:
    days, ids, unit = days_of(orders)
    found = days_of(changed)
    pd.testing.assert_frame_equal(found[0], days, check_exact=True)
    assert found[1] == ids
    assert found[2] == pytest.approx(unit * factor, rel=1e-12)


def test_the_days_are_a_table_as_declared(orders):
    rows = TABLES["customer_days"].from_pandas(days_of(orders)[0])
    assert TABLES["customer_days"].faults(rows) == []


def test_every_amount_before_the_as_of_day_is_in_the_days_and_no_other(orders):
    days, ids, unit = days_of(orders)
    known = orders[orders["ordered_on"] < pd.Timestamp(AS_OF)]
    by_customer = (days["standing_sales_jpy"] - days["returned_jpy"]).groupby(days["customer_id"]).sum() * unit
    assert by_customer.to_numpy() == pytest.approx(known.groupby("customer_id")["amount"].sum().to_numpy())
    assert ids == sorted(set(known["customer_id"]))
    assert days["returned_jpy"].sum() * unit == pytest.approx(-known["amount"].clip(upper=0).sum())
    assert days["day"].max() == pd.Timestamp(AS_OF) - pd.Timedelta(days=1)


def test_orders_on_the_as_of_day_and_after_it_do_not_reach_the_forecast(orders):
    after = orders["ordered_on"] >= pd.Timestamp(AS_OF)
    assert (orders["ordered_on"] == pd.Timestamp(AS_OF)).any()
    assert_same(orders[~after], orders)
    odd = orders.assign(amount=orders["amount"].where(~after, orders["amount"] * 1_000 + 0.12345))
    stranger = {"customer_id": "000 before all others", "ordered_on": pd.Timestamp(AS_OF), "amount": 5e9}
    assert_same(pd.concat([odd, pd.DataFrame([stranger])]), orders)


def test_the_order_of_rows_and_other_columns_do_not_matter(orders):
    assert_same(orders.sample(frac=1, random_state=3).assign(note="a", p_active=3), orders)


def test_several_rows_of_a_day_count_as_their_sum(orders):
    assert_same(pd.concat([orders.assign(amount=orders["amount"] / 2)] * 2), orders)


@pytest.mark.parametrize("factor", [100, 0.1, 150])
def test_another_currency_gives_the_same_days_in_another_unit(orders, factor):
    assert_same(orders.assign(amount=(orders["amount"] * factor)), orders, factor)


@pytest.mark.parametrize("factor", [1 / 3, 1e-7])
def test_amounts_with_endless_decimals_are_told_to_a_millionth(orders, factor):
    found, expected = days_of(orders.assign(amount=orders["amount"] * factor)), days_of(orders)
    for name in ("standing_sales_jpy", "returned_jpy"):
        told, exact = found[0][name] * found[2], expected[0][name] * expected[2] * factor
        assert told.to_numpy() == pytest.approx(exact.to_numpy(), abs=2e-6 * exact[exact > 0].median())


@pytest.mark.parametrize(
    "dates",
    [
        lambda days: days.dt.strftime("%Y-%m-%d"),
        lambda days: days.dt.strftime("%Y/%m/%d 10:15"),
        lambda days: days.dt.date,
        lambda days: days.dt.tz_localize("Asia/Tokyo") + pd.Timedelta(hours=1),
        lambda days: days.dt.strftime("%Y%m%d").astype(int),
        lambda days: days.astype("category"),
    ],
    ids=["text", "text with time", "dates", "with zone", "number", "category"],
)
def test_days_are_read_in_any_type_that_a_notebook_has(orders, dates):
    assert_same(orders.assign(ordered_on=dates(orders["ordered_on"])), orders)


@pytest.mark.parametrize("kind", ["string", "object", "category", "str"])
def test_ids_are_read_in_any_text_type(orders, kind):
    assert_same(orders.assign(customer_id=orders["customer_id"].astype(kind)), orders)


def test_amounts_are_read_as_text_too(orders):
    assert_same(orders.assign(amount=orders["amount"].map(lambda amount: f"{amount:,.2f}")), orders)
    assert_same(orders.assign(amount=(orders["amount"] * 3).map(repr)), orders, 3)  # with digits such as …0000001


def test_ids_that_look_like_numbers_stay_text_and_numbers_stay_numbers(orders):
    digits = orders["customer_id"].str.removeprefix("C")
    assert days_of(orders.assign(customer_id=digits))[1][0] == "000000"
    numbers = days_of(orders.assign(customer_id=digits.astype(int)))
    assert set(numbers[1]) == set(range(300))
    missing_before = pd.DataFrame({"customer_id": [1, 2, None], "ordered_on": "2020-01-01", "amount": 1}).dropna()
    assert days_of(missing_before)[1] == [1, 2]  # which pandas holds as 1.0 and 2.0


def with_row_4(column: str, value: object) -> pd.DataFrame:
    frame = made_up_orders(20)
    return frame.assign(**{column: frame[column].astype(object).where(frame.index != 4, value)})


@pytest.mark.parametrize(
    ("orders", "told"),
    [
        (made_up_orders(20).drop(columns="amount"), "no column amount"),
        (with_row_4("amount", None), "row 4: ''"),
        (with_row_4("amount", np.inf), "row 4: 'inf'"),
        (with_row_4("amount", 2e15), "is no amount up to 10^15"),
        (with_row_4("amount", "lots"), "amount: the values are of several kinds"),
        (made_up_orders(20).assign(amount="lots"), "and 145 more"),
        (made_up_orders(20).assign(amount=True), "amount: the column holds bool"),
        (with_row_4("customer_id", " "), "row 4: ' '"),
        (with_row_4("customer_id", None), "customer_id: row 4: '' names no customer."),
        (made_up_orders(20).assign(customer_id=1.5), "customer_id: the column holds double"),
        (made_up_orders(20).assign(ordered_on="31/12/2021"), "ordered_on: row 0: '31/12/2021' is no date (also row 1"),
        (made_up_orders(20).assign(ordered_on="2021-02-30"), "row 0: '2021-02-30' is no date"),
        (made_up_orders(20).assign(ordered_on=pd.NaT), "row 0: '' is no date"),
        (made_up_orders(20).assign(ordered_on="0202-05-01"), "from 1900 to 2199"),
        (made_up_orders(20).assign(ordered_on=True), "ordered_on: the column holds bool"),
        (made_up_orders(20).assign(ordered_on="2022-06-30"), "no order is dated before the as-of day 2022-06-30"),
        (made_up_orders(20).head(0), "no orders"),
    ],
)
def test_orders_that_cannot_be_relied_on_are_refused_with_the_first_of_them(orders, told):
    with pytest.raises(Refused) as refusal:
        score_customers(orders, AS_OF, 182)
    assert told in str(refusal.value)


@pytest.mark.parametrize("horizon_days", [0, -3, 100_000])
def test_a_horizon_that_is_none_is_refused(orders, horizon_days):
    with pytest.raises(Refused, match="horizon"):
        score_customers(orders, AS_OF, horizon_days)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    st.one_of(
        st.lists(st.floats(-1e15, 1e15), min_size=1, max_size=30),
        st.lists(st.integers(-(10**9), 10**9).map(lambda cents: cents / 100), min_size=1, max_size=30),
    )
)
def test_whole_amounts_come_to_the_amounts_and_add_up_exactly(amounts):
    amount = np.array(amounts)
    whole, unit = whole_amounts(amount)
    assert np.array_equal(np.sign(whole), np.sign(amount))
    assert float(np.abs(whole).sum()) <= 2**43
    if len(amount) and amount.any():
        largest = np.abs(amount).max()
        assert whole * unit == pytest.approx(amount, rel=1e-6, abs=max(1e-6 * largest, unit))
