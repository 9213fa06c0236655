"""What deliveries alone tell: the gaps between them, and what delivered events leave unexplained of each."""

from __future__ import annotations

import datetime as dt

import ibis
from ibis import _

from crm_platform.history.subscriptions.order_steps import missed_cycles
from crm_platform.history.subscriptions.together import together

_GAP_COLUMNS = (
    "subscription_id",
    "place",
    "number",
    "course",
    "from_on",
    "until_on",
    "cycle_days",
    "is_open",
    "skips",
    "last_state",
    "unexplained",
)


def silences(
    cycles: ibis.Table,
    judged: ibis.Table,
    rhythms: ibis.Table,
    as_of: dt.date,
    silent_cycles: int,
    only_deliveries_tell: bool,
) -> ibis.Table:
    """Gaps after a delivery (`place`, `number`) in which a cycle was missed or an event was told, with `is_silent`.

    `is_open`: no delivery follows until the as-of date. `skips`: delivered in the gap; `last_state`: the last of start,
    resume and stop delivered in it; `unexplained`: missed cycles beyond the delivered skips, since the delivered resume
    where there is one. `is_silent`: the subscription stopped without a word (無言の離脱). A gap that ended is silent
    beyond `silent_cycles` missed ones (so many skips in a row are skips), an open one from them on. Where nobody tells
    of skips and stops (`only_deliveries_tell`), an ended gap is silent too if it is no whole number of cycles of a
    course that is else exact: a skip moves a delivery by whole cycles, a return comes on any day. Whole is what lies
    off by no more than deliveries of the course usually do (`Rhythm.usual_shift_days`).
    """
    gaps = _gaps(cycles, rhythms, as_of).left_join(_told_in(judged, rhythms), ["subscription_id", "place"])
    gaps = gaps.drop("subscription_id_right", "place_right").mutate(
        skips=_.skips.fill_null(0),
        course=ibis.ifelse(_.is_open, ibis.coalesce(_.to_course, _.course), _.course),
        cycle_days=ibis.ifelse(_.is_open, ibis.coalesce(_.to_cycle_days, _.cycle_days), _.cycle_days),
    )
    from_on = ibis.ifelse(
        gaps.is_open, ibis.greatest(gaps.from_on, gaps.resumed_on).fill_null(gaps.from_on), gaps.from_on
    )
    gaps = gaps.mutate(from_on=from_on)
    missed = missed_cycles(gaps.until_on.delta(gaps.from_on, unit="day"), gaps.cycle_days)
    gaps = gaps.mutate(unexplained=ibis.greatest(missed - gaps.skips, 0))
    off_beat = (gaps.until_on.delta(gaps.from_on, unit="day") - (missed + 1) * gaps.cycle_days).abs()
    is_return = (missed > 0) & (off_beat > gaps.shift_days).fill_null(False) & only_deliveries_tell
    too_many = is_return | ibis.ifelse(
        gaps.is_open, gaps.unexplained >= silent_cycles, gaps.unexplained > silent_cycles
    )
    is_stopped = (gaps.last_state == "stop").fill_null(False)
    is_silent = too_many & ~is_stopped & ~(gaps.stopped & ~gaps.is_open).fill_null(False)
    found = gaps.filter((missed > 0) | gaps.last_state.notnull() | is_silent)
    return found.select(*_GAP_COLUMNS, is_silent=is_silent)


def _gaps(cycles: ibis.Table, rhythms: ibis.Table, as_of: dt.date) -> ibis.Table:
    """`shift_days`: how far off the beat the delivery at its end may be, where those of its course hardly ever are."""
    exact = rhythms.filter(_.is_exact).select("rhythm", "shift_days")
    cycles = cycles.mutate(rhythm=ibis.coalesce(_.course, _.product_id)).left_join(exact, "rhythm")
    closed = cycles.filter(cycles.former_on.notnull() & ~cycles.overlaps)
    ended = closed.select(
        "subscription_id",
        place=closed.place - 1,
        number=closed.counted_no - 1,
        course=closed.former_course,
        from_on=closed.former_on,
        until_on=closed.ordered_on,
        cycle_days=closed.cycle_days,
        is_open=False,
        shift_days=closed.shift_days,
    )
    last = cycles.filter(cycles.is_last)
    running = last.select(
        "subscription_id",
        "place",
        "course",
        number=last.counted_no,
        from_on=last.ordered_on,
        until_on=ibis.literal(as_of),
        cycle_days=last.cycle_days,
        is_open=True,
        shift_days=ibis.null("int64"),
    )
    return together(ended, running)


def _told_in(judged: ibis.Table, rhythms: ibis.Table) -> ibis.Table:
    """What was told between two deliveries; `to_cycle_days` are those of the course switched to."""
    kept = judged.filter(_.is_kept)
    is_state = kept.event.isin(["start", "resume", "stop"])
    when = kept.occurred_on.cast("timestamp").epoch_seconds() * 10 + kept.order_in_day
    told = kept.group_by("subscription_id", "place").agg(
        skips=kept.count(where=kept.event == "skip"),
        last_state=kept.event.argmax(when, where=is_state),
        stopped=(kept.event == "stop").any(),
        resumed_on=kept.occurred_on.max(where=kept.event == "resume"),
        to_course=kept.to_course.argmax(when, where=(kept.event == "switch") & kept.to_course.notnull()),
    )
    cycles = rhythms.select("rhythm", to_cycle_days="course_cycle_days")
    return told.left_join(cycles, told.to_course == cycles.rhythm).drop("rhythm")
