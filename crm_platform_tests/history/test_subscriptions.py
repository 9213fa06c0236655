import datetime as dt
from collections import Counter
from typing import Any

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from crm_platform import facts
from crm_platform.demo import Demo, make_demo
from crm_platform.demo.contracts import EVENTS
from crm_platform.history.subscriptions import Rhythms, learn_rhythms, regular_one_off_buyers, repairs_of
from crm_platform.history.subscriptions.rhythms import Rhythm, named_months
from crm_platform.tables import TABLES
from crm_platform_tests.oracles.events_in_orders import HIDDEN, in_orders
from crm_platform_tests.oracles.known_subscriptions import SILENT_CYCLES, subscriptions_of
from crm_platform_tests.oracles.simulated_contracts import plant_contracts

CLIENT_CUSTOMERS = 900
DAY = dt.date(2023, 1, 10)
MONTHLY = Rhythms(
    (
        Rhythm("A", 99, 30, 1.0, 4, 1, "none"),
        Rhythm("B", 99, 60, 1.0, 4, 1, "none"),
        Rhythm("often moved", 99, 30, 0.8, 4, 1, "none"),
    ),
    30,
)
NOTHING_TOLD = TABLES["subscription_events"].empty()
Known = tuple[pa.Table, pa.Table]


@pytest.fixture(scope="module")
def demo() -> Demo:
    return make_demo(CLIENT_CUSTOMERS)


@pytest.fixture(scope="module")
def lines(demo: Demo) -> ibis.Table:
    return facts.described_lines(ibis.memtable(demo.tables["order_lines"]))


@pytest.fixture(scope="module")
def deliveries(lines: ibis.Table) -> pa.Table:
    return TABLES["subscription_deliveries"].cast(facts.subscription_deliveries(lines).to_pyarrow())


@pytest.fixture(scope="module")
def rhythms(deliveries: pa.Table) -> Rhythms:
    return learn_rhythms(ibis.memtable(deliveries), {})


def told_of(demo: Demo) -> pa.Table:
    events = demo.tables["subscription_events"]
    return TABLES["subscription_events"].from_columns({name: events[name] for name in events.column_names})


def at_end(demo: Demo) -> dt.date:
    return demo.last_month.last_day


def seen(events: pa.Table, number: str) -> Counter[tuple[Any, ...]]:
    columns = ("subscription_id", "event", number)
    return Counter(zip(*(events[name].to_pylist() for name in columns), strict=True))


def made(*orders: tuple[str, int, dict[str, Any]]) -> pa.Table:
    """SUBSCRIPTION_DELIVERIES: subscription, days after DAY, and what differs from a plain monthly delivery."""
    plain = {"course": "A", "product_id": "P", "cycle_no": None, "stands": True, "is_order": True, "sales_jpy": 1000}
    rows = [
        {
            **plain,
            "month": (DAY + dt.timedelta(days)).replace(day=1),
            "subscription_id": subscription,
            "order_id": f"O{place:05d}",
            "customer_id": f"C-{subscription}",
            "ordered_on": DAY + dt.timedelta(days),
            "shipped_on": None,
            "quantity": 1,
            "ordered_jpy": 1000,
            "discount_jpy": 0,
            "media_id": None,
            **said,
        }
        for place, (subscription, days, said) in enumerate(orders)
    ]
    table = TABLES["subscription_deliveries"]
    return table.from_columns({name: pa.array([row[name] for row in rows], table[name].type) for name in table.names})


def told(*events: tuple[str, str, int, dict[str, Any]]) -> pa.Table:
    """SUBSCRIPTION_EVENTS: subscription, event, days after DAY, and more columns."""
    rows = [
        {"subscription_id": name, "event": event, "occurred_on": DAY + dt.timedelta(days), **said}
        for name, event, days, said in events
    ]
    table = TABLES["subscription_events"]
    return table.from_columns(
        {name: pa.array([row.get(name) for row in rows], table[name].type) for name in table.names}
    )


