"""How each subscription stands after its last delivery and its last event."""

from __future__ import annotations

import datetime as dt

import ibis
from ibis import _

from crm_platform.history.subscriptions.order_steps import missed_cycles
from crm_platform.history.subscriptions.together import together

CYCLE_RULES = ("overlapping_cycles", "cycle_number_jumps", "cycle_number_goes_back", "delivery_after_stop")


def states_of(
    sums: ibis.Table,
    cycles: ibis.Table,
    judged: ibis.Table,
    events: ibis.Table,
    rhythms: ibis.Table,
    as_of: dt.date,
) -> ibis.Table:
    """SUBSCRIPTIONS: one row per subscription of `sums`.

    Args:
        sums: see `sums_of`.
        cycles: SUBSCRIPTION_CYCLES.
        judged: see `judged_events`.
        events: KNOWN_SUBSCRIPTION_EVENTS.
        rhythms: see `Rhythms.table`.
        as_of: the day up to which everything is known.
    """
    known = _with_since(_beside(_last_cycles(cycles), _told(events))).cache()
    parts = known, _skips_since(known, events), _products(sums, events), _repairs(cycles, judged, events)
    return _described(_beside(_totals(sums), *parts), rhythms, as_of)


def _beside(rows: ibis.Table, *others: ibis.Table) -> ibis.Table:
    """`rows` with the columns of `others`, which have a row per subscription at most."""
    for other in others:
        rows = rows.left_join(other, "subscription_id").drop("subscription_id_right")
    return rows


def _totals(sums: ibis.Table) -> ibis.Table:
    medium = ibis.window(group_by="subscription_id", order_by=[sums.medium_on, sums.media_id])
    media_id = sums.filter(_.medium_on.notnull()).mutate(rank=ibis.row_number().over(medium)).filter(_.rank == 0)
    totals = sums.group_by("subscription_id").agg(
        deliveries=_.deliveries.sum().cast("int64"),
        last_delivered_on=_.last_delivered_on.max(),
        sales_jpy=_.sales_jpy.sum().cast("int64"),
        discount_jpy=_.discount_jpy.sum().cast("int64"),
    )
    return _beside(totals, media_id.select("subscription_id", "media_id"))


def _last_cycles(cycles: ibis.Table) -> ibis.Table:
    return cycles.group_by("subscription_id").agg(
        customer_id=_.customer_id.min(),
        first_on=_.ordered_on.min(),
        first_cycle_no=_.counted_no.min(),
        last_cycle_no=_.counted_no.max(),
        last_ordered_on=_.ordered_on.max(),
        last_course=_.course.max(where=_.is_last),
        last_rhythm=ibis.coalesce(_.course, _.product_id).max(where=_.is_last),
        last_cycle_days=_.cycle_days.max(where=_.is_last),
    )


def _told(events: ibis.Table) -> ibis.Table:
    is_state = events.event.isin(["start", "resume", "stop"])
    return events.group_by("subscription_id").agg(
        told_start_on=_.occurred_on.min(where=_.event == "start"),
        last_state=_.event.argmax(_.event_no, where=is_state),
        last_state_on=_.occurred_on.argmax(_.event_no, where=is_state),
        last_source=_.source.argmax(_.event_no, where=is_state),
        last_reason=_.reason_code.argmax(_.event_no, where=(_.event == "stop") & _.reason_code.notnull()),
        last_reason_no=_.event_no.max(where=(_.event == "stop") & _.reason_code.notnull()),
        last_state_no=_.event_no.max(where=is_state),
        skips=_.count(where=_.event == "skip"),
        last_skipped_on=_.occurred_on.max(where=_.event == "skip"),
        switches=_.count(where=_.event == "switch"),
        switched_on=_.occurred_on.argmax(_.event_no, where=(_.event == "switch") & _.to_course.notnull()),
        switched_to=_.to_course.argmax(_.event_no, where=(_.event == "switch") & _.to_course.notnull()),
    )


def _products(sums: ibis.Table, events: ibis.Table) -> ibis.Table:
    """The product switched to last, else the one of most deliveries (of equals the later, then the first by code).

    With the units in its last standing delivery.
    """
    order = ibis.window(
        group_by="subscription_id", order_by=[sums.orders.desc(), sums.last_ordered_on.desc(), sums.product_id]
    )
    most = sums.mutate(rank=ibis.row_number().over(order)).filter(_.rank == 0).select("subscription_id", "product_id")
    switched = events.group_by("subscription_id").agg(
        to_product_id=_.to_product_id.argmax(_.event_no, where=_.to_product_id.notnull())
    )
    joined = most.left_join(switched, "subscription_id").drop("subscription_id_right")
    chosen = joined.mutate(product_id=ibis.coalesce(_.to_product_id, _.product_id)).drop("to_product_id")
    units = sums.select("subscription_id", "product_id", "last_quantity")
    return chosen.left_join(units, ["subscription_id", "product_id"]).drop("subscription_id_right", "product_id_right")


