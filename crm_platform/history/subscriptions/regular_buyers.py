"""実質定期: one-off buyers who buy at a regular interval, as if they had a subscription (R109)."""

from __future__ import annotations

from collections.abc import Sequence

import ibis
import pyarrow as pa
from ibis import _

from crm_platform.periods import Month
from crm_platform.tables.portfolio import REGULAR_BUYERS

READ_MONTHS = 24  # a rhythm of long ago says nothing of today; a year apart, spans of one length can be compared
LEAST_PURCHASES = 4  # three gaps are the fewest whose spread says anything
LARGEST_VARIATION = 0.3  # spread ÷ mean of the gaps; of buyers at random it is about 1


def regular_buyers_of(customer_days: ibis.Table, products: ibis.Table, closed_months: Sequence[Month]) -> pa.Table:
    """REGULAR_BUYERS: the 実質定期 customers of the last READ_MONTHS closed months, or of all there are (R109).

    `customer_days` may span more; `products` names the product bought most. Empty where no month is closed.
    """
    if not closed_months:
        return REGULAR_BUYERS.empty()
    read = closed_months[-READ_MONTHS:]
    days = customer_days.filter(_.day.between(read[0].first_day, read[-1].last_day))
    marked = regular_one_off_buyers(days)
    named = marked.left_join(products.select("product_id", "product_name"), "product_id")
    return REGULAR_BUYERS.cast(named.select(*REGULAR_BUYERS.names).order_by("customer_id").to_pyarrow())


def subscribers(customer_days: ibis.Table) -> ibis.Table:
    """`customer_id` of everyone with 売上 of a subscription on these days, each once."""
    return customer_days.filter(_.subscription_sales_jpy != 0).select("customer_id").distinct()


def one_off_days(customer_days: ibis.Table) -> ibis.Table:
    """Of CUSTOMER_DAYS those of a one-off purchase (都度) by customers without a subscription on any of the days."""
    bought = customer_days.filter((_.order_kind == "one_off") & (_.standing_sales_jpy > 0))
    return bought.anti_join(subscribers(customer_days), "customer_id")


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
    days = one_off_days(customer_days).select("customer_id", "product_id", "day")
    regular = _regular(days, least_purchases, largest_variation)
    most_bought = _most_bought(days.semi_join(regular, "customer_id"))
    named = regular.mutate(marked=ibis.literal("実質定期")).inner_join(most_bought, "customer_id")
    names = ("customer_id", "product_id", "purchases", "interval_days", "variation", "last_purchased_on", "marked")
    return named.select(*names).order_by("customer_id")


def who_buys_regularly(customer_days: ibis.Table) -> ibis.Table:
    """`customer_id` of `regular_one_off_buyers`, each once, in no order."""
    days = one_off_days(customer_days).select("customer_id", "day")
    return _regular(days, LEAST_PURCHASES, LARGEST_VARIATION).select("customer_id")


def _regular(days: ibis.Table, least_purchases: int, largest_variation: float) -> ibis.Table:
    many = days.group_by("customer_id").agg(purchases=_.count()).filter(_.purchases >= least_purchases)
    days = days.semi_join(many, "customer_id")  # few need their gaps taken
    in_order = ibis.window(group_by="customer_id", order_by=days.day)
    gaps = days.mutate(gap_days=days.day.delta(days.day.lag(1).over(in_order), unit="day"))
    sums = gaps.group_by("customer_id").agg(
        purchases=_.count(),
        gap_sum=_.gap_days.sum(),
        squares=(_.gap_days * _.gap_days).sum(),
        last_purchased_on=_.day.max(),
    )
    sums = sums.mutate(interval_days=_.gap_sum / (_.purchases - 1))
    variance = ibis.greatest(sums.squares / (sums.purchases - 1) - sums.interval_days * sums.interval_days, 0.0)
    return sums.mutate(variation=variance.sqrt() / sums.interval_days).filter(_.variation <= largest_variation)


def _most_bought(days: ibis.Table) -> ibis.Table:
    counted = days.group_by("customer_id", "product_id").agg(bought=_.count())
    order = ibis.window(group_by="customer_id", order_by=[counted.bought.desc(), counted.product_id])
    first = counted.mutate(place=ibis.row_number().over(order)).filter(_.place == 0)
    return first.select("customer_id", "product_id")
