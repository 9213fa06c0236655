"""Skip, switch, stop and resume by month, cycle, course, product and medium (定期の3S, R33)."""

from __future__ import annotations

import ibis
import pyarrow as pa
from ibis import _

from crm_platform.diagnosis.rows import yen_sum
from crm_platform.tables.three_s import THREE_S_MONTHS
from crm_platform.two_track.three_s.counted_cycles import CountedCycles, counted_cycles
from crm_platform.two_track.three_s.delivered_cycles import NO_NAME, KnownPast

_KEY = THREE_S_MONTHS.key
_COUNTS = tuple(name for name in THREE_S_MONTHS.names if name not in _KEY)
_EVENTS = {"skips": "skip", "switches": "switch", "stops": "stop", "resumes": "resume"}


def three_s_months(past: KnownPast, cycles: ibis.Table) -> pa.Table:
    """THREE_S_MONTHS as known at `past.as_of`: each known event but the starts once, each cycle once (R33).

    Args:
        past: deliveries, subscriptions and events.
        cycles: SUBSCRIPTION_CYCLES at the same day.
    """
    parts = [_counted(part).to_pyarrow() for part in counted_cycles(past, cycles)]
    every = ibis.memtable(pa.concat_tables(parts))
    both = every.group_by(*_KEY).agg(**{name: _[name].sum().cast("int64") for name in _COUNTS})
    return THREE_S_MONTHS.cast(both.order_by(*_KEY).to_pyarrow())


def _counted(part: CountedCycles) -> ibis.Table:
    followed = part.followed().cache()
    return _begun(part.begun()).union(_followed(followed), _beside_the_data(part.past, followed))


def _begun(cycles: ibis.Table) -> ibis.Table:
    keyed = cycles.mutate(month=cycles.ordered_on.truncate("M").cast("date"))
    sums = keyed.group_by(*_KEY).agg(
        deliveries=_.count(),
        sales_jpy=yen_sum(_.sales_jpy),
        at_risk=keyed.count(where=keyed.is_over),
        first_at_risk=keyed.count(where=keyed.is_over & keyed.is_first),
    )
    return _typed(sums)


def _followed(cycles: ibis.Table) -> ibis.Table:
    keyed = cycles.mutate(month=cycles.ordered_on.truncate("M").cast("date"))
    over = keyed.is_over
    sums = keyed.group_by(*_KEY).agg(
        **{name: _[name].sum() for name in _EVENTS},
        skipped=keyed.count(where=over & (keyed.skips > 0)),
        switched=keyed.count(where=over & (keyed.switches > 0)),
        stopped=keyed.count(where=over & (keyed.stops > 0)),
        first_stopped=keyed.count(where=over & keyed.is_first & (keyed.stops > 0)),
    )
    return _typed(sums)


def _beside_the_data(past: KnownPast, followed: ibis.Table) -> ibis.Table:
    """Events after a delivery that lies before the data, or is known by its credit only: counted, nobody at risk."""
    told = past.events.filter(_.event != "start")
    strange = told.anti_join(followed, ["subscription_id", "cycle_no"])
    known = past.subscriptions.select("subscription_id", "product_id", "media_id", last_course="course")
    joined = strange.inner_join(known, "subscription_id")
    keyed = joined.mutate(
        month=joined.occurred_on.truncate("M").cast("date"),
        course=ibis.coalesce(joined.from_course, joined.to_course, joined.last_course, NO_NAME),
        media_id=joined.media_id.fill_null(NO_NAME),
    )
    return _typed(
        keyed.group_by(*_KEY).agg(**{name: keyed.count(where=keyed.event == _EVENTS[name]) for name in _EVENTS})
    )


def _typed(sums: ibis.Table) -> ibis.Table:
    """All columns of the table; what is not counted in `sums` is 0."""
    counts = {name: sums[name].cast("int64") if name in sums.columns else ibis.literal(0, "int64") for name in _COUNTS}
    typed = sums.select(*_KEY, **counts)
    return typed.cast({name: kind(nullable=True) for name, kind in typed.schema().items()})
