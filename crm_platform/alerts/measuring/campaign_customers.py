"""What each customer of a campaign did inside its window, after it, and what was known of him when it started (R85).

The window is the campaign's term, both ends included. Everything is told by the day of the order, not by the day on
which the order was delivered to us: a late order inside the window counts as soon as it is there.
"""

from __future__ import annotations

import datetime as dt

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
from ibis import _

from crm_platform.forecast.modelled_fall import FALLEN_SHARE
from crm_platform.periods import Term

ALERTED = ("lapse_risk", "expected_sales_jpy", "sales_6m_jpy", "falls_on")  # read from LAPSE_ALERTS, where it is there


def campaign_customers(
    groups: pa.Table,
    days: ibis.Table,
    window: Term,
    as_of: dt.date,
    alerts: pd.DataFrame | None,
    margins: pd.DataFrame | None,
    unit_jpy: float,
) -> pd.DataFrame:
    """A row per customer of TEST_GROUPS, in order of customer; nothing after `as_of` is seen.

    Args:
        groups: TEST_GROUPS of one campaign.
        days: CUSTOMER_DAYS before, in and after the window.
        window: the campaign's term.
        as_of: last day known.
        alerts: LAPSE_ALERTS of the campaign's month, or None.
        margins: `customer_id, margin_rate` as known at the start, null where unknown, or None.
        unit_jpy: yen that one unit of an amount in `days` is worth.

    Returns:
        customer_id, is_treated, channel, stratum; `buyers`, `sales`, `profit` (NaN where the margin is unknown) and
        `retained` in the window; late_buyers, late_sales_jpy after it; sales_before_jpy (of as many days as the
        window has), earlier_sales_jpy (of as many before these), purchase_days_before (in both), silent_days (at most
        both); lapse_risk, expected_sales_jpy, falls_on, is_alerted.
    """
    rows = groups.select(["customer_id", "test_group", "channel", "stratum"]).to_pandas()
    rows = rows.sort_values("customer_id", kind="stable").reset_index(drop=True)
    did = _sums(days, groups["customer_id"], window, as_of).to_pandas()
    rows = rows.merge(did, on="customer_id", how="left", validate="1:1")
    for name in ("sales", "late_sales_jpy", "sales_before_jpy", "earlier_sales_jpy"):
        rows[name] = rows[name].fillna(0).astype("float64") * unit_jpy
    for name in ("buyers", "late_buyers"):
        rows[name] = (rows[name].fillna(0) > 0).astype("float64")
    rows["purchase_days_before"] = rows["purchase_days_before"].fillna(0).astype("float64")
    rows["silent_days"] = _silent_days(rows.pop("last_purchased_on"), window)
    rows["is_treated"] = (rows.pop("test_group") == "treated").to_numpy(dtype=bool)
    return _with_profit(_with_alerts(rows, alerts), margins)


def _sums(days: ibis.Table, customers: pa.ChunkedArray, window: Term, as_of: dt.date) -> ibis.Table:
    """Sums of the windows, in whole units; no row where a customer has no day by `as_of`."""
    before, earlier = (window.valid_from - dt.timedelta(days=times * window.days) for times in (1, 2))
    of_campaign = ibis.memtable(pa.table({"customer_id": customers}))
    known = days.filter(_.day <= as_of).semi_join(of_campaign, "customer_id")
    known = known.mutate(sales=_.standing_sales_jpy - _.returned_jpy, bought=(_.standing_sales_jpy > 0).cast("int64"))
    inside = (known.day >= window.valid_from) & (known.day <= window.valid_to)
    after, past = known.day > window.valid_to, known.day < window.valid_from
    return known.group_by("customer_id").agg(
        sales=known.sales.sum(where=inside),
        buyers=known.bought.sum(where=inside),
        late_sales_jpy=known.sales.sum(where=after),
        late_buyers=known.bought.sum(where=after),
        sales_before_jpy=known.sales.sum(where=past & (known.day >= before)),
        earlier_sales_jpy=known.sales.sum(where=(known.day < before) & (known.day >= earlier)),
        purchase_days_before=known.bought.sum(where=past & (known.day >= earlier)),
        last_purchased_on=known.day.max(where=past & (known.bought == 1)),
    )


def _silent_days(last_purchased_on: pd.Series, window: Term) -> pd.Series:
    """Days from the last purchase to the start; who has none counts as silent for as long as was looked back."""
    silent = (pd.Timestamp(window.valid_from) - pd.to_datetime(last_purchased_on)).dt.days
    return silent.fillna(2 * window.days).clip(upper=2 * window.days).astype("float64")


def _with_alerts(rows: pd.DataFrame, alerts: pd.DataFrame | None) -> pd.DataFrame:
    """What the alert said, and whether half of the level then was kept."""
    if alerts is None:
        rows = rows.assign(**dict.fromkeys(ALERTED, np.nan))
    else:
        rows = rows.merge(alerts[["customer_id", *ALERTED]], on="customer_id", how="left", validate="1:1")
    rows["falls_on"] = pd.to_datetime(rows["falls_on"])
    rows["is_alerted"] = rows["lapse_risk"].notna()
    level = rows.pop("sales_6m_jpy").astype("float64").fillna(rows["sales_before_jpy"])
    kept = (rows["sales"] > 0) & (rows["sales"] >= FALLEN_SHARE * level)
    return rows.assign(retained=kept.astype("float64"))


def _with_profit(rows: pd.DataFrame, margins: pd.DataFrame | None) -> pd.DataFrame:
    if margins is None:
        return rows.assign(profit=np.nan)
    rate = rows["customer_id"].map(margins.set_index("customer_id")["margin_rate"]).astype("float64")
    return rows.assign(profit=rows["sales"] * rate)
