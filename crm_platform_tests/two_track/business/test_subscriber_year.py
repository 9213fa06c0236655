"""A year of one-off purchases of those who had subscribed before it, counted by hand."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import ibis

from crm_platform.tables.delivered import PRODUCTS
from crm_platform.two_track.business import SubscriberYear, subscriber_year
from crm_platform.two_track.business.subscriber_year import subscribers_on
from crm_platform.two_track.turns import customer_states
from crm_platform_tests.two_track.business.shop import AS_OF, Contract, Line, frame, past_of

YEAR = [dt.date(2023, month, 1) for month in range(1, 13)]
BEFORE, WITHIN = dt.date(2022, 6, 1), dt.date(2023, 6, 1)


def year_of_lines(lines: list[Line], contracts: list[Contract]) -> SubscriberYear:
    year = subscriber_year(past_of(lines, contracts), YEAR, AS_OF)
    assert year is not None
    return SubscriberYear.from_json(year.to_json())


def test_subscribers_are_those_of_the_day_before_the_year_in_the_state_of_that_day() -> None:
    contracts = [
        Contract("runs", BEFORE),
        Contract("stops within", BEFORE, WITHIN),
        Contract("stopped before", BEFORE, dt.date(2022, 12, 1)),
        Contract("starts within", WITHIN),
        Contract("one of two runs", BEFORE, dt.date(2022, 7, 1)),
        Contract("one of two runs", dt.date(2022, 5, 1)),
    ]
    year = year_of_lines([Line("runs", WITHIN, "subscription", 4_000)], contracts)
    counts = {cell.state: (cell.subscribers, cell.subscribers_now) for cell in year.cells}
    assert counts == {"continuing": (3, 3), "stopped": (1, 2)}
    assert (year.now("continuing"), year.now("stopped"), year.cycle_days) == (3, 2, 30.0)


def test_the_state_is_the_one_known_then_neither_a_resume_since_nor_a_stop_that_only_looked_like_a_skip() -> None:
    contracts = [
        Contract("resumed within", BEFORE, dt.date(2022, 9, 1), resumed_on=WITHIN),
        Contract("silent, known", BEFORE, dt.date(2022, 9, 1), is_silent=True),
        Contract("silent, not yet", BEFORE, dt.date(2022, 12, 20), is_silent=True),
        Contract("silent, nor this", BEFORE, dt.date(2022, 12, 1), is_silent=True),
        Contract("told", BEFORE, dt.date(2022, 12, 20)),
    ]
    year = year_of_lines([Line("told", WITHIN, "subscription", 4_000)], contracts)
    counts = {cell.state: (cell.subscribers, cell.subscribers_now) for cell in year.cells}
    assert counts == {"continuing": (2, 1), "stopped": (3, 4)}


def test_a_customers_state_of_today_is_one_whether_read_from_subscriptions_or_from_what_happened_to_them() -> None:
    contracts = [
        Contract("runs", BEFORE),
        Contract("stopped", BEFORE, WITHIN),
        Contract("one of two runs", BEFORE, WITHIN),
        Contract("one of two runs", WITHIN),
    ]
    past = past_of([Line("runs", WITHIN, "subscription", 4_000)], contracts)
    told = frame(subscribers_on(past, AS_OF))["state"].to_dict()
    assert told == frame(customer_states(past.subscriptions))["subscription_state"].to_dict()
    assert told == {"runs": "continuing", "stopped": "stopped", "one of two runs": "continuing"}


def test_buyers_and_sales_are_of_the_year_and_what_others_bought_stands_apart() -> None:
    lines = [
        Line("A", BEFORE, "one_off", 7_777),
        Line("A", WITHIN, "one_off", 3_000),
        Line("A", WITHIN, "one_off", -500),
        Line("B", WITHIN, "one_off", 2_000),
        Line("B", WITHIN, "subscription", 4_000),
        Line("B", WITHIN, "bulk", 9_999),
        Line("C", WITHIN, "bulk", 8_888),
        Line("X", WITHIN, "one_off", 1_000),
    ]
    year = year_of_lines(lines, [Contract("A", BEFORE), Contract("B", BEFORE), Contract("C", BEFORE)])
    (cell,) = year.cells
    assert (cell.product_group, cell.channel) == ("茶", "")
    assert (cell.subscribers, cell.buyers, cell.sales_jpy) == (3, 2, 4_500)
    assert cell.squares == 2_500**2 + 2_000**2
    assert year.one_off_sales_jpy == 5_500
    assert year.one_off_sales_of_others_jpy == 1_000
    assert (year.subscription_sales_jpy, year.subscription_order_jpy) == (4_000, 4_000)
    assert year.buyers_on_file == 2


def test_a_one_off_trial_size_is_no_purchase_on_file_what_is_bought_beside_a_trial_of_the_subscription_is_one() -> None:
    lines = [
        Line("A", BEFORE, "subscription", 4_000, product="P1"),
        Line("A", BEFORE, "one_off", 3_000, product="P2"),
        Line("B", BEFORE, "one_off", 500, product="P1"),
    ]
    products = PRODUCTS.from_columns({"product_id": ["P1", "P2"], "is_trial": [True, False]})
    past = past_of(lines, [Contract("A", BEFORE), Contract("B", BEFORE)])
    year = subscriber_year(replace(past, products=ibis.memtable(products)), YEAR, AS_OF)
    assert year is not None
    assert year.buyers_on_file == 1


def test_the_group_is_that_of_a_subscription_that_runs_though_a_later_one_stopped() -> None:
    contracts = [
        Contract("A", BEFORE, product="P1"),
        Contract("A", dt.date(2022, 8, 1), dt.date(2022, 11, 1), product="P2"),
        Contract("B", BEFORE, dt.date(2022, 8, 1), product="P1"),
        Contract("B", dt.date(2022, 8, 1), dt.date(2022, 11, 1), product="P2"),
    ]
    past = past_of([Line("A", WITHIN, "subscription", 4_000)], contracts)
    products = PRODUCTS.from_columns({"product_id": ["P1", "P2"], "product_name": ["Tea", "Soap"]})
    year = subscriber_year(replace(past, products=ibis.memtable(products)), YEAR, AS_OF)
    assert year is not None
    assert {cell.state: cell.product_group for cell in year.cells} == {"continuing": "Tea", "stopped": "Soap"}


def test_a_client_without_a_subscription_has_no_such_year() -> None:
    assert subscriber_year(past_of([Line("A", WITHIN, "one_off", 1_000)], []), YEAR, AS_OF) is None
