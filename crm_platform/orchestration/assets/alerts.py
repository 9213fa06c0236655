"""The shopping alert as an asset."""

from __future__ import annotations

import pyarrow as pa

from crm_platform.alerts import find_lapse_alerts, split_test_and_control
from crm_platform.orchestration.client_month import ClientMonth
from crm_platform.orchestration.client_month_asset import client_month_asset
from crm_platform.orchestration.recipe import Reads, Recipe, everything


@client_month_asset(
    Recipe(
        "lapse_alerts",
        "alerts",
        {"customer_history": Reads.SAME_MONTH, "forecasts": Reads.SAME_MONTH},
        settings=everything,
    )
)
def lapse_alerts(at: ClientMonth) -> pa.Table:
    """Good customers who are about to stop, by their own cycle, in a treated and a control group (R80-R84)."""
    settings = at.client.settings
    alerts = find_lapse_alerts(at.frame("customer_history"), at.frame("forecasts"), settings)
    return split_test_and_control(alerts, settings.alert_seed)
