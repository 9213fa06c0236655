"""Subscriptions as assets: the rhythm of courses, what happened, how each stands, what had to be repaired."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from crm_platform.clients import Client
from crm_platform.history import subscriptions as reconstructed
from crm_platform.orchestration.client_month import ClientMonth
from crm_platform.orchestration.client_month_asset import client_month_asset
from crm_platform.orchestration.delivered_history import delivered_until
from crm_platform.orchestration.recipe import Reads, Recipe, rows_digest
from crm_platform.tables import Fault

_TOLD = "subscription_events"
_DELIVERIES = {"subscription_deliveries": Reads.UP_TO_MONTH}
_CYCLES = {"subscription_cycles": Reads.SAME_MONTH, "subscription_rhythms": Reads.SAME_MONTH}


def told_digest(at: ClientMonth) -> Mapping[str, str]:
    """Digest of the events that the client delivered up to the as-of date."""
    return {_TOLD: rows_digest(delivered_until(at)[_TOLD])}


def silent_cycles(client: Client) -> int:
    """Missed cycles after which a subscription has stopped."""
    return client.settings.subscription_silent_cycles


def term_courses(client: Client) -> dict[str, int]:
    """Deliveries that courses bind to."""
    return dict(client.settings.term_courses)


def same_sales_as_deliveries(at: ClientMonth, rows: pa.Table) -> list[Fault]:
    """A fault where sales or discounts of the subscriptions do not add up to those of all deliveries."""
    deliveries = at.past("subscription_deliveries")
    sums = deliveries.agg(
        sales_jpy=deliveries.sales_jpy.sum().cast("int64"), discount_jpy=deliveries.discount_jpy.sum().cast("int64")
    ).to_pyarrow()
    faults = []
    for amount in ("sales_jpy", "discount_jpy"):
        delivered, held = (pc.sum(table[amount]).as_py() or 0 for table in (sums, rows))
        if delivered != held:
            faults.append(Fault(amount, "sums to the deliveries", 1, (f"{held} instead of {delivered}",)))
    return faults


@client_month_asset(
    Recipe(
        "subscription_rhythms",
        "subscriptions",
        _DELIVERIES,
        settings=term_courses,
    )
)
def subscription_rhythms(at: ClientMonth) -> Any:
    """Days between the deliveries of each course, and the deliveries that it binds to (定期サイクル, まとめて予約)."""
    return reconstructed.learn_rhythms(at.past("subscription_deliveries"), term_courses(at.client)).to_json()


@client_month_asset(
    Recipe(
        "subscription_cycles",
        "subscriptions",
        {**_DELIVERIES, "subscription_rhythms": Reads.SAME_MONTH},
        further_inputs=told_digest,
    )
)
def subscription_cycles(at: ClientMonth) -> pa.Table:
    """The orders of subscriptions at which something shows, from one pass over all deliveries."""
    told = delivered_until(at)[_TOLD]
    return reconstructed.subscription_cycles(at.past("subscription_deliveries"), told, rhythms_of(at))


@client_month_asset(
    Recipe("known_subscription_events", "subscriptions", _CYCLES, settings=silent_cycles, further_inputs=told_digest)
)
def known_subscription_events(at: ClientMonth) -> pa.Table:
    """What happened to subscriptions (3S): delivered events, and what the deliveries tell beyond them (R33)."""
    return reconstructed.known_subscription_events(past_of(at))


@client_month_asset(
    Recipe(
        "subscriptions",
        "subscriptions",
        {**_DELIVERIES, **_CYCLES, "known_subscription_events": Reads.SAME_MONTH},
        settings=silent_cycles,
        further_inputs=told_digest,
    ),
    conserve=same_sales_as_deliveries,
)
def subscriptions(at: ClientMonth) -> pa.Table:
    """How each subscription stands at the as-of date: deliveries, skips, state, next delivery."""
    deliveries, events = at.past("subscription_deliveries"), at.expression("known_subscription_events")
    return reconstructed.subscriptions(deliveries, events, past_of(at))


def repairs_shown(_: ClientMonth, content: Any) -> dict[str, Any]:
    """How often each rule repaired something, for the UI."""
    return {row["rule"]: row["count"] for row in content}


@client_month_asset(
    Recipe("subscription_repairs", "subscriptions", {"subscriptions": Reads.SAME_MONTH}, further_inputs=told_digest),
    describe=repairs_shown,
)
def subscription_repairs(at: ClientMonth) -> Any:
    """Contradictions in deliveries and events of subscriptions: which rule repaired how many, with examples."""
    return reconstructed.repairs_of(at.arrow("subscriptions"), delivered_until(at)[_TOLD])


def rhythms_of(at: ClientMonth) -> reconstructed.Rhythms:
    """The stored rhythms of the courses."""
    return reconstructed.Rhythms.from_json(at.document("subscription_rhythms"))


def past_of(at: ClientMonth) -> reconstructed.Past:
    """What is known of all subscriptions at the month's end."""
    told = delivered_until(at)[_TOLD]
    cycles = at.expression("subscription_cycles")
    return reconstructed.Past(cycles, told, rhythms_of(at), at.as_of, silent_cycles(at.client))
