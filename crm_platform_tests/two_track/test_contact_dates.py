from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import ibis
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_platform.clients import Settings
from crm_platform.tables.analyses import CUSTOMER_HISTORY
from crm_platform.tables.contact_dates import CONTACT_DATES, PRODUCT_SUPPLY
from crm_platform.tables.delivered import CONTACT_OVERRIDES, CONTACTS
from crm_platform.tables.facts import CUSTOMER_PRODUCT_MONTHS
from crm_platform.tables.subscriptions import SUBSCRIPTIONS
from crm_platform.two_track.contact_dates import (
    Known,
    coming_contacts,
    due_contacts,
    lapsed_contacts,
    next_contact_dates,
)
from crm_platform.two_track.contact_dates.last_supply import latest_deliveries
from crm_platform_tests.oracles.known_histories import history_of

AS_OF = "2025-06-30"
SUPPLY = ibis.memtable(
    PRODUCT_SUPPLY.from_columns(
        {
            "product_id": ["LEARNED", "SIXTY", "THIRTY"],
            "master_days": [None, 60, 30],
            "learned_days": [40, None, None],
            "repeats": [50, 0, 0],
            "customers": [50, 0, 0],
            "supply_days": [40, 60, 30],
            "supply_source": ["learned", "product_master", "product_master"],
            "contradicts_master": [False] * 3,
        }
    )
)  # the give-away GIFT and the product UNKNOWN have no days
Delivered = tuple[str, str, str, int]


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


@dataclass(frozen=True)
class Customer:
    """One customer's past: deliveries (product, day, units), contacts (day, outcome), what the operator set."""

    delivered: Sequence[tuple[str, str, int]] = ()
    contacts: Sequence[tuple[str, str]] = ()
    override: dict[str, Any] = field(default_factory=dict)
    subscription: dict[str, Any] = field(default_factory=dict)
    purchases: Sequence[str] = ()  # days; those of the deliveries where none are given


def known(customers: dict[str, Customer]) -> Known:
    """All of them as one client."""
    delivered = [(name, *item) for name, one in customers.items() for item in one.delivered]
    bought = [
        (name, on) for name, one in customers.items() for on in one.purchases or [item[1] for item in one.delivered]
    ]
    frame = pd.DataFrame(bought, columns=["customer_id", "purchased_on"]).assign(sales_jpy=1_000)
    history = history_of(frame.assign(purchased_on=pd.to_datetime(frame["purchased_on"])), AS_OF)
    return Known(
        on=day(AS_OF),
        product_months=product_months(delivered),
        supply=SUPPLY,
        history=ibis.memtable(CUSTOMER_HISTORY.from_pandas(history)),
        subscriptions=ibis.memtable(
            _subscriptions([{"customer_id": n, **one.subscription} for n, one in customers.items() if one.subscription])
        ),
        contacts=_contacts([(name, *item) for name, one in customers.items() for item in one.contacts]),
        overrides=_table(
            CONTACT_OVERRIDES, [{"customer_id": n, **one.override} for n, one in customers.items() if one.override]
        ),
    )


def product_months(delivered: Sequence[Delivered]) -> ibis.Table:
    rows = [
        {
            "month": day(on).replace(day=1), "customer_id": customer, "product_id": product, "orders": 1,
            "quantity": units, "standing_sales_jpy": 1_000, "first_purchased_on": day(on),
            "last_purchased_on": day(on), "last_delivered_on": day(on), "last_quantity": units,
        }
        for customer, product, on, units in delivered
    ]  # fmt: skip
    return ibis.memtable(_table(CUSTOMER_PRODUCT_MONTHS, rows))


def _table(table: Any, rows: Sequence[dict[str, Any]]) -> Any:
    if not rows:
        return table.empty()
    return table.from_columns({name: [row.get(name) for row in rows] for name in {key for row in rows for key in row}})


def _contacts(contacts: Sequence[tuple[str, str, str]]) -> Any:
    rows = [
        {"customer_id": customer, "campaign_id": "c", "contacted_on": day(on), "channel": "call", "outcome": outcome}
        for customer, on, outcome in contacts
    ]
    return _table(CONTACTS, rows)


