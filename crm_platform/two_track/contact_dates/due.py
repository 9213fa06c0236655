"""Whom to call today (本日の架電リスト): the contacts that are due, the most valuable customer first (R107)."""

from __future__ import annotations

import datetime as dt

import ibis
import pyarrow as pa
from ibis import _

from crm_platform.diagnosis.rows import rows

COMING_DAYS = 7


def due_contacts(dates: pa.Table, forecasts: ibis.Table, on: dt.date) -> pa.Table:
    """Customers whose next contact is on `on` or before it, by the 売上 foreseen for them; nobody who is on hold.

    Columns: customer_id, next_contact_on, reason, product_id, expected_sales_jpy (null where nothing is foreseen). Of
    equal sales the longer overdue first. Subscribers are among them only where the client calls them; who lapsed
    (掘り起こし) is not.

    Args:
        dates: CONTACT_DATES; a hold has moved the day already.
        forecasts: FORECASTS.
        on: the day of the list.
    """
    called = ibis.memtable(dates).filter(_.to_call & (_.next_contact_on <= on))
    foreseen = forecasts.select("customer_id", "expected_sales_jpy")
    found = called.left_join(foreseen, "customer_id")
    order = [_.expected_sales_jpy.desc(nulls_first=False), _.next_contact_on, _.customer_id]
    names = ("customer_id", "next_contact_on", "reason", "product_id", "expected_sales_jpy")
    listed: pa.Table = found.order_by(order).select(*names).to_pyarrow()
    return listed


def coming_contacts(dates: pa.Table, on: dt.date) -> dict[dt.date, int]:
    """How many customers become due on each of the COMING_DAYS after `on`, from CONTACT_DATES."""
    days = [on + dt.timedelta(days=number) for number in range(1, COMING_DAYS + 1)]
    called = ibis.memtable(dates).filter(_.to_call & _.next_contact_on.between(days[0], days[-1]))
    counted = called.group_by("next_contact_on").agg(customers=_.count())
    found = {row["next_contact_on"]: int(row["customers"]) for row in rows(counted)}
    return {day: found.get(day, 0) for day in days}


def lapsed_contacts(dates: pa.Table) -> int:
    """How many calls of CONTACT_DATES have lapsed."""
    return int(ibis.memtable(dates).filter(_.reason == "lapsed").count().to_pyarrow().as_py())
