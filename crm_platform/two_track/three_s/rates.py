"""Rates of skip, switch and stop over spans of months, at one mix of cycles, with their errors (定期の3S)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ibis
import numpy as np
from ibis import _

from crm_platform.diagnosis.estimates import Estimate
from crm_platform.diagnosis.finding import Unit
from crm_platform.diagnosis.groundwork.cohorts import Cohorts, settled, year_before, year_to
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.rows import rows
from crm_platform.diagnosis.spans import HALF_YEAR_MONTHS, index_column
from crm_platform.diagnosis.trends import trend_of
from crm_platform.diagnosis.verdicts import LEAST_CUSTOMERS
from crm_platform.diagnosis.year_on_year import YearOnYear
from crm_platform.two_track.three_s.delivered_cycles import NO_NAME
from crm_platform.two_track.three_s.life_table import LifeTable

EVENTS = {"skip": "skipped", "switch": "switched", "stop": "stopped"}
COUNTS = {"skip": "skips", "switch": "switches", "stop": "stops", "resume": "resumes"}
LAST_CYCLE = 13  # later deliveries are one class
_KNOWN_SHARE = 0.95  # of a month's deliveries whose cycle is over, before the month is judged
Row = Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class ThreeS:
    """THREE_S_MONTHS by month and cycle (to LAST_CYCLE), the last month that is judged, and the design effects."""

    rows: Sequence[Row]
    last: int
    design_effects: Mapping[str, float]


def three_s_rows(inputs: DiagnosisInputs) -> ThreeS | None:
    """The table in short; None where the client has no subscriptions, or no cycle is over."""
    months, effects = inputs.three_s_months, inputs.three_s_design_effects
    if months is None or effects is None:
        return None
    cycle_no = ibis.least(months.cycle_no, LAST_CYCLE)
    names = ("deliveries", "at_risk", "first_at_risk", "first_stopped", *EVENTS.values(), *COUNTS.values())
    summed = months.group_by(month=index_column(months.month), cycle_no=cycle_no).agg(
        **{name: _[name].sum().cast("int64") for name in names}
    )
    found = rows(summed.order_by("month", "cycle_no"))
    last = _last_judged(found, inputs.closed_index)
    return None if last is None else ThreeS(found, last, effects)


def year_on_year_of(inputs: DiagnosisInputs, known: ThreeS, kind: str) -> YearOnYear:
    """A rate of the judged year beside the year before, and its course, all at the judged year's mix of cycles.

    A house that grows has more first deliveries, after which most stop: at its own mix a rate would rise for that.
    """
    now = year_to(inputs, known.last)
    mix = _mix(known.rows, now)

    def of(span: Cohorts | None) -> Estimate | None:
        return _at_mix(known, span, kind, mix) if span else None

    halves = settled(inputs, known.last, HALF_YEAR_MONTHS)
    odd = halves[1 - len(halves) % 2 :] if halves else []
    unit: Unit = "rate"
    trend = trend_of([(span.month, found) for span in odd if (found := of(span))], unit)
    return YearOnYear(of(now), of(year_before(inputs, known.last)), trend)


def sums_of(known: ThreeS, span: Cohorts | None) -> dict[str, int] | None:
    """Counts of a span; None without one."""
    inside = [row for row in known.rows if span and span.first <= row["month"] <= span.last]
    return {name: sum(row[name] for row in inside) for name in inside[0]} if inside else None


def life_table_of(known: ThreeS, span: Cohorts) -> LifeTable:
    """The period life table of a span: of those who had never stopped, at risk and stopped after each delivery."""
    at_risk, stopped = (_by_cycle(known.rows, span, f"first_{column}") for column in ("at_risk", "stopped"))
    return LifeTable(at_risk[1:LAST_CYCLE], stopped[1:LAST_CYCLE])


def kept(rate: Estimate | None) -> Estimate | None:
    """The share that does not: of it more is better."""
    return Estimate(1 - rate.value, rate.error) if rate else None


def group_rows(inputs: DiagnosisInputs, known: ThreeS) -> list[dict[str, Any]]:
    """Per course, product and medium of the judged year: stops beside those expected after the same deliveries.

    Without a name is who had too few deliveries to be given one, so stops are no wonder there: such rows are left out.
    `of`, `name`, `at_risk`, `stops`, `stop_rate`, `expected_rate`, `errors`: how many standard errors it lies above.
    """
    months, span = inputs.three_s_months, year_to(inputs, known.last)
    if months is None:
        return []
    inside = months.filter(index_column(months.month).between(span.first, span.last) & (months.at_risk > 0))
    cycle_no = ibis.least(inside.cycle_no, LAST_CYCLE)
    hazard = _hazards(known, span)
    found = []
    for of, column in (("course", "course"), ("product", "product_id"), ("medium", "media_id")):
        summed = inside.group_by(name=inside[column], cycle_no=cycle_no).agg(
            at_risk=_.at_risk.sum().cast("int64"), stops=_.stopped.sum().cast("int64")
        )
        cells: dict[str, list[Row]] = {}
        for row in rows(summed.order_by("name", "cycle_no")):
            cells.setdefault(row["name"], []).append(row)
        cells.pop(NO_NAME, None)
        found += [_group(of, name, parts, hazard) for name, parts in cells.items() if len(cells) > 1]
    return found


def heat_rows(known: ThreeS, months: int) -> list[tuple[int, int, float]]:
    """(month, cycle, stop rate) of the last judged months, of cycles with 30 or more at risk in the month."""
    return [
        (row["month"], row["cycle_no"], row["stopped"] / row["at_risk"])
        for row in known.rows
        if known.last - months < row["month"] <= known.last
        and row["at_risk"] >= LEAST_CUSTOMERS
        and 1 <= row["cycle_no"] < LAST_CYCLE
    ]


def _last_judged(found: Sequence[Row], closed: int) -> int | None:
    """The last closed month nearly all of whose deliveries have their cycle behind them."""
    deliveries: dict[int, int] = {}
    over: dict[int, int] = {}
    for row in found:
        deliveries[row["month"]] = deliveries.get(row["month"], 0) + row["deliveries"]
        over[row["month"]] = over.get(row["month"], 0) + row["at_risk"]
    known = [m for m, number in deliveries.items() if m <= closed and number and over[m] >= _KNOWN_SHARE * number]
    return max(known, default=None)


def _by_cycle(found: Sequence[Row], span: Cohorts, column: str) -> np.ndarray:
    sums = np.zeros(LAST_CYCLE + 1)
    for row in found:
        if span.first <= row["month"] <= span.last:
            sums[row["cycle_no"]] += row[column]
    return sums


def _mix(found: Sequence[Row], span: Cohorts) -> np.ndarray:
    return _by_cycle(found, span, "at_risk")


def _hazards(known: ThreeS, span: Cohorts) -> np.ndarray:
    at_risk, stopped = (_by_cycle(known.rows, span, column) for column in ("at_risk", "stopped"))
    shares: np.ndarray = np.divide(stopped, at_risk, out=np.zeros(len(at_risk)), where=at_risk > 0)
    return shares


def _at_mix(known: ThreeS, span: Cohorts, kind: str, mix: np.ndarray) -> Estimate | None:
    """Σ mix · rate by cycle, over the cycles that somebody was at risk in (direct standardisation)."""
    at_risk, happened = _by_cycle(known.rows, span, "at_risk"), _by_cycle(known.rows, span, EVENTS[kind])
    there = (at_risk > 0) & (mix > 0)
    if not there.any():
        return None
    weights = mix[there] / mix[there].sum()
    rate = happened[there] / at_risk[there]
    shown = (happened[there] + 2) / (at_risk[there] + 4)
    variance = (weights**2 * shown * (1 - shown) / (at_risk[there] + 4)).sum() * known.design_effects.get(kind, 1.0)
    return Estimate(float((weights * rate).sum()), math.sqrt(variance))


def _group(of: str, name: str, parts: Sequence[Row], hazard: np.ndarray) -> dict[str, Any]:
    at_risk, stops = sum(row["at_risk"] for row in parts), sum(row["stops"] for row in parts)
    expected = sum(row["at_risk"] * hazard[row["cycle_no"]] for row in parts)
    variance = sum(row["at_risk"] * hazard[row["cycle_no"]] * (1 - hazard[row["cycle_no"]]) for row in parts)
    return {
        "of": of,
        "name": name,
        "at_risk": at_risk,
        "stops": stops,
        "stop_rate": stops / at_risk,
        "expected_rate": float(expected / at_risk),
        "errors": float((stops - expected) / math.sqrt(variance)) if variance > 0 else 0.0,
    }
