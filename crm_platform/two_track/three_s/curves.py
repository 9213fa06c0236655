"""Continuation by course and by product (継続率): curves, their forecast, deliveries left and what they are worth."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ibis
import numpy as np
from ibis import _

from crm_platform.diagnosis.rows import rows
from crm_platform.two_track.three_s.delivered_cycles import NO_NAME
from crm_platform.two_track.three_s.deliveries_left import Course, course_of
from crm_platform.two_track.three_s.life_table import LifeTable, kaplan_meier

CURVE_MONTHS = 24  # whose deliveries tell how subscriptions go on today, whenever these began
LIFETIME_DAYS = 1095  # a lifetime is counted for three years: beyond lies no data
HALF_YEAR_DAYS = 182
LAST_CYCLE = 60  # later ones are counted with it
_LEAST_AT_RISK = 300  # deliveries at risk before a course or product has a curve of its own
_DIGITS = 10


@dataclass(frozen=True)
class Group:
    """A course or a product (`of`), or all (`name` is None), with the days of a cycle and the 売上 of a delivery."""

    of: str
    name: str | None
    table: LifeTable
    cycle_days: float
    delivery_jpy: float
    continuing: Mapping[int, int]  # subscriptions by the number of their last delivery


def continuation_curves(months: ibis.Table, subscriptions: ibis.Table, as_of: dt.date) -> dict[str, Any] | None:
    """Curves of all subscriptions, per course and per product, as plain JSON; None where no cycle is over.

    Args:
        months: THREE_S_MONTHS as known at `as_of`; the deliveries of its last CURVE_MONTHS make a period life table:
            after each delivery those who stopped of those at risk, until their first stop; who switches the course
            leaves one group's table and enters the other's.
        subscriptions: SUBSCRIPTIONS at `as_of`.
        as_of: the day up to which everything is known.

    Returns:
        `first_month`, `groups`: see `_told`; the first is all.
    """
    first_month = _first_month(as_of)
    facts = _facts(months.filter(months.month >= first_month))
    if not sum(row["first_at_risk"] for row in facts):
        return None
    held = _held(subscriptions)
    groups = [_group("all", None, facts, held)]
    for of, column in (("course", "course"), ("product", "product_id")):
        names = sorted({row[column] for row in facts})
        if len(names) > 1 or names != [NO_NAME]:
            groups += [
                _group(of, name, *([r for r in part if r[column] == name] for part in (facts, held))) for name in names
            ]
    told = [found for group in groups if (found := _told(group))]
    return {"first_month": first_month.isoformat(), "groups": told} if told else None


def left_by_cycle(document: Mapping[str, Any], course: str | None) -> tuple[Sequence[float], float]:
    """Deliveries to expect in six months after delivery 1, 2, 3 … of a course (else of all), and a delivery's 売上."""
    found = {row["name"]: row for row in document["groups"] if row["of"] in ("all", "course")}
    group = found.get(course) or found[None]
    return group["left_half_year"], group["delivery_jpy"]


