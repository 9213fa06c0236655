"""実質定期: one-off buyers who buy at a regular interval, as if they had a subscription (R109)."""

from __future__ import annotations

import ibis
from ibis import _

LEAST_PURCHASES = 4  # three gaps are the fewest whose spread says anything
LARGEST_VARIATION = 0.3  # spread ÷ mean of the gaps; of buyers at random it is about 1


def regular_one_off_buyers(
    customer_days: ibis.Table,
    least_purchases: int = LEAST_PURCHASES,
    largest_variation: float = LARGEST_VARIATION,
) -> ibis.Table:
    """Customers without a subscription who buy one-off at a regular interval (実質定期), whatever product it is.

    One row per customer: `customer_id`, `product_id` (of most of these days; of equals the first by code), `purchases`
    (days), `interval_days` (mean of the gaps), `variation` (standard deviation ÷ mean of the gaps, at most
    `largest_variation`), `last_purchased_on`, `marked` ("実質定期"). Sorted by customer.

    Args:
        customer_days: CUSTOMER_DAYS; the product of a day is that of its largest line.
        least_purchases: days with a one-off purchase.
        largest_variation: above it the gaps are not regular.
    """
    subscribers = customer_days.filter(_.subscription_sales_jpy != 0).select("customer_id").distinct()
    bought = customer_days.filter((_.order_kind == "one_off") & (_.standing_sales_jpy > 0))
    days = bought.anti_join(subscribers, "customer_id").select("customer_id", "product_id", "day")
    in_order = ibis.window(group_by="customer_id", order_by=days.day)
    gaps = days.mutate(gap_days=days.day.delta(days.day.lag(1).over(in_order), unit="day"))
    sums = gaps.group_by("customer_id").agg(
        purchases=_.count(),
        gap_sum=_.gap_days.sum(),
        squares=(_.gap_days * _.gap_days).sum(),
        last_purchased_on=_.day.max(),
    )
    sums = sums.filter(_.purchases >= least_purchases).mutate(interval_days=_.gap_sum / (_.purchases - 1))
    variance = ibis.greatest(sums.squares / (sums.purchases - 1) - sums.interval_days * sums.interval_days, 0.0)
    regular = sums.mutate(variation=variance.sqrt() / sums.interval_days, marked=ibis.literal("実質定期"))
    regular = regular.filter(_.variation <= largest_variation).inner_join(_most_bought(days), "customer_id")
    names = ("customer_id", "product_id", "purchases", "interval_days", "variation", "last_purchased_on", "marked")
    return regular.select(*names).order_by("customer_id")


def _most_bought(days: ibis.Table) -> ibis.Table:
    counted = days.group_by("customer_id", "product_id").agg(bought=_.count())
    order = ibis.window(group_by="customer_id", order_by=[counted.bought.desc(), counted.product_id])
    first = counted.mutate(place=ibis.row_number().over(order)).filter(_.place == 0)
    return first.select("customer_id", "product_id")
