"""What of the data decides the fee: 前年度受注金額, what was ordered in the last business year, and size (R14, R22)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import ibis
from ibis import _

from crm_platform.periods import Month, last_closed_business_year

MONTHS_OF_A_YEAR = 12


@dataclass(frozen=True)
class FeeBasis:
    """受注金額 of the twelve months from `first_month` to `last_month`, and how many customers are known (顧客総数).

    `months_with_lines` of the twelve hold an order line. `is_business_year`: False where the data hold nothing of a
    closed one. `is_latest_year`: False where another business year had closed by the day of the quote.
    """

    first_month: Month
    last_month: Month
    months_with_lines: int
    ordered_jpy: int
    customers: int
    is_business_year: bool = True
    is_latest_year: bool = True

    @property
    def is_whole(self) -> bool:
        """Whether every month of the year holds an order line."""
        return self.months_with_lines == MONTHS_OF_A_YEAR

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {**vars(self), "first_month": str(self.first_month), "last_month": str(self.last_month)}


def fee_basis(
    order_lines: ibis.Table, customers: ibis.Table, as_of: dt.date, on: dt.date, first_month_of_year: int
) -> FeeBasis:
    """The last business year that had ended by `as_of`, the last day known; see `FeeBasis`.

    Shipping is no part of the amount (R20), cancelled orders are (R21). Where the data hold nothing of that year, the
    twelve months before the data end stand in (J2).

    Args:
        order_lines: ORDER_LINES; those after `as_of` are left out.
        customers: CUSTOMERS; those count who are registered or have an order line by `as_of`.
        as_of: the last day known.
        on: the day of the quote.
        first_month_of_year: the month in which the client's business year begins.
    """
    lines = order_lines.mutate(day=order_lines.ordered_at.date()).filter(_.day <= as_of)
    known = _customers_known(lines, customers, as_of)
    first, last = last_closed_business_year(as_of, first_month_of_year)
    months, ordered_jpy = _ordered(lines, first, last)
    if months:
        is_latest = last_closed_business_year(on, first_month_of_year)[1] <= last
        return FeeBasis(first, last, months, ordered_jpy, known, is_latest_year=is_latest)
    last = Month.of(as_of)
    first = last.plus(1 - MONTHS_OF_A_YEAR)
    return FeeBasis(first, last, *_ordered(lines, first, last), known, is_business_year=False)


def _customers_known(lines: ibis.Table, customers: ibis.Table, as_of: dt.date) -> int:
    registered = customers.filter(_.registered_on <= as_of).select("customer_id")
    known = lines.select("customer_id").union(registered, distinct=True)
    return int(known.count().to_pyarrow().as_py())


def _ordered(lines: ibis.Table, first: Month, last: Month) -> tuple[int, int]:
    """How many of the months hold a line, and the amount ordered in them; whole yen, exact as reals up to 2⁵³."""
    year = lines.filter(_.day.between(first.first_day, last.last_day))
    sums = year.aggregate(
        months=_.day.truncate("M").nunique(), ordered_jpy=_.ordered_jpy.cast("float64").sum().fill_null(0.0)
    )
    (found,) = sums.to_pyarrow().to_pylist()
    return int(found["months"]), int(found["ordered_jpy"])
