"""Plain forecasts (Pareto/NBD × gamma-gamma) at several origins of a list of purchases, beside what came."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import numpy as np
import pandas as pd

from crm_platform.forecast.calibration import PastForecast
from crm_platform.forecast.gamma_gamma import expected_value, fit_gamma_gamma
from crm_platform.forecast.pareto_nbd import expected_purchases, fit_pareto_nbd, probability_of_purchase
from crm_platform_tests.oracles.known_histories import sales_after


def origins_before(as_of: dt.date, horizon_days: int, most: int = 8, step_days: int = 30) -> list[dt.date]:
    """As-of days a month apart whose terms are over at `as_of`, the latest first."""
    return [as_of - dt.timedelta(days=horizon_days + step_days * back) for back in range(most)]


def former_forecasts(purchases: pd.DataFrame, origins: Sequence[dt.date], horizon_days: int) -> list[PastForecast]:
    """A forecast at each origin, its models fitted on what was known then."""
    return [_forecast(purchases, as_of, horizon_days) for as_of in origins]


def _forecast(purchases: pd.DataFrame, as_of: dt.date, horizon_days: int) -> PastForecast:
    known = purchases[(purchases["purchased_on"] <= pd.Timestamp(as_of)) & (purchases["sales_jpy"] > 0)]
    by_customer = known.groupby("customer_id")
    days, spent = by_customer["purchased_on"], by_customer["sales_jpy"].sum().to_numpy(dtype=np.float64)
    count = by_customer.size().to_numpy(dtype=np.float64)
    tenure = (days.max() - days.min()).dt.days.to_numpy(dtype=np.float64)
    age = (pd.Timestamp(as_of) - days.min()).dt.days.to_numpy(dtype=np.float64)
    some = slice(None, None, max(len(count) // 1_500, 1))
    pace = fit_pareto_nbd(count[some] - 1, tenure[some], age[some])
    value = fit_gamma_gamma(count[some], (spent / count)[some])
    sales = sales_after(purchases, str(as_of), horizon_days).reindex(days.max().index).fillna(0)
    return PastForecast(
        as_of,
        expected_purchases(pace, count - 1, tenure, age, horizon_days) * expected_value(value, count, spent / count),
        probability_of_purchase(pace, count - 1, tenure, age, horizon_days),
        sales.to_numpy(dtype=np.float64),
    )
