"""Test totals per month (テスト集計, R39): the one definition of our side of the acceptance."""

from __future__ import annotations

import ibis
from ibis import _

TOTALS = ("orders", "customers", "ordered_jpy", "sales_jpy")  # the figures that a client may hold against its own


def monthly_totals(order_lines: ibis.Table) -> ibis.Table:
    """Month (its first day), rows, orders, customers, ordered_jpy, sales_jpy; one row per month with a line.

    An order whose lines are all credit lines orders nothing and is no order; its customer is counted.
    """
    lines = order_lines.mutate(month=_.ordered_at.truncate("M").date())
    return (
        lines.group_by("month")
        .agg(
            rows=_.count(),
            orders=_.order_id.nunique(where=_.quantity > 0),
            customers=_.customer_id.nunique(),
            ordered_jpy=_.ordered_jpy.sum(),
            sales_jpy=_.sales_jpy.sum(),
        )
        .order_by("month")
    )
