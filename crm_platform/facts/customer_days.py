"""What each customer ordered, bought and returned on a day: the finest grain that forecasts read."""

from __future__ import annotations

import ibis
from ibis import _

_KEYS = ["month", "customer_id", "day"]


def customer_days(lines: ibis.Table) -> ibis.Table:
    """CUSTOMER_DAYS of the months that `lines` (see `described_lines`) span (R20, R21, R23)."""
    stands = lines.stands
    sums = lines.group_by(_KEYS).agg(
        orders=lines.order_id.nunique(where=lines.is_order),
        standing_orders=lines.order_id.nunique(where=stands),
        ordered_jpy=lines.ordered_jpy.sum(),
        standing_sales_jpy=lines.sales_jpy.sum(where=stands).fill_null(0),
        returned_jpy=-(lines.sales_jpy.sum(where=~lines.is_order).fill_null(0)),
        subscription_sales_jpy=lines.sales_jpy.sum(where=lines.order_kind == "subscription").fill_null(0),
        bulk_sales_jpy=lines.sales_jpy.sum(where=lines.order_kind == "bulk").fill_null(0),
        discount_jpy=lines.discount_jpy.sum(where=stands).fill_null(0),
        quantity=lines.quantity.sum(where=stands).fill_null(0),
        products=lines.product_id.nunique(where=stands),
    )
    return sums.left_join(_main_lines(lines), _KEYS, rname="{name}_main").drop(ibis.selectors.endswith("_main"))


def _main_lines(lines: ibis.Table) -> ibis.Table:
    """The standing line with the largest sales of each customer's day."""
    bought = lines.filter(_.stands & (_.sales_jpy > 0))
    order = ibis.window(group_by=_KEYS, order_by=[bought.sales_jpy.desc(), bought.order_id, bought.line_no])
    main = bought.mutate(place=ibis.row_number().over(order)).filter(_.place == 0)
    return main.select(*_KEYS, "product_id", "order_kind", "media_id")
