"""What happened to subscriptions and since when it was known, so that a former day is seen as it was seen then.

And what a customer's state is: 継続中 (continuing) or 解約 (stopped).
"""

from __future__ import annotations

import datetime as dt

import ibis
from ibis import _

from crm_platform.tables.targets import SUBSCRIPTION_STATES

TURNS = ("start", "resume", "stop")  # after which a subscription runs, or does not
_TURN = {  # columns, each of which may be null, so that both parts of them are alike
    "subscription_id": "string",
    "customer_id": "string",
    "event_no": "int64",
    "event": "string",
    "occurred_on": "date",
    "known_on": "date",
    "reason_code": "string",
}


def turns_of(subscriptions: ibis.Table, events: ibis.Table, as_of: dt.date, silent_cycles: int) -> ibis.Table:
    """What happened to each subscription, and since when it was known: `known_on`.

    Silence becomes a stop only after `silent_cycles` missed cycles, and until then nobody can tell it from a skip; so a
    derived stop or skip, which bears the day on which a delivery was due, was known so much later. By `as_of` every
    stop in `events` is known. Where the data begin while a subscription runs, something may be told of it before its
    first known delivery: it ran by then.

    Args:
        subscriptions: SUBSCRIPTIONS at `as_of`: each began.
        events: KNOWN_SUBSCRIPTION_EVENTS at `as_of`: what followed.
        as_of: the day at which both are known.
        silent_cycles: the client's setting.

    Returns:
        `subscription_id, customer_id, event_no, event, occurred_on, known_on, reason_code`.
    """
    keys = ("subscription_id", "customer_id")
    first_told = events.group_by("subscription_id").agg(first_told_on=_.occurred_on.min())
    known = subscriptions.left_join(first_told, "subscription_id")
    began_on = ibis.least(known.started_on, ibis.coalesce(known.first_told_on, known.started_on))
    begun = known.select(
        *keys,
        event_no=ibis.literal(0, "int64"),
        event=ibis.literal("start"),
        occurred_on=began_on,
        known_on=began_on,
        reason_code=ibis.null("string"),
    )
    cycles = subscriptions.select("subscription_id", "cycle_days")
    later = events.filter(events.event != "start").inner_join(cycles, "subscription_id")
    is_silence = (later.source == "derived") & later.event.isin(["stop", "skip"])
    lag_days = ((silent_cycles - 0.5) * later.cycle_days).ceil().cast("int64")
    told_on = (later.occurred_on + lag_days.as_interval("D")).cast("date")
    told_on = ibis.ifelse(later.event == "stop", ibis.least(told_on, ibis.literal(as_of)), told_on)
    known_on = ibis.ifelse(is_silence, told_on, later.occurred_on)
    followed = later.select(*keys, "event_no", "event", "occurred_on", known_on=known_on, reason_code=later.reason_code)
    return begun.cast(_TURN).union(followed.cast(_TURN))


def runs_by(turns: ibis.Table, day: dt.date) -> ibis.Table:
    """`subscription_id, runs`: whether each subscription that had begun ran, by what was known at the end of `day`."""
    seen = turns.filter((turns.known_on <= day) & (turns.occurred_on <= day) & turns.event.isin(TURNS))
    return seen.group_by("subscription_id").agg(runs=seen.event.argmax(seen.event_no) != "stop")


def customer_states(subscriptions: ibis.Table) -> ibis.Table:
    """`customer_id, subscription_state` of everyone in SUBSCRIPTIONS, at its day."""
    runs = (subscriptions.state == SUBSCRIPTION_STATES[0]).any()
    return subscriptions.group_by("customer_id").agg(subscription_state=state_where(runs))


def state_where(runs: ibis.Value) -> ibis.Value:
    """継続中 where `runs`, whether any of the customer's subscriptions runs, else 解約 (R30)."""
    return ibis.ifelse(runs, *SUBSCRIPTION_STATES)
