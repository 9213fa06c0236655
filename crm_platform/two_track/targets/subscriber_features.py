"""What is known of a subscriber on a day, for the one-off purchases (都度) to come: contract, rhythm, kinds of goods.

Who has ever subscribed is a subscriber, 継続中 (continuing) while any subscription runs, else 解約 (stopped); nothing
after the day is read. Sums weigh a purchase by how long ago it was, so that a customer of two months and one of two
years read alike. Bulk sales (まとめ売り) are no one-off purchases (R24): they stand apart.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence

import ibis

from crm_platform.history.customer_features import YEAR_DAYS
from crm_platform.two_track.one_off_purchases import is_repeat, one_off_jpy
from crm_platform.two_track.turns import TURNS

KINDS = ("stop_reason", "product_group", "channel", "last_order_kind")
SPANS = {"quarter_term": 1 / 4, "half_term": 1 / 2, "term": 1.0, "two_terms": 2.0}  # half-lives
_KEYS = ("as_of", "customer_id")
_AMOUNT_STEPS, _WEIGHT_STEPS = 2**20, 2**40  # per yen and per purchase: finer than anything told of either


def subscribers_at(
    days: ibis.Table,
    turns: ibis.Table,
    goods: ibis.Table,
    media: ibis.Table,
    as_ofs: Sequence[dt.date],
    horizon_days: int,
) -> ibis.Table:
    """One row per day of `as_ofs` and subscriber known then.

    Args:
        days: CUSTOMER_DAYS.
        turns: what happened to subscriptions (see `turns_of`).
        goods: `product_id, product_group, is_trial` (see `goods_of`).
        media: MEDIA.
        as_ofs: the last day known, of each.
        horizon_days: the term whose one-off sales are to be foreseen.

    Returns:
        `as_of`, `customer_id`, `is_continuing`, the kinds of `KINDS` as texts, and numbers (float64): spans in days,
        counts, yen. What does not exist is null.
    """
    contracts = _contracts(turns, as_ofs)
    bought = _days_known(days, goods, contracts)
    told = bought.group_by(_KEYS).agg(
        **_one_off(bought), **_subscription(bought), **_levels(bought, horizon_days), **_kinds(bought)
    )
    rows = contracts.left_join(told, _KEYS, rname="{name}_told").drop(*(f"{key}_told" for key in _KEYS))
    channels = media.select(last_media_id="media_id", channel="channel").distinct(on="last_media_id")
    rows = rows.left_join(channels, "last_media_id", rname="{name}_master").drop("last_media_id")
    return _as_numbers(rows.drop("last_media_id_master") if "last_media_id_master" in rows.columns else rows)


def one_off_sales_after(days: ibis.Table, as_ofs: Sequence[dt.date], horizon_days: int) -> ibis.Table:
    """`as_of, customer_id, one_off_jpy`: 売上 of one-off lines in the `horizon_days` after each day, not below 0."""
    seen = _beside(days, as_ofs)
    end = (seen.as_of + ibis.interval(days=horizon_days)).cast("date")
    after = seen.filter((seen.day > seen.as_of) & (seen.day <= end))
    sums = after.group_by(_KEYS).agg(one_off_jpy=one_off_jpy(after).sum().cast("float64"))
    return sums.mutate(one_off_jpy=ibis.greatest(sums.one_off_jpy, 0.0)).filter(lambda rows: rows.one_off_jpy > 0)


# --- inside -----------------------------------------------------------------------------------------------------------


def _beside(rows: ibis.Table, as_ofs: Sequence[dt.date]) -> ibis.Table:
    return rows.mutate(as_of=ibis.array([ibis.literal(as_of) for as_of in as_ofs]).unnest())


def _contracts(turns: ibis.Table, as_ofs: Sequence[dt.date]) -> ibis.Table:
    """Per day and subscriber: whether a subscription runs, since when it is so, and what happened before."""
    seen = _beside(turns, as_ofs)
    seen = seen.filter((seen.known_on <= seen.as_of) & (seen.occurred_on <= seen.as_of))
    seen = seen.mutate(ago=seen.as_of.delta(seen.occurred_on, unit="day"), turns=seen.event.isin(TURNS))
    is_stop = seen.event == "stop"
    one = seen.group_by(*_KEYS, "subscription_id").agg(
        runs=seen.event.argmax(seen.event_no, where=seen.turns) != "stop",
        state_days=seen.ago.argmax(seen.event_no, where=seen.turns),
        started_days=seen.ago.max(),
        stop_reason=seen.reason_code.argmax(seen.event_no, where=is_stop & seen.reason_code.notnull()),
        skip_gap_days=seen.ago.min(where=seen.event == "skip"),
        **{f"{kind}s": (seen.event == kind).cast("int64").sum() for kind in ("skip", "resume")},
        switches=(seen.event == "switch").cast("int64").sum(),
    )
    found = one.group_by(_KEYS).agg(
        is_continuing=one.runs.any(),
        running_days=one.state_days.max(where=one.runs),
        stopped_days=one.state_days.min(where=~one.runs),
        subscription_age_days=one.started_days.max(),
        subscriptions=one.count(),
        stop_reason=one.stop_reason.argmin(one.state_days, where=~one.runs),
        **{name: one[name].sum() for name in ("skips", "switches", "resumes")},
        skip_gap_days=one.skip_gap_days.min(),
    )
    state_days = ibis.ifelse(found.is_continuing, found.running_days, found.stopped_days)
    stopped_days = ibis.ifelse(found.is_continuing, ibis.null("int64"), found.stopped_days)
    return found.mutate(state_days=state_days, stopped_days=stopped_days).drop("running_days")


def _days_known(days: ibis.Table, goods: ibis.Table, contracts: ibis.Table) -> ibis.Table:
    """The days of subscribers up to each as-of day, with what was bought on them."""
    known = contracts.select(*_KEYS, "state_days", "subscription_age_days").inner_join(days, "customer_id")
    known = known.filter(known.day <= known.as_of).left_join(goods, "product_id", rname="{name}_master")
    amount = one_off_jpy(known)
    ago = known.as_of.delta(known.day, unit="day").cast("float64")
    return known.mutate(
        ago=ago,
        one_off=ibis.greatest(amount, 0.0),
        is_one_off=amount > 0,
        is_repeat=is_repeat(known),
        subscribes=known.subscription_sales_jpy > 0,
        net_jpy=(known.standing_sales_jpy - known.returned_jpy).cast("float64"),
    )


def _one_off(known: ibis.Table) -> dict[str, ibis.Value]:
    """One-off purchases so far; trial sizes count as purchases but tell no rhythm."""
    repeat = known.is_repeat
    in_year = repeat & (known.ago < YEAR_DAYS)
    return {
        "one_off_days": known.is_one_off.cast("int64").sum(),
        "repeat_days": repeat.cast("int64").sum(),
        "repeat_days_beside": (repeat & (known.ago < known.subscription_age_days)).cast("int64").sum(),
        "repeat_days_in_state": (repeat & (known.ago < known.state_days)).cast("int64").sum(),
        "one_off_gap_days": known.ago.min(where=repeat),
        "one_off_age_days": known.ago.max(where=repeat),
        "one_off_jpy": ibis.ifelse(repeat, known.one_off, 0.0).sum(),
        "repeats_in_year": in_year.cast("int64").sum(),
        "one_off_in_year_jpy": ibis.ifelse(in_year, known.one_off, 0.0).sum(),
        "last_one_off_jpy": known.one_off.argmax(-known.ago, where=repeat),
        "one_off_same_term_last_year_jpy": ibis.ifelse(
            repeat & (known.ago >= YEAR_DAYS / 2) & (known.ago < YEAR_DAYS), known.one_off, 0.0
        ).sum(),
    }


def _subscription(known: ibis.Table) -> dict[str, ibis.Value]:
    """Deliveries, discounts, bulk orders, cancellations."""
    return {
        "age_days": known.ago.max(),
        "gap_days": known.ago.min(where=known.net_jpy > 0),
        "deliveries": known.subscribes.cast("int64").sum(),
        "delivery_gap_days": known.ago.min(where=known.subscribes),
        "delivery_age_days": known.ago.max(where=known.subscribes),
        "subscription_jpy": known.subscription_sales_jpy.sum().cast("float64"),
        "bulk_days": (known.bulk_sales_jpy > 0).cast("int64").sum(),
        "bulk_gap_days": known.ago.min(where=known.bulk_sales_jpy > 0),
        "bulk_jpy": known.bulk_sales_jpy.sum().cast("float64"),
        "standing_jpy": known.standing_sales_jpy.sum().cast("float64"),
        "discount_jpy": known.discount_jpy.sum().cast("float64"),
        "quantity": known.quantity.sum().cast("float64"),
        "cancelled_orders": (known.orders - known.standing_orders).sum(),
    }


def _levels(known: ibis.Table, horizon_days: int) -> dict[str, ibis.Value]:
    """One-off purchases, their yen and deliveries, each halved with every span that it lies back."""
    levels: dict[str, ibis.Value] = {}
    for span, terms in SPANS.items():
        weight = (known.ago * (-math.log(2) / (terms * horizon_days))).exp()
        levels[f"pace_{span}"] = _exact_sum(ibis.ifelse(known.is_repeat, weight, 0.0), _WEIGHT_STEPS)
        levels[f"level_{span}_jpy"] = _exact_sum(
            ibis.ifelse(known.is_repeat, known.one_off * weight, 0.0), _AMOUNT_STEPS
        )
        levels[f"delivery_pace_{span}"] = _exact_sum(ibis.ifelse(known.subscribes, weight, 0.0), _WEIGHT_STEPS)
    return levels


def _kinds(known: ibis.Table) -> dict[str, ibis.Value]:
    buys = known.standing_sales_jpy > 0
    return {
        "product_group": known.product_group.argmax(known.day, where=known.subscribes),
        "last_order_kind": known.order_kind.argmax(known.day, where=buys),
        "last_media_id": known.media_id.argmin(known.day, where=known.media_id.notnull()),
    }


def _exact_sum(values: ibis.Value, steps: int) -> ibis.Value:
    """The sum in whole steps, the same in every order of rows."""
    return (values * steps).cast("decimal(38, 0)").sum().cast("float64") / steps


def _as_numbers(rows: ibis.Table) -> ibis.Table:
    """Counts and sums are 0 where a subscriber has no day yet; every number float64."""
    spans = {name for name in rows.columns if name.endswith("_days")} - {
        "one_off_days", "repeat_days", "repeat_days_beside", "repeat_days_in_state", "bulk_days",
    }  # fmt: skip
    numbers = [name for name in rows.columns if name not in {*_KEYS, *KINDS, "is_continuing"}]
    told = {}
    for name in numbers:
        number = rows[name].cast("float64")
        told[name] = number if name in spans or name == "last_one_off_jpy" else number.fill_null(0.0)
    return rows.mutate(**told)
