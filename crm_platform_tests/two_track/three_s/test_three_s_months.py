import datetime as dt
import math
from dataclasses import replace

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from ibis import _

from crm_platform.demo.house import (
    COURSES,
    LAPSE_POINT_HAZARD,
    LAPSE_POINT_ORDER,
    RESUME_RATE,
    SKIP_RATE,
    STOP_AFTER_SKIP_FACTOR,
    STOP_HAZARD,
    SWITCH_RATE,
    TERM_STOP_HAZARD,
)
from crm_platform.diagnosis.estimates import errors_for
from crm_platform.history.subscriptions import learn_rhythms, subscription_cycles, subscription_orders
from crm_platform.tables import TABLES
from crm_platform.two_track.three_s import delivered_cycles, design_effects, three_s_months
from crm_platform.two_track.three_s.counted_cycles import running_numbers
from crm_platform_tests.oracles.simulated_contracts import DELIVERY_JPY, SimulatedContracts

TERM_OF = {course.name: course.term_deliveries for course in COURSES}


@pytest.fixture(scope="module")
def months(drawn: SimulatedContracts) -> pd.DataFrame:
    table = three_s_months(drawn.past(), ibis.memtable(drawn.cycles))
    assert TABLES["three_s_months"].faults(table) == []
    frame: pd.DataFrame = table.to_pandas()
    return frame


def planted_stop_rate(cycle_no: int) -> float:
    """After a delivery of a free course; one in twenty skipped before it, and stops more readily."""
    plain = LAPSE_POINT_HAZARD if cycle_no == LAPSE_POINT_ORDER else STOP_HAZARD[min(cycle_no, len(STOP_HAZARD)) - 1]
    skipped = 1 - (1 - plain) ** STOP_AFTER_SKIP_FACTOR
    return plain if cycle_no == 1 else (1 - SKIP_RATE) * plain + SKIP_RATE * skipped


def off(part: float, whole: float, rate: float) -> float:
    """How many standard errors a share lies off the planted rate."""
    return (part / whole - rate) / math.sqrt(rate * (1 - rate) / whole)


def test_every_event_and_every_delivery_is_counted_once(months: pd.DataFrame, drawn: SimulatedContracts) -> None:
    events = drawn.events["event"].to_pandas().value_counts()
    columns = {"skips": "skip", "switches": "switch", "stops": "stop", "resumes": "resume"}
    assert {name: months[name].sum() for name in columns} == {name: events[event] for name, event in columns.items()}
    assert months["deliveries"].sum() == drawn.deliveries.num_rows
    assert months["sales_jpy"].sum() == drawn.deliveries.num_rows * DELIVERY_JPY


def test_the_planted_rates_are_recovered_within_their_errors(months: pd.DataFrame) -> None:
    term = months["course"].map(TERM_OF)
    free = months[term == 1].groupby("cycle_no")[["first_at_risk", "first_stopped"]].sum()
    # Who came from a term plan was not thinned out by the lapse point, but stops by the same rates.
    looks = {
        f"stop {n}": off(*free.loc[n, ["first_stopped", "first_at_risk"]], planted_stop_rate(n)) for n in range(1, 9)
    }
    sums = months[term == 1][["at_risk", "stopped", "skipped", "switched"]].sum()
    going_on = sums["at_risk"] - sums["stopped"]
    looks["switch"] = off(sums["switched"], going_on, SWITCH_RATE)
    skips = going_on - sums["switched"]  # who switches may come into a course that binds
    looks["skip"] = off(sums["skipped"] * (1 - SWITCH_RATE), skips, SKIP_RATE)
    all_sums = months[["stops", "resumes"]].sum()
    bound = months[(term == 3) & (months["cycle_no"] == 3)][["at_risk", "stopped"]].sum()
    looks["term"] = off(bound["stopped"], bound["at_risk"], TERM_STOP_HAZARD)
    assert {name: z for name, z in looks.items() if abs(z) > errors_for(len(looks))} == {}
    assert months[(term == 12) & (months["cycle_no"] < 12)]["first_stopped"].sum() == 0
    known = 0.9  # of the resumes: the latest stops had no time for one yet
    assert known * RESUME_RATE * 0.7 < all_sums["resumes"] / all_sums["stops"] < RESUME_RATE * 1.3


