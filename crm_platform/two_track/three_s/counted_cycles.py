"""Cycles of very many subscriptions by their number, which is the delivered one wherever that says it, else counted."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, replace

import ibis
from ibis import _

from crm_platform.history.subscriptions import subscription_orders
from crm_platform.two_track.three_s.delivered_cycles import (
    NO_NAME,
    KnownPast,
    events_after,
    numbered_cycles,
    over_until,
)

_ORDERS = ("subscription_id", "ordered_on", "course", "sales_jpy")


@dataclass(frozen=True, eq=False)
class CountedCycles:
    """The cycles of some subscriptions, each row the order with which one began.

    `orders`: subscription_id, told_no, ordered_on, course, sales_jpy. `known`: subscription_id, before (with `told_no`
    the number that the platform counts), product_id, media_id, own_until (an order up to that day has its cycle behind
    it, where its course does not say), first_stop_no. `past`: what is known of these subscriptions.
    """

    orders: ibis.Table
    known: ibis.Table
    past: KnownPast

    def since(self, first_on: dt.date) -> CountedCycles:
        """The cycles that began on that day or later; of files by month only these are read."""
        return replace(self, orders=self.orders.filter(self.orders.ordered_on >= first_on))

    def begun(self) -> ibis.Table:
        """Every cycle: its columns, those of `known`, cycle_no, is_over and is_first (see `delivered_cycles`)."""
        return self._described(self.orders.inner_join(self.known, "subscription_id"))

    def followed(self) -> ibis.Table:
        """The same of the cycles that an event followed, with what did (see `events_after`)."""
        after = events_after(self.past.events).inner_join(self.known, "subscription_id")
        after = after.mutate(told_no=after.cycle_no - after.before).drop("cycle_no").cache()  # few beside all orders
        return self._described(self.orders.inner_join(after, ["subscription_id", "told_no"]))

    def _described(self, rows: ibis.Table) -> ibis.Table:
        courses = self.past.courses
        courses = courses.select("course", course_until=over_until(self.past, courses.course_days))
        rows = rows.mutate(cycle_no=rows.told_no + rows.before).left_join(courses, "course")
        return rows.mutate(
            course=rows.course.fill_null(NO_NAME),
            is_over=rows.ordered_on <= ibis.coalesce(rows.course_until, rows.own_until),
            is_first=rows.first_stop_no.isnull() | (rows.cycle_no <= rows.first_stop_no),
        ).drop("course_right", "course_until", "own_until", "first_stop_no", "told_no", "before")


def counted_cycles(past: KnownPast, cycles: ibis.Table) -> Iterator[CountedCycles]:
    """All cycles, each once: first those of all whose delivered numbers run on, then the others in parts.

    Args:
        past: deliveries, subscriptions and events.
        cycles: SUBSCRIPTION_CYCLES of the same subscriptions at the same day.
    """
    numbers = running_numbers(cycles).cache()
    orders = past.deliveries.filter(_.is_order).select(*_ORDERS, told_no="cycle_no")
    yield CountedCycles(orders, _known(past).inner_join(numbers, "subscription_id").cache(), past.of_these(numbers))
    others = subscription_orders(cycles).anti_join(numbers, "subscription_id").cache()
    for part in past.of_these(others).in_parts(others):
        hashed = part.in_numbers()
        counted = numbered_cycles(hashed).select(*_ORDERS, told_no="cycle_no")
        yield CountedCycles(counted, _known(hashed).mutate(before=ibis.literal(0, "int64")), hashed)


def running_numbers(cycles: ibis.Table) -> ibis.Table:
    """`subscription_id`, `before`: of whom the platform's numbers are the delivered ones, and so many before the data.

    Between two rows of SUBSCRIPTION_CYCLES every order bears the number after the former one's, so the rows speak for
    all orders. Where two orders are of one cycle, they have to be put together first.
    """
    before = cycles.counted_no - cycles.cycle_no
    seen = cycles.group_by("subscription_id").agg(
        before=before.min(), most=before.max(), is_told=(cycles.cycle_no.notnull() & ~cycles.overlaps).all()
    )
    return seen.filter(seen.is_told & (seen.before == seen.most)).select("subscription_id", "before")


def _known(past: KnownPast) -> ibis.Table:
    stops = past.events.filter(_.event == "stop").group_by("subscription_id").agg(first_stop_no=_.cycle_no.min())
    named = past.subscriptions.select(
        "subscription_id",
        "product_id",
        media_id=past.subscriptions.media_id.fill_null(NO_NAME),
        own_until=over_until(past, past.subscriptions.cycle_days),
    )
    return named.left_join(stops, "subscription_id").drop("subscription_id_right")
