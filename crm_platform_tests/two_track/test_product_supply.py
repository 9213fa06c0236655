from __future__ import annotations

import datetime as dt
from functools import cache
from typing import Any

import ibis
import numpy as np
import pyarrow as pa
import pytest

from crm_platform import facts
from crm_platform.demo import make_demo
from crm_platform.periods import Month
from crm_platform.tables import TABLES
from crm_platform.tables.contact_dates import PRODUCT_SUPPLY
from crm_platform.tables.delivered import ORDER_LINES, PRODUCTS
from crm_platform.two_track.contact_dates import look_back, product_supply

RULES = {"longest_gap_days": 240, "least_repeats": 30}
FIRST_DAY = dt.date(2024, 1, 1)
TRUE_DAYS = {"CREAM": 60, "TEA": 20}


def lines_of(orders: list[dict[str, Any]]) -> pa.Table:
    """ORDER_LINES of orders with customer_id, product_id, day and what differs from a shipped one-off order."""
    usual = {
        "line_no": 1, "status": "shipped", "order_kind": "one_off", "quantity": 1, "unit_price_jpy": 1_000.0,
        "discount_jpy": 0, "ordered_jpy": 1_000, "sales_jpy": 1_000,
    }  # fmt: skip
    rows = [
        {**usual, "order_id": f"{number:06}", "ordered_at": dt.datetime.combine(order["day"], dt.time(12)), **order}
        for number, order in enumerate(orders)
    ]
    names = {name for row in rows for name in row} - {"day"}
    return ORDER_LINES.from_columns({name: [row.get(name) for row in rows] for name in names})


def facts_of(lines: pa.Table) -> tuple[ibis.Table, ibis.Table]:
    """CUSTOMER_PRODUCT_MONTHS and SUBSCRIPTION_DELIVERIES of these lines."""
    described = facts.described_lines(ibis.memtable(lines))
    made = (facts.customer_product_months(described), facts.subscription_deliveries(described))
    names = ("customer_product_months", "subscription_deliveries")
    months, deliveries = (
        ibis.memtable(TABLES[name].cast(rows.to_pyarrow())) for name, rows in zip(names, made, strict=True)
    )
    return months, deliveries


def supply_of(lines: pa.Table, products: pa.Table, **rules: int) -> dict[str, dict[str, Any]]:
    table = product_supply(*facts_of(lines), ibis.memtable(products), **{**RULES, **rules})
    assert PRODUCT_SUPPLY.faults(table) == []
    return {row["product_id"]: row for row in table.to_pylist()}


def master(**supply_days: int | None) -> pa.Table:
    return PRODUCTS.from_columns({"product_id": list(supply_days), "supply_days": list(supply_days.values())})


@cache
def steady_orders() -> tuple[dict[str, Any], ...]:
    """150 customers who buy one to three units when the last are used up, give or take a tenth; a third pauses once."""
    rng = np.random.default_rng(7)
    orders = []
    for customer in range(150):
        product = ("CREAM", "TEA")[customer % 2]
        day = float(rng.integers(0, 60))
        for number in range(9):
            units = int(rng.integers(1, 4))
            orders.append({"customer_id": f"C{customer}", "product_id": product, "quantity": units, "day": _day(day)})
            pause = 70 if number == 3 and customer % 3 == 0 else 0
            day += units * TRUE_DAYS[product] * rng.normal(1.0, 0.1) + pause
    return tuple(orders)


def _day(number: float) -> dt.date:
    return FIRST_DAY + dt.timedelta(days=round(number))


def test_repeats_tell_how_long_a_unit_lasts_whatever_the_units_bought_and_in_spite_of_pauses():
    found = supply_of(lines_of(list(steady_orders())), master(CREAM=None, TEA=None))
    for product, days in TRUE_DAYS.items():
        row = found[product]
        assert row["supply_days"] == pytest.approx(days, rel=0.05)
        assert row["learned_low_days"] < days * 1.02
        assert row["learned_high_days"] > days * 0.98
        assert (row["supply_source"], row["customers"]) == ("learned", 75)


def test_a_master_that_the_repeats_contradict_is_told_and_stays_in_force():
    found = supply_of(lines_of(list(steady_orders())), master(CREAM=58, TEA=45))
    assert [found[name]["contradicts_master"] for name in ("CREAM", "TEA")] == [False, True]
    assert (found["TEA"]["supply_days"], found["TEA"]["supply_source"]) == (45, "product_master")


