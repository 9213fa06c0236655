"""The forecast of six months of sales as assets: the fitted model, each customer's forecast."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from crm_platform.forecast import FittedForecast, fit_forecast, forecast_customers
from crm_platform.orchestration.client_month import ClientMonth
from crm_platform.orchestration.client_month_asset import client_month_asset
from crm_platform.orchestration.pictures import customers_by_retention_power
from crm_platform.orchestration.recipe import Reads, Recipe
from crm_platform.periods import Term


@client_month_asset(Recipe("forecast_model", "forecast", {"customer_history": Reads.SAME_MONTH}))
def forecast_model(at: ClientMonth) -> Any:
    """The models of buying rhythm and value, fitted on all histories: parameters, fit, and on whom, as plain JSON."""
    return fit_forecast(at.frame("customer_history")).to_json()


@client_month_asset(
    Recipe("forecasts", "forecast", {"customer_history": Reads.SAME_MONTH, "forecast_model": Reads.SAME_MONTH}),
    picture=customers_by_retention_power,
)
def forecasts(at: ClientMonth) -> pa.Table:
    """Six months of sales per customer (6ヶ月LTV), with 継続力, 購買力 and 収益力."""
    model = FittedForecast.from_json(at.document("forecast_model"))
    return forecast_customers(at.frame("customer_history"), model, Term.after(at.as_of).days)
