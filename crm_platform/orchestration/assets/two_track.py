"""The next contact dates as an asset."""

from __future__ import annotations

import ibis
import pandas as pd
import pyarrow as pa
from ibis import _

from crm_platform.orchestration.client_month import ClientMonth
from crm_platform.orchestration.client_month_asset import client_month_asset
from crm_platform.orchestration.recipe import Reads, Recipe, everything
from crm_platform.two_track import next_contact_dates


@client_month_asset(
    Recipe(
        "contact_dates",
        "two_track",
        {
            "customer_product_months": Reads.UP_TO_MONTH,
            "products": Reads.SAME_MONTH,
            "customer_history": Reads.SAME_MONTH,
        },
        settings=everything,
    )
)
def contact_dates(at: ClientMonth) -> pa.Table:
    """When the product of each active customer (現役) runs out, and so when to contact the customer (R107)."""
    deliveries = latest_deliveries(at.past("customer_product_months"))
    settings, history = at.client.settings, at.frame("customer_history")
    active = history[history["gap_days"] < settings.cpm_lapsed_gap_days]  # who left is called back, not supplied
    return next_contact_dates(deliveries, at.frame("products"), active, settings.contact_lead_days)


def latest_deliveries(months: ibis.Table) -> pd.DataFrame:
    """The last delivery of each product to each customer, which an order of an earlier month may be (予約)."""
    latest_first = ibis.window(
        group_by=["customer_id", "product_id"], order_by=[months.last_delivered_on.desc(), months.month.desc()]
    )
    ranked = months.mutate(place=ibis.row_number().over(latest_first)).filter(_.place == 0)
    latest = ranked.select("customer_id", "product_id", "last_delivered_on", "last_quantity")
    frame: pd.DataFrame = latest.order_by("customer_id", "product_id").to_pandas()
    return frame
