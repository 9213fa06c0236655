"""The shopping alert as an asset, and how former forecasts and alerts came true."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pyarrow as pa

from crm_platform.alerts import find_lapse_alerts, lapse_candidates, measure_alerts, split_test_and_control
from crm_platform.forecast import FittedForecast, backtest, fit_forecast, forecast_customers
from crm_platform.history import customer_history
from crm_platform.orchestration.client_month import ClientMonth
from crm_platform.orchestration.client_month_asset import client_month_asset
from crm_platform.orchestration.pictures import alerts_by_risk, gini_by_method
from crm_platform.orchestration.recipe import Reads, Recipe, everything
from crm_platform.periods import TERM_MONTHS
from crm_platform.segments import issue_book


@client_month_asset(
    Recipe(
        "lapse_alerts",
        "alerts",
        dict.fromkeys(("customer_history", "forecasts", "forecast_model"), Reads.SAME_MONTH),
        settings=everything,
    ),
    picture=alerts_by_risk,
)
def lapse_alerts(at: ClientMonth) -> pa.Table:
    """Good customers who are about to stop, by their own cycle, in a treated and a control group (R80-R84)."""
    settings = at.client.settings
    model = FittedForecast.from_json(at.document("forecast_model"))
    alerts = find_lapse_alerts(at.frame("customer_history"), at.frame("forecasts"), settings, model)
    return split_test_and_control(alerts, settings.alert_seed)


@client_month_asset(
    Recipe(
        "former_forecast",
        "alerts",
        {"customer_months": Reads.UP_TO_MONTH, "customers": Reads.SAME_MONTH},
        settings=everything,
    ),
    picture=gini_by_method,
)
def former_forecast(at: ClientMonth) -> Any:
    """How forecast and alerts of six months ago came true, beside RFM, recency and past sales; null at a short history.

    Made anew with today's models from what was known then, so that every month can show it.
    """
    then = at.earlier(TERM_MONTHS)
    if then is None:
        return None
    known = customer_history(at.past("customer_months"), at.expression("customers"), then.month, then.as_of).to_pandas()
    return track_record(at, then, known) if len(known) else None


def track_record(at: ClientMonth, then: ClientMonth, known: pd.DataFrame) -> Any:
    """The outcome at `at` of what could be said of `known` at `then`."""
    settings, model = at.client.settings, fit_forecast(known)
    foreseen = forecast_customers(known, model, (at.as_of - then.as_of).days)
    actual = sales_since(at, then)
    candidates = lapse_candidates(known, foreseen, settings, model)
    book = issue_book(foreseen, then.as_of, settings.value_classes).to_pandas()
    return backtest(
        known,
        foreseen,
        actual,
        value_classes=book.set_index("customer_id")["value_class"],
        lapse_outcome=measure_alerts(candidates, find_lapse_alerts(known, foreseen, settings, model), actual),
    )


def sales_since(at: ClientMonth, then: ClientMonth) -> pd.Series:
    """Sales of each customer in the months after `then`, by customer id."""
    months = at.past("customer_months")
    since = months.filter(months.month > then.month.first_day)
    sales = since.group_by("customer_id").agg(sales_jpy=since.sales_jpy.sum()).order_by("customer_id").to_pandas()
    of_customer: pd.Series = sales.set_index("customer_id")["sales_jpy"]
    return of_customer