def _subscriptions(subscriptions: Sequence[dict[str, Any]]) -> Any:
    usual = {
        "product_id": "THIRTY", "cycle_days": 30.0, "term_deliveries": 1, "started_on": day("2025-01-01"),
        "first_cycle_no": 1, "deliveries": 5, "last_cycle_no": 5, "last_ordered_on": day("2025-06-20"),
        "last_delivered_on": day("2025-06-20"), "last_quantity": 1, "state": "continuing", "skips": 0,
        "skipped_before_next": False, "switches": 0, "sales_jpy": 0, "discount_jpy": 0,
    }  # fmt: skip
    return _table(SUBSCRIPTIONS, [{**usual, **row} for row in subscriptions])


Found = dict[str, dict[str, Any]]


def dates(customers: dict[str, Customer], **changed: Any) -> Found:
    table = next_contact_dates(known(customers), Settings(**changed))
    assert CONTACT_DATES.faults(table) == []
    return {row["customer_id"]: row for row in table.to_pylist()}


LASTED = ("THIRTY", "2025-05-01", 1)  # contact on 2025-05-24
TRIES = [(f"2025-05-{number}", "no_answer") for number in (24, 27, 30)]
RUNNING = {"subscription_id": "S", "next_due_on": day("2025-07-20")}
STOPPED = {"subscription_id": "S2", "state": "stopped", "stop_source": "delivered"}
STATED = {"next_contact_on": day("2025-06-10")}
SHOP = {
    "two units": Customer([("THIRTY", "2025-06-10", 2)]),
    "learned": Customer([("LEARNED", "2025-06-10", 1)]),
    "the latest": Customer([("THIRTY", "2025-06-10", 1), ("SIXTY", "2025-06-20", 1)]),
    "first to run out": Customer([("THIRTY", "2025-06-20", 3), ("SIXTY", "2025-06-20", 1)]),
    "a give-away": Customer([("THIRTY", "2025-06-10", 1), ("GIFT", "2025-06-25", 1)]),
    "given up": Customer(
        [("THIRTY", "2024-01-10", 1), ("UNKNOWN", "2025-06-10", 1)], purchases=["2025-04-11", "2025-06-10"]
    ),
    "own cycle": Customer([("UNKNOWN", "2025-06-01", 1)], purchases=["2025-04-02", "2025-05-02", "2025-06-01"]),
    "no supply": Customer([("UNKNOWN", "2025-06-01", 1)]),
    "left": Customer([("THIRTY", "2024-10-01", 1)]),
    "overdue": Customer([LASTED]),
    "overdue for long": Customer([("THIRTY", "2025-04-30", 1)]),
    "lapsed, declined": Customer([("THIRTY", "2025-01-01", 1)], [("2025-06-20", "declined")]),
    "lapsed, stated": Customer([("THIRTY", "2025-01-01", 1)], override={"next_contact_on": day("2025-02-10")}),
    "lapsed, held": Customer([("THIRTY", "2025-01-01", 1)], override={"hold_until": day("2025-06-01")}),
    "subscriber": Customer([("SIXTY", "2025-06-25", 1)], subscription=RUNNING),
    "once a year": Customer(
        [("THIRTY", "2024-09-01", 1)],
        subscription={"subscription_id": "S4", "cycle_days": 365.0, "next_due_on": day("2025-09-01")},
    ),
    "stopped": Customer([("THIRTY", "2025-06-20", 1)], subscription=STOPPED),
    "sent": Customer([LASTED], [("2025-05-26", "sent")]),
    "sent after leaving": Customer([("SIXTY", "2024-09-01", 1)], [("2025-06-01", "sent")]),
    "sent and left again": Customer([("THIRTY", "2024-01-01", 1)], [("2024-10-01", "sent")]),
    "sent and ordered": Customer([LASTED, ("THIRTY", "2025-05-28", 2)], [("2025-05-26", "sent")]),
    "declined": Customer([LASTED], [("2025-05-26", "declined")]),
    "declined twice": Customer([LASTED], [("2025-05-26", "declined"), ("2025-06-25", "declined")]),
    "declined early": Customer([("SIXTY", "2025-06-20", 2)], [("2025-06-21", "declined")]),
    "one try": Customer([LASTED], TRIES[:1]),
    "two tries": Customer([LASTED], TRIES[:2]),
    "three tries": Customer([LASTED], TRIES),
    "a fourth try": Customer([LASTED], [*TRIES, ("2025-06-29", "no_answer")]),
    "answered": Customer([LASTED], [*TRIES, ("2025-06-29", "declined"), ("2025-06-30", "no_answer")]),
    "told before": Customer([LASTED], [("2025-04-30", "declined"), ("2025-05-01", "sent"), ("2025-05-26", "other")]),
    "lasts longer": Customer([LASTED], override={"supply_days": 45}),
    "stated": Customer([LASTED], override=STATED),
    "stated after a decline": Customer([LASTED], [("2025-05-26", "declined")], STATED),
    "stated, no answer": Customer([LASTED], [("2025-06-10", "no_answer")], STATED),
    "stated, declined": Customer([LASTED], [("2025-06-10", "declined")], STATED),
    "stated, delivered": Customer([LASTED, ("THIRTY", "2025-06-11", 1)], override=STATED),
    "stated, left": Customer([("THIRTY", "2024-01-01", 1)], override=STATED),
    "stated, subscriber": Customer(
        [LASTED], override={"next_contact_on": day("2025-07-01")}, subscription={**RUNNING, "subscription_id": "S3"}
    ),
    "held": Customer([LASTED], override={"hold_until": day("2025-09-01"), "next_contact_on": day("2025-07-10")}),
    "held before": Customer([LASTED], override={"hold_until": day("2025-05-10")}),
    "lifted": Customer([LASTED], override={"supply_days": None}),
}