def _with_since(known: ibis.Table) -> ibis.Table:
    """`known` with the day since which it waits for a delivery: that of the last order, or of a resume after it."""
    resumed_on = ibis.ifelse(
        (known.last_state == "resume").fill_null(False), known.last_state_on, known.last_ordered_on
    )
    return known.mutate(since_on=ibis.greatest(known.last_ordered_on, resumed_on))


def _skips_since(known: ibis.Table, events: ibis.Table) -> ibis.Table:
    """Skips told since then."""
    skips = events.filter(_.event == "skip").select("subscription_id", "occurred_on")
    joined = skips.inner_join(known.select("subscription_id", "since_on"), "subscription_id")
    return joined.filter(_.occurred_on >= _.since_on).group_by("subscription_id").agg(open_skips=_.count())


def _repairs(cycles: ibis.Table, judged: ibis.Table, events: ibis.Table) -> ibis.Table:
    """`repairs` of each subscription that a rule repaired."""
    step = cycles.cycle_no - cycles.former_cycle_no
    rule = ibis.cases(
        (cycles.overlaps & cycles.stands & cycles.former_stands, "overlapping_cycles"),
        (cycles.overlaps, ibis.null("string")),
        (step > 1 + cycles.missed, "cycle_number_jumps"),
        (step <= 0, "cycle_number_goes_back"),
        else_=ibis.null("string"),
    )
    of_cycles = cycles.select("subscription_id", rule=rule)
    seen = together(of_cycles, judged, _deliveries_after_stop(events)).filter(_.rule.notnull())
    counted = seen.group_by("subscription_id", "rule").agg(rows=_.count())
    note = counted.rule.concat(" ", counted.rows.cast("string"))
    return counted.group_by("subscription_id").agg(repairs=note.group_concat("; ", order_by=counted.rule))


def _deliveries_after_stop(events: ibis.Table) -> ibis.Table:
    """A delivered stop, and a resume that only a delivery tells."""
    in_order = ibis.window(group_by="subscription_id", order_by=events.event_no)
    states = events.filter(_.event.isin(["start", "resume", "stop"]))
    in_order = ibis.window(group_by="subscription_id", order_by=states.event_no)
    seen = states.mutate(former=states.event.lag(1).over(in_order), former_source=states.source.lag(1).over(in_order))
    found = seen.filter(
        (seen.event == "resume") & (seen.source == "derived") & (seen.former == "stop")
        & (seen.former_source == "delivered")
    )  # fmt: skip
    return found.select("subscription_id", rule=ibis.literal("delivery_after_stop"))


def _described(rows: ibis.Table, rhythms: ibis.Table, as_of: dt.date) -> ibis.Table:
    switched = (rows.switched_on >= rows.last_ordered_on).fill_null(False)
    rows = rows.mutate(
        course=ibis.ifelse(switched, rows.switched_to, rows.last_course),
        rhythm=ibis.ifelse(switched, rows.switched_to, rows.last_rhythm),
        is_stopped=(rows.last_state == "stop").fill_null(False),
        open_skips=rows.open_skips.fill_null(0),
    )
    rows = rows.left_join(rhythms, "rhythm").drop("rhythm_right")
    cycle_days = ibis.ifelse(
        switched, ibis.coalesce(rows.course_cycle_days, rows.last_cycle_days), rows.last_cycle_days
    )
    rows = rows.mutate(cycle_days=ibis.greatest(cycle_days, 1.0))
    due_days = ((rows.open_skips + 1) * rows.cycle_days).floor().cast("int64")
    missed = missed_cycles(ibis.literal(as_of).delta(rows.since_on, unit="day"), rows.cycle_days)
    stopped, null = rows.is_stopped, ibis.null
    return rows.mutate(
        term_deliveries=rows.term_deliveries.fill_null(1),
        started_on=ibis.coalesce(rows.told_start_on, rows.first_on),
        skips=rows.skips.fill_null(0),
        switches=rows.switches.fill_null(0),
        state=ibis.ifelse(stopped, "stopped", "continuing"),
        stopped_on=ibis.ifelse(stopped, rows.last_state_on, null("date")),
        stop_reason=ibis.ifelse(
            stopped & (rows.last_reason_no == rows.last_state_no), rows.last_reason, null("string")
        ),
        stop_source=ibis.ifelse(
            stopped, ibis.ifelse(rows.last_source == "derived", "silent", "delivered"), null("string")
        ),
        skipped_before_next=~stopped & ((rows.open_skips > 0) | (missed > 0)),
        next_due_on=ibis.ifelse(stopped, null("date"), (rows.since_on + due_days.as_interval("D")).cast("date")),
    )
