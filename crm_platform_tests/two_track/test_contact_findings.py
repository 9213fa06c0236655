from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import ibis
import numpy as np
import pytest

from crm_platform.clients import Client, Settings
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.periods import Month, months_between
from crm_platform.tables import TABLES
from crm_platform.tables.contact_dates import CONTACT_DATES, PRODUCT_SUPPLY
from crm_platform.two_track.contact_dates import contact_dates, term_plans
from crm_platform.two_track.contact_dates.term_values import (
    deliveries_with_term,
    matched_values,
    value_cells,
    year_values,
)
from crm_platform.two_track.contact_dates.timing import paired_change

AS_OF = dt.date(2025, 6, 30)
FIRST, LAST = Month(2021, 7), Month(2025, 6)
TERM, FREE = "3ヶ月まとめコース", "毎月コース"
NAMES = (
    "customer_months", "customer_product_months", "product_months", "media_months", "products", "media", "forecasts",
    "segments", "cpm_classes", "lapse_alerts", "test_groups",
)  # fmt: skip


def inputs(**known: Any) -> DiagnosisInputs:
    """Inputs whose other tables are empty."""
    tables = {name: ibis.memtable(TABLES[name].empty()) for name in NAMES}
    history = {"history": ibis.memtable(TABLES["customer_history"].empty())}
    months = months_between(FIRST, LAST)
    given = {"client": Client("house", "試験商店"), "month": LAST, "as_of": AS_OF, "months": months}
    return DiagnosisInputs(**{**given, **tables, **history, **known})


# --- contact dates ----------------------------------------------------------------------------------------------------


def came(product: int, fixed: int, both: int, compared: int = 400) -> dict[str, Any]:
    """A backtest in which so many dates are hit by days of supply only, by 30 days only, by both."""
    return {
        "compared": compared, "again": compared,
        "states": {state: {"customers": compared, "in_time": product} for state in ("coming", "overdue", "lapsed")},
        "hits": {"product": product + both, "own_cycle": 0, "fixed": fixed + both},
        "only_product": {"own_cycle": product + both, "fixed": product},
        "only_yardstick": {"own_cycle": 0, "fixed": fixed},
        "median_error_days": {"product": 3.0, "own_cycle": 20.0, "fixed": 9.0},
    }  # fmt: skip


def contact_inputs(backtest: dict[str, Any] | None) -> DiagnosisInputs:
    days = [AS_OF + dt.timedelta(days=shift) for shift in (-30, 0, 1, 7, 8, 28, 29, 100, -90)]
    reasons = [*["product_master"] * 7, "subscription", "lapsed"]
    dates = {"customer_id": [f"C{n}" for n in range(9)], "next_contact_on": days, "reason": reasons}
    supply = {
        "product_id": ["P1", "P2"], "master_days": [30, 60], "learned_days": [45, 60], "learned_low_days": [40, 50],
        "learned_high_days": [50, 70], "repeats": [90, 80], "customers": [70, 60], "supply_days": [30, 60],
        "supply_source": ["product_master"] * 2, "contradicts_master": [True, False],
    }  # fmt: skip
    return inputs(
        contact_dates=ibis.memtable(CONTACT_DATES.from_columns({**dates, "to_call": [True] * 7 + [False] * 2})),
        product_supply=ibis.memtable(PRODUCT_SUPPLY.from_columns(supply)),
        contact_dates_backtest=backtest,
    )


@pytest.mark.parametrize(
    ("backtest", "verdict"),
    [
        (came(90, 10, 60), "healthy"),
        (came(10, 90, 60), "issue"),
        (came(11, 10, 200), "healthy"),  # no worse than the rule, and a fall would have been seen
        (came(3, 2, 1, compared=25), "undetermined"),
        (None, "undetermined"),
    ],
)
def test_dates_that_a_simple_rule_beats_are_an_issue_and_few_prove_nothing(backtest, verdict):
    found = contact_dates(contact_inputs(backtest))
    assert found is not None
    assert found.verdict == verdict
    assert (found.yen_effect_jpy is None) or verdict == "issue"


