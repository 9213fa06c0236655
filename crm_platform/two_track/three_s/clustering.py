"""How much surer a rate looks than it is, because the same subscriptions skip again and again (クラスター)."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable

import ibis
from ibis import _

from crm_platform.diagnosis.rows import one_row
from crm_platform.two_track.three_s.counted_cycles import CountedCycles, counted_cycles
from crm_platform.two_track.three_s.delivered_cycles import KnownPast

YEAR_DAYS = 365
DRAWN_SUBSCRIPTIONS = 100_000  # of more, as many are drawn: a ratio of variances needs no more
KINDS = {"skip": "skips", "switch": "switches"}


def design_effects(past: KnownPast, cycles: ibis.Table) -> dict[str, float]:
    """Per kind of event: the variance of its rate over subscriptions ÷ that of independent deliveries (Kish 1965).

    Over the deliveries of the last 365 days whose cycle is over; 1 at least, and where there was no event. A
    subscription stops once, so that its cycles are no repetition: of stops the effect is 1.

    Args:
        past: deliveries, subscriptions and events.
        cycles: SUBSCRIPTION_CYCLES at the same day.
    """
    number = one_row(past.subscriptions.agg(subscriptions=_.count()))["subscriptions"]
    one_in = number // DRAWN_SUBSCRIPTIONS + 1
    drawn = cycles if one_in == 1 else cycles.filter(_.subscription_id.hash() % one_in == 0)
    parts = list(counted_cycles(past.of_some(one_in), drawn))
    last_on = _last_over(parts, past.as_of)
    if last_on is None:
        return dict.fromkeys(KINDS, 1.0)
    each = [_each(part.since(last_on - dt.timedelta(YEAR_DAYS - 1))) for part in parts]
    return {kind: _design_effect(each, kind) for kind in KINDS}


def _last_over(parts: Iterable[CountedCycles], as_of: dt.date) -> dt.date | None:
    """The last day with a delivery whose cycle is over; mostly it lies within the last year, so that is read first."""
    for first_on in (as_of - dt.timedelta(YEAR_DAYS), dt.date.min):
        over = [part.since(first_on).begun().filter(_.is_over).ordered_on.max() for part in parts]
        days: list[dt.date] = [day for last in over if (day := last.to_pyarrow().as_py())]
        if days:
            return max(days)
    return None


def _each(part: CountedCycles) -> ibis.Table:
    """Per subscription: its deliveries whose cycle is over, and how many of them each kind of event followed."""
    whole = part.begun().filter(_.is_over).group_by("subscription_id").agg(whole=_.count())
    followed = part.followed().filter(_.is_over).group_by("subscription_id")
    events = followed.agg(**{kind: (_[column] > 0).cast("int64").sum() for kind, column in KINDS.items()})
    both = whole.left_join(events, "subscription_id")
    return both.select("whole", **{kind: both[kind].fill_null(0).cast("int64") for kind in KINDS}).cache()


def _design_effect(each: Iterable[ibis.Table], kind: str) -> float:
    sums: Counter[str] = Counter()
    for part in each:
        sums.update(_squares(part, kind))
    rate = sums["part"] / sums["whole"]
    plain = sums["whole"] * rate * (1 - rate)
    found = sums["part_squares"] - 2 * rate * sums["products"] + rate**2 * sums["whole_squares"]
    return max(float(f"{found / plain:.10g}"), 1.0) if plain else 1.0


def _squares(each: ibis.Table, kind: str) -> dict[str, int]:
    part, whole = each[kind], each.whole
    found = {"part": part, "whole": whole, "part_squares": part * part, "products": part * whole}
    found["whole_squares"] = whole * whole
    return one_row(each.agg(**{name: values.sum().fill_null(0).cast("int64") for name, values in found.items()}))
