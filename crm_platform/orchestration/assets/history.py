"""Each customer's history as an asset."""

from __future__ import annotations

import ibis

from crm_platform.history import customer_history as history_of_customers
from crm_platform.orchestration.client_month import ClientMonth
from crm_platform.orchestration.client_month_asset import client_month_asset
from crm_platform.orchestration.pictures import customers_by_purchases
from crm_platform.orchestration.recipe import Reads, Recipe


@client_month_asset(
    Recipe("customer_history", "history", {"customer_months": Reads.UP_TO_MONTH, "customers": Reads.SAME_MONTH}),
    picture=customers_by_purchases,
)
def customer_history(at: ClientMonth) -> ibis.Table:
    """Each customer as known at the month's end: rhythm, amounts, state. Nothing of it knows the future."""
    return history_of_customers(at.past("customer_months"), at.expression("customers"), at.month, at.as_of)