def known(rows: pa.Table, events: pa.Table, days: int) -> Known:
    """Events and states so many days after DAY."""
    return subscriptions_of(ibis.memtable(rows), events, DAY + dt.timedelta(days), MONTHLY)


def story(events: pa.Table, subscription: str) -> list[tuple[str, int]]:
    return [
        (row["event"], (row["occurred_on"] - DAY).days)
        for row in events.to_pylist()
        if row["subscription_id"] == subscription
    ]


def states(found: Known) -> dict[str, dict[str, Any]]:
    return {row["subscription_id"]: row for row in found[1].to_pylist()}


# --- the made-up client -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def from_told(demo: Demo, deliveries: pa.Table, rhythms: Rhythms) -> Known:
    return subscriptions_of(ibis.memtable(deliveries), told_of(demo), at_end(demo), rhythms)


def test_every_planted_event_is_counted_once_after_its_delivery_and_none_is_added(demo: Demo, from_told: Known) -> None:
    events, rows = from_told
    assert seen(events, "cycle_no") == seen(demo.truth.subscription_events, "after_delivery_no")
    assert TABLES["known_subscription_events"].faults(events) == []
    assert repairs_of(rows, told_of(demo)) == []


def test_events_told_by_deliveries_alone_are_those_that_were_planted_but_what_no_order_tells(
    demo: Demo, deliveries: pa.Table, rhythms: Rhythms
) -> None:
    found = subscriptions_of(ibis.memtable(deliveries), NOTHING_TOLD, at_end(demo), rhythms)[0]
    planted = seen(demo.truth.subscription_events, "after_delivery_no")
    told = in_orders(planted, deliveries, at_end(demo), SILENT_CYCLES)
    assert seen(found, "cycle_no") == told.shown
    assert sum(told.gaps.values()) < 0.02 * sum(planted.values())


def test_each_event_that_orders_hide_is_told_as_its_equivalent_and_the_accounts_close() -> None:
    made_up = plant_contracts(11, 2_000, 900)
    found = subscriptions_of(ibis.memtable(made_up.deliveries), NOTHING_TOLD, made_up.as_of)[0]
    planted, mine = made_up.planted(), seen(found, "cycle_no")
    told = in_orders(planted, made_up.deliveries, made_up.as_of, SILENT_CYCLES)
    assert mine == told.shown
    assert set(told.gaps) == set(range(len(HIDDEN)))
    for event in EVENTS:
        derived, delivered = (sum(n for key, n in rows.items() if key[1] == event) for rows in (mine, planted))
        assert derived == delivered + sum(told.differences[event].values()), event
    pauses = told.gaps[0] + told.gaps[1]
    assert told.differences["resume"] == Counter({0: -told.gaps[0], 1: -told.gaps[1], 2: told.gaps[2]})
    assert pauses < 0.15 * sum(n for key, n in planted.items() if key[1] == "resume")


def test_each_subscription_has_one_state_and_all_its_yen(deliveries: pa.Table, from_told: Known) -> None:
    rows = from_told[1]
    assert TABLES["subscriptions"].faults(rows) == []
    assert set(rows["subscription_id"].to_pylist()) == set(deliveries["subscription_id"].to_pylist())
    for name, of_deliveries in (("sales_jpy", "sales_jpy"), ("discount_jpy", "discount_jpy"), ("deliveries", "stands")):
        assert pc.sum(rows[name]).as_py() == pc.sum(deliveries[of_deliveries]).as_py()
    stopped = pc.equal(rows["state"], "stopped")
    for column in ("stopped_on", "stop_source"):
        assert pc.is_valid(rows[column]).equals(stopped)
    assert pc.is_valid(rows["next_due_on"]).equals(pc.invert(stopped))


def test_the_order_of_rows_changes_nothing(demo: Demo, deliveries: pa.Table, from_told: Known) -> None:
    shuffle = np.random.default_rng(7).permutation
    events = told_of(demo)
    mixed = ibis.memtable(deliveries.take(shuffle(deliveries.num_rows)))
    assert subscriptions_of(mixed, events.take(shuffle(events.num_rows)), at_end(demo)) == from_told


