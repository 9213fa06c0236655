"""The alert of one day, from the days of all customers and the fitted forecast (ショッピングアラート, R80–R83, R91)."""

from __future__ import annotations

import datetime as dt

import ibis
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from crm_platform.alerts.listing.fall_days import fall_days
from crm_platform.alerts.listing.lapse import NEEDED_FEATURES, TOLD, find_lapse_alerts, lapse_candidates
from crm_platform.clients import Settings
from crm_platform.forecast import FittedForecast
from crm_platform.forecast.falls import is_upper, upper_amount
from crm_platform.history import customer_features
from crm_platform.tables.alerts import LAPSE_ALERTS


def shopping_alert(
    days: ibis.Table, model: FittedForecast, forecasts: pa.Table | pd.DataFrame, settings: Settings
) -> pa.Table:
    """LAPSE_ALERTS as known at the model's as-of day: the same days, model and settings give the same list (R91).

    Args:
        days: CUSTOMER_DAYS; later days than the model's are not read.
        model: the fitted forecast.
        forecasts: FORECASTS of that day, or what `forecast_buyers` says.
        settings: whom to alert, how many, at what cost of a contact.
    """
    candidates = alert_candidates(days, model, forecasts, settings)
    alerts = find_lapse_alerts(candidates, settings)
    falls = fall_days(days, alerts["customer_id"], model.as_of, model.horizon_days)
    return LAPSE_ALERTS.from_pandas(alerts.merge(falls, on="customer_id", how="left", validate="1:1"))


def alert_candidates(
    days: ibis.Table, model: FittedForecast, forecasts: pa.Table | pd.DataFrame, settings: Settings
) -> pd.DataFrame:
    """All upper customers of that day with what `lapse_candidates` says of each."""
    upper = upper_customers(days, model.as_of, model.horizon_days, settings.alert_top_share)
    told = forecasts if isinstance(forecasts, pd.DataFrame) else _of(forecasts, upper["customer_id"]).to_pandas()
    return lapse_candidates(upper, told, model.falls.cycle)


def upper_customers(days: ibis.Table, as_of: dt.date, horizon_days: int, share: float) -> pd.DataFrame:
    """The upper customers (上位客) of that day: just the features that an alert reads, in order of `customer_id`.

    They are the best `share` of all buyers by 売上 of the last two terms who bought in the last one.
    """
    features = customer_features(days, as_of, horizon_days)
    buyers = features.filter(features.purchase_days > 0).select("customer_id", *NEEDED_FEATURES).to_pyarrow()
    # Arrow until the upper ones are known: millions of others would take gigabytes as objects.
    figures = buyers.select(["sales_two_terms_jpy", "sales_term_jpy"]).to_pandas()
    upper = buyers.filter(pa.array(is_upper(figures, upper_amount(figures, share))))
    found: pd.DataFrame = upper.sort_by("customer_id").to_pandas()
    return found


def _of(forecasts: pa.Table, customers: pd.Series) -> pa.Table:
    """The columns and rows of FORECASTS that an alert reads."""
    told = forecasts.select([name for name in ("customer_id", *TOLD) if name in forecasts.column_names])
    return told.filter(pc.is_in(told["customer_id"], value_set=pa.array(customers, told["customer_id"].type)))
