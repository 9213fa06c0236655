"""What a customer's whole past says, as numbers for models that learn: rhythm, levels, kinds of goods, cancellations.

Spans are told in terms (a term is the horizon of the forecast, six months by default), so that a model learned at one
origin reads another alike. Amounts are in the client's currency; nothing here depends on its unit.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence

import ibis
from ibis import _

SPANS = {"eighth_term": 1 / 8, "quarter_term": 1 / 4, "half_term": 1 / 2, "term": 1.0, "two_terms": 2.0}
WINDOWS = ("quarter_term", "half_term", "term", "two_terms")
KINDS_OF_PAST = ("first_product_id", "first_order_kind", "first_media_id", "last_product_id", "last_order_kind")
YEAR_DAYS = 365
_KEYS = ("as_of", "customer_id")
_AMOUNT_STEPS, _WEIGHT_STEPS = 2**20, 2**40  # per yen, and per purchase: finer than anything told of either


def customer_features(days: ibis.Table, as_of: dt.date, horizon_days: int) -> ibis.Table:
    """One row per customer with a line up to `as_of`, whose day is included; later days are left out.

    Args:
        days: CUSTOMER_DAYS (R50: from the first line on).
        as_of: the last day known.
        horizon_days: the term whose sales are to be foreseen.

    Returns:
        `customer_id`, the kinds of `KINDS_OF_PAST` as texts, and numbers (float64): days, counts, amounts. Where there
        was no purchase `purchase_days` is 0; a gap that does not exist is null.
    """
    return features_at(days, [as_of], horizon_days).drop("as_of")


def sales_to_come(days: ibis.Table, as_of: dt.date, horizon_days: int) -> ibis.Table:
    """What customers did in the `horizon_days` after `as_of`: the label of a forecast made then.

    Returns:
        `customer_id, sales_jpy, subscription_sales_jpy, purchase_days` as float64, for customers with a line then.
    """
    return sales_after(days, [as_of], horizon_days).drop("as_of")


def features_at(days: ibis.Table, as_ofs: Sequence[dt.date], horizon_days: int) -> ibis.Table:
    """The rows of `customer_features` of several days in one pass, told apart by `as_of`."""
    seen = _seen_from(days, as_ofs)
    known = seen.filter(seen.day <= seen.as_of)
    known = known.mutate(
        ago=known.as_of.delta(known.day, unit="day").cast("float64"),
        net_jpy=(known.standing_sales_jpy - known.returned_jpy).cast("float64"),
        buys=known.standing_sales_jpy > 0,
    )
    sums = known.group_by(_KEYS).agg(**_whole_past(known), **_levels(known, horizon_days))
    features = sums.left_join(_rhythm(known), _KEYS, rname="{name}_rhythm").drop(*(f"{key}_rhythm" for key in _KEYS))
    features = features.mutate(purchase_days=features.purchase_days.fill_null(0))
    numbers = [name for name in features.columns if name not in {*_KEYS, *KINDS_OF_PAST}]
    return features.mutate(**{name: features[name].cast("float64") for name in numbers})


def sales_after(days: ibis.Table, as_ofs: Sequence[dt.date], horizon_days: int) -> ibis.Table:
    """The rows of `sales_to_come` of several days in one pass, told apart by `as_of`."""
    seen = _seen_from(days, as_ofs)
    end = seen.as_of + ibis.interval(days=horizon_days)
    after = seen.filter((seen.day > seen.as_of) & (seen.day <= end.cast("date")))
    return after.group_by(_KEYS).agg(
        sales_jpy=(after.standing_sales_jpy - after.returned_jpy).sum().cast("float64"),
        subscription_sales_jpy=after.subscription_sales_jpy.sum().cast("float64"),
        purchase_days=(after.standing_sales_jpy > 0).cast("int64").sum().cast("float64"),
    )


def _seen_from(days: ibis.Table, as_ofs: Sequence[dt.date]) -> ibis.Table:
    """Every day of every customer beside every one of `as_ofs`."""
    return days.mutate(as_of=ibis.array([ibis.literal(as_of) for as_of in as_ofs]).unnest())


def _whole_past(known: ibis.Table) -> dict[str, ibis.Value]:
    buys = known.buys
    return {
        "known_days": known.ago.max(),
        "orders": known.orders.sum(),
        "cancelled_orders": (known.orders - known.standing_orders).sum(),
        "ordered_jpy": known.ordered_jpy.sum(),
        "standing_sales_jpy": known.standing_sales_jpy.sum(),
        "returned_jpy": known.returned_jpy.sum(),
        "subscription_sales_jpy": known.subscription_sales_jpy.sum(),
        "bulk_sales_jpy": known.bulk_sales_jpy.sum(),
        "discount_jpy": known.discount_jpy.sum(),
        "quantity": known.quantity.sum(),
        "products_per_day": known.products.mean(where=buys),
        "largest_day_jpy": known.standing_sales_jpy.max(),
        "subscription_days": (buys & (known.subscription_sales_jpy > 0)).cast("int64").sum(),
        "subscription_gap_days": known.ago.min(where=buys & (known.subscription_sales_jpy > 0)),
        "one_off_gap_days": known.ago.min(where=buys & (known.subscription_sales_jpy <= 0)),
        "first_product_id": known.product_id.argmin(known.day, where=buys),
        "first_order_kind": known.order_kind.argmin(known.day, where=buys),
        "first_media_id": known.media_id.argmin(known.day, where=buys),
        "last_product_id": known.product_id.argmax(known.day, where=buys),
        "last_order_kind": known.order_kind.argmax(known.day, where=buys),
        "last_day_jpy": known.standing_sales_jpy.argmax(known.day, where=buys),
    }


def _levels(known: ibis.Table, horizon_days: int) -> dict[str, ibis.Value]:
    """Sums within the last spans, and sums whose weight is halved with each span further back."""
    subscription = known.subscription_sales_jpy.cast("float64")
    levels: dict[str, ibis.Value] = {}
    for span, terms in SPANS.items():
        weight = (known.ago * (-math.log(2) / (terms * horizon_days))).exp()
        levels[f"level_{span}_jpy"] = _exact_sum(known.net_jpy * weight, _AMOUNT_STEPS)
        levels[f"pace_{span}"] = _exact_sum(ibis.ifelse(known.buys, weight, 0.0), _WEIGHT_STEPS)
        if span in WINDOWS:
            inside = known.ago < terms * horizon_days
            levels[f"sales_{span}_jpy"] = ibis.ifelse(inside, known.net_jpy, 0.0).sum()
            levels[f"purchase_days_{span}"] = (inside & known.buys).cast("int64").sum()
        if span in ("half_term", "two_terms"):
            levels[f"subscription_level_{span}_jpy"] = _exact_sum(subscription * weight, _AMOUNT_STEPS)
    recent = known.ago < horizon_days
    levels["cancelled_orders_term"] = ibis.ifelse(recent, known.orders - known.standing_orders, 0).sum()
    a_year_ago = (known.ago >= YEAR_DAYS - horizon_days) & (known.ago < YEAR_DAYS)
    levels["sales_same_term_last_year_jpy"] = ibis.ifelse(a_year_ago, known.net_jpy, 0.0).sum()
    return levels


def _rhythm(known: ibis.Table) -> ibis.Table:
    """Purchase days and the gaps between them."""
    bought = known.filter(_.buys)
    in_order = ibis.window(group_by=_KEYS, order_by=bought.day)
    gaps = bought.mutate(gap=bought.day.delta(bought.day.lag(1).over(in_order), unit="day").cast("int64"))
    rhythm = gaps.group_by(_KEYS).agg(
        purchase_days=gaps.count(),
        age_days=gaps.ago.max(),
        gap_days=gaps.ago.min(),
        last_cycle_days=gaps.gap.argmax(gaps.day),
        cycle_days=gaps.gap.mean(),
        squared_gaps=(gaps.gap * gaps.gap).sum(),
        log_gaps=_exact_sum(gaps.gap.ln(), _WEIGHT_STEPS),
    )
    count = rhythm.purchase_days - 1
    variance = (rhythm.squared_gaps - count * rhythm.cycle_days * rhythm.cycle_days) / (count - 1).nullif(0)
    sd_days = ibis.ifelse(count >= 2, ibis.greatest(variance, 0.0).sqrt(), ibis.null("float64"))
    rhythm = rhythm.mutate(cycle_sd_days=sd_days).drop("squared_gaps")
    return rhythm.mutate(tenure_days=rhythm.age_days - rhythm.gap_days)


def _exact_sum(values: ibis.Value, steps: int) -> ibis.Value:
    """The sum in whole steps: sums of reals would differ in their last bits with the order that threads work in."""
    return (values * steps).cast("decimal(38, 0)").sum().cast("float64") / steps
