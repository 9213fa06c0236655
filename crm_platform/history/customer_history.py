"""The history of every customer known at an as-of date, from the monthly facts up to it."""

from __future__ import annotations

import datetime as dt

import ibis
from ibis import _

from crm_platform.periods import Month

LONG_SILENCE_DAYS = 730  # 数年ぶり: two years
_SUMMED = (
    "purchase_days",
    "orders",
    "standing_orders",
    "cancelled_orders",
    "ordered_jpy",
    "sales_jpy",
    "returned_jpy",
    "subscription_sales_jpy",
    "one_off_sales_jpy",
    "bulk_sales_jpy",
    "subscription_orders",
)


def customer_history(months: ibis.Table, customers: ibis.Table, month: Month, as_of: dt.date) -> ibis.Table:
    """CUSTOMER_HISTORY at the end of `month` (R50: from the first purchase on).

    Args:
        months: CUSTOMER_MONTHS of every month up to `month`; later rows are left out.
        customers: CUSTOMERS; those registered after `as_of` and without an order by then are not known yet, nor are
            those without a day of registration before their first order.
        month: the month at whose end the customer is looked at.
        as_of: its last day, or the last day with data where the month is not complete.
    """
    known = months.filter(months.month <= month.first_day)
    past = known.group_by("customer_id").agg(**_sums(known, month))
    past = past.left_join(_purchases_in_order(known), "customer_id", rname="{name}_in_order")
    master = customers.filter(_.registered_on <= as_of).select("customer_id", "registered_on", "first_media_id")
    everyone = past.join(master, "customer_id", how="outer", rname="{name}_master")
    return _described(everyone, as_of)


def _sums(known: ibis.Table, month: Month) -> dict[str, ibis.Value]:
    half_year = known.month >= month.plus(-5).first_day
    year = known.month >= month.plus(-11).first_day
    return {
        **{name: _whole(known[name]) for name in _SUMMED},
        "first_ordered_on": known.first_ordered_on.min(),
        "first_purchased_on": known.first_purchased_on.min(),
        "last_purchased_on": known.last_purchased_on.max(),
        "squared_gap_days": _whole(known.squared_gap_days),
        "ordered_6m_jpy": _whole(ibis.ifelse(half_year, known.ordered_jpy, 0)),
        "sales_6m_jpy": _whole(ibis.ifelse(half_year, known.sales_jpy, 0)),
        "sales_12m_jpy": _whole(ibis.ifelse(year, known.sales_jpy, 0)),
        "purchase_days_12m": _whole(ibis.ifelse(year, known.purchase_days, 0)),
        "last_subscribed_on": known.month.max(where=known.subscription_orders > 0),
    }


def _whole(values: ibis.Value) -> ibis.Value:
    """A sum of whole numbers; as reals, which are exact up to 2⁵³ and a third of the cost of 128 bits."""
    return values.cast("float64").sum().cast("int64")


def _purchases_in_order(known: ibis.Table) -> ibis.Table:
    """What the order of a customer's months with a purchase tells.

    The second purchase day is in the month of the first, or the first of a later month; what the first purchase was;
    the gaps from a month's last purchase day to the next such month's first: their squares, and the end of the latest
    long one.
    """
    bought = known.filter(_.first_purchased_on.notnull())
    in_order = ibis.window(group_by="customer_id", order_by=bought.month)
    former_on = bought.last_purchased_on.lag(1).over(in_order)
    names = ("first_purchased_on", "second_purchased_on", "first_product_id", "first_order_kind", "first_media_id")
    gaps = bought.select("customer_id", *names, former_on=former_on)
    is_first = gaps.former_on.isnull()
    gap_days = gaps.first_purchased_on.delta(gaps.former_on, unit="day")
    return gaps.group_by("customer_id").agg(
        second_purchased_on=ibis.ifelse(is_first, gaps.second_purchased_on, gaps.first_purchased_on).min(),
        squared_between_days=_whole(gap_days * gap_days),
        returned_on=gaps.first_purchased_on.max(where=gap_days >= LONG_SILENCE_DAYS),
        **{name: gaps[name].max(where=is_first) for name in names[2:]},  # one row of each customer is the first
    )


def _described(everyone: ibis.Table, as_of: dt.date) -> ibis.Table:
    today = ibis.literal(as_of)
    registered_on = ibis.coalesce(everyone.registered_on, everyone.first_ordered_on)
    tenure_days = everyone.last_purchased_on.delta(everyone.first_purchased_on, unit="day")
    gaps = everyone.purchase_days - 1
    cycle_days = ibis.ifelse(gaps >= 1, tenure_days / gaps.nullif(0), ibis.null("float64"))
    squared_days = everyone.squared_gap_days + everyone.squared_between_days.fill_null(0)
    variance = (squared_days - gaps * cycle_days * cycle_days) / (gaps - 1).nullif(0)
    zero = {name: everyone[name].fill_null(0) for name in (*_SUMMED, *_WINDOWS)}
    return everyone.select(
        **zero,
        customer_id=ibis.coalesce(everyone.customer_id, everyone.customer_id_master),
        as_of=today,
        registered_on=registered_on,
        first_purchased_on=everyone.first_purchased_on,
        second_purchased_on=everyone.second_purchased_on,
        last_purchased_on=everyone.last_purchased_on,
        returned_on=everyone.returned_on,
        tenure_days=tenure_days.fill_null(0),
        gap_days=today.delta(ibis.coalesce(everyone.last_purchased_on, registered_on), unit="day"),
        cycle_days=cycle_days,
        cycle_sd_days=ibis.ifelse(gaps >= 2, ibis.greatest(variance, 0.0).sqrt(), ibis.null("float64")),
        last_subscribed_on=everyone.last_subscribed_on,
        first_product_id=everyone.first_product_id,
        first_order_kind=everyone.first_order_kind,
        first_media_id=ibis.coalesce(everyone.first_media_id, everyone.first_media_id_master),
    )


_WINDOWS = ("ordered_6m_jpy", "sales_6m_jpy", "sales_12m_jpy", "purchase_days_12m")
