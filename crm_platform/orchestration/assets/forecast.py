"""The forecast of six months of sales as assets: the model, each customer's forecast, how former ones came true."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pyarrow as pa

from crm_platform.forecast import FittedForecast, backtest, fit_forecast, forecast_customers
from crm_platform.history import customer_history
from crm_platform.orchestration.client_month import ClientMonth
from crm_platform.orchestration.client_month_asset import client_month_asset
from crm_platform.orchestration.recipe import Reads, Recipe
from crm_platform.periods import TERM_MONTHS, Term


@client_month_asset(Recipe("forecast_model", "forecast", {"customer_history": Reads.SAME_MONTH}))
def forecast_model(at: ClientMonth) -> Any:
    """The models of buying rhythm and value, fitted on all histories: parameters, fit, and on whom, as plain JSON."""
    return fit_forecast(at.frame("customer_history")).to_json()


@client_month_asset(
    Recipe("forecasts", "forecast", {"customer_history": Reads.SAME_MONTH, "forecast_model": Reads.SAME_MONTH})
)
def forecasts(at: ClientMonth) -> pa.Table:
    """Six months of sales per customer (6ヶ月LTV), with 継続力, 購買力 and 収益力."""
    model = FittedForecast.from_json(at.document("forecast_model"))
    return forecast_customers(at.frame("customer_history"), model, Term.after(at.as_of).days)


@client_month_asset(
    Recipe("former_forecast", "forecast", {"customer_months": Reads.UP_TO_MONTH, "customers": Reads.SAME_MONTH})
)
def former_forecast(at: ClientMonth) -> Any:
    """How the forecast of six months ago came true, beside RFM, recency and past sales; null where history is short."""
    then = at.earlier(TERM_MONTHS)
    if then is None:
        return None
    known = customer_history(at.past("customer_months"), at.expression("customers"), then.month, then.as_of).to_pandas()
    if known.empty:
        return None
    foreseen = forecast_customers(known, fit_forecast(known), (at.as_of - then.as_of).days)
    return backtest(known, foreseen, sales_since(at, then))


def sales_since(at: ClientMonth, then: ClientMonth) -> pd.Series:
    """Sales of each customer in the months after `then`, by customer id."""
    months = at.past("customer_months")
    since = months.filter(months.month > then.month.first_day)
    sales = since.group_by("customer_id").agg(sales_jpy=since.sales_jpy.sum()).order_by("customer_id").to_pandas()
    of_customer: pd.Series = sales.set_index("customer_id")["sales_jpy"]
    return of_customer
