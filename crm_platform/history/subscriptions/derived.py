"""Events that nobody delivered and the deliveries tell: start, skip, switch, silent stop, resume."""

from __future__ import annotations

from collections.abc import Collection

import ibis
from ibis import _

from crm_platform.history.subscriptions.together import together

_EVENT = {
    "event": "string",
    "occurred_on": "date",
    "cycle_no": "int64",
    "from_course": "string",
    "to_course": "string",
    "from_product_id": "string",
    "to_product_id": "string",
}


def derived_events(cycles: ibis.Table, judged: ibis.Table, gaps: ibis.Table, told_kinds: Collection[str]) -> ibis.Table:
    """What the deliveries tell beyond the delivered events, in the columns of KNOWN_SUBSCRIPTION_EVENTS.

    Skips and switches are derived only where the client delivers none at all (`told_kinds`); starts, silent stops and
    resumes wherever a subscription lacks them, because every subscription begins and silence is told by nobody.

    Args:
        cycles: SUBSCRIPTION_CYCLES.
        judged: see `judged_events`.
        gaps: see `silences`.
        told_kinds: the kinds of event that the client delivers.
    """
    skips = [] if "skip" in told_kinds else [_skips(gaps)]
    switches = [] if "switch" in told_kinds else [_switches(cycles)]
    return together(_starts(cycles, judged), _silent_stops(gaps), _resumes(gaps), *skips, *switches)


def _event(rows: ibis.Table, **columns: ibis.Value | str) -> ibis.Table:
    filled = {name: columns.get(name, ibis.null(type_)) for name, type_ in _EVENT.items()}
    return rows.select(
        "subscription_id",
        **{name: ibis.literal(value) if isinstance(value, str) else value for name, value in filled.items()},
    )


def _starts(cycles: ibis.Table, judged: ibis.Table) -> ibis.Table:
    """The first order, where no start is delivered and the data do not begin in the midst of the subscription."""
    first = cycles.filter(cycles.former_on.isnull() & (cycles.counted_no == 1))
    told = judged.filter(judged.is_kept & (judged.event == "start"))
    rows = first.anti_join(told, "subscription_id")
    zero = ibis.literal(0, "int64")
    return _event(rows, event="start", occurred_on=rows.ordered_on, cycle_no=zero, to_course=rows.course)


def _skips(gaps: ibis.Table) -> ibis.Table:
    """One per missed cycle of a gap that ended, on the day on which the delivery was due."""
    skipped = gaps.filter(~gaps.is_open & ~gaps.is_silent & gaps.last_state.isnull() & (gaps.unexplained > 0))
    each = skipped.mutate(nth=ibis.range(1, skipped.unexplained + 1)).unnest("nth")
    course = each.course
    return _event(
        each,
        event="skip",
        occurred_on=_days_after(each.from_on, each.nth * each.cycle_days),
        cycle_no=each.number,
        from_course=course,
        to_course=course,
    )


def _silent_stops(gaps: ibis.Table) -> ibis.Table:
    """On the day on which the delivery after the last one, and after its skips, was due."""
    rows = gaps.filter(_.is_silent)
    due_on = _days_after(rows.from_on, (rows.skips + 1) * rows.cycle_days)
    return _event(rows, event="stop", occurred_on=due_on, cycle_no=rows.number, from_course=rows.course)


def _resumes(gaps: ibis.Table) -> ibis.Table:
    """The delivery after a stop, where no resume is delivered."""
    was_resumed = (gaps.last_state == "resume").fill_null(False)
    comes_back = (gaps.is_silent & ~was_resumed) | (gaps.last_state == "stop").fill_null(False)
    rows = gaps.filter(~gaps.is_open & comes_back)
    return _event(rows, event="resume", occurred_on=rows.until_on, cycle_no=rows.number, to_course=rows.course)


def _switches(cycles: ibis.Table) -> ibis.Table:
    """The first delivery of another course; or of another product, which came before twice and comes now twice.

    A single parcel whose largest line is something else is a companion, no switch.
    """
    by_course = (cycles.course != cycles.former_course).fill_null(False)
    rows = cycles.filter((by_course | cycles.has_new_product) & (cycles.place > 1))
    return _event(
        rows,
        event="switch",
        occurred_on=rows.ordered_on,
        cycle_no=rows.counted_no - 1,
        from_course=rows.former_course,
        to_course=rows.course,
        from_product_id=ibis.ifelse(rows.has_new_product, rows.former_product_id, ibis.null("string")),
        to_product_id=ibis.ifelse(rows.has_new_product, rows.product_id, ibis.null("string")),
    )


def _days_after(day: ibis.Value, days: ibis.Value) -> ibis.Value:
    whole = days.floor().cast("int64")
    return (day + whole.as_interval("D")).cast("date")
