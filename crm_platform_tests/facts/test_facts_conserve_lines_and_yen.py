from __future__ import annotations

import datetime as dt
from typing import Any

import ibis
import pandas as pd
import pyarrow as pa
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from crm_platform import facts
from crm_platform.tables import TABLES

GENERATE_ONLY = (Phase.explicit, Phase.reuse, Phase.generate)  # each example runs a query: shrinking takes minutes


def order_line(order: str, customer: str, day: str, **changes: Any) -> dict[str, Any]:
    """A shipped one-off line of 1,000 yen, with changes."""
    return {
        "order_id": order,
        "line_no": 1,
        "customer_id": customer,
        "ordered_at": pd.Timestamp(day),
        "status": "shipped",
        "order_kind": "one_off",
        "product_id": "P1",
        "quantity": 1,
        "unit_price_jpy": 1000.0,
        "discount_jpy": 0,
        "ordered_jpy": 1000,
        "sales_jpy": 1000,
        **changes,
    }


def order_lines(lines: list[dict[str, Any]]) -> pa.Table:
    """The lines as ORDER_LINES; what a line does not say is null."""
    names = {name for line in lines for name in line}
    return TABLES["order_lines"].from_columns({name: [line.get(name) for line in lines] for name in names})


def sums(name: str, lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows of the fact table over these lines."""
    expression = getattr(facts, name)(facts.described_lines(ibis.memtable(order_lines(lines))))
    declared = TABLES[name]
    keys = [("month", "ascending"), *((key, "ascending") for key in declared.key)]
    return declared.cast(expression.to_pyarrow()).sort_by(keys).to_pylist()


def test_late_cancellation_changes_sales_but_not_ordered_amount() -> None:
    stands = sums("customer_months", [order_line("A", "c", "2025-06-03")])[0]
    cancelled = sums("customer_months", [order_line("A", "c", "2025-06-03", status="cancelled", sales_jpy=0)])[0]
    assert (stands["ordered_jpy"], cancelled["ordered_jpy"]) == (1000, 1000)
    assert (stands["sales_jpy"], cancelled["sales_jpy"]) == (1000, 0)
    assert (cancelled["orders"], cancelled["standing_orders"], cancelled["cancelled_orders"]) == (1, 0, 1)
    assert (stands["purchase_days"], cancelled["purchase_days"]) == (1, 0)


def test_two_orders_on_one_day_are_two_orders_and_one_purchase_day() -> None:
    row = sums("customer_months", [order_line("A", "c", "2025-06-03 09:00"), order_line("B", "c", "2025-06-03 23:59")])[
        0
    ]
    assert (row["orders"], row["purchase_days"], row["second_purchased_on"]) == (2, 1, None)


def test_purchase_days_know_their_first_second_last_and_gaps() -> None:
    days = ("2025-06-20", "2025-06-01", "2025-06-04")
    row = sums("customer_months", [order_line(day, "c", day) for day in days])[0]
    assert row["first_purchased_on"] == dt.date(2025, 6, 1)
    assert row["second_purchased_on"] == dt.date(2025, 6, 4)
    assert row["last_purchased_on"] == dt.date(2025, 6, 20)
    assert row["squared_gap_days"] == 3**2 + 16**2


def test_a_credit_line_lowers_sales_and_is_no_order() -> None:
    lines = [
        order_line("A", "c", "2025-06-03"),
        order_line("CA", "c", "2025-06-09", quantity=-1, status="returned", ordered_jpy=0, sales_jpy=-400),
    ]
    row = sums("customer_months", lines)[0]
    assert (row["sales_jpy"], row["returned_jpy"], row["ordered_jpy"], row["orders"]) == (600, 400, 1000, 1)


def test_a_free_give_away_is_an_order_and_no_purchase() -> None:
    row = sums("customer_months", [order_line("A", "c", "2025-06-03", unit_price_jpy=0.0, ordered_jpy=0, sales_jpy=0)])[
        0
    ]
    assert (row["standing_orders"], row["purchase_days"]) == (1, 0)


def test_the_first_product_is_the_one_with_the_largest_sales_of_the_first_day() -> None:
    lines = [
        order_line("A", "c", "2025-06-03", product_id="small", media_id="M1"),
        order_line(
            "A", "c", "2025-06-03", line_no=2, product_id="large", ordered_jpy=5000, sales_jpy=5000, media_id="M2"
        ),
        order_line("B", "c", "2025-06-09", product_id="later", ordered_jpy=9000, sales_jpy=9000),
    ]
    row = sums("customer_months", lines)[0]
    assert (row["first_product_id"], row["first_media_id"]) == ("large", "M2")


def test_an_order_without_a_medium_is_counted_under_none() -> None:
    rows = sums("media_months", [order_line("A", "c", "2025-06-03"), order_line("B", "c", "2025-06-03", media_id="M1")])
    assert {row["media_id"]: row["orders"] for row in rows} == {"(none)": 1, "M1": 1}


def test_the_last_delivery_of_a_product_is_its_latest_shipment() -> None:
    lines = [
        order_line("A", "c", "2025-06-03", shipped_on=dt.date(2025, 6, 20), quantity=3),
        order_line("B", "c", "2025-06-10", shipped_on=None, quantity=1),
    ]
    row = sums("customer_product_months", lines)[0]
    assert (row["last_delivered_on"], row["last_quantity"], row["quantity"]) == (dt.date(2025, 6, 20), 3, 4)


def test_the_units_of_the_latest_shipment_are_those_of_all_its_lines() -> None:
    paid = order_line("A", "c", "2025-06-20", quantity=3)
    free = order_line("A", "c", "2025-06-20", line_no=2, unit_price_jpy=0.0, ordered_jpy=0, sales_jpy=0)
    row = sums("customer_product_months", [order_line("B", "c", "2025-06-03", quantity=9), paid, free])[0]
    assert (row["last_delivered_on"], row["last_quantity"], row["quantity"]) == (dt.date(2025, 6, 20), 4, 13)


lines_of_any_kind = st.lists(
    st.fixed_dictionaries(
        {
            "customer": st.sampled_from("abc"),
            "order": st.sampled_from("123456"),
            "day": st.integers(0, 90),
            "kind": st.sampled_from(["subscription", "one_off", "bulk"]),
            "status": st.sampled_from(["ordered", "shipped", "cancelled", "returned"]),
            "product": st.sampled_from(["P1", "P2"]),
            "amount": st.integers(0, 10**9),
            "credit": st.booleans(),
        }
    ),
    min_size=1,
    max_size=30,
)


@settings(max_examples=25, deadline=None, phases=GENERATE_ONLY)
@given(lines_of_any_kind)
def test_no_yen_is_lost_between_lines_and_any_sum_of_them(drawn: list[dict[str, Any]]) -> None:
    lines = []
    for number, one in enumerate(drawn, 1):
        stands = one["status"] in ("ordered", "shipped")
        amounts = {"ordered_jpy": one["amount"], "sales_jpy": one["amount"] if stands else 0}
        if one["credit"]:
            amounts = {"quantity": -1, "status": "returned", "ordered_jpy": 0, "sales_jpy": -one["amount"]}
        day = dt.date(2025, 4, 1) + dt.timedelta(days=one["day"])
        identity = f"{one['customer']}{one['order']}{day}"
        base = order_line(identity, one["customer"], str(day), line_no=number, product_id=one["product"])
        lines.append({**base, "order_kind": one["kind"], "status": one["status"], **amounts})
    ordered, sales = (sum(line[amount] for line in lines) for amount in ("ordered_jpy", "sales_jpy"))
    for name in ("customer_months", "product_months", "media_months"):
        rows = sums(name, lines)
        assert sum(row["ordered_jpy"] for row in rows) == ordered, name
        assert sum(row["sales_jpy"] for row in rows) == sales, name
    for row in sums("customer_months", lines):
        kinds = ("subscription_sales_jpy", "one_off_sales_jpy", "bulk_sales_jpy")
        assert sum(row[kind] for kind in kinds) == row["sales_jpy"]
        assert row["standing_orders"] + row["cancelled_orders"] == row["orders"]
        assert row["purchase_days"] <= max(row["standing_orders"], 0)
