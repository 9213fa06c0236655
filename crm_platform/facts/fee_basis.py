"""What of the data decides the fee: size, and 前年度受注金額, the ordered amount of the last business year (R22)."""

from __future__ import annotations

import datetime as dt
from typing import Any

import ibis
from ibis import _

from crm_platform.periods import last_closed_business_year

MOST_CUSTOMERS_OF_THE_PRICE_LIST = 2_000_000  # 顧客総数200万名 (001:272, R14)


def fee_basis(product_months: ibis.Table, customers: int, as_of: dt.date, first_month_of_year: int) -> dict[str, Any]:
    """`business_year` (first and last month, months with a line, ordered_jpy), `customers` and `individual_quote`.

    The year is the last that had ended by `as_of`; shipping is no part of the amount (R20), cancelled orders are (R21).
    A year of which the data hold only a part shows it by `months_with_lines`. Above 2,000,000 customers the price list
    ends: `individual_quote` (別途見積).
    """
    first, last = last_closed_business_year(as_of, first_month_of_year)
    year = product_months.filter(_.month.between(first.first_day, last.first_day))
    sums = (
        year.aggregate(ordered_jpy=_.ordered_jpy.sum().fill_null(0), months=_.month.nunique())
        .to_pyarrow()
        .to_pylist()[0]
    )
    return {
        "business_year": {
            "first_month": str(first),
            "last_month": str(last),
            "months_with_lines": int(sums["months"]),
            "ordered_jpy": int(sums["ordered_jpy"]),
        },
        "customers": customers,
        "individual_quote": customers > MOST_CUSTOMERS_OF_THE_PRICE_LIST,
    }
