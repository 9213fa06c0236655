"""The subscribers of a made-up client, from its order lines to what the targets read, without an orchestrator."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import replace

import ibis
import pyarrow as pa

from crm_platform import facts
from crm_platform.clients import Settings
from crm_platform.demo import make_demo
from crm_platform.demo.made import Demo
from crm_platform.two_track.targets import KnownSubscribers
from crm_platform_tests.oracles.known_subscriptions import subscriptions_of

SILENT_CYCLES = Settings().subscription_silent_cycles


def subscribers_of_demo(
    customers: int, seed: int, months: int = 60, *, with_events: bool = True
) -> tuple[Demo, KnownSubscribers]:
    """A demo and its subscribers as known on its last day; without events, what the deliveries tell."""
    demo = make_demo(customers, seed, months)
    told = demo.tables["subscription_events"]
    return demo, known_subscribers(demo.tables, told if with_events else told.slice(0, 0), demo.last_month.last_day)


def with_drifting_prices(known: KnownSubscribers, from_on: dt.date, rate_per_year: float) -> KnownSubscribers:
    """The same purchases at prices that rise by `rate_per_year` a year, those of `from_on` being as they were."""
    years = known.days.day.delta(ibis.literal(from_on), unit="day").cast("float64") / 365.25
    factor = (years * math.log1p(rate_per_year)).exp()
    money = [name for name in known.days.columns if name.endswith("_jpy")]
    told = {name: (known.days[name] * factor).round().cast(known.days[name].type()) for name in money}
    return replace(known, days=known.days.mutate(**told))


def known_subscribers(tables: dict[str, pa.Table], told: pa.Table, as_of: dt.date) -> KnownSubscribers:
    """What is known at `as_of`, the last day of `tables` (ORDER_LINES, PRODUCTS, MEDIA), and the events `told`."""
    lines = facts.described_lines(ibis.memtable(tables["order_lines"]))
    days, deliveries = (
        ibis.memtable(make(lines).to_pyarrow()) for make in (facts.customer_days, facts.subscription_deliveries)
    )
    events, rows = subscriptions_of(deliveries, told, as_of)
    return KnownSubscribers.at(
        days,
        ibis.memtable(rows),
        ibis.memtable(events),
        ibis.memtable(tables["products"]),
        ibis.memtable(tables["media"]),
        as_of,
        SILENT_CYCLES,
    )
