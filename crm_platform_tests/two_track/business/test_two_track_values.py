"""LTV on both tracks: the two parts add up to it, for every customer and to the yen."""

from __future__ import annotations

import datetime as dt

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from crm_platform.demo import make_demo
from crm_platform.tables.delivered import ORDER_LINES
from crm_platform.tables.two_track import TWO_TRACK_VALUES
from crm_platform.two_track.business import conservation_faults, two_track_values
from crm_platform_tests.oracles.known_histories import online_retail
from crm_platform_tests.two_track.business.shop import (
    AS_OF,
    Contract,
    Line,
    facts_of,
    frame,
    order_lines,
    subscriptions_of,
)

DAY = dt.date(2023, 5, 1)
NOBODY: list[Contract] = []


def forecasts_of(customers: list[str], subscription: float = 0.0, one_off: float = 0.0) -> ibis.Table:
    columns = {
        "customer_id": customers,
        "expected_subscription_sales_jpy": np.full(len(customers), subscription),
        "expected_one_off_sales_jpy": np.full(len(customers), one_off),
    }
    return ibis.memtable(pa.table(columns))


def values_of(
    months: ibis.Table, forecasts: ibis.Table, subscriptions: ibis.Table, *, is_inferred: bool = False
) -> pa.Table:
    rows = two_track_values(months, forecasts, subscriptions, is_inferred=is_inferred)
    return TWO_TRACK_VALUES.cast(rows.to_pyarrow())


def test_parts_and_bulk_stand_apart_and_every_customer_known_has_a_row() -> None:
    lines = [
        Line("A", DAY, "subscription", 3_000),
        Line("A", DAY, "one_off", 1_000),
        Line("A", DAY, "one_off", -400),
        Line("A", DAY, "bulk", 9_000),
        Line("B", DAY, "one_off", 500),
    ]
    months = facts_of(order_lines(lines), "customer_months")["customer_months"]
    contracts = subscriptions_of([Contract("A", DAY), Contract("C", DAY, AS_OF)])
    values = values_of(months, forecasts_of(["A", "B", "C"], 100.4, 1_000.6), contracts)
    assert conservation_faults(values, months) == []
    rows = frame(values)
    assert list(rows["subscription_state"]) == ["continuing", "never", "stopped"]
    assert list(rows["two_track_sales_jpy"]) == [3_600, 500, 0]
    assert list(rows["sales_jpy"]) == [12_600, 500, 0]
    # A's own bulk share is 9,000 of 9,600; C, who bought neither, has everyone's: 9,000 of 10,100.
    assert list(rows["foreseen_bulk_sales_jpy"]) == [938, 0, 892]
    assert list(rows["foreseen_one_off_sales_jpy"]) == [63, 1_001, 109]
    assert list(rows["two_track_ltv_jpy"]) == [3_600 + 100 + 63, 500 + 100 + 1_001, 100 + 109]


def test_where_inferred_no_one_off_sales_are_foreseen_and_the_ltv_still_adds_up() -> None:
    months = facts_of(order_lines([Line("A", DAY, "one_off", 500)]), "customer_months")["customer_months"]
    values = values_of(months, forecasts_of(["A"], 100.0, 900.0), subscriptions_of(NOBODY), is_inferred=True)
    assert conservation_faults(values, months) == []
    assert values["foreseen_one_off_sales_jpy"].null_count == values["foreseen_bulk_sales_jpy"].null_count == 1
    assert values["two_track_ltv_jpy"].to_pylist() == [600]


def test_a_yen_that_is_lost_or_in_the_wrong_part_is_a_fault() -> None:
    months = facts_of(order_lines([Line("A", DAY, "one_off", 500)]), "customer_months")["customer_months"]
    values = values_of(months, forecasts_of(["A"]), subscriptions_of(NOBODY))
    for column, amount in (("one_off_sales_jpy", 499), ("sales_jpy", 501), ("two_track_ltv_jpy", 499)):
        wrong = values.set_column(values.schema.get_field_index(column), column, pa.array([amount], pa.int64()))
        assert conservation_faults(wrong, months) != [], column


def test_on_the_made_up_client_both_tracks_and_bulk_are_the_order_lines_of_every_customer() -> None:
    demo = make_demo(80, seed=3, months=18)
    lines = demo.tables["order_lines"]
    made = facts_of(lines, "customer_months")
    sold = lines.to_pandas().pivot_table("sales_jpy", "customer_id", "order_kind", "sum", fill_value=0)
    customers = sold.index.tolist()
    contracts = [Contract(customer, DAY) for customer in customers if sold.loc[customer, "subscription"]]
    values = values_of(made["customer_months"], forecasts_of(customers, 1_234.4, 678.9), subscriptions_of(contracts))
    assert conservation_faults(values, made["customer_months"]) == []
    rows = frame(values)
    for kind in ("subscription", "one_off", "bulk"):
        assert (rows[f"{kind}_sales_jpy"] == sold.get(kind, 0)).all(), kind
    assert (rows["subscription_sales_jpy"] != 0).sum() > 8
    assert (rows["two_track_ltv_jpy"] - rows["foreseen_one_off_sales_jpy"] == rows["two_track_sales_jpy"] + 1_234).all()


@pytest.mark.real_data
def test_on_online_retail_every_yen_of_every_customer_is_one_off() -> None:
    days = online_retail()
    days = days[days["customer_id"].isin(sorted(days["customer_id"].unique())[::12])]
    parts = [
        days[["customer_id", "purchased_on"]].assign(sales_jpy=days[name] * sign, quantity=sign)
        for name, sign in (("sales_jpy", 1), ("returned_jpy", -1))
    ]
    sold = pd.concat(parts)[lambda rows: rows["sales_jpy"] != 0].reset_index(drop=True)
    lines = ORDER_LINES.from_columns(
        {
            "order_id": "O" + sold.index.astype("str"),
            "line_no": np.ones(len(sold), np.int64),
            "customer_id": sold["customer_id"].astype(str),
            "ordered_at": pa.array(sold["purchased_on"].astype("datetime64[s]")),
            "status": np.where(sold["quantity"] > 0, "shipped", "returned"),
            "order_kind": pa.array(["one_off"] * len(sold)),
            "product_id": pa.array(["P1"] * len(sold)),
            "quantity": sold["quantity"].to_numpy(),
            "unit_price_jpy": sold["sales_jpy"].abs().to_numpy(np.float64),
            "discount_jpy": np.zeros(len(sold), np.int64),
            "ordered_jpy": sold["sales_jpy"].clip(lower=0).to_numpy(np.int64),
            "sales_jpy": sold["sales_jpy"].to_numpy(np.int64),
        }
    )
    months = facts_of(lines, "customer_months")["customer_months"]
    customers = sorted(sold["customer_id"].astype(str).unique())
    values = values_of(months, forecasts_of(customers, 0.0, 10.0), subscriptions_of(NOBODY))
    assert conservation_faults(values, months) == []
    rows, each = frame(values), sold.groupby(sold["customer_id"].astype(str))["sales_jpy"].sum()
    assert len(rows) > 450
    assert (rows["one_off_sales_jpy"] == each.loc[rows.index]).all()
    assert (rows["two_track_ltv_jpy"] == rows["sales_jpy"] + 10).all()
    assert set(rows["subscription_state"]) == {"never"}
