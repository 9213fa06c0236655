"""The forecast of everyone on file: buyers by their own past, the others by what such customers did."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa

from crm_platform.forecast import gamma_gamma
from crm_platform.forecast.forecast import FittedForecast
from crm_platform.forecast.never_bought import observe_never_bought
from crm_platform.forecast.ordering_pace import orders_when_buying
from crm_platform.tables.analyses import FORECASTS

HALF_YEAR_DAYS = 182.5
# The columns of CUSTOMER_HISTORY that a forecast of everyone reads; days as Python's objects are dear in memory.
EVERYONE_READS = ("customer_id", "as_of", "registered_on", "first_purchased_on", "purchase_days", "sales_6m_jpy")


def forecast_everyone(
    history: pd.DataFrame, customers: pd.DataFrame, model: FittedForecast, margins: pd.DataFrame | None = None
) -> pa.Table:
    """FORECASTS of every customer of CUSTOMER_HISTORY.

    Args:
        history: CUSTOMER_HISTORY at the model's as-of date.
        customers: what `forecast_customers` says of those with a line.
        model: the fitted forecast.
        margins: what `margin_rates` says; without it no profit is expected of anybody.

    A customer who never bought gets what such customers did in the last six months (`never_bought`), else 0.
    """
    rows = history[["customer_id"]].merge(customers, on="customer_id", how="left")
    rows = rows.fillna(dict.fromkeys(rows.columns.difference(["customer_id", "purchasing_power_jpy"]), 0.0))
    rows["purchasing_power_jpy"] = rows["purchasing_power_jpy"].fillna(_power_of_a_stranger(model))
    never = (history["purchase_days"] == 0).to_numpy(dtype=bool)
    observed, terms = observe_never_bought(history), model.horizon_days / HALF_YEAR_DAYS
    rows.loc[never, ["p_active", "retention_power_rate"]] = 1 - (1 - observed.purchase_rate) ** terms
    rows.loc[never, "expected_orders"] = observed.purchases * terms
    rows.loc[never, ["expected_sales_jpy", "expected_one_off_sales_jpy"]] = observed.sales_jpy * terms
    rows.loc[never, "lapse_risk"] = 1 - rows.loc[never, "retention_power_rate"]
    rows["profitability_jpy"] = rows["purchasing_power_jpy"] * rows["retention_power_rate"]
    rate = None if margins is None else margins.set_index("customer_id")["margin_rate"].reindex(rows["customer_id"])
    profit = np.nan if rate is None else rows["expected_sales_jpy"] * rate.to_numpy(dtype=np.float64, na_value=np.nan)
    return FORECASTS.from_pandas(rows.assign(expected_profit_jpy=profit))


def _power_of_a_stranger(model: FittedForecast) -> float:
    """購買力 of a customer without an order: the client's mean value × the orders of one who buys."""
    nothing = np.zeros(1)
    value = gamma_gamma.expected_value(model.order_values, nothing, nothing)
    return float(value[0] * orders_when_buying(model.ordering_pace, nothing, nothing, model.horizon_days)[0])
