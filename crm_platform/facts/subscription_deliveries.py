"""The deliveries of subscriptions (定期): the subscription lines of an order as one row."""

from __future__ import annotations

import ibis
from ibis import _

_KEYS = ["month", "subscription_id", "order_id"]


def subscription_deliveries(lines: ibis.Table) -> ibis.Table:
    """SUBSCRIPTION_DELIVERIES of the months that `lines` (see `described_lines`) span (R33).

    Where the client names no subscription, the rule `customer_and_product` does: the subscription of a customer and a
    product. A give-away (amount 0) in such a parcel belongs to the line with the largest amount beside it.
    """
    named = _with_subscription(lines.filter(_.order_kind == "subscription"))
    sums = named.group_by(_KEYS).agg(
        customer_id=_.customer_id.min(),
        ordered_on=ibis.coalesce(_.day.min(where=_.is_order), _.day.min()),
        shipped_on=_.shipped_on.max(),
        cycle_no=_.cycle_no.max(),
        course=_.course.max(),
        ordered_jpy=_.ordered_jpy.sum(),
        sales_jpy=_.sales_jpy.sum(),
        discount_jpy=_.discount_jpy.sum(where=_.stands).fill_null(0),
        media_id=_.media_id.max(),
        is_order=_.is_order.any(),
        stands=_.stands.any(),
    )
    return sums.inner_join(_main_products(named), _KEYS)


def _with_subscription(lines: ibis.Table) -> ibis.Table:
    """`lines` with a subscription on each."""
    unnamed = lines.filter(_.subscription_id.isnull())
    of_order = ibis.window(
        group_by=["month", "order_id"], order_by=[unnamed.ordered_jpy.desc(), unnamed.product_id, unnamed.line_no]
    )
    parcel = unnamed.mutate(main_product_id=unnamed.product_id.first().over(of_order))
    is_give_away = parcel.is_order & (parcel.ordered_jpy == 0)
    product_id = ibis.ifelse(is_give_away, parcel.main_product_id, parcel.product_id)
    ruled = parcel.mutate(subscription_id=parcel.customer_id.concat("/", product_id)).drop("main_product_id")
    named = lines.filter(_.subscription_id.notnull())
    return named.union(ruled.cast({"subscription_id": named.subscription_id.type()}))


def _main_products(lines: ibis.Table) -> ibis.Table:
    """The product with the largest sales of each delivery, and its units."""
    sums = lines.group_by(*_KEYS, "product_id").agg(
        largest_jpy=_.sales_jpy.max(),
        amount_jpy=_.ordered_jpy.max(),
        quantity=_.quantity.sum(where=_.is_order).fill_null(0),
    )
    order = ibis.window(group_by=_KEYS, order_by=[sums.largest_jpy.desc(), sums.amount_jpy.desc(), sums.product_id])
    return (
        sums.mutate(place=ibis.row_number().over(order)).filter(_.place == 0).select(*_KEYS, "product_id", "quantity")
    )