@cache
def found() -> Found:
    """The dates of the shop by the platform's defaults."""
    return dates(SHOP)


def told(name: str, rows: Found | None = None) -> tuple[str, str]:
    """A customer's day and its reason."""
    row = (rows or found())[name]
    return row["next_contact_on"].isoformat(), row["reason"]


# --- when the product runs out ----------------------------------------------------------------------------------------


def test_contact_is_last_delivery_plus_units_times_supply_minus_lead():
    row = found()["two units"]  # 10 June + 2 × 30 days = 9 August, − 7 days
    assert (row["supplied_on"], row["supply_days"], row["runs_out_on"]) == (day("2025-06-10"), 60, day("2025-08-09"))
    assert (row["next_contact_on"], row["product_id"], row["reason"]) == (day("2025-08-02"), "THIRTY", "product_master")
    assert row["to_call"]


def test_days_learned_of_a_product_that_the_master_does_not_know_count_as_well():
    assert told("learned") == ("2025-07-13", "learned")


def test_the_latest_delivery_decides_and_of_one_day_what_runs_out_first():
    rows = [found()[name] for name in ("the latest", "first to run out")]
    assert [(row["product_id"], row["supply_days"]) for row in rows] == [("SIXTY", 60), ("SIXTY", 60)]


def test_a_give_away_decides_nothing_and_neither_does_a_product_given_up_long_ago():
    assert found()["a give-away"]["product_id"] == "THIRTY"
    assert told("given up") == ("2025-08-02", "own_cycle")


def test_without_days_of_supply_the_own_cycle_decides():
    row = found()["own cycle"]
    assert (row["next_contact_on"], row["product_id"], row["supply_days"]) == (day("2025-06-24"), "UNKNOWN", 30)
    assert row["reason"] == "own_cycle"


def test_who_has_neither_supply_nor_cycle_or_has_left_has_no_row_and_everyone_else_has_one():
    assert set(found()) == set(SHOP) - {"no supply", "left", "sent and left again"}


def test_an_overdue_contact_is_kept_and_lapses_when_another_supply_would_have_run_out():
    assert told("overdue") == ("2025-05-24", "product_master"), "ran out on 31 May: 30 days more are over today"
    assert found()["overdue"]["to_call"]
    assert told("overdue for long") == ("2025-05-23", "lapsed"), "a day longer; its day is kept"
    assert not found()["overdue for long"]["to_call"]