def test_every_customer_is_due_in_one_week_subscribers_and_lapsed_calls_in_none():
    found = contact_dates(contact_inputs(None))
    assert found is not None
    weeks = {row["due_week"]: row["due_customers"] for row in found.exhibits[0].rows}
    assert list(weeks.values()) == [2, 2, 1, 0, 1, 1, 0, 0, 0]
    assert found.numbers["due_customers"] == 6
    counted = [found.numbers[f"{name}_customers"] for name in ("dated", "overdue", "lapsed", "subscribers")]
    assert counted == [7, 2, 1, 1]


def test_a_master_value_that_the_repeats_contradict_is_named():
    found = contact_dates(contact_inputs(None))
    assert found is not None
    named = [found.numbers[name] for name in ("worst_product", "worst_master_days", "worst_learned_days")]
    assert named == ["P1", 30, 45]


def test_the_error_of_a_difference_counts_only_deliveries_on_which_the_rules_differ():
    few, many = (paired_change(came(20, 10, both), "fixed") for both in (0, 300))
    assert few is not None
    assert few == many
    assert few.value == pytest.approx(10 / 400)
    assert few.error == pytest.approx(((31 / 400 - 0.025**2) / 400) ** 0.5)


# --- term plans -------------------------------------------------------------------------------------------------------


def shop(
    entry_jpy: int, entered_at: Callable[[int], int] = lambda _: 4, spread_jpy: int = 0
) -> tuple[ibis.Table, ibis.Table]:
    """60 stop after two deliveries of ¥1,000; 40 go on monthly; 40 go over to a term plan with the fourth delivery.

    Or with that of another number; by `spread_jpy` each subscription sells more than the one before it.
    """
    ways = [("gone", 60, 2), ("monthly", 40, 24), ("term", 40, 24)]
    deliveries, subscriptions = [], []
    for way, number, length in ways:
        for one in range(number):
            name = f"{way}{one}"
            on_term = [way == "term" and place + 1 >= entered_at(one) for place in range(length)]
            for place, is_term in enumerate(on_term):
                day = dt.date(2023, 1, 5) + dt.timedelta(days=30 * place)
                sales_jpy = (entry_jpy if is_term else 1_000) + spread_jpy * one
                deliveries.append(
                    {
                        "month": day.replace(day=1), "subscription_id": name, "order_id": f"{name}-{place}",
                        "customer_id": name, "ordered_on": day, "course": TERM if is_term else FREE,
                        "product_id": "P", "quantity": 1, "ordered_jpy": sales_jpy,
                        "sales_jpy": sales_jpy, "discount_jpy": 100 if is_term else 50,
                        "is_order": True, "stands": True,
                    }
                )  # fmt: skip
            subscriptions.append(
                {
                    "subscription_id": name, "customer_id": name, "product_id": "P", "cycle_days": 30.0,
                    "course": TERM if way == "term" else FREE, "term_deliveries": 3 if way == "term" else 1,
                    "started_on": dt.date(2023, 1, 5), "first_cycle_no": 1, "deliveries": length,
                    "last_cycle_no": length, "last_ordered_on": AS_OF, "skips": int(way == "monthly" and one < 5),
                    "skipped_before_next": False, "switches": 0, "sales_jpy": 0, "discount_jpy": 0,
                    "state": "stopped" if way == "gone" else "continuing",
                }
            )  # fmt: skip
    made = []
    for name, rows in (("subscription_deliveries", deliveries), ("subscriptions", subscriptions)):
        columns = {column for row in rows for column in row}
        made.append(ibis.memtable(TABLES[name].from_columns({key: [row.get(key) for row in rows] for key in columns})))
    return made[0], made[1]


def test_a_term_plan_is_held_against_those_who_had_stayed_as_long():
    deliveries, subscriptions = shop(entry_jpy=1_000)
    values = year_values(deliveries_with_term(deliveries, subscriptions), AS_OF)
    matched = matched_values(values, value_cells(values))
    assert matched is not None
    assert (matched.entries, matched.difference_jpy.value) == (40, 0.0), "13 deliveries of ¥1,000 in the year, both"
    assert matched.monthly_jpy == 13_000


