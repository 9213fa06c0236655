"""Skip, switch, stop and resume by month, cycle, course, product and medium (定期の3S, R33)."""

from __future__ import annotations

import ibis
import pyarrow as pa
from ibis import _

from crm_platform.diagnosis.rows import yen_sum
from crm_platform.tables.three_s import THREE_S_MONTHS
from crm_platform.two_track.three_s.delivered_cycles import NO_NAME, KnownPast, described_cycles, numbered_cycles

_KEY = THREE_S_MONTHS.key
_COUNTS = tuple(name for name in THREE_S_MONTHS.names if name not in _KEY)
_EVENTS = {"skips": "skip", "switches": "switch", "stops": "stop", "resumes": "resume"}


def three_s_months(past: KnownPast) -> pa.Table:
    """THREE_S_MONTHS as known at `past.as_of`: each known event but the starts once, each cycle once (R33)."""
    parts = [_counted(part.in_numbers()).to_pyarrow() for part in past.in_parts()]
    every = ibis.memtable(pa.concat_tables(parts))
    both = every.group_by(*_KEY).agg(**{name: _[name].sum().cast("int64") for name in _COUNTS})
    return THREE_S_MONTHS.cast(both.order_by(*_KEY).to_pyarrow())


def _counted(past: KnownPast) -> ibis.Table:
    cycles = numbered_cycles(past)
    return _of_cycles(described_cycles(cycles, past)).union(_beside_the_data(past, cycles))


def _of_cycles(cycles: ibis.Table) -> ibis.Table:
    keyed = cycles.mutate(month=cycles.ordered_on.truncate("M").cast("date"))
    over = keyed.is_over
    sums = keyed.group_by(*_KEY).agg(
        deliveries=_.count(),
        sales_jpy=yen_sum(_.sales_jpy),
        **{name: _[name].sum() for name in _EVENTS},
        at_risk=keyed.count(where=over),
        skipped=keyed.count(where=over & (keyed.skips > 0)),
        switched=keyed.count(where=over & (keyed.switches > 0)),
        stopped=keyed.count(where=over & (keyed.stops > 0)),
        first_at_risk=keyed.count(where=over & keyed.is_first),
        first_stopped=keyed.count(where=over & keyed.is_first & (keyed.stops > 0)),
    )
    return _typed(sums)


def _beside_the_data(past: KnownPast, cycles: ibis.Table) -> ibis.Table:
    """Events after a delivery that lies before the data, or is known by its credit only: counted, nobody at risk."""
    told = past.events.filter(_.event != "start")
    strange = told.anti_join(cycles, ["subscription_id", "cycle_no"])
    known = past.subscriptions.select("subscription_id", "product_id", "media_id", last_course="course")
    joined = strange.inner_join(known, "subscription_id")
    keyed = joined.mutate(
        month=joined.occurred_on.truncate("M").cast("date"),
        course=ibis.coalesce(joined.from_course, joined.to_course, joined.last_course, NO_NAME),
        media_id=joined.media_id.fill_null(NO_NAME),
    )
    zero = {name: ibis.literal(0, "int64") for name in _COUNTS if name not in _EVENTS}
    events = {name: keyed.count(where=keyed.event == kind) for name, kind in _EVENTS.items()}
    return _typed(keyed.group_by(*_KEY).agg(**events).mutate(**zero))


def _typed(rows: ibis.Table) -> ibis.Table:
    typed = rows.select(*_KEY, **{name: rows[name].cast("int64") for name in _COUNTS})
    return typed.cast({name: kind(nullable=True) for name, kind in typed.schema().items()})
