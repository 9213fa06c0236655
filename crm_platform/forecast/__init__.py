"""Six months of sales per customer, each part a published model, with a record of how former forecasts came true.

Belongs here: models of purchasing, forecasts, backtests. Does not: classes, alerts, what came after the as-of date.
"""

from crm_platform.forecast.backtest import rolling_backtest
from crm_platform.forecast.carrying import carried_forecast
from crm_platform.forecast.everyone import EVERYONE_READS, forecast_everyone
from crm_platform.forecast.forecast import FittedForecast, fit_forecast, forecast_buyers, forecast_customers
from crm_platform.forecast.metrics import normalised_gini, share_that_moves, top_share

__all__ = [
    "EVERYONE_READS",
    "FittedForecast",
    "carried_forecast",
    "fit_forecast",
    "forecast_buyers",
    "forecast_customers",
    "forecast_everyone",
    "normalised_gini",
    "rolling_backtest",
    "share_that_moves",
    "top_share",
]
