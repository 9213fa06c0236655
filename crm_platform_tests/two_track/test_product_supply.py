from __future__ import annotations

import datetime as dt
from functools import cache
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from ibis import _

from crm_platform import facts
from crm_platform.clients import Settings
from crm_platform.demo import make_demo
from crm_platform.tables import TABLES
from crm_platform.tables.contact_dates import PRODUCT_SUPPLY
from crm_platform.tables.delivered import ORDER_LINES, PRODUCTS
from crm_platform.two_track.contact_dates import Known, look_back, product_supply, subscriptions_then
from crm_platform_tests.oracles.known_histories import history_of

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


# --- looking back -----------------------------------------------------------------------------------------------------

THEN, NOW = dt.date(2024, 12, 31), dt.date(2025, 6, 30)
GOODS = PRODUCTS.from_columns(
    {
        "product_id": ["TEA", "TRIAL", "OTHER"],
        "category": ["tea", "tea", "other"],
        "is_trial": [False, True, False],
    }
)
TEA_SUPPLY = ibis.memtable(
    PRODUCT_SUPPLY.from_columns(
        {
            "product_id": ["OTHER", "TEA", "TRIAL"],
            "repeats": [0] * 3,
            "customers": [0] * 3,
            "supply_days": [40, 40, 10],
            "supply_source": ["product_master"] * 3,
            "contradicts_master": [False] * 3,
        }
    )
)


def bought(customer: str, *days: str, product: str = "TEA") -> list[dict[str, Any]]:
    return [{"customer_id": customer, "product_id": product, "day": dt.date.fromisoformat(day)} for day in days]


def came_true(
    orders: list[dict[str, Any]], contacts: pa.Table | None = None, subscribed: tuple[str, ...] = ()
) -> dict[str, Any]:
    """What the list of 31 December came to by 30 June."""
    days = pd.DataFrame(orders).rename(columns={"day": "purchased_on"}).assign(sales_jpy=1_000)
    days["purchased_on"] = pd.to_datetime(days["purchased_on"])
    known = days[days["purchased_on"] <= pd.Timestamp(THEN)].drop_duplicates(["customer_id", "purchased_on"])
    months = facts_of(lines_of(orders))[0]
    then = Known(
        on=THEN,
        product_months=months.filter(months.month <= THEN),
        supply=TEA_SUPPLY,
        history=ibis.memtable(TABLES["customer_history"].from_pandas(history_of(known, THEN.isoformat()))),
        subscriptions=ibis.memtable(subscriptions_of(subscribed)),
        contacts=TABLES["contacts"].empty() if contacts is None else contacts,
        overrides=TABLES["contact_overrides"].empty(),
    )
    return look_back(then, months.filter(months.month > THEN), ibis.memtable(GOODS), NOW, Settings())


def subscriptions_of(names: tuple[str, ...]) -> pa.Table:
    usual = {
        "subscription_id": "S", "product_id": "TEA", "cycle_days": 30.0, "term_deliveries": 1,
        "started_on": dt.date(2024, 1, 1), "first_cycle_no": 1, "deliveries": 5, "last_cycle_no": 5,
        "last_ordered_on": dt.date(2024, 12, 1), "skips": 0, "skipped_before_next": False, "switches": 0,
        "sales_jpy": 0, "discount_jpy": 0, "state": "continuing", "next_due_on": THEN,
    }  # fmt: skip
    of_all = {name: [value] * len(names) for name, value in usual.items()}
    return TABLES["subscriptions"].from_columns({**of_all, "customer_id": list(names)})


def test_the_list_of_half_a_year_ago_is_held_against_what_its_customers_bought():
    orders = [
        order
        for number in range(40)  # a cycle of 60 days; the tea of 10 December runs out on 19 January: call on the 12th
        for order in bought(f"C{number:02}", "2024-10-11", "2024-12-10", *(("2025-01-15",) if number < 30 else ()))
    ]
    orders += bought("C35", "2025-02-10")  # within a week of the own cycle's day, 8 February
    orders += bought("C00", "2025-02-10")  # the first purchase that follows counts
    came = came_true(orders)
    assert (came["compared"], came["again"]) == (40, 31)
    assert came["hits"] == {"product": 30, "own_cycle": 1, "fixed": 30}, "30 days: 9 January, call on the 2nd"
    assert came["only_product"] == {"own_cycle": 30, "fixed": 0}
    assert came["only_yardstick"] == {"own_cycle": 1, "fixed": 0}
    assert came["median_error_days"]["product"] == 4
    assert came["states"]["coming"] == {"customers": 40, "in_time": 30}


def test_what_the_list_held_is_judged_and_nothing_else():
    """Overdue calls are made at once; after a trial size its group counts; subscribers and later calls never do."""
    lately = ("2024-10-11", "2024-12-10")  # the call is on 12 January, the run-out a week later
    orders = bought("OVERDUE", "2024-10-01", "2024-11-10", "2025-01-10")
    orders += bought("OVERDUE TOO LONG", "2024-10-01", "2024-11-10", "2025-01-16")
    orders += bought("LAPSED", "2024-08-01", "2024-09-01", "2025-01-10")
    for customer, product in (("TRIAL", "TEA"), ("TRIAL AND OTHERS", "OTHER")):  # overdue as well
        orders += bought(customer, "2024-12-01") + bought(customer, "2024-12-28", product="TRIAL")
        orders += bought(customer, "2025-01-05", product=product)
    orders += bought("IN TIME", *lately, "2025-01-15") + bought("BEFORE THE CALL", *lately, "2025-01-15")
    orders += bought("SUBSCRIBES", *lately, "2025-01-15")
    orders += [{**order, "quantity": 5} for order in bought("NOT OVER", *lately)]
    came = came_true(orders, declined("BEFORE THE CALL", "2024-12-20"), ("SUBSCRIBES",))
    assert came["states"] == {
        "coming": {"customers": 2, "in_time": 1},
        "overdue": {"customers": 4, "in_time": 2},
        "lapsed": {"customers": 1, "in_time": 1},
    }
    assert (came["compared"], came["again"], came["hits"]["product"]) == (6, 5, 3)


def test_who_subscribed_then_is_told_by_what_was_known_then():
    """A stop told later was no stop yet, one told before was; what began later did not run."""
    customers = ("STOPPED BEFORE", "STOPPED SINCE", "BEGAN SINCE")
    rows = ibis.memtable(subscriptions_of(customers)).mutate(subscription_id=_.customer_id)
    began_on = ibis.cases((_.customer_id == "BEGAN SINCE", ibis.date(2025, 2, 1)), else_=_.started_on)
    stops = {
        "subscription_id": list(customers[:2]), "customer_id": list(customers[:2]), "event_no": [1, 1],
        "event": ["stop"] * 2, "occurred_on": [THEN, THEN + dt.timedelta(days=1)], "source": ["delivered"] * 2,
    }  # fmt: skip
    events = ibis.memtable(TABLES["known_subscription_events"].from_columns(stops))
    then = subscriptions_then(rows.mutate(started_on=began_on, state=ibis.literal("stopped")), events, THEN, NOW, 2)
    (row,) = then.select("customer_id", "state").to_pyarrow().to_pylist()
    assert row == {"customer_id": "STOPPED SINCE", "state": "continuing"}


def declined(customer: str, on: str) -> pa.Table:
    row = {"customer_id": customer, "contacted_on": dt.date.fromisoformat(on), "outcome": "declined"}
    usual = {"campaign_id": "c", "channel": "call"}
    return TABLES["contacts"].from_columns({name: [value] for name, value in {**usual, **row}.items()})