def test_an_outcome_an_operator_or_an_order_brings_a_lapsed_call_back():
    assert told("lapsed, declined") == ("2025-07-20", "declined")
    assert told("lapsed, stated") == ("2025-02-10", "stated_day"), "a promise stands until it is kept or lifted"
    assert told("lapsed, held") == ("2025-06-01", "hold")
    assert told("sent and ordered") == ("2025-07-20", "product_master")
    assert all(found()[name]["to_call"] for name in ("lapsed, declined", "lapsed, stated", "lapsed, held"))


def test_the_shipment_of_an_order_of_an_earlier_month_is_the_last_delivery():
    months = product_months([("A", "THIRTY", "2025-05-02", 2), ("A", "THIRTY", "2025-06-03", 1)])
    ahead = months.mutate(
        last_delivered_on=ibis.ifelse(months.last_quantity == 2, ibis.date(2025, 6, 20), months.last_delivered_on)
    )
    (row,) = latest_deliveries(ahead).to_pyarrow().to_pylist()
    assert (row["last_delivered_on"], row["last_quantity"]) == (day("2025-06-20"), 2)


# --- subscribers ------------------------------------------------------------------------------------------------------


def test_a_subscriber_is_told_the_next_delivery_and_not_called_unless_the_client_wants_it():
    assert told("subscriber") == ("2025-07-20", "subscription")
    assert told("once a year") == ("2025-09-01", "subscription"), "a long cycle is no silence"
    assert not found()["subscriber"]["to_call"]
    called = dates({name: SHOP[name] for name in ("subscriber", "two units")}, contact_subscribers=True)
    assert told("subscriber", called) == ("2025-07-13", "subscription")
    assert called["subscriber"]["to_call"]
    assert called["two units"] == found()["two units"]


def test_who_stopped_the_subscription_is_called_like_any_other():
    assert told("stopped") == ("2025-07-13", "product_master")
    assert found()["stopped"]["to_call"]


# --- what came of contacts --------------------------------------------------------------------------------------------


def test_what_was_sent_counts_as_delivered_until_an_order_follows():
    assert told("sent") == ("2025-06-18", "sent")
    assert told("sent and ordered") == ("2025-07-20", "product_master")
    assert told("sent after leaving") == ("2025-07-24", "sent"), "supplied again, though no order came"


def test_a_decline_is_no_stop_but_puts_the_next_contact_off():
    assert told("declined") == ("2025-06-25", "declined")
    assert told("declined twice") == ("2025-07-25", "declined")
    assert told("declined early") == ("2025-10-11", "product_master"), "never earlier than the supply says"
    assert all(found()[name]["to_call"] for name in ("declined", "declined twice", "declined early"))


def test_who_does_not_answer_is_tried_again_and_after_the_last_try_with_the_next_supply():
    assert told("one try") == ("2025-05-27", "no_answer")
    assert told("two tries") == ("2025-05-30", "no_answer")
    assert told("three tries") == ("2025-06-29", "next_cycle")
    assert told("a fourth try") == ("2025-07-02", "no_answer")
    assert told("answered") == ("2025-07-03", "no_answer"), "a decline begins the tries anew"


def test_contacts_before_the_last_delivery_and_other_outcomes_move_nothing():
    assert told("told before") == ("2025-05-24", "product_master")


def test_every_rule_is_a_setting():
    some = {name: SHOP[name] for name in ("declined", "one try", "two tries", "two units", "overdue")}
    rules = {"declined_pause_days": 45, "no_answer_pause_days": 5, "no_answer_tries": 2, "contact_lapse_supplies": 0.9}
    rows = dates(some, contact_lead_days=10, **rules)
    assert told("declined", rows) == ("2025-07-10", "declined")
    assert told("one try", rows) == ("2025-05-29", "no_answer")
    assert told("two tries", rows) == ("2025-06-26", "next_cycle")
    assert told("two units", rows) == ("2025-07-30", "product_master")
    assert told("overdue", rows) == ("2025-05-21", "lapsed")


# --- what an operator set ---------------------------------------------------------------------------------------------


def test_the_operator_sets_how_long_a_delivery_lasts_with_this_customer_and_lifts_it_again():
    assert told("lasts longer") == ("2025-06-08", "customer_setting")
    assert told("lifted") == ("2025-05-24", "product_master")


