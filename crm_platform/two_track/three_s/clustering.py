"""How much surer a rate looks than it is, because the same subscriptions skip again and again (クラスター)."""

from __future__ import annotations

import ibis
from ibis import _

from crm_platform.diagnosis.rows import one_row
from crm_platform.two_track.three_s.delivered_cycles import KnownPast, delivered_cycles

YEAR_DAYS = 365
DRAWN_SUBSCRIPTIONS = 100_000  # of more, as many are drawn: a ratio of variances needs no more
KINDS = {"skip": "skips", "switch": "switches"}


def design_effects(past: KnownPast) -> dict[str, float]:
    """Per kind of event: the variance of its rate over subscriptions ÷ that of independent deliveries (Kish 1965).

    Over the deliveries of the last 365 days whose cycle is over; 1 at least, and where there was no event. A
    subscription stops once, so that its cycles are no repetition: of stops the effect is 1.
    """
    number = one_row(past.subscriptions.agg(subscriptions=_.count()))["subscriptions"]
    cycles = delivered_cycles(past.of_some(number // DRAWN_SUBSCRIPTIONS + 1).in_numbers())
    over = cycles.filter(_.is_over).select("subscription_id", "ordered_on", *KINDS.values()).cache()
    last_on = over.ordered_on.max().to_pyarrow().as_py()
    if last_on is None:
        return dict.fromkeys(KINDS, 1.0)
    recent = over.filter(ibis.literal(last_on).delta(over.ordered_on, unit="day") < YEAR_DAYS)
    each = recent.group_by("subscription_id").agg(
        whole=_.count(), **{kind: (_[column] > 0).cast("int64").sum() for kind, column in KINDS.items()}
    )
    return {kind: _design_effect(each, kind) for kind in KINDS}


def _design_effect(each: ibis.Table, kind: str) -> float:
    part, whole = each[kind], each.whole
    sums = one_row(
        each.agg(
            part=part.sum().cast("int64"),
            whole=whole.sum().cast("int64"),
            part_squares=(part * part).sum().cast("int64"),
            products=(part * whole).sum().cast("int64"),
            whole_squares=(whole * whole).sum().cast("int64"),
        )
    )
    rate = sums["part"] / sums["whole"]
    plain = sums["whole"] * rate * (1 - rate)
    found = sums["part_squares"] - 2 * rate * sums["products"] + rate**2 * sums["whole_squares"]
    return max(float(f"{found / plain:.10g}"), 1.0) if plain else 1.0
