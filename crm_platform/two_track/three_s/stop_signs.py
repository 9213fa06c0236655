"""What could be seen of a running subscription on a day, and whether it stopped afterwards (解約の予兆, R33)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import ibis
import pandas as pd
from ibis import _

from crm_platform.tables.frames import frame_of
from crm_platform.two_track.three_s.delivered_cycles import NO_NAME, KnownPast

LATE_SHIPPING_DAYS = 7  # from the order to the shipment
ONE_OFF_DAYS = 60  # purchases beside the subscription are looked for so far back
_LATE_CYCLES = 0.5  # so much later than due a delivery is overdue
_TOGETHER = ["subscription_id", "cycle_no"]
_SEEN = (
    "subscription_id",
    "customer_id",
    "day",
    "cycle_no",
    "course",
    "product_id",
    "media_id",
    "cycle_days",
    "term",
    "since_course",
    "skips",
    "longer",
    "other",
    "came_back",
    "shipped_late",
    "bought_before",
    "one_off",
)
_PLACE = (
    "subscription_id",
    "customer_id",
    "cycle_no",
    "ordered_on",
    "shipped_on",
    "course",
    "product_id",
    "media_id",
    "cycle_days",
)
_PENDING = ("next_skips", "next_longer", "next_other")


@dataclass(frozen=True, eq=False)
class Subscribers:
    """What else is known of those who subscribe: CUSTOMER_HISTORY, and CUSTOMER_DAYS."""

    history: ibis.Table
    days: ibis.Table


def lesson_rows(past: KnownPast, others: Subscribers, since: dt.date) -> pd.DataFrame:
    """One row per delivery from a day on whose cycle is over: `_SEEN` as of the delivery, and what became of it.

    stopped: a stop came before the next delivery; known_on: from when on that is known; gone_cycles: days ÷ cycle days
    from the order to the day on which the stop was known or to the next order, skips taken off; null where neither.
    """
    cycles = past.cycles
    over = cycles.filter(cycles.is_over & (cycles.ordered_on >= since))
    ends_on = ibis.ifelse(over.stops > 0, _stop_known_on(over, past), over.next_on)
    rows = over.select(
        *_PLACE,
        "stops",
        day=over.ordered_on,
        gone_days=ends_on.delta(over.ordered_on, unit="day"),
        told_skips=over.skips,
    )
    seen = _signs_on(rows, past, others)
    told = seen.select(
        *_SEEN,
        stopped=seen.stops > 0,
        gone_cycles=seen.gone_days / seen.cycle_days - seen.told_skips,
        known_on=(seen.day + (seen.cycle_days * past.cycles_until_known).ceil().cast("int64").as_interval("D")).cast(
            "date"
        ),
    )
    return _in_order(told)


def former_rows(past: KnownPast, others: Subscribers, days: Sequence[dt.date]) -> pd.DataFrame:
    """One row per former day and subscription that was thought to run on it: what was seen, and what came.

    A silent stop ends a subscription once it could be known, so that the overdue are among them as they were then.
    stopped: after the last delivery or the one that followed it; known_on: from when on that is known.
    """
    cycles = past.cycles
    until_on = ibis.least(_stop_known_on(cycles, past), cycles.next_on)
    spans = cycles.select(*_PLACE, until_on=until_on)
    snapshots = ibis.memtable({"day": list(days)}, schema={"day": "date"})
    running = spans.join(
        snapshots, [spans.ordered_on <= snapshots.day, (spans.until_on > snapshots.day) | spans.until_on.isnull()]
    )
    seen = _signs_on(running.drop("until_on"), past, others)
    stops = past.events.filter(_.event == "stop").mutate(after=ibis.array([_.cycle_no, _.cycle_no - 1])).unnest("after")
    both = stops.select("subscription_id", cycle_no="after").distinct().mutate(stops_ahead=True)
    joined = seen.left_join(both, _TOGETHER).drop("subscription_id_right", "cycle_no_right")
    ahead = joined.cycle_days * (1 + joined.next_skips + past.cycles_until_known)
    return _in_order(
        joined.select(
            *_SEEN,
            *_PENDING,
            elapsed_cycles=_elapsed(joined),
            stopped=joined.stops_ahead.fill_null(False),
            known_on=(joined.ordered_on + ahead.ceil().cast("int64").as_interval("D")).cast("date"),
        )
    )


def present_rows(past: KnownPast, others: Subscribers) -> pd.DataFrame:
    """The same of every continuing subscription on `past.as_of`, from where it stands; what comes is not known."""
    running = past.subscriptions.filter(_.state == "continuing")
    rows = running.select(
        "subscription_id",
        "customer_id",
        "product_id",
        "cycle_days",
        cycle_no=running.last_cycle_no,
        ordered_on=running.last_ordered_on,
        shipped_on=running.last_delivered_on,
        course=running.course.fill_null(NO_NAME),
        media_id=running.media_id.fill_null(NO_NAME),
        day=ibis.literal(past.as_of),
    )
    seen = _signs_on(rows, past, others)
    return _in_order(seen.select(*_SEEN, *_PENDING, elapsed_cycles=_elapsed(seen)))


def _in_order(rows: ibis.Table) -> pd.DataFrame:
    return frame_of(rows.order_by("day", "subscription_id", "cycle_no"))


def _elapsed(rows: ibis.Table) -> ibis.Value:
    """Cycles since the last order, less the skips that were told."""
    return rows.day.delta(rows.ordered_on, unit="day") / rows.cycle_days - rows.next_skips


def _stop_known_on(cycles: ibis.Table, past: KnownPast) -> ibis.Value:
    """The day of a told stop; of a silent one, dated on the day on which a delivery was due, when it is known."""
    lag = (cycles.cycle_days * (past.silent_cycles - _LATE_CYCLES)).floor().cast("int64")
    is_silent = (cycles.stop_source == "derived").fill_null(False)
    return (cycles.stopped_on + ibis.ifelse(is_silent, lag, 0).as_interval("D")).cast("date")


def _signs_on(rows: ibis.Table, past: KnownPast, others: Subscribers) -> ibis.Table:
    """`rows` with what was known on their `day`; of events only those that had happened.

    bought_before: a purchase before the subscription; since_course: deliveries in the present course; skips, longer,
    other: skips between the last two deliveries, a switch to a course of longer cycles or any switch; next_skips (as
    delivered), next_longer, next_other: the same since the last; came_back: stopped before; one_off: bought beside it.
    """
    events = past.events.mutate(following_no=past.events.cycle_no + 1)
    now = _happened(events.drop("following_no"), past, "now")
    before = _happened(events.mutate(cycle_no=events.following_no).drop("following_no"), past, "before")
    joined = rows.left_join(now, _TOGETHER).drop("subscription_id_right", "cycle_no_right")
    joined = joined.left_join(before, _TOGETHER).drop("subscription_id_right", "cycle_no_right")
    first = past.events.filter(_.event == "stop").group_by("subscription_id").agg(first_stop_no=_.cycle_no.min())
    joined = joined.left_join(first, "subscription_id").drop("subscription_id_right")
    joined = _with_start(joined, past, others)
    day = joined.day
    pending = ibis.cases(
        (joined.now_told_last_on <= day, joined.now_told_skips), (joined.now_told_first_on <= day, 1), else_=0
    )
    switched_now = (joined.now_switched_on <= day).fill_null(False)
    late = joined.shipped_on.delta(joined.ordered_on, unit="day") >= LATE_SHIPPING_DAYS
    return joined.mutate(
        skips=joined.before_skips.fill_null(0).cast("int64"),
        longer=joined.before_longer.fill_null(False),
        other=joined.before_switches.fill_null(0) > 0,
        next_skips=pending.fill_null(0).cast("int64"),
        next_longer=switched_now & joined.now_longer.fill_null(False),
        next_other=switched_now,
        came_back=(joined.first_stop_no < joined.cycle_no).fill_null(False),
        shipped_late=late.fill_null(False),
    )


def _happened(events: ibis.Table, past: KnownPast, prefix: str) -> ibis.Table:
    """Per subscription and cycle: skips (delivered ones apart, with days), switches, whether to longer cycles."""
    traits = past.courses.select("course", "course_days")
    to = traits.select(to_course="course", to_days="course_days")
    of = traits.select(from_course="course", from_days="course_days")
    known = events.left_join(to, "to_course").drop("to_course_right").left_join(of, "from_course")
    known = known.drop("from_course_right")
    skip, switch = known.event == "skip", known.event == "switch"
    told = skip & (known.source == "delivered")
    sums = known.group_by(*_TOGETHER).agg(
        skips=known.count(where=skip),
        told_skips=known.count(where=told),
        told_first_on=known.occurred_on.min(where=told),
        told_last_on=known.occurred_on.max(where=told),
        switches=known.count(where=switch),
        switched_on=known.occurred_on.min(where=switch),
        longer=(known.to_days > known.from_days).fill_null(False).any(where=switch),
    )
    names = [name for name in sums.columns if name not in _TOGETHER]
    return sums.select(*_TOGETHER, **{f"{prefix}_{name}": sums[name] for name in names})


def _with_start(rows: ibis.Table, past: KnownPast, others: Subscribers) -> ibis.Table:
    """With `bought_before`, `since_course`, `term`, and `one_off`."""
    started = past.subscriptions.select("subscription_id", "started_on", "first_cycle_no")
    history = others.history.select("customer_id", "first_purchased_on")
    joined = rows.inner_join(started, "subscription_id")
    joined = joined.left_join(history, "customer_id").drop("customer_id_right")
    joined = joined.left_join(past.courses.select("course", "course_term"), "course")
    joined = joined.drop("course_right")
    switches = past.events.filter(_.event == "switch").select("subscription_id", switch_no="cycle_no").distinct()
    at = joined.select("subscription_id", "cycle_no", "day").inner_join(switches, "subscription_id")
    last = at.filter(at.switch_no < at.cycle_no).group_by("subscription_id", "cycle_no", "day")
    joined = joined.left_join(last.agg(switch_no=_.switch_no.max()), [*_TOGETHER, "day"])
    joined = joined.drop("subscription_id_right", "cycle_no_right", "day_right")
    bought = others.days.filter(_.order_kind == "one_off").select("customer_id", bought_on="day")
    beside = joined.select("subscription_id", "customer_id", "day").inner_join(bought, "customer_id")
    age = beside.day.delta(beside.bought_on, unit="day")
    recent = beside.filter(age.between(0, ONE_OFF_DAYS)).group_by("subscription_id", "day").agg(one_offs=_.count())
    joined = joined.left_join(recent, ["subscription_id", "day"]).drop("subscription_id_right", "day_right")
    return joined.mutate(
        bought_before=(joined.first_purchased_on < joined.started_on).fill_null(False),
        since_course=(joined.cycle_no - joined.switch_no.fill_null(0)).cast("int64"),
        term=joined.course_term.fill_null(1).cast("int64"),
        one_off=joined.one_offs.fill_null(0) > 0,
    )