def test_a_stated_day_goes_before_everything_until_it_is_reached():
    assert told("stated") == ("2025-06-10", "stated_day")
    assert told("stated after a decline") == ("2025-06-10", "stated_day")
    assert told("stated, no answer") == ("2025-06-13", "no_answer")
    assert told("stated, declined") == ("2025-07-10", "declined")
    assert told("stated, delivered") == ("2025-07-04", "product_master")


def test_a_stated_day_reaches_subscribers_and_those_who_left():
    assert told("stated, subscriber") == ("2025-07-01", "stated_day")
    assert told("stated, left") == ("2025-06-10", "stated_day")
    assert all(found()[name]["to_call"] for name in ("stated, subscriber", "stated, left"))


def test_nobody_is_contacted_before_the_hold_is_over():
    assert told("held") == ("2025-09-01", "hold")
    assert told("held before") == ("2025-05-24", "product_master")


def _columns(rows: Found) -> dict[str, list[Any]]:
    return {name: [row[name] for row in rows.values()] for name in CONTACT_DATES.names}


# --- the call list of a day -------------------------------------------------------------------------------------------


def test_due_are_those_whose_day_has_come_the_most_valuable_first_without_subscribers():
    table = CONTACT_DATES.from_columns(_columns(found()))
    foreseen = ibis.memtable(
        {"customer_id": ["sent", "declined", "subscriber"], "expected_sales_jpy": [1.0, 9.0, 99.0]}
    )
    on = day("2025-07-20")
    listed = due_contacts(table, foreseen, on).to_pylist()
    names = [row["customer_id"] for row in listed]
    assert names[:2] == ["declined", "sent"]
    assert set(names) == {name for name, row in found().items() if row["to_call"] and row["next_contact_on"] <= on}
    assert {"subscriber", "held", "overdue for long"}.isdisjoint(names)
    days = [row["next_contact_on"] for row in listed[2:]]
    assert days == sorted(days), "of nobody knows what value, the longer overdue first"


def test_the_days_to_come_count_each_call_once_and_no_lapsed_one():
    table = CONTACT_DATES.from_columns(_columns(found()))
    coming = coming_contacts(table, day("2025-07-13"))
    assert list(coming) == [day(f"2025-07-{number}") for number in range(14, 21)]
    called = [row["next_contact_on"] for row in found().values() if row["to_call"]]
    assert coming == {on: called.count(on) for on in coming}
    assert coming[day("2025-07-20")] == 2, "and no subscriber, to whom it is delivered that day"
    assert lapsed_contacts(table) == 1


# --- properties -------------------------------------------------------------------------------------------------------

DAYS = st.integers(0, 170).map(lambda number: (day("2025-01-01") + dt.timedelta(number)).isoformat())
PAIRS = st.tuples(DAYS, DAYS, st.integers(1, 3), st.lists(DAYS, max_size=3, unique=True))


@settings(max_examples=2, deadline=None)
@given(st.lists(PAIRS, min_size=22, max_size=22))
def test_a_later_delivery_never_brings_an_earlier_contact_nor_does_any_outcome(drawn):
    shop = {}
    for number, (one, other, units, sent) in enumerate(drawn):
        for when, on in (("early", min(one, other)), ("late", max(one, other))):
            supply = [("THIRTY", on, units)]
            shop[f"{number} {when}"] = Customer(supply, [(sent_on, "sent") for sent_on in sent])
            shop[f"{number} {when} alone"] = Customer(supply)
            shop[f"{number} {when} told"] = Customer(
                supply, [(x, ("declined", "no_answer")[int(x[-1]) % 2]) for x in sent]
            )
    rows = dates(shop)
    for number in range(len(drawn)):
        early, late = (rows.get(f"{number} {when}") for when in ("early", "late"))
        if early and late:  # who was delivered long ago and sent nothing since has left
            assert early["next_contact_on"] <= late["next_contact_on"]
        for when in ("early", "late"):
            if alone := rows.get(f"{number} {when} alone"):
                for kind in ("", " told"):
                    assert rows[f"{number} {when}{kind}"]["next_contact_on"] >= alone["next_contact_on"]


def test_shuffled_rows_give_the_same_bytes():
    backwards = dict(reversed(SHOP.items()))
    assert next_contact_dates(known(backwards), Settings()).equals(CONTACT_DATES.from_columns(_columns(found())))
