"""The day on which a customer who buys nothing more falls (ランクダウンする日, R90)."""

from __future__ import annotations

import datetime as dt

import ibis
import pandas as pd
from ibis import _

from crm_platform.forecast.modelled_fall import FALLEN_SHARE


def fall_days(days: ibis.Table, customer_ids: pd.Series, as_of: dt.date, horizon_days: int) -> pd.DataFrame:
    """`customer_id, falls_on`: when the last `horizon_days` hold less than half of the sales that they hold today.

    Sales leave the last term one day after the other, the oldest first; the customer falls with the day that takes away
    the half. Never before the day after `as_of`.

    Args:
        days: CUSTOMER_DAYS.
        customer_ids: customers with sales in the last term; others are left out.
        as_of: the last day known.
        horizon_days: the term.
    """
    chosen = ibis.memtable(pd.DataFrame({"customer_id": customer_ids.astype("object")}, dtype="object"))
    begin = as_of - dt.timedelta(days=horizon_days)
    recent = days.filter((days.day > begin) & (days.day <= as_of)).semi_join(chosen, "customer_id")
    sales = recent.mutate(net_jpy=_.standing_sales_jpy - _.returned_jpy)
    of_customer = ibis.window(group_by="customer_id")
    up_to_day = ibis.window(group_by="customer_id", order_by="day", preceding=None, following=0)
    left = sales.mutate(gone_jpy=_.net_jpy.sum().over(up_to_day), level_jpy=_.net_jpy.sum().over(of_customer))
    falls = left.filter((_.level_jpy > 0) & (_.level_jpy - _.gone_jpy < FALLEN_SHARE * _.level_jpy))
    last = falls.group_by("customer_id").agg(day=_.day.min()).order_by("customer_id").to_pandas()
    gone = pd.to_datetime(last["day"]) + pd.Timedelta(days=horizon_days)
    return pd.DataFrame({"customer_id": last["customer_id"], "falls_on": gone.dt.date})
