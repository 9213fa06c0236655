"""Subscriptions as they run: deliveries, and the events start, skip, switch, stop, resume (定期の3S, R33)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from crm_platform.demo.draws import Flags, Real, Whole, pick
from crm_platform.demo.house import (
    COURSES,
    DECLINED_STOP_FACTOR,
    LAPSE_POINT_HAZARD,
    LAPSE_POINT_ORDER,
    RESUME_RATE,
    SKIP_RATE,
    STOP_AFTER_SKIP_FACTOR,
    STOP_HAZARD,
    STOP_REASON_SHARES_EARLY,
    STOP_REASON_SHARES_LATE,
    SWITCH_RATE,
    TERM_STOP_HAZARD,
)

EVENTS = ("start", "skip", "switch", "stop", "resume")
START, SKIP, SWITCH, STOP, RESUME = range(5)
NEVER = np.iinfo(np.int64).max // 4
_CYCLE_DAYS = np.array([course.cycle_days for course in COURSES], dtype=np.int64)
_TERM = np.array([course.term_deliveries for course in COURSES], dtype=np.int64)
_FREE_COURSES = np.flatnonzero(_TERM == 1).astype(np.int64)


@dataclass(frozen=True)
class Contracts:
    """One element per contract: customer, first day, product, first course, and frailty (1 = the planted hazard).

    `orders_before` is 1 where a trial or one-off order brought the customer, 0 where the contract did; from
    `declines_on` on, DECLINED_STOP_FACTOR times the hazard holds (NEVER: it does not).
    """

    customer: Whole
    first_day: Whole
    product: Whole
    course: Whole
    frailty: Real
    orders_before: Whole
    declines_on: Whole


@dataclass(frozen=True)
class Deliveries:
    """One element per delivery that is ordered: contract, day, number within the contract (定期回数), course."""

    contract: Whole
    day: Whole
    number: Whole
    course: Whole


@dataclass(frozen=True)
class Events:
    """One element per event, sorted by contract and day. `reason` is a position in STOP_REASONS, -1 where none."""

    contract: Whole
    event: Whole
    day: Whole
    from_course: Whole
    to_course: Whole
    reason: Whole
    after_delivery: Whole


@dataclass(frozen=True)
class ContractHistory:
    """All that happened to the contracts; `ended_on` is NEVER where a contract still runs on the last day."""

    deliveries: Deliveries
    events: Events
    ended_on: Whole


@dataclass
class _Running:
    """The contracts that still run, at their next delivery."""

    contract: Whole
    due: Whole
    course: Whole
    frailty: Real
    orders_before: Whole
    declines_on: Whole
    since_course: Whole  # deliveries since the course was taken
    skipped: Flags  # whether the customer skipped just before this delivery

    def keep(self, chosen: Flags) -> _Running:
        return _Running(**{name: values[chosen] for name, values in vars(self).items()})


@dataclass
class _Log:
    deliveries: list[tuple[Whole, ...]] = field(default_factory=list)
    events: list[tuple[Whole, ...]] = field(default_factory=list)

    def event(
        self, kind: int, contract: Whole, day: Whole, courses: tuple[Whole, Whole], reason: Whole, number: int
    ) -> None:
        same = np.full(len(contract), kind, dtype=np.int64)
        self.events.append((contract, same, day, *courses, reason, np.full(len(contract), number, dtype=np.int64)))


def run_contracts(contracts: Contracts, last_day: int, rng: np.random.Generator) -> ContractHistory:
    """Run every contract from its first delivery to its end or to `last_day`, all contracts one delivery at a time."""
    count = len(contracts.customer)
    log, ended_on = _Log(), np.full(count, NEVER, dtype=np.int64)
    running = _Running(
        np.arange(count), contracts.first_day.copy(), contracts.course.copy(), contracts.frailty.copy(),
        contracts.orders_before.copy(), contracts.declines_on.copy(), np.zeros(count, dtype=np.int64),
        np.zeros(count, dtype=bool),
    )  # fmt: skip
    none = np.full(count, -1, dtype=np.int64)
    log.event(START, running.contract, running.due, (none, contracts.course), none, 0)
    number = 0
    while len(running.contract):
        number += 1
        log.deliveries.append((running.contract, running.due, np.full_like(running.due, number), running.course))
        running.since_course = running.since_course + 1
        stopping = rng.random(len(running.contract)) < _stop_chance(running, number)
        resumed = _stop(running.keep(stopping), number, last_day, rng, log, ended_on)
        staying = _go_on(running.keep(~stopping), number, rng, log)
        running = _joined(staying, resumed)
        running = running.keep(running.due <= last_day)
    return ContractHistory(_deliveries(log), _events(log, last_day), ended_on)


def _stop_chance(running: _Running, number: int) -> Real:
    """Chance to stop after this delivery: planted hazard, individual frailty, and a warning skip before it."""
    term = _TERM[running.course]
    at_lapse_point = running.orders_before + number == LAPSE_POINT_ORDER
    free = np.where(at_lapse_point, LAPSE_POINT_HAZARD, STOP_HAZARD[min(number, len(STOP_HAZARD)) - 1])
    hazard = np.where(term == 1, free, np.where(running.since_course % term == 0, TERM_STOP_HAZARD, 0.0))
    declined = np.where(running.due >= running.declines_on, DECLINED_STOP_FACTOR, 1.0)
    strength = declined * running.frailty * np.where(running.skipped, STOP_AFTER_SKIP_FACTOR, 1.0)
    return 1 - (1 - hazard) ** strength


def _stop(
    leaving: _Running, number: int, last_day: int, rng: np.random.Generator, log: _Log, ended_on: Whole
) -> _Running:
    """Write the stops; hand back those who will resume, due on the day of their return."""
    count = len(leaving.contract)
    stopped_on = leaving.due + rng.integers(10, 21, count)
    reason = pick(rng, STOP_REASON_SHARES_EARLY if number == 1 else STOP_REASON_SHARES_LATE, count)
    none = np.full(count, -1, dtype=np.int64)
    log.event(STOP, leaving.contract, stopped_on, (leaving.course, none), reason, number)
    returning = rng.random(count) < RESUME_RATE
    back_on = stopped_on + 45 + rng.exponential(90, count).astype(np.int64)
    gone = (~returning | (back_on > last_day)) & (stopped_on <= last_day)
    ended_on[leaving.contract[gone]] = stopped_on[gone]
    log.event(RESUME, leaving.contract[returning], back_on[returning], (none[returning], leaving.course[returning]),
              none[returning], number)  # fmt: skip
    leaving.due, leaving.skipped = back_on, np.zeros(count, dtype=bool)
    return leaving.keep(returning)


def _go_on(staying: _Running, number: int, rng: np.random.Generator, log: _Log) -> _Running:
    """Those who stay: some switch their course (free courses, or at the end of a term), some skip cycles."""
    count = len(staying.contract)
    none = np.full(count, -1, dtype=np.int64)
    delivered = staying.due
    at_choice = staying.since_course % _TERM[staying.course] == 0
    switching = at_choice & (rng.random(count) < np.where(_TERM[staying.course] > 1, 0.25, SWITCH_RATE))
    other = _another_course(staying.course, rng)
    log.event(SWITCH, staying.contract[switching], (delivered + rng.integers(1, 9, count))[switching],
              (staying.course[switching], other[switching]), none[switching], number)  # fmt: skip
    course = np.where(switching, other, staying.course)
    since = np.where(switching, 0, staying.since_course)
    cycle = _CYCLE_DAYS[course]
    due = delivered + cycle
    may_skip = _TERM[course] == 1
    chance = np.minimum(SKIP_RATE * staying.frailty, 0.5)
    skipped = np.zeros(count, dtype=bool)
    for _ in range(3):
        skipping = may_skip & (rng.random(count) < chance)
        log.event(SKIP, staying.contract[skipping], (due - rng.integers(3, 9, count))[skipping],
                  (course[skipping], course[skipping]), none[skipping], number)  # fmt: skip
        due, skipped, may_skip = np.where(skipping, due + cycle, due), skipped | skipping, skipping
    return _Running(
        staying.contract, due, course, staying.frailty, staying.orders_before, staying.declines_on, since, skipped
    )


def _another_course(course: Whole, rng: np.random.Generator) -> Whole:
    """A free course other than the present one."""
    choices = len(_FREE_COURSES)
    drawn = rng.integers(0, choices - 1, len(course))
    return np.where(course < choices, (course + 1 + drawn) % choices, _FREE_COURSES[drawn])


def _joined(one: _Running, other: _Running) -> _Running:
    """Both groups, in the order of their contracts."""
    order = np.argsort(np.concatenate([one.contract, other.contract]), kind="stable")
    return _Running(**{name: np.concatenate([values, vars(other)[name]])[order] for name, values in vars(one).items()})


def _columns(parts: Iterable[tuple[Whole, ...]]) -> list[Whole]:
    return [np.concatenate(column).astype(np.int64) for column in zip(*parts, strict=True)]


def _deliveries(log: _Log) -> Deliveries:
    if not log.deliveries:
        return Deliveries(*[np.zeros(0, dtype=np.int64)] * 4)
    return Deliveries(*_columns(log.deliveries))


def _events(log: _Log, last_day: int) -> Events:
    """The events that have happened by the last day, in order."""
    columns = _columns(log.events)
    known = columns[2] <= last_day
    order = np.lexsort((columns[1][known], columns[2][known], columns[0][known]))
    return Events(*[column[known][order] for column in columns])