def test_nothing_is_learned_of_fewer_repeats_than_the_client_wants():
    found = supply_of(lines_of(list(steady_orders())[:20]), master(CREAM=None, TEA=30))
    assert (found["CREAM"]["supply_days"], found["CREAM"]["supply_source"]) == (None, None)
    assert 0 < found["CREAM"]["repeats"] < RULES["least_repeats"]
    assert found["TEA"]["supply_days"] == 30


def test_cancelled_orders_give_aways_and_returns_of_who_had_left_teach_nothing():
    orders = [
        {"customer_id": f"C{n}", "product_id": "CREAM", "day": _day(at), **more}
        for n in range(40)
        for at, more in ((0, {}), (5, {"status": "cancelled", "sales_jpy": 0}), (60, {}), (400, {}))
    ]
    gifts = [{"customer_id": f"C{n}", "product_id": "GIFT", "day": _day(at)} for n in range(40) for at in (0, 9)]
    products = PRODUCTS.from_columns({"product_id": ["CREAM", "GIFT"], "is_gift": [False, True]})
    found = supply_of(lines_of(orders + gifts), products)
    assert set(found) == {"CREAM"}
    row = found["CREAM"]
    assert (row["learned_low_days"], row["learned_days"], row["learned_high_days"]) == (60, 60, 60)
    assert (row["repeats"], row["customers"]) == (40, 40)


def test_a_term_plan_of_three_units_every_ninety_days_counts_as_it_runs():
    orders = [
        {
            "customer_id": f"C{n}", "product_id": "CREAM", "day": _day(90 * number), "quantity": 3,
            "order_kind": "subscription", "subscription_id": f"S{n}", "course": "3ヶ月まとめコース",
        }
        for n in range(20)
        for number in range(4)
    ]  # fmt: skip
    assert supply_of(lines_of(orders), master(CREAM=None))["CREAM"]["supply_days"] == 30


def test_the_repeats_of_the_made_up_client_give_the_days_of_the_master_where_that_column_is_missing():
    """Of what its subscriptions deliver day by day as it lasts; its one-off buyers choose products by chance."""
    demo = make_demo(300, months=36)
    products = demo.tables["products"]
    true = dict(zip(products["product_id"].to_pylist(), products["supply_days"].to_pylist(), strict=True))
    position = products.schema.get_field_index("supply_days")
    without = products.set_column(position, products.schema.field(position), pa.nulls(products.num_rows, pa.int64()))
    found = supply_of(demo.tables["order_lines"], without)
    assert [found[name]["supply_days"] for name in ("SP-001", "GJ-001")] == [true["SP-001"], true["GJ-001"]]


def test_dates_of_half_a_year_ago_are_held_against_what_customers_did():
    orders = [
        {"customer_id": f"C{n}", "product_id": "TEA", "day": day, "quantity": units}
        for n in range(40)
        for day, units in (
            (dt.date(2024, 9, 1), 1),
            (dt.date(2024, 12, 10), 3),  # lasts to 8 February; by the own cycle to 20 March, by 30 days to 9 January
            (dt.date(2025, 2, 10 if n < 30 else 28), 1),
        )
        if n < 35 or day.year == 2024
    ]
    months, deliveries = facts_of(lines_of(orders))
    products = ibis.memtable(master(TEA=20))
    came = look_back(months, deliveries, products, Month(2024, 12), dt.date(2025, 6, 30), **RULES)
    assert (came["deliveries"], came["compared"], came["again"]) == (40, 40, 35)
    assert came["hits"] == {"product": 30, "own_cycle": 0, "fixed": 0}
    assert came["only_product"] == {"own_cycle": 30, "fixed": 30}
    assert came["median_error_days"]["product"] == 2
    later = [{"customer_id": "C0", "product_id": "TEA", "day": dt.date(2025, 5, 1)}]
    again, others = facts_of(lines_of(orders + later))
    told = look_back(again, others, products, Month(2024, 12), dt.date(2025, 6, 30), **RULES)
    assert told == came, "the first purchase that follows counts"


def test_what_a_subscription_delivers_is_no_date_that_came_true():
    orders = [
        {
            "customer_id": f"C{n}", "product_id": "TEA", "day": _day(330 + 20 * number),
            "order_kind": "subscription", "subscription_id": f"S{n}",
        }
        for n in range(10)
        for number in range(6)
    ]  # fmt: skip
    came = look_back(
        *facts_of(lines_of(orders)), ibis.memtable(master(TEA=20)), Month(2024, 12), dt.date(2025, 6, 30), **RULES
    )
    assert came["deliveries"] == 0