def test_rhythms_and_terms_of_the_courses_are_found(rhythms: Rhythms) -> None:
    found = {course.name: (course.cycle_days, course.term_deliveries) for course in rhythms.courses}
    assert found == {
        "毎月コース": (30, 1),
        "45日コース": (45, 1),
        "60日コース": (60, 1),
        "3ヶ月まとめコース": (30, 3),
        "12ヶ月まとめコース": (30, 12),
    }


def test_a_few_stray_gaps_do_not_draw_the_rhythm_to_their_side() -> None:
    gaps = [60] * 40 + [75, 79]  # all within the reach of 70
    days = np.cumsum([0, *gaps])
    found = learn_rhythms(ibis.memtable(made(*[("s", int(day), {"course": "two months"}) for day in days])), {})
    assert [(course.cycle_days, course.near_rate is None) for course in found.courses] == [(60, False)]


@pytest.mark.parametrize(
    ("name", "months"),
    [
        ("３カ月まとめ", 3),
        ("12ヶ月コース", 12),
        ("1年プラン", 12),
        ("年間契約", 12),
        ("毎月", None),
        ("45日コース", None),
    ],
)
def test_the_months_that_a_course_names_are_read(name: str, months: int | None) -> None:
    assert named_months(name) == months


def test_buyers_at_an_own_interval_are_marked_and_buyers_at_random_are_not(demo: Demo, lines: ibis.Table) -> None:
    marked = set(regular_one_off_buyers(facts.customer_days(lines)).to_pyarrow()["customer_id"].to_pylist())
    truth = demo.truth.customers.to_pylist()
    regular = {row["customer_id"] for row in truth if row["own_interval_days"] is not None}
    others = {row["customer_id"] for row in truth} - regular
    assert len(marked & regular) > 5
    assert len(marked & others) / len(others) < 0.01
    assert len(marked & regular) / len(marked) > 0.8


# --- deliveries alone -------------------------------------------------------------------------------------------------

ALONE_DAYS = 170
CREDIT = {"is_order": False, "stands": False, "sales_jpy": -700, "ordered_jpy": 0, "quantity": 0}


def drawn_timelines() -> tuple[list[tuple[str, int, dict[str, Any]]], dict[str, list[tuple[str, int]]]]:
    """Orders of many subscriptions that miss some cycles, and what should be told of them."""
    draw = np.random.default_rng(5)
    orders: list[tuple[str, int, dict[str, Any]]] = []
    expected: dict[str, list[tuple[str, int]]] = {}
    for number in range(60):
        name, day, told_of_it = f"S{number}", -600, [("start", -600)]
        orders.append((name, day, {}))
        for missed in draw.choice(6, 8, p=[0.4, 0.2, 0.1, 0.1, 0.1, 0.1]).tolist():
            if day + 30 * (missed + 1) > ALONE_DAYS:
                break
            if missed > SILENT_CYCLES:
                told_of_it += [("stop", day + 30), ("resume", day + 30 * (missed + 1))]
            else:
                told_of_it += [("skip", day + 30 * nth) for nth in range(1, missed + 1)]
            day += 30 * (missed + 1)
            orders.append((name, day + int(draw.integers(-2, 3)), {}))
        expected[name] = [*told_of_it, ("stop", day + 30)] if day + 75 <= ALONE_DAYS else told_of_it
    return orders, expected


