"""Subscriptions of a made-up client, from its deliveries to their events and states, without an orchestrator."""

from __future__ import annotations

import datetime as dt

import ibis
import pyarrow as pa

from crm_platform.clients import Settings
from crm_platform.history.subscriptions import (
    Past,
    Rhythms,
    known_subscription_events,
    learn_rhythms,
    subscription_cycles,
    subscriptions,
)

SILENT_CYCLES = Settings().subscription_silent_cycles


def subscriptions_of(
    deliveries: ibis.Table, told: pa.Table, as_of: dt.date, rhythms: Rhythms | None = None
) -> tuple[pa.Table, pa.Table]:
    """KNOWN_SUBSCRIPTION_EVENTS and SUBSCRIPTIONS; `rhythms` are learnt from the deliveries where none are given."""
    rhythms = rhythms or learn_rhythms(deliveries, {})
    cycles = ibis.memtable(subscription_cycles(deliveries, told, rhythms))
    past = Past(cycles, told, rhythms, as_of, SILENT_CYCLES)
    events = known_subscription_events(past)
    return events, subscriptions(deliveries, ibis.memtable(events), past)