def test_what_is_known_of_a_month_does_not_change_once_its_cycles_are_over(drawn: SimulatedContracts) -> None:
    """A stop told early in a cycle that still runs must not count before its neighbours that go on."""
    then = drawn.as_of - dt.timedelta(200)
    past = drawn.past()
    monthly = past.subscriptions.filter(past.subscriptions.course == "毎月コース", past.subscriptions.switches == 0)
    some = replace(past, subscriptions=monthly.limit(300).cache())
    some = replace(some, deliveries=past.deliveries.semi_join(some.subscriptions, "subscription_id"))
    some = replace(some, events=past.events.semi_join(some.subscriptions, "subscription_id"))
    told = some.deliveries.ordered_on <= then
    earlier = replace(some, as_of=then, deliveries=some.deliveries.filter(told))
    last = pd.Timestamp(then - dt.timedelta(30)).to_period("M").to_timestamp()
    cycles = ibis.memtable(drawn.cycles).semi_join(some.subscriptions, "subscription_id")
    counted = [three_s_months(known, cycles).to_pandas() for known in (some, earlier)]
    columns = ["at_risk", "stopped", "skipped"]
    settled = [frame[pd.to_datetime(frame["month"]) < last][columns].sum().to_list() for frame in counted]
    assert settled[0] == settled[1]
    running = counted[1][pd.to_datetime(counted[1]["month"]) >= pd.Timestamp(then.replace(day=1))]
    assert running["at_risk"].sum() == 0 and running["deliveries"].sum() > 0


def test_the_order_of_rows_changes_nothing(months: pd.DataFrame, drawn: SimulatedContracts) -> None:
    rng = np.random.default_rng(5)
    mixed = [
        table.take(rng.permutation(table.num_rows))
        for table in (drawn.deliveries, drawn.subscriptions, drawn.events, drawn.cycles)
    ]
    again = replace(drawn, deliveries=mixed[0], subscriptions=mixed[1], events=mixed[2])
    pd.testing.assert_frame_equal(three_s_months(again.past(), ibis.memtable(mixed[3])).to_pandas(), months)


def test_counted_in_parts_the_cycles_are_those_that_the_client_numbers(
    months: pd.DataFrame, drawn: SimulatedContracts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the client's numbers, and with those of half the subscriptions, the same is counted."""
    monkeypatch.setattr(delivered_cycles, "_PART_DELIVERIES", 15_000)
    past, cycles = drawn.past(), ibis.memtable(drawn.cycles)
    some = cycles.subscription_id.hash() % 2 == 0
    for unnumbered in (ibis.literal(True), some):
        forgotten = cycles.mutate(cycle_no=ibis.ifelse(unnumbered, ibis.null("int64"), cycles.cycle_no))
        assert 0 <= running_numbers(forgotten).count().to_pyarrow().as_py() < 0.6 * drawn.subscriptions.num_rows
        pd.testing.assert_frame_equal(three_s_months(past, forgotten).to_pandas(), months)


def test_the_design_effects_are_those_of_the_last_year_however_the_cycles_are_numbered(
    drawn: SimulatedContracts,
) -> None:
    past, cycles = drawn.past(), ibis.memtable(drawn.cycles)
    latest = replace(past, deliveries=past.deliveries.filter(_.ordered_on > drawn.as_of - dt.timedelta(800)))
    forgotten = cycles.mutate(cycle_no=ibis.null("int64"))
    found = design_effects(past, cycles)
    assert found == design_effects(latest, cycles) == design_effects(past, forgotten)
    twice = replace(past, events=past.events.union(past.events.filter(_.event == "skip")))
    assert found == design_effects(twice, cycles)  # who skips twice after a delivery has skipped after one delivery


def test_only_numbers_that_run_on_are_taken_as_they_are() -> None:
    """A slip, a cycle of two orders and a missing number are counted anew; what began before the data is no slip."""
    said = {
        "runs on": [(1, 1, False), (4, 4, False)],
        "began before": [(7, 3, False), (9, 5, False)],
        "slips": [(1, 1, False), (2, 3, False)],
        "doubled": [(1, 1, False), (1, 1, True)],
        "not told": [(1, 1, False), (2, None, False)],
    }
    rows = [(name, *row) for name, orders in said.items() for row in orders]
    names = ("subscription_id", "counted_no", "cycle_no", "overlaps")
    cycles = ibis.memtable(pa.table(dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))))
    found = running_numbers(cycles).to_pyarrow().to_pylist()
    assert {row["subscription_id"]: row["before"] for row in found} == {"runs on": 0, "began before": 4}