@pytest.fixture(scope="module")
def alone() -> Known:
    steady, parcel = ("P", "P", "Q", "Q"), ("P", "P", "Q", "P", "P")
    rows = made(
        *[("two", days, {}) for days in (0, 30, 120, 150)],
        *[("back", days, {}) for days in (0, 30, 150)],
        *[("gone", days, {}) for days in (0, 30)],
        *[("late", days, {}) for days in (0, 30, 72)],
        *[("returned", days, {}) for days in (0, 30, 105)],
        *[("moved", days, {"course": "often moved"}) for days in (0, 30, 105)],
        *[("stays", 30 * place, {"product_id": product}) for place, product in enumerate(steady)],
        *[("once", 30 * place, {"product_id": product}) for place, product in enumerate(parcel)],
        *[("course", 30 * place, {"course": course}) for place, course in enumerate(("A", "A"))],
        ("course", 90, {"course": "B"}),
        *[("old", 30 * place, {"cycle_no": 7 + place}) for place in range(3)],
        *[("slip", 30 * place, {"cycle_no": number}) for place, number in enumerate((11, 2, 3, 4))],
        *[("lost", 30 * place, {"cycle_no": number}) for place, number in enumerate((1, 5, 6, 7))],
        *[("leaps", days, {"cycle_no": no}) for days, no in ((0, 9), (30, 2), (90, 4), (120, 5), (150, 6))],
        *[("gappy", 30 * place, {"cycle_no": number}) for place, number in enumerate((11, None, 3, 4, 5))],
        ("bought", 0, {}),
        ("bought", 9, CREDIT),
        ("before", 0, CREDIT),
        *drawn_timelines()[0],
    )
    return known(rows, NOTHING_TOLD, ALONE_DAYS)


def test_two_skips_in_a_row_are_two_skips_and_a_longer_silence_is_a_stop(alone: Known) -> None:
    events, state = alone[0], states(alone)
    assert story(events, "two") == [("start", 0), ("skip", 60), ("skip", 90)]
    assert story(events, "back") == [("start", 0), ("stop", 60), ("resume", 150)]
    assert story(events, "gone") == [("start", 0), ("stop", 60)]
    assert story(events, "late") == [("start", 0), ("stop", 102)]
    assert [state[name]["state"] for name in ("two", "back", "gone")] == ["continuing", "continuing", "stopped"]
    assert (state["gone"]["stop_source"], state["two"]["next_due_on"]) == ("silent", DAY + dt.timedelta(180))


def test_a_gap_of_no_whole_cycles_is_a_return_unless_deliveries_of_its_course_are_often_moved(alone: Known) -> None:
    assert story(alone[0], "returned") == [("start", 0), ("stop", 60), ("resume", 105)]
    assert story(alone[0], "moved") == [("start", 0), ("skip", 60), ("skip", 90)]


