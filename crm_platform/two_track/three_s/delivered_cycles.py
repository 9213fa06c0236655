"""Every delivery of every subscription as a cycle: its number, what happened after it, and whether that is known."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

import ibis
from ibis import _

NO_NAME = "(none)"
_PART_DELIVERIES = 2_000_000  # some hundred MiB while they are put in order
_STOP_KNOWN_CYCLES = 1.5  # a delivery up to half a cycle late is still that cycle's


@dataclass(frozen=True, eq=False)
class KnownPast:
    """SUBSCRIPTION_DELIVERIES up to `as_of`, SUBSCRIPTIONS and KNOWN_SUBSCRIPTION_EVENTS at it.

    `silent_cycles` is the client's setting: so many missed cycles are a silent stop.
    """

    deliveries: ibis.Table
    subscriptions: ibis.Table
    events: ibis.Table
    as_of: dt.date
    silent_cycles: int

    def of_some(self, one_in: int) -> KnownPast:
        """One in so many subscriptions, drawn by the hash of their numbers, whole, held in memory."""
        if one_in <= 1:
            return self
        chosen = self.subscriptions.filter(_.subscription_id.hash() % one_in == 0).select("subscription_id").cache()
        deliveries, subscriptions, events = (
            ibis.memtable(rows.semi_join(chosen, "subscription_id").to_pyarrow()) for rows in self._tables
        )
        return KnownPast(deliveries, subscriptions, events, self.as_of, self.silent_cycles)

    def in_numbers(self) -> Iterator[KnownPast]:
        """All subscriptions in parts, each with a hash of its number instead of it: what only counts needs no more.

        A window over numbers costs a third of one over texts, and a part bounds the memory. Of a million subscriptions
        two have the same hash once in forty million times.
        """
        count = self.deliveries.count().to_pyarrow().as_py()
        parts = count // _PART_DELIVERIES + 1
        tables = [rows.mutate(subscription_id=rows.subscription_id.hash()) for rows in self._tables]
        for part in range(parts):
            deliveries, subscriptions, events = (
                rows.filter((_.subscription_id % parts).abs() == part) for rows in tables
            )
            yield KnownPast(deliveries, subscriptions, events, self.as_of, self.silent_cycles)

    @property
    def _tables(self) -> tuple[ibis.Table, ibis.Table, ibis.Table]:
        return self.deliveries, self.subscriptions, self.events


def delivered_cycles(past: KnownPast) -> ibis.Table:
    """One row per cycle that began with a delivery.

    Columns: subscription_id, customer_id, cycle_no (counted by the platform), ordered_on, shipped_on, next_on (null for
    the last), course, product_id and media_id (`(none)` where unknown), cycle_days, sales_jpy, skips, switches, stops,
    resumes (events that followed it), stopped_on (of the last stop), stop_source, last_skipped_on, is_over, is_first
    (no stop before it).

    `is_over`: so much time has passed that every outcome would be known, whatever it is; a stop told early in a cycle
    that still runs is no sooner at risk than its neighbours that go on. That is one and a half cycles after the order
    where the client tells its stops, and the missed cycles of a silent stop as well where it tells none.
    """
    orders = _numbered(past)
    events = _events_after(past.events)
    joined = orders.left_join(events, ["subscription_id", "cycle_no"]).drop("subscription_id_right", "cycle_no_right")
    first_stops = past.events.filter(_.event == "stop").group_by("subscription_id").agg(first_stop_no=_.cycle_no.min())
    joined = joined.left_join(first_stops, "subscription_id").drop("subscription_id_right")
    over_days = (joined.cycle_days * cycles_until_known(past)).ceil().cast("int64")
    counted = ("skips", "switches", "stops", "resumes")
    return joined.mutate(
        is_over=ibis.literal(past.as_of).delta(joined.ordered_on, unit="day") >= over_days,
        is_first=joined.first_stop_no.isnull() | (joined.cycle_no <= joined.first_stop_no),
        **{name: joined[name].fill_null(0) for name in counted},
    ).drop("first_stop_no")


def cycles_until_known(past: KnownPast) -> float:
    """How many cycles after an order it is known whether the subscription went on."""
    told = past.events.filter((_.event == "stop") & (_.source == "delivered")).count().to_pyarrow().as_py()
    return _STOP_KNOWN_CYCLES if told else _STOP_KNOWN_CYCLES + past.silent_cycles


def course_traits(subscriptions: ibis.Table) -> ibis.Table:
    """`course`, `course_days` and `term_deliveries`, as the subscriptions in it have them."""
    named = subscriptions.filter(_.course.notnull())
    return named.group_by("course").agg(course_days=_.cycle_days.median(), course_term=_.term_deliveries.max())


def _numbered(past: KnownPast) -> ibis.Table:
    """The first order of each cycle with its number; sales of all orders of the cycle."""
    subscriptions = past.subscriptions
    known = subscriptions.select(
        "subscription_id", "first_cycle_no", "last_cycle_no", own_days=subscriptions.cycle_days
    )
    orders = past.deliveries.filter(past.deliveries.is_order)
    orders = orders.select(
        "subscription_id",
        "ordered_on",
        "shipped_on",
        "course",
        "sales_jpy",
        delivered_no="cycle_no",
        order_no=orders.order_id.hash(),  # which of two orders of a day comes first matters to nobody
    )
    joined = orders.inner_join(known, "subscription_id").left_join(course_traits(subscriptions), "course")
    joined = joined.drop("course_right")
    steps = joined.mutate(cycle_days=ibis.coalesce(joined.course_days, joined.own_days))
    each = orders.group_by("subscription_id").agg(orders=_.count()).inner_join(known, "subscription_id")
    doubled = each.filter(each.orders > each.last_cycle_no - each.first_cycle_no + 1)  # few
    single = _one_order_a_cycle(steps.anti_join(doubled, "subscription_id"))
    both = single.union(_several_orders_a_cycle(steps.semi_join(doubled, "subscription_id")))
    named = subscriptions.select(
        "subscription_id", "customer_id", "product_id", media_id=subscriptions.media_id.fill_null(NO_NAME)
    )
    return both.inner_join(named, "subscription_id")


def _one_order_a_cycle(steps: ibis.Table) -> ibis.Table:
    in_order = ibis.window(group_by="subscription_id", order_by="ordered_on")
    seen = steps.mutate(place=ibis.row_number().over(in_order), next_on=steps.ordered_on.lead(1).over(in_order))
    return _typed(seen.mutate(cycle_no=ibis.least(seen.first_cycle_no + seen.place, seen.last_cycle_no)))


def _several_orders_a_cycle(steps: ibis.Table) -> ibis.Table:
    """Orders that fall into the cycle of the one before are of one row with it (see `steps_that_tell`)."""
    in_order = ibis.window(group_by="subscription_id", order_by=["ordered_on", "order_no"])
    seen = steps.mutate(
        place=ibis.row_number().over(in_order) + 1,
        former_on=steps.ordered_on.lag(1).over(in_order),
        former_no=steps.delivered_no.lag(1).over(in_order),
    )
    is_next = (seen.delivered_no > seen.former_no).fill_null(False)
    gap_days = seen.ordered_on.delta(seen.former_on, unit="day")
    overlaps = (2 * gap_days < seen.cycle_days).fill_null(False) & ~is_next
    so_far = ibis.window(group_by="subscription_id", order_by="place", preceding=None, following=0)
    marked = seen.mutate(overlaps=overlaps.cast("int64"))
    place = marked.place - marked.overlaps.sum().over(so_far)
    placed = marked.mutate(cycle_no=ibis.least(marked.first_cycle_no - 1 + place, marked.last_cycle_no))
    by_cycle = placed.group_by("subscription_id", "cycle_no").agg(
        ordered_on=_.ordered_on.min(),
        shipped_on=_.shipped_on.min(),
        course=_.course.argmin(_.place),
        cycle_days=_.cycle_days.argmin(_.place),
        sales_jpy=_.sales_jpy.sum(),
    )
    after = ibis.window(group_by="subscription_id", order_by="cycle_no")
    return _typed(by_cycle.mutate(next_on=by_cycle.ordered_on.lead(1).over(after)))


def _typed(cycles: ibis.Table) -> ibis.Table:
    typed = cycles.select(
        "subscription_id",
        "ordered_on",
        "shipped_on",
        "next_on",
        "cycle_days",
        cycle_no=cycles.cycle_no.cast("int64"),
        course=cycles.course.fill_null(NO_NAME),
        sales_jpy=cycles.sales_jpy.cast("int64"),
    )
    return typed.cast({name: kind(nullable=True) for name, kind in typed.schema().items()})


def _events_after(events: ibis.Table) -> ibis.Table:
    """Per subscription and delivery what followed it."""
    told = events.filter(_.event != "start")
    stop, skip = told.event == "stop", told.event == "skip"
    return told.group_by("subscription_id", "cycle_no").agg(
        skips=told.count(where=skip),
        switches=told.count(where=told.event == "switch"),
        stops=told.count(where=stop),
        resumes=told.count(where=told.event == "resume"),
        stopped_on=told.occurred_on.max(where=stop),
        stop_source=told.source.argmax(told.event_no, where=stop),
        last_skipped_on=told.occurred_on.max(where=skip),
    )