def test_a_subscription_counts_once_per_comparison_however_many_late_deliveries_it_has():
    """Late entries are compared number by number; the error takes together what one subscription adds to each."""
    deliveries, subscriptions = shop(entry_jpy=1_000, entered_at=lambda one: 8 + one % 3, spread_jpy=20)
    values = year_values(deliveries_with_term(deliveries, subscriptions), AS_OF)
    rows = values.to_pandas()
    assert not rows.duplicated(["subscription_id", "place", "half_year"]).any()
    matched = matched_values(values, value_cells(values))
    assert matched is not None
    assert matched.entries == 40

    held = rows[rows["place"].isin([8, 9, 10])].copy()
    cells = held.groupby(["place", "half_year", "is_term"])["value_jpy"]
    size, entries = cells.transform("size"), held["place"].map(held[held["is_term"]].groupby("place").size())
    side = np.where(held["is_term"], 1, -1)
    held["added"] = side * entries * (held["value_jpy"] - cells.transform("mean")) / np.sqrt(size * (size - 1))
    by_hand = np.sqrt((held.groupby("subscription_id")["added"].sum() ** 2).sum()) / 40
    assert matched.difference_jpy.error == pytest.approx(by_hand, rel=1e-4)


@pytest.mark.parametrize(("entry_jpy", "verdict"), [(1_200, "healthy"), (700, "issue")])
def test_a_term_plan_that_sells_less_is_an_issue_and_one_that_sells_more_is_none(entry_jpy, verdict):
    deliveries, subscriptions = shop(entry_jpy)
    found = term_plans(inputs(subscription_deliveries=deliveries, subscriptions=subscriptions))
    assert found is not None
    assert found.verdict == verdict
    assert found.numbers["difference_jpy"] == 13 * (entry_jpy - 1_000)
    assert found.numbers["uptake_rate"] == 0.5
    assert found.numbers["offered_customers"] == 35, "five of the forty monthly ones skipped"


@pytest.mark.parametrize(
    ("course", "units", "stated", "is_told"),
    [
        (TERM, 3, {}, True),
        ("1年間まとめコース", 12, {}, True),
        (TERM, 1, {}, False),  # a unit that lasts as long
        ("3ヶ月に1回コース", 3, {}, False),
        ("2ヶ月ごと", 2, {}, False),
        ("2ヶ月周期2袋コース", 2, {}, False),
        ("3ヶ月間隔コース", 3, {}, False),
        ("2ヶ月サイクル", 2, {}, False),
        ("30日コース", 3, {}, False),
        (TERM, 3, {TERM: 1}, False),  # the client says that it is free
    ],
)
def test_a_plan_whose_months_come_at_once_is_a_term_plan_though_it_binds_to_one_delivery(
    course, units, stated, is_told
):
    deliveries, subscriptions = shop(entry_jpy=1_200)
    on_term = deliveries.course == TERM
    at_once = deliveries.mutate(
        quantity=ibis.ifelse(on_term, units, deliveries.quantity).cast("int64"),
        course=ibis.ifelse(on_term, course, deliveries.course),
    )
    free = subscriptions.mutate(
        term_deliveries=ibis.literal(1, "int64"),
        course=ibis.ifelse(subscriptions.course == TERM, course, subscriptions.course),
    )
    house = Client("house", "試験商店", settings=Settings(term_courses=stated))
    found = term_plans(inputs(subscription_deliveries=at_once, subscriptions=free, client=house))
    assert (found is not None) == is_told
    if found is not None:
        names = ("term_running", "uptake_rate", "entries", "difference_jpy", "offered_customers")
        assert [found.numbers[name] for name in names] == [40, 0.5, 40, 13 * 200, 35]
        assert {row["plan_units"] for row in found.exhibits[0].rows} == {1, units}


def test_a_client_without_term_plans_is_not_asked():
    deliveries, subscriptions = shop(entry_jpy=1_000)
    free = subscriptions.mutate(term_deliveries=ibis.literal(1, "int64"))
    assert term_plans(inputs(subscription_deliveries=deliveries, subscriptions=free)) is None