def _first_month(as_of: dt.date) -> dt.date:
    months = as_of.year * 12 + as_of.month - CURVE_MONTHS
    return dt.date(months // 12, months % 12 + 1, 1)


def _facts(months: ibis.Table) -> list[dict[str, Any]]:
    cycle_no = ibis.least(months.cycle_no, LAST_CYCLE)
    summed = months.group_by("course", "product_id", cycle_no=cycle_no).agg(
        **{name: _[name].sum() for name in ("first_at_risk", "first_stopped", "deliveries", "sales_jpy")}
    )
    return rows(summed.order_by("course", "product_id", "cycle_no"))


def _held(subscriptions: ibis.Table) -> list[dict[str, Any]]:
    """Per course, product and last cycle: continuing subscriptions; with the days of a cycle."""
    named = subscriptions.mutate(course=subscriptions.course.fill_null(NO_NAME))
    last_no = ibis.least(named.last_cycle_no, LAST_CYCLE)
    held = named.group_by("course", "product_id", last_no=last_no).agg(
        continuing=_.count(where=_.state == "continuing"),
        subscriptions=_.count(),
        cycle_days=(_.cycle_days * 1000).round().cast("int64").sum(),
    )
    return rows(held.order_by("course", "product_id", "last_no"))


def _where(found: list[dict[str, Any]], column: str, name: str) -> list[dict[str, Any]]:
    return [row for row in found if row[column] == name]


def _group(of: str, name: str | None, facts: list[dict[str, Any]], held: list[dict[str, Any]]) -> Group:
    at_risk, stopped = np.zeros(LAST_CYCLE), np.zeros(LAST_CYCLE)
    for row in facts:
        if row["cycle_no"] >= 1:
            at_risk[row["cycle_no"] - 1] += row["first_at_risk"]
            stopped[row["cycle_no"] - 1] += row["first_stopped"]
    continuing: dict[int, int] = {}
    for row in held:
        continuing[row["last_no"]] = continuing.get(row["last_no"], 0) + row["continuing"]
    people, deliveries = sum(row["subscriptions"] for row in held), sum(row["deliveries"] for row in facts)
    cycle_days = sum(row["cycle_days"] for row in held) / 1000 / people if people else 30.0
    delivery_jpy = sum(row["sales_jpy"] for row in facts) / deliveries if deliveries else 0.0
    return Group(of, name, LifeTable(at_risk, stopped), cycle_days, max(delivery_jpy, 0.0), continuing)


def _told(group: Group) -> dict[str, Any] | None:
    """A group as plain JSON; None where too few are at risk for a curve of its own.

    `cycles` (number, at_risk, stopped, rate with low and high: 継続率; forecast_rate), `basis`, `fit_chance`, alpha
    and beta with intervals; `lifetime`: deliveries of a new subscription in three years; `left`: deliveries to expect
    of the continuing ones in three years, together; `left_jpy`: their 売上; `left_half_year`: by delivery.
    """
    if group.of != "all" and group.table.at_risk.sum() < _LEAST_AT_RISK:
        return None
    course = course_of(group.table)
    if course is None:
        return None
    within = round(LIFETIME_DAYS / group.cycle_days)
    lifetime = course.left(1, within - 1)
    people = np.array([group.continuing.get(number, 0) for number in range(1, LAST_CYCLE + 1)], dtype=np.float64)
    left = float((course.all_left(within, LAST_CYCLE) * people).sum())
    share = _error_share(course, people, within)
    half_year = max(round(HALF_YEAR_DAYS / group.cycle_days), 1)
    return {
        "of": group.of,
        "name": group.name,
        "cycle_days": _rounded(group.cycle_days),
        "delivery_jpy": _rounded(group.delivery_jpy),
        "basis": course.basis,
        "observed_cycles": course.observed,
        **_model(course),
        "cycles": _cycles(course),
        "lifetime": [_rounded(1 + value) for value in (lifetime.value, max(lifetime.low, 0.0), lifetime.high)],
        "continuing": int(people.sum()),
        "left": _rounded(left),
        "left_jpy": [round(left * group.delivery_jpy * factor) for factor in (1, max(1 - share, 0), 1 + share)],
        "left_half_year": [_rounded(value) for value in course.all_left(half_year, LAST_CYCLE)],
    }


def _error_share(course: Course, people: np.ndarray, within: int) -> float:
    """Half the 95 % interval of the deliveries left as a share of them: that of the delivery at which most stand."""
    if not people.any():
        return 0.0
    left = course.left(int(np.searchsorted(np.cumsum(people), people.sum() / 2)) + 1, within)
    return (left.high - left.value) / left.value if left.value else 0.0


def _model(course: Course) -> dict[str, Any]:
    if course.model is None:
        return {"alpha": None, "beta": None, "fit_chance": None}
    found = course.model.intervals()
    values = {"alpha": course.model.alpha, "beta": course.model.beta}
    told = {name: [_rounded(value), *map(_rounded, found[name])] for name, value in values.items()}
    chance = course.model.fit_chance
    return {**told, "fit_chance": None if chance is None else _rounded(chance)}


def _cycles(course: Course) -> list[dict[str, Any]]:
    """The curve within the cycles that 30 or more were at risk in."""
    seen = course.table.first(course.observed)
    forecast = np.cumprod(1 - course.hazards(course.observed))
    return [
        {
            "cycle_no": point.cycle_no,
            "at_risk": int(seen.at_risk[point.cycle_no - 1]),
            "stopped": int(seen.stopped[point.cycle_no - 1]),
            "rate": _rounded(point.rate),
            "low": _rounded(point.low),
            "high": _rounded(point.high),
            "forecast_rate": _rounded(float(forecast[point.cycle_no - 1])),
        }
        for point in kaplan_meier(seen)
    ]


def _rounded(value: float) -> float:
    """In ten digits: those after them are the noise of sums in another order."""
    return float(f"{value:.{_DIGITS}g}")
