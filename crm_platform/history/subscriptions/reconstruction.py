"""Known events and states of all subscriptions, from the cycles at which something about them shows."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import ibis
import pyarrow as pa
import pyarrow.compute as pc
from ibis import _

from crm_platform.history.subscriptions.cycles import subscription_orders
from crm_platform.history.subscriptions.derived import derived_events
from crm_platform.history.subscriptions.rhythms import Rhythms
from crm_platform.history.subscriptions.silences import silences
from crm_platform.history.subscriptions.states import CYCLE_RULES, states_of
from crm_platform.history.subscriptions.sums import sums_of
from crm_platform.history.subscriptions.together import together
from crm_platform.history.subscriptions.told import TOLD_RULES, day_place, judged_events
from crm_platform.tables.subscriptions import KNOWN_SUBSCRIPTION_EVENTS, SUBSCRIPTIONS

REPAIR_RULES = (*CYCLE_RULES, *TOLD_RULES, "event_without_delivery")
_EXAMPLES = 3


@dataclass(frozen=True, eq=False)
class Past:
    """What is known of all subscriptions at a day, before it is read as events.

    `cycles`: SUBSCRIPTION_CYCLES. `told`: SUBSCRIPTION_EVENTS delivered up to the day. `rhythms`: see `learn_rhythms`.
    `as_of`: the day up to which everything is known. `silent_cycles`: the client's setting
    `subscription_silent_cycles`.
    """

    cycles: ibis.Table
    told: pa.Table
    rhythms: Rhythms
    as_of: dt.date
    silent_cycles: int

    @cached_property
    def told_kinds(self) -> frozenset[str]:
        """The kinds of event that the client delivers."""
        return frozenset(pc.unique(self.told["event"]).to_pylist())

    @cached_property
    def judged(self) -> ibis.Table:
        """See `judged_events`; computed once and held."""
        names = {rhythm.name for rhythm in self.rhythms.courses}
        return judged_events(ibis.memtable(self.told), self.cycles, self.silent_cycles, names).cache()

    @cached_property
    def gaps(self) -> ibis.Table:
        """See `silences`; computed once and held."""
        known = self.cycles, self.judged, self.rhythms.table(), self.as_of, self.silent_cycles
        return silences(*known, self.told_kinds.isdisjoint({"skip", "stop", "resume"})).cache()


def known_subscription_events(past: Past) -> pa.Table:
    """KNOWN_SUBSCRIPTION_EVENTS as of a day: delivered events, and what the deliveries tell beyond them (3S, R33).

    A delivered event stands unless it contradicts the others (`told.TOLD_RULES`). Derived are: the start (first order);
    a skip per missed cycle of a gap (so many in a row are so many skips), up to `silent_cycles` of them; beyond them,
    or where the gap is no whole number of cycles (see `silences`), a silent stop and a resume; at the end a silent stop
    once `silent_cycles` cycles were missed, dated on the day on which the next delivery was due; a switch where the
    course changes, or the product for good. Skips and switches are derived only where the client delivers none at all.
    """
    derived = derived_events(past.cycles, past.judged, past.gaps, past.told_kinds)
    derived = derived.mutate(reason_code=ibis.null("string"), source=ibis.literal("derived"))
    events = together(_delivered(past.judged), derived)
    people = past.cycles.group_by("subscription_id").agg(customer_id=_.customer_id.min())
    events = events.inner_join(people, "subscription_id")
    order = ibis.window(
        group_by="subscription_id", order_by=[events.occurred_on, day_place(events), events.cycle_no, events.source]
    )
    numbered = events.mutate(event_no=ibis.row_number().over(order) + 1)
    return KNOWN_SUBSCRIPTION_EVENTS.cast(_nullable(numbered.select(*KNOWN_SUBSCRIPTION_EVENTS.names).to_pyarrow()))


def subscriptions(deliveries: ibis.Table, events: ibis.Table, past: Past) -> pa.Table:
    """SUBSCRIPTIONS as of a day: the state after the last known event, exactly one row per subscription.

    売上 and discounts add up to those of all deliveries.

    Args:
        deliveries: SUBSCRIPTION_DELIVERIES of every month up to the as-of date.
        events: KNOWN_SUBSCRIPTION_EVENTS as of it.
        past: what they were made from.
    """
    sums = ibis.memtable(sums_of(deliveries, subscription_orders(past.cycles)))
    states = states_of(sums, past.cycles, past.judged, events, past.rhythms.table(), past.as_of)
    return SUBSCRIPTIONS.cast(_nullable(states.select(*SUBSCRIPTIONS.names).to_pyarrow()))


def repairs_of(rows: pa.Table, told: pa.Table) -> list[dict[str, Any]]:
    """How often each rule repaired something, and the first subscriptions: `rule`, `count`, `examples`.

    Args:
        rows: SUBSCRIPTIONS, whose `repairs` are summed.
        told: delivered events; those of subscriptions without a delivery are left out (`event_without_delivery`).
    """
    found: dict[str, tuple[int, list[str]]] = {}
    noted = rows.filter(pc.is_valid(rows["repairs"])).select(["subscription_id", "repairs"])
    for row in noted.to_pylist():
        for note in row["repairs"].split("; "):
            rule, number = note.rsplit(" ", 1)
            count, examples = found.get(rule, (0, []))
            found[rule] = (count + int(number), [*examples, row["subscription_id"]][:_EXAMPLES])
    strange = told.filter(
        pc.invert(pc.is_in(told["subscription_id"], value_set=rows["subscription_id"].combine_chunks()))
    )
    if strange.num_rows:
        examples = sorted(pc.unique(strange["subscription_id"]).to_pylist())[:_EXAMPLES]
        found["event_without_delivery"] = (strange.num_rows, examples)
    return [{"rule": rule, "count": count, "examples": examples} for rule, (count, examples) in sorted(found.items())]


def _delivered(judged: ibis.Table) -> ibis.Table:
    """Delivered events that stand, in the columns of KNOWN_SUBSCRIPTION_EVENTS."""
    kept = judged.filter(_.is_kept)
    return kept.select(
        "subscription_id",
        "event",
        "occurred_on",
        cycle_no=ibis.ifelse(kept.event == "start", 0, kept.place + kept.before).cast("int64"),
        from_course=kept.from_course,
        to_course=kept.to_course,
        from_product_id=ibis.null("string"),
        to_product_id=ibis.null("string"),
        reason_code=kept.reason_code,
        source=ibis.literal("delivered"),
    )


def _nullable(rows: pa.Table) -> pa.Table:
    return rows.cast(pa.schema([field.with_nullable(True) for field in rows.schema]))