def test_a_gap_is_whole_where_it_is_off_by_no_more_than_deliveries_of_its_course_usually_are() -> None:
    steady = [("steady", 30 * place, {}) for place in range(120)]
    by_month = [("by month", (dt.date(2023 + place // 12, place % 12 + 1, 10) - DAY).days, {}) for place in range(48)]
    calendar = [(name, days, {"course": "M"}) for name, days, _ in by_month if days not in (59, 212, 243)]
    rows = made(*steady, *calendar, *[("back", days, {}) for days in (0, 30, 93)], ("skips", 0, {}), ("skips", 60, {}))
    rhythms = learn_rhythms(ibis.memtable(rows), {})
    assert [(one.name, one.cycle_days, one.usual_shift_days) for one in rhythms.courses] == [("A", 30, 0), ("M", 31, 3)]
    events = subscriptions_of(ibis.memtable(rows), NOTHING_TOLD, DAY + dt.timedelta(3_590), rhythms)[0]
    assert story(events, "back")[:3] == [("start", 0), ("stop", 60), ("resume", 93)]
    assert story(events, "skips")[:2] == [("start", 0), ("skip", 30)]
    assert [event for event, _ in story(events, "by month")] == ["start", "skip", "skip", "skip", "stop"]


def test_a_product_changes_when_it_stays_and_not_when_it_came_once(alone: Known) -> None:
    events, state = alone[0], states(alone)
    assert [row for row in story(events, "stays") if row[0] == "switch"] == [("switch", 60)]
    assert [row for row in story(events, "once") if row[0] == "switch"] == []
    assert story(events, "course") == [("start", 0), ("switch", 90)]
    products = {name: (state[name]["product_id"], state[name]["cycle_days"]) for name in ("stays", "once", "course")}
    assert products == {"stays": ("Q", 30), "once": ("P", 30), "course": ("P", 60)}


def test_every_missed_cycle_is_a_skip_a_stop_or_still_open(alone: Known) -> None:
    for name, wanted in drawn_timelines()[1].items():
        found = story(alone[0], name)
        assert [event for event, _ in found] == [event for event, _ in wanted], name
        assert all(abs(on - day) <= 2 for (_, on), (_, day) in zip(found, wanted, strict=True)), name
        assert (states(alone)[name]["state"] == "stopped") == (wanted[-1][0] == "stop")


def test_a_subscription_older_than_the_data_has_no_start_and_keeps_its_numbers(alone: Known) -> None:
    assert [event for event, _ in story(alone[0], "old")] == ["stop"]
    row = states(alone)["old"]
    assert (row["first_cycle_no"], row["last_cycle_no"], row["started_on"]) == (7, 9, DAY)


def test_a_slip_in_the_first_number_shifts_no_other_and_a_jump_after_it_is_none_of_the_first(alone: Known) -> None:
    state = states(alone)
    numbers = {
        name: (state[name]["first_cycle_no"], state[name]["last_cycle_no"])
        for name in ("slip", "lost", "leaps", "gappy")
    }
    assert numbers == {"slip": (1, 4), "lost": (1, 4), "leaps": (1, 5), "gappy": (1, 5)}
    assert states(alone)["slip"]["repairs"] == "cycle_number_goes_back 1"
    assert story(alone[0], "slip")[0] == ("start", 0)


def test_credits_alone_lose_no_yen(alone: Known) -> None:
    assert {name: states(alone)[name]["sales_jpy"] for name in ("bought", "before")} == {"bought": 300, "before": -700}
    assert states(alone)["before"]["last_ordered_on"] == DAY


# --- delivered events and contradictions ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def contradicted() -> Known:
    rows = made(
        *[("overlap", days, {"cycle_no": number}) for days, number in ((0, 1), (30, 2), (33, 2), (60, 3))],
        *[("jump", days, {"cycle_no": number}) for days, number in ((0, 1), (30, 2), (60, 9), (90, 4))],
        *[(name, days, {}) for name in ("early", "twice", "resumed", "unknown", "after") for days in (0, 30, 60)],
        *[("again", days, {}) for days in (0, 30, 60, 90)],
        *[("close", days, {}) for days in (0, 30, 33, 60, 90)],
        *[(name, days, {}) for name in ("midst", "back") for days in (0, 30, 60, 90)],
        *[("rapid", days, {"cycle_no": number}) for days, number in ((0, 1), (30, 2), (35, 3), (65, 4))],
        *[(name, days, {}) for name in ("told", "quiet") for days in (0, 30)],
        *[("delayed", days, {}) for days in (0, 30, 75)],
        ("skipped", 0, {"cycle_no": 1}),
        ("skipped", 60, {"cycle_no": 3}),
    )
    events = told(
        ("early", "stop", -20, {}),
        ("twice", "stop", 70, {"reason_code": "price"}),
        ("twice", "stop", 80, {}),
        ("resumed", "resume", 45, {}),
        ("unknown", "switch", 62, {"from_course": "A", "to_course": "Z"}),
        ("after", "stop", 35, {}),
        ("again", "start", 0, {}),
        ("again", "start", 45, {}),
        ("again", "stop", 62, {}),
        ("again", "start", 80, {}),
        ("close", "stop", 31, {}),
        ("midst", "skip", 35, {}),
        ("back", "stop", 35, {}),
        ("told", "stop", 40, {"reason_code": "price"}),
        ("early", "skip", 65, {}),
        ("nobody", "stop", 35, {}),
    )
    return known(rows, events, 110)


def test_a_delivered_stop_is_followed_and_silence_stops_who_told_nothing(contradicted: Known) -> None:
    assert story(contradicted[0], "told") == [("start", 0), ("stop", 40)]
    assert story(contradicted[0], "delayed") == [("start", 0)]
    state = states(contradicted)
    found = {name: (state[name]["stop_source"], state[name]["stop_reason"]) for name in ("told", "quiet")}
    assert found == {"told": ("delivered", "price"), "quiet": ("silent", None)}


def test_each_contradiction_is_repaired_by_its_rule_and_counted(contradicted: Known) -> None:
    found = repairs_of(contradicted[1], told(("nobody", "stop", 35, {})))
    assert {row["rule"]: (row["count"], row["examples"]) for row in found} == {
        "overlapping_cycles": (2, ["close", "overlap"]),
        "cycle_number_jumps": (1, ["jump"]),
        "cycle_number_goes_back": (1, ["jump"]),
        "stop_before_start": (1, ["early"]),
        "stop_of_a_stopped": (1, ["twice"]),
        "second_start": (1, ["again"]),
        "start_after_stop": (1, ["again"]),
        "resume_without_stop": (1, ["resumed"]),
        "switch_to_unknown_course": (1, ["unknown"]),
        "delivery_after_stop": (3, ["after", "back", "close"]),
        "event_without_delivery": (1, ["nobody"]),
    }


def test_what_a_contradiction_leaves_of_a_subscription_is_what_was_true(contradicted: Known) -> None:
    events, state = contradicted[0], states(contradicted)
    assert (state["overlap"]["last_cycle_no"], state["overlap"]["deliveries"]) == (3, 4)
    assert (state["jump"]["last_cycle_no"], state["rapid"]["last_cycle_no"]) == (4, 4)
    assert story(events, "back") == [("start", 0), ("stop", 35), ("resume", 60)]
    assert (state["twice"]["stopped_on"], state["twice"]["stop_reason"]) == (DAY + dt.timedelta(70), "price")
    assert [event for event, _ in story(events, "early")] == ["start", "skip"]
    assert story(events, "after") == [("start", 0), ("stop", 35), ("resume", 60)]
    assert story(events, "close") == [("start", 0), ("stop", 31), ("resume", 60)]
    assert story(events, "again") == [("start", 0), ("stop", 62), ("resume", 80)]
    assert state["unknown"]["course"] == "A"
    skip = next(row for row in events.to_pylist() if row["subscription_id"] == "midst" and row["event"] == "skip")
    assert skip["cycle_no"] == 2


# --- clients that deliver no subscription number ----------------------------------------------------------------------


def test_without_numbers_a_customer_and_a_product_are_one_subscription() -> None:
    lines = [("O1", 1, "P", 3000), ("O1", 2, "Q", 2000), ("O1", 3, "GIFT", 0), ("O2", 1, "P", 3000)]
    table = TABLES["order_lines"]
    plain = {
        "customer_id": "C", "ordered_at": dt.datetime(2023, 1, 10), "status": "shipped", "order_kind": "subscription",
        "quantity": 1, "discount_jpy": 0, "shipping_fee_jpy": 0,
    }  # fmt: skip
    rows = [
        {**plain, "order_id": order, "line_no": number, "product_id": product, "unit_price_jpy": float(jpy),
         "ordered_jpy": jpy, "sales_jpy": jpy}
        for order, number, product, jpy in lines
    ]  # fmt: skip
    columns = {name: pa.array([row.get(name) for row in rows], table[name].type) for name in table.names}
    found = facts.subscription_deliveries(facts.described_lines(ibis.memtable(table.from_columns(columns))))
    sales = {(row["subscription_id"], row["order_id"]): row["sales_jpy"] for row in found.to_pyarrow().to_pylist()}
    assert sales == {("C/P", "O1"): 3000, ("C/Q", "O1"): 2000, ("C/P", "O2"): 3000}
