"""Subscriptions that all stop, skip and switch by the planted rates alone (no frailty), as the platform reads them."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass

import ibis
import numpy as np
import pyarrow as pa

from crm_platform.demo.contracts import EVENTS, NEVER, ContractHistory, Contracts, run_contracts
from crm_platform.demo.house import COURSES, STOP_REASONS
from crm_platform.history.subscriptions import (
    Past,
    known_subscription_events,
    learn_rhythms,
    subscription_cycles,
    subscriptions,
)
from crm_platform.tables import TABLES
from crm_platform.two_track.three_s import KnownPast, Subscribers

FIRST = dt.date(2021, 1, 1)
SILENT_CYCLES = 2
DELIVERY_JPY = 4_000


@dataclass(frozen=True)
class SimulatedContracts:
    """What happened, and the tables known on `as_of`."""

    history: ContractHistory
    deliveries: pa.Table
    events: pa.Table
    subscriptions: pa.Table
    cycles: pa.Table
    as_of: dt.date

    def past(self) -> KnownPast:
        """What the 3S read."""
        tables = (self.deliveries, self.subscriptions, self.events)
        return KnownPast(*map(ibis.memtable, tables), self.as_of, SILENT_CYCLES)

    def others(self) -> Subscribers:
        """Nobody bought before, or anything else."""
        history = self.subscriptions.select(["customer_id", "started_on"]).rename_columns(
            ["customer_id", "first_purchased_on"]
        )
        return Subscribers(ibis.memtable(history), ibis.memtable(TABLES["customer_days"].empty()))


@dataclass(frozen=True)
class PlantedContracts:
    """What happened to contracts by `as_of`: SUBSCRIPTION_DELIVERIES, SUBSCRIPTION_EVENTS."""

    history: ContractHistory
    deliveries: pa.Table
    told: pa.Table
    as_of: dt.date

    def planted(self) -> Counter[tuple[str, str, int]]:
        """Every event: subscription, kind, the delivery that it followed."""
        after = self.history.events.after_delivery.tolist()
        return Counter(
            zip(self.told["subscription_id"].to_pylist(), self.told["event"].to_pylist(), after, strict=True)
        )


def draw_contracts(seed: int, count: int, days: int) -> SimulatedContracts:
    """Contracts that begin on any day but the last 60, in the demo's courses; each of another customer."""
    drawn = plant_contracts(seed, count, days)
    deliveries, told, as_of = drawn.deliveries, drawn.told, drawn.as_of
    held = ibis.memtable(deliveries)
    rhythms = learn_rhythms(held, {})
    cycles = subscription_cycles(held, told, rhythms)
    past = Past(ibis.memtable(cycles), told, rhythms, as_of, SILENT_CYCLES)
    events = known_subscription_events(past)
    rows = subscriptions(held, ibis.memtable(events), past)
    return SimulatedContracts(drawn.history, deliveries, events, rows, cycles, as_of)


def plant_contracts(seed: int, count: int, days: int) -> PlantedContracts:
    """The same before anything is made of it."""
    rng = np.random.default_rng([seed, 3])
    start = np.sort(rng.integers(0, days - 60, count))
    course = rng.choice(len(COURSES), count, p=[one.share for one in COURSES])
    zero = np.zeros(count, dtype=np.int64)
    never = np.full(count, NEVER, dtype=np.int64)
    contracts = Contracts(np.arange(count), start, zero, course, np.ones(count), zero, never)
    history = run_contracts(contracts, days - 1, rng)
    return PlantedContracts(history, _deliveries(history), _told(history), FIRST + dt.timedelta(days - 1))


def _deliveries(history: ContractHistory) -> pa.Table:
    found = history.deliveries
    rows = len(found.contract)
    days = _dates(found.day)
    names = np.array([course.name for course in COURSES], dtype=object)
    return TABLES["subscription_deliveries"].from_columns(
        {
            "month": days.astype("datetime64[M]").astype("datetime64[D]"),
            "subscription_id": _ids("T", found.contract),
            "order_id": [f"O{number:07d}" for number in range(rows)],
            "customer_id": _ids("C", found.contract),
            "ordered_on": days,
            "shipped_on": days,
            "cycle_no": found.number,
            "course": pa.array(names[found.course], pa.string()),
            "product_id": pa.array(["P"] * rows),
            "quantity": np.ones(rows, dtype=np.int64),
            **{name: np.full(rows, DELIVERY_JPY, dtype=np.int64) for name in ("ordered_jpy", "sales_jpy")},
            "discount_jpy": np.zeros(rows, dtype=np.int64),
            "media_id": pa.array(["M"] * rows),
            **{name: np.ones(rows, dtype=bool) for name in ("is_order", "stands")},
        }
    )


def _told(history: ContractHistory) -> pa.Table:
    found = history.events
    names = np.array([*(course.name for course in COURSES), None], dtype=object)
    return TABLES["subscription_events"].from_columns(
        {
            "subscription_id": _ids("T", found.contract),
            "customer_id": _ids("C", found.contract),
            "event": pa.array(np.array(EVENTS, dtype=object)[found.event], pa.string()),
            "occurred_on": _dates(found.day),
            "from_course": pa.array(names[found.from_course], pa.string()),
            "to_course": pa.array(names[found.to_course], pa.string()),
            "reason_code": pa.array(np.array([*STOP_REASONS, None], dtype=object)[found.reason], pa.string()),
        }
    )


def _dates(day: np.ndarray) -> np.ndarray:
    return np.datetime64(FIRST) + day.astype("timedelta64[D]")


def _ids(letter: str, numbers: np.ndarray) -> list[str]:
    return [f"{letter}{number:06d}" for number in numbers]
