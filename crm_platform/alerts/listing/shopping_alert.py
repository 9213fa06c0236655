"""The alert of one day, from the days of all customers and the fitted forecast (ショッピングアラート, R80–R83, R91)."""

from __future__ import annotations

import ibis
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from crm_platform.alerts.listing.fall_days import fall_days
from crm_platform.alerts.listing.lapse import NEEDED_FEATURES, TOLD, find_lapse_alerts, lapse_candidates
from crm_platform.alerts.listing.upper_customers import upper_customers
from crm_platform.clients import Settings
from crm_platform.forecast import FittedForecast
from crm_platform.history import customer_features
from crm_platform.tables.alerts import LAPSE_ALERTS
from crm_platform.tables.frames import frame_of


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
    features = customer_features(days.semi_join(ibis.memtable(upper), "customer_id"), model.as_of, model.horizon_days)
    read = frame_of(features.select("customer_id", *NEEDED_FEATURES).order_by("customer_id"))
    told = forecasts if isinstance(forecasts, pd.DataFrame) else _of(forecasts, upper["customer_id"]).to_pandas()
    return lapse_candidates(read, told, model.falls.cycle)


def _of(forecasts: pa.Table, customers: pa.ChunkedArray) -> pa.Table:
    """The columns and rows of FORECASTS that an alert reads."""
    told = forecasts.select([name for name in ("customer_id", *TOLD) if name in forecasts.column_names])
    return told.filter(pc.is_in(told["customer_id"], value_set=customers))
