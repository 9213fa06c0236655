"""Who the upper customers (上位顧客) of a day are: those among whom an alert chooses (R80), by 売上 alone."""

from __future__ import annotations

import datetime as dt

import ibis
import pandas as pd
import pyarrow as pa
from ibis import _

from crm_platform.forecast.falls import is_upper, upper_amount
from crm_platform.periods import Term


def upper_customers(days: ibis.Table, as_of: dt.date, horizon_days: int, top_share: float) -> pa.Table:
    """`customer_id` of the best `top_share` of all buyers by 売上 of the last two terms who bought in the last one.

    In order of `customer_id`. `days`: CUSTOMER_DAYS, of which later days than `as_of` are not read.
    """
    buyers = _sales_of_buyers(days, as_of, horizon_days).to_pyarrow()
    # Arrow until the upper ones are known: millions of others would take gigabytes as objects.
    sales = buyers.drop_columns("customer_id").to_pandas()
    upper = buyers.filter(pa.array(is_upper(sales, upper_amount(sales, top_share))))
    return upper.select(["customer_id"]).sort_by("customer_id")


def upper_threshold_jpy(days: ibis.Table, as_of: dt.date, top_share: float) -> float | None:
    """From how much 売上 of the last two terms on a customer is an upper one: the alert's own amount.

    The smallest among the best `top_share` of all buyers at `as_of`; None where nobody bought or the share is 0.
    """
    sales = _sales_of_buyers(days, as_of, Term.after(as_of).days)
    told: pd.DataFrame = sales.select("sales_two_terms_jpy").to_pandas()
    return upper_amount(told, top_share)


def _sales_of_buyers(days: ibis.Table, as_of: dt.date, horizon_days: int) -> ibis.Table:
    """`customer_id`, `sales_two_terms_jpy` and `sales_term_jpy` (返品を除く売上) of everyone who ever bought."""
    known = days.filter(_.day <= as_of)
    net_jpy = known.standing_sales_jpy - known.returned_jpy

    def since(terms: int) -> ibis.Value:
        return net_jpy.sum(where=known.day > as_of - dt.timedelta(days=terms * horizon_days)).fill_null(0)

    sums = known.group_by("customer_id").agg(
        sales_two_terms_jpy=since(2), sales_term_jpy=since(1), buys=(known.standing_sales_jpy > 0).any()
    )
    return sums.filter(_.buys).drop("buys")
