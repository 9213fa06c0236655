"""Which planted events of subscriptions the orders show, and which other history has the same orders.

A planted subscription is delivered on its beat, to the day, but after a skip (whole cycles later) and after a return
(on any day). So a gap hides its history in six ways only (`HIDDEN`), and in each of them the orders are told as the
plainest history that has them: no event, skips up to the silent cycles, or beyond them a stop and a return.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from typing import NamedTuple

import pyarrow as pa

from crm_platform.demo.house import COURSES

CYCLE_DAYS = {course.name: course.cycle_days for course in COURSES}
HIDDEN = (
    "a return on the beat within the silent cycles: as many skips",
    "a return less than half a cycle late: a late delivery",
    "more skips than the silent cycles: a silent stop and a return",
    "a stop whose silent cycles are not over: nothing yet",
    "skips of a delivery yet to come: nothing yet, or a silent stop",
    "a switch of a delivery yet to come: nothing yet",
)
Events = Counter[tuple[str, str, int]]  # subscription, event, number of the delivery that it followed


class InOrders(NamedTuple):
    """What orders show; per place of `HIDDEN` how many gaps hide something, and by how much events are more or less."""

    shown: Events
    gaps: Counter[int]
    differences: dict[str, Counter[int]]


def in_orders(planted: Events, deliveries: pa.Table, last_on: dt.date, silent_cycles: int) -> InOrders:
    """What the orders of SUBSCRIPTION_DELIVERIES (with planted cycle numbers) show of what was planted."""
    columns = (deliveries[name].to_pylist() for name in ("subscription_id", "cycle_no", "ordered_on", "course"))
    orders = {(who, number): (on, CYCLE_DAYS[course]) for who, number, on, course in zip(*columns, strict=True)}
    happened: dict[tuple[str, int], Counter[str]] = defaultdict(Counter)
    for (subscription, event, number), times in planted.items():
        happened[subscription, number][event] += times
    shown: Events = Counter()
    gaps: Counter[int] = Counter()
    differences: dict[str, Counter[int]] = defaultdict(Counter)
    for (subscription, number), events in happened.items():
        former, following = orders.get((subscription, number)), orders.get((subscription, number + 1))
        if former is None:
            read, how = events, None  # the start, before the first delivery
        elif following is None:
            read, how = _open((last_on - former[0]).days / former[1], events, silent_cycles)
        else:
            read, how = _ended((following[0] - former[0]).days / following[1], events, silent_cycles)
        shown.update({(subscription, event, number): times for event, times in read.items()})
        if how is not None:
            gaps[how] += 1
            for event in {*read, *events}:
                differences[event][how] += read[event] - events[event]
    return InOrders(+shown, gaps, differences)


def _ended(cycles: float, events: Counter[str], silent_cycles: int) -> tuple[Counter[str], int | None]:
    """A gap of so many cycles between two deliveries: what its orders show, and how that hides what happened."""
    kept = Counter({"switch": events["switch"]})
    if events["stop"]:
        if cycles == int(cycles) and 1 < cycles <= silent_cycles + 1:
            return kept + Counter(skip=int(cycles) - 1), 0
        return (kept, 1) if cycles < 1.5 else (events, None)
    if events["skip"] > silent_cycles:
        return kept + Counter(stop=1, resume=1), 2
    return events, None


def _open(cycles: float, events: Counter[str], silent_cycles: int) -> tuple[Counter[str], int | None]:
    """The same of the cycles since the last delivery."""
    is_silent = cycles >= silent_cycles + 0.5
    if events["stop"]:
        return (events, None) if is_silent else (Counter(), 3)
    if events["skip"]:
        return Counter(stop=int(is_silent)), 4
    return Counter(), 5 if events["switch"] else None