def test_whether_the_client_tells_its_stops_is_known_of_every_part(
    drawn: SimulatedContracts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivered_cycles, "_PART_DELIVERIES", 15_000)
    past = drawn.past()
    first = past.events.filter(past.events.event == "stop").subscription_id.min().to_pyarrow().as_py()
    told_once = replace(past, events=past.events.filter(past.events.subscription_id == first))
    parts = list(told_once.in_parts(subscription_orders(ibis.memtable(drawn.cycles))))
    assert len(parts) > 1
    assert {part.cycles_until_known for part in parts} == {past.cycles_until_known} == {1.5}


def cycles_of(deliveries: ibis.Table) -> ibis.Table:
    """SUBSCRIPTION_CYCLES of deliveries of which nobody told anything."""
    rhythms = learn_rhythms(deliveries, {})
    return ibis.memtable(subscription_cycles(deliveries, TABLES["subscription_events"].empty(), rhythms))


def test_two_orders_within_one_cycle_are_one_delivery_at_risk(drawn: SimulatedContracts) -> None:
    first = drawn.deliveries.slice(0, 1).to_pylist()[0]
    twin = {**first, "order_id": "twin", "ordered_on": first["ordered_on"] + dt.timedelta(3)}
    own = drawn.past()
    mine = own.subscriptions.filter(own.subscriptions.subscription_id == first["subscription_id"])
    whole = own.deliveries.semi_join(mine, "subscription_id").to_pyarrow().to_pylist()
    schema = drawn.deliveries.schema
    tables = [
        ibis.memtable(TABLES["subscription_deliveries"].from_columns(
            {name: [row[name] for row in rows] for name in schema.names}
        ))
        for rows in (whole, [*whole, twin])
    ]  # fmt: skip
    counted = [
        three_s_months(replace(own, deliveries=table, subscriptions=mine), cycles_of(table)).to_pandas()
        for table in tables
    ]
    assert counted[0][["deliveries", "at_risk"]].sum().equals(counted[1][["deliveries", "at_risk"]].sum())
    assert counted[1]["sales_jpy"].sum() - counted[0]["sales_jpy"].sum() == DELIVERY_JPY


def test_of_two_orders_of_a_day_the_same_is_first_whatever_the_order_of_rows(drawn: SimulatedContracts) -> None:
    own = drawn.past()
    mine = own.subscriptions.order_by("subscription_id").limit(40).cache()
    rows = own.deliveries.semi_join(mine, "subscription_id").to_pyarrow()
    day_long = pa.array(["2020-05-05"] * rows.num_rows).cast(pa.date32())
    courses = pa.array([f"course {number % 7}" for number in range(rows.num_rows)])
    told = {"ordered_on": day_long, "course": courses}
    same_day = rows.select([name for name in rows.column_names if name not in told])
    for name, values in told.items():
        same_day = same_day.append_column(name, values)
    backwards = same_day.take(np.arange(rows.num_rows)[::-1])
    cycles = cycles_of(ibis.memtable(same_day))
    counted = [
        three_s_months(replace(own, deliveries=ibis.memtable(table), subscriptions=mine), cycles).to_pandas()
        for table in (same_day, backwards)
    ]
    pd.testing.assert_frame_equal(*counted)
    assert counted[0]["cycle_no"].max() > 1
