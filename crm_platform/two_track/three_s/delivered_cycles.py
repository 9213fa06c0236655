"""Every delivery of every subscription as a cycle: its number, what happened after it, and whether that is known."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import ibis
from ibis import _

from crm_platform.diagnosis.rows import yen_sum
from crm_platform.history.subscriptions import spans_of

NO_NAME = "(none)"
_PART_DELIVERIES = 4_000_000  # some hundred MiB while they are put in order
_READ = ("subscription_id", "order_id", "ordered_on", "shipped_on", "cycle_no", "course", "sales_jpy", "is_order")
_NUMBERED = ("subscription_id", "cycle_no", "ordered_on", "shipped_on", "next_on", "course", "sales_jpy")
_STOP_KNOWN_CYCLES = 1.5  # a delivery up to half a cycle late is still that cycle's


@dataclass(frozen=True, eq=False)
class KnownPast:
    """SUBSCRIPTION_DELIVERIES up to `as_of`, SUBSCRIPTIONS and KNOWN_SUBSCRIPTION_EVENTS at it.

    `silent_cycles` is the client's setting: so many missed cycles are a silent stop. `whole` is the past of all
    subscriptions where this is that of some: the client and its courses are the same for all.
    """

    deliveries: ibis.Table
    subscriptions: ibis.Table
    events: ibis.Table
    as_of: dt.date
    silent_cycles: int
    whole: KnownPast | None = None

    @cached_property
    def cycles_until_known(self) -> float:
        """How many cycles after an order it is known whether the subscription went on."""
        if self.whole:
            return self.whole.cycles_until_known
        told = self.events.filter((_.event == "stop") & (_.source == "delivered")).count().to_pyarrow().as_py()
        return _STOP_KNOWN_CYCLES if told else _STOP_KNOWN_CYCLES + self.silent_cycles

    @cached_property
    def courses(self) -> ibis.Table:
        """`course`, `course_days` and `course_term`, as the subscriptions in it have them."""
        if self.whole:
            return self.whole.courses
        named = self.subscriptions.filter(_.course.notnull()).group_by("course")
        return ibis.memtable(
            named.agg(course_days=_.cycle_days.median(), course_term=_.term_deliveries.max()).to_pyarrow()
        )

    @cached_property
    def cycles(self) -> ibis.Table:
        """See `delivered_cycles`; computed once and held."""
        return delivered_cycles(self).cache()

    def of_some(self, one_in: int) -> KnownPast:
        """One in so many subscriptions, drawn by the hash of their numbers, whole."""
        if one_in <= 1:
            return self
        return self._with(rows.filter(_.subscription_id.hash() % one_in == 0) for rows in self._tables)

    def held(self) -> KnownPast:
        """The same in memory."""
        return self._with(rows.cache() for rows in self._tables)

    def in_numbers(self) -> KnownPast:
        """The same with a hash of each subscription's number instead of it: what only counts needs no more.

        A window over numbers costs a third of one over texts. Of a million subscriptions two have the same hash once in
        forty million times.
        """
        return self._with(rows.mutate(subscription_id=_.subscription_id.hash()) for rows in self._tables)

    def of_these(self, these: ibis.Table) -> KnownPast:
        """The subscriptions that `these` name in `subscription_id`."""
        return self._with(rows.semi_join(these, "subscription_id") for rows in self._tables)

    def in_parts(self, orders: ibis.Table) -> Iterator[KnownPast]:
        """All subscriptions in parts, which bound the memory; `orders`: see `subscription_orders`."""
        for span in spans_of(orders, _PART_DELIVERIES):
            yield self._with(span.of(rows) for rows in self._tables)

    @property
    def _tables(self) -> tuple[ibis.Table, ibis.Table, ibis.Table]:
        return self.deliveries.select(*_READ), self.subscriptions, self.events

    def _with(self, tables: Iterable[ibis.Table]) -> KnownPast:
        deliveries, subscriptions, events = tables
        return replace(
            self, deliveries=deliveries, subscriptions=subscriptions, events=events, whole=self.whole or self
        )


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
    return described_cycles(numbered_cycles(past), past)


def numbered_cycles(past: KnownPast) -> ibis.Table:
    """`subscription_id`, `cycle_no`, `ordered_on`, `shipped_on`, `next_on`, `course` and `sales_jpy` of every cycle.

    Computed once and held. Nearly all subscriptions have an order a cycle: their orders are put in order and counted,
    and nothing else.
    """
    orders = past.deliveries.filter(_.is_order)
    in_order = ibis.window(group_by="subscription_id", order_by="ordered_on")
    placed = orders.select(
        "subscription_id",
        "ordered_on",
        "shipped_on",
        "course",
        "sales_jpy",
        place=ibis.row_number().over(in_order),
        next_on=orders.ordered_on.lead(1).over(in_order),
        orders=orders.count().over(ibis.window(group_by="subscription_id")),
    )
    known = past.subscriptions.select("subscription_id", "first_cycle_no", "last_cycle_no", own_days="cycle_days")
    counted = placed.inner_join(known, "subscription_id").mutate(
        cycle_no=_.first_cycle_no + _.place, is_too_many=_.orders > _.last_cycle_no - _.first_cycle_no + 1
    )
    held = counted.select(*_NUMBERED, "is_too_many").cache()
    unclear = held.filter(_.is_too_many | (_.next_on == _.ordered_on).fill_null(False))  # of a day neither is first
    doubled = known.semi_join(unclear, "subscription_id").cache()
    several = _several_orders_a_cycle(orders.inner_join(doubled, "subscription_id"), past.courses)
    return _typed(held.anti_join(doubled, "subscription_id")).union(_typed(several))


def described_cycles(cycles: ibis.Table, past: KnownPast) -> ibis.Table:
    """`numbered_cycles` with what is known of each subscription and of what followed; see `delivered_cycles`."""
    stops = past.events.filter(_.event == "stop").group_by("subscription_id").agg(first_stop_no=_.cycle_no.min())
    named = past.subscriptions.select(
        "subscription_id",
        "customer_id",
        "product_id",
        media_id=past.subscriptions.media_id.fill_null(NO_NAME),
        own_days="cycle_days",
    )
    known = named.left_join(stops, "subscription_id").drop("subscription_id_right")
    joined = cycles.inner_join(known, "subscription_id").left_join(past.courses, "course").drop("course_right")
    joined = joined.left_join(events_after(past.events), ["subscription_id", "cycle_no"])
    cycle_days = ibis.coalesce(joined.course_days, joined.own_days)
    return joined.mutate(
        course=joined.course.fill_null(NO_NAME),
        cycle_days=cycle_days,
        is_over=joined.ordered_on <= over_until(past, cycle_days),
        is_first=joined.first_stop_no.isnull() | (joined.cycle_no <= joined.first_stop_no),
        **{name: joined[name].fill_null(0) for name in ("skips", "switches", "stops", "resumes")},
    ).drop("subscription_id_right", "cycle_no_right", "first_stop_no", "own_days", "course_days", "course_term")


def over_until(past: KnownPast, cycle_days: ibis.Value) -> ibis.Value:
    """The last day on which an order has its cycle behind it at `past.as_of`: every outcome would be known."""
    over_days = (cycle_days * past.cycles_until_known).ceil().cast("int64")
    return (ibis.literal(past.as_of) - over_days.as_interval("D")).cast("date")


def events_after(events: ibis.Table) -> ibis.Table:
    """Per subscription and delivery what followed it: counts of each kind, the last stop and skip."""
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


def _several_orders_a_cycle(orders: ibis.Table, courses: ibis.Table) -> ibis.Table:
    """Orders that fall into the cycle of the one before are of one row with it (see `steps_that_tell`)."""
    in_order = ibis.window(group_by="subscription_id", order_by=["ordered_on", "order_no"])
    known = orders.left_join(courses, "course").drop("course_right").rename(delivered_no="cycle_no")
    known = known.mutate(order_no=known.order_id.hash())  # which of two of a day comes first matters to nobody
    seen = known.mutate(
        number=ibis.row_number().over(in_order),
        former_on=known.ordered_on.lag(1).over(in_order),
        former_no=known.delivered_no.lag(1).over(in_order),
    )
    is_next = (seen.delivered_no > seen.former_no).fill_null(False)
    gap_days = seen.ordered_on.delta(seen.former_on, unit="day")
    overlaps = (2 * gap_days < ibis.coalesce(seen.course_days, seen.own_days)).fill_null(False) & ~is_next
    so_far = ibis.window(group_by="subscription_id", order_by="number", preceding=None, following=0)
    marked = seen.mutate(begins=overlaps.ifelse(None, 1))
    place = marked.begins.count().over(so_far)
    placed = marked.mutate(cycle_no=ibis.least(marked.first_cycle_no - 1 + place, marked.last_cycle_no))
    by_cycle = placed.group_by("subscription_id", "cycle_no").agg(
        ordered_on=_.ordered_on.min(),
        shipped_on=_.shipped_on.min(),
        course=_.course.argmin(_.number),
        sales_jpy=yen_sum(_.sales_jpy),
    )  # fmt: skip
    after = ibis.window(group_by="subscription_id", order_by="cycle_no")
    return by_cycle.mutate(next_on=by_cycle.ordered_on.lead(1).over(after))


def _typed(cycles: ibis.Table) -> ibis.Table:
    typed = cycles.select(*_NUMBERED)
    return typed.cast({name: kind(nullable=True) for name, kind in typed.schema().items()})
