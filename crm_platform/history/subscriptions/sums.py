"""Deliveries of each subscription and product, summed: the only pass over all deliveries that states need."""

from __future__ import annotations

import datetime as dt

import ibis
import pyarrow as pa
from ibis import _

from crm_platform.history.subscriptions.parts import EVERYONE, spans_of

_PART_ORDERS = 8_000_000  # some hundred MiB while they are summed
_BITS = 20  # a million media
_QUANTITY_BITS = 40
_EPOCH = dt.date(1970, 1, 1)


def sums_of(deliveries: ibis.Table, orders: ibis.Table) -> pa.Table:
    """One row per subscription and product of SUBSCRIPTION_DELIVERIES; `orders`: see `subscription_orders`.

    `subscription_id`, `product_id`, `orders`, `last_ordered_on`, `deliveries` (that stand),
    `last_delivered_on`, `sales_jpy`, `discount_jpy`, `medium_on` (day of the first order that names a medium),
    `media_id` (the first by name of those of that day), `last_quantity` (of the last standing delivery; of several on a
    day the largest).
    """
    names = deliveries.filter(_.media_id.notnull()).select("media_id").distinct()
    media = names.mutate(code=ibis.row_number().over(ibis.window(order_by=names.media_id))).cache()
    spans = spans_of(orders, _PART_ORDERS) or [EVERYONE]
    return pa.concat_tables([_sums(span.of(deliveries), media).to_pyarrow() for span in spans])


def _sums(deliveries: ibis.Table, media: ibis.Table) -> ibis.Table:
    rows = deliveries.left_join(media, "media_id").drop("media_id_right")
    day = rows.ordered_on.delta(ibis.literal(_EPOCH), unit="day")
    first_medium, last_units = day * 2**_BITS + rows.code, day * 2**_QUANTITY_BITS + rows.quantity
    sums = rows.group_by("subscription_id", "product_id").agg(
        orders=rows.is_order.sum(),
        last_ordered_on=rows.ordered_on.max(),
        deliveries=rows.stands.sum(),
        last_delivered_on=ibis.coalesce(rows.shipped_on, rows.ordered_on).max(where=rows.stands),
        sales_jpy=rows.sales_jpy.cast("float64").sum().cast("int64"),
        discount_jpy=rows.discount_jpy.cast("float64").sum().cast("int64"),
        first_medium=first_medium.min(),
        last_units=last_units.max(where=rows.stands),
    )
    sums = sums.mutate(
        code=sums.first_medium & (2**_BITS - 1),
        medium_on=sums.first_medium >> _BITS,
        last_quantity=sums.last_units & (2**_QUANTITY_BITS - 1),
    )
    named = sums.left_join(media, "code")
    return named.drop("code", "code_right", "first_medium", "last_units")
