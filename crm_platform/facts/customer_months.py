"""What each customer ordered, bought and returned in a month."""

from __future__ import annotations

import ibis
from ibis import _

_KINDS = ("subscription", "one_off", "bulk")


def customer_months(lines: ibis.Table) -> ibis.Table:
    """CUSTOMER_MONTHS of the months that `lines` (see `described_lines`) span (R20, R21, R23)."""
    sums = lines.group_by("month", "customer_id").agg(**_sums(lines), **_sums_by_kind(lines))
    sums = sums.mutate(cancelled_orders=sums.orders - sums.standing_orders)
    keys = ["month", "customer_id"]
    joined = sums.left_join(_rhythm(lines), keys, rname="{name}_rhythm").left_join(
        _first_lines(lines), keys, rname="{name}_first"
    )
    return joined.mutate(
        purchase_days=joined.purchase_days.fill_null(0), squared_gap_days=joined.squared_gap_days.fill_null(0)
    )


def customer_product_months(lines: ibis.Table) -> ibis.Table:
    """CUSTOMER_PRODUCT_MONTHS of the months that `lines` span."""
    standing = lines.filter(_.stands).mutate(delivered_on=ibis.coalesce(_.shipped_on, _.day))
    of_each = ibis.window(group_by=["month", "customer_id", "product_id"])
    dated = standing.mutate(is_latest=standing.delivered_on == standing.delivered_on.max().over(of_each))
    return dated.group_by("month", "customer_id", "product_id").agg(
        orders=_.order_id.nunique(),
        quantity=_.quantity.sum(),
        standing_sales_jpy=_.sales_jpy.sum(),
        first_purchased_on=_.day.min(),
        last_purchased_on=_.day.max(),
        last_delivered_on=_.delivered_on.max(),
        last_quantity=_.quantity.sum(where=_.is_latest),
    )


def _sums(lines: ibis.Table) -> dict[str, ibis.Value]:
    return {
        "orders": lines.order_id.nunique(where=lines.is_order),
        "standing_orders": lines.order_id.nunique(where=lines.stands),
        "first_ordered_on": lines.day.min(),
        "ordered_jpy": lines.ordered_jpy.sum(),
        "sales_jpy": lines.sales_jpy.sum(),
        "returned_jpy": -(lines.sales_jpy.sum(where=~lines.is_order).fill_null(0)),
        "discount_jpy": lines.discount_jpy.sum(where=lines.stands).fill_null(0),
    }


def _sums_by_kind(lines: ibis.Table) -> dict[str, ibis.Value]:
    sums = {}
    for kind in _KINDS:
        of_kind = lines.order_kind == kind
        sums[f"{kind}_sales_jpy"] = lines.sales_jpy.sum(where=of_kind).fill_null(0)
        sums[f"{kind}_orders"] = lines.order_id.nunique(where=of_kind & lines.stands)
    return sums


def _rhythm(lines: ibis.Table) -> ibis.Table:
    """Purchase days per customer and month: how many, the first two, the last, the squared gaps between them."""
    days = lines.filter(_.stands).group_by("month", "customer_id", "day").agg(sales_jpy=_.sales_jpy.sum())
    days = days.filter(_.sales_jpy > 0)
    in_order = ibis.window(group_by=["month", "customer_id"], order_by=days.day)
    gap_days = days.day.delta(days.day.lag(1).over(in_order), unit="day")
    days = days.mutate(place=ibis.row_number().over(in_order), gap_days=gap_days)
    return days.group_by("month", "customer_id").agg(
        purchase_days=_.count(),
        first_purchased_on=_.day.min(),
        second_purchased_on=_.day.min(where=_.place == 1),
        last_purchased_on=_.day.max(),
        squared_gap_days=(_.gap_days * _.gap_days).sum().fill_null(0),
    )


def _first_lines(lines: ibis.Table) -> ibis.Table:
    """The line with the largest sales on each customer's first purchase day of the month."""
    bought = lines.filter(_.stands & (_.sales_jpy > 0))
    order = ibis.window(
        group_by=["month", "customer_id"],
        order_by=[bought.day, bought.sales_jpy.desc(), bought.order_id, bought.line_no],
    )
    first = bought.mutate(place=ibis.row_number().over(order)).filter(_.place == 0)
    return first.select(
        "month",
        "customer_id",
        first_product_id=first.product_id,
        first_order_kind=first.order_kind,
        first_media_id=first.media_id,
    )
