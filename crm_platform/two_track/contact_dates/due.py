"""Whom to call today (本日の架電リスト): the contacts that are due, the most valuable customer first (R107)."""

from __future__ import annotations

import datetime as dt

import ibis
import pyarrow as pa
from ibis import _


def due_contacts(dates: pa.Table, forecasts: ibis.Table, on: dt.date) -> pa.Table:
    """Customers whose next contact is on `on` or before it, by the 売上 foreseen for them; nobody who is on hold.

    Columns: customer_id, next_contact_on, reason, product_id, expected_sales_jpy (null where nothing is foreseen). Of
    equal sales the longer overdue first. Subscribers are among them only where the client calls them.

    Args:
        dates: CONTACT_DATES; a hold has moved the day already.
        forecasts: FORECASTS.
        on: the day of the list.
    """
    called = ibis.memtable(dates).filter(_.to_call & (_.next_contact_on <= on))
    foreseen = forecasts.select("customer_id", "expected_sales_jpy")
    rows = called.left_join(foreseen, "customer_id")
    order = [_.expected_sales_jpy.desc(nulls_first=False), _.next_contact_on, _.customer_id]
    names = ("customer_id", "next_contact_on", "reason", "product_id", "expected_sales_jpy")
    found: pa.Table = rows.order_by(order).select(*names).to_pyarrow()
    return found
