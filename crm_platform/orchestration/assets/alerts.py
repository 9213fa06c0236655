"""The shopping alert as an asset, and how former forecasts and alerts came true."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from crm_platform.alerts import find_lapse_alerts, split_test_and_control, track_record
from crm_platform.forecast import FittedForecast
from crm_platform.forecast.origins import describe
from crm_platform.orchestration.client_month import ClientMonth
from crm_platform.orchestration.client_month_asset import client_month_asset
from crm_platform.orchestration.metadata import picture_metadata
from crm_platform.orchestration.pictures import alerts_by_risk, forecast_by_actual, forecast_by_tenth
from crm_platform.orchestration.recipe import Reads, Recipe, everything

MONTHLY_ORIGINS = 2  # each but the first costs a whole fit; the command looks back on as many as wanted


@client_month_asset(
    Recipe(
        "lapse_alerts",
        "alerts",
        {
            "customer_days": Reads.UP_TO_MONTH,
            "forecasts": Reads.SAME_MONTH,
            "forecast_model": Reads.SAME_MONTH,
        },
        settings=everything,
    ),
    picture=alerts_by_risk,
)
def lapse_alerts(at: ClientMonth) -> pa.Table:
    """Good customers who are about to stop, by their own cycle, in a treated and a control group (R80-R84)."""
    settings = at.client.settings
    model = FittedForecast.from_json(at.document("forecast_model"))
    features = describe(at.past("customer_days"), model.as_of, model.horizon_days)
    alerts = find_lapse_alerts(features, at.frame("forecasts"), settings, model.experts.spending, model.horizon_days)
    return split_test_and_control(alerts, settings.alert_seed)


def in_short(_: ClientMonth, document: Any) -> dict[str, Any]:
    """The figures of the latest origin, and its calibration as a second picture."""
    if not document:
        return {}
    latest = document["origins"][0]
    ours, rfm = latest["methods"]["ours"], latest["methods"]["rfm"]
    found = {
        "origins": len(document["origins"]),
        "backtest_as_of": latest["as_of"],
        "gini": ours["gini"],
        "rfm_gini": rfm["gini"],
        "top_decile_share": ours["top_decile_share"],
        "bias": latest["bias"],
        "decile_error": latest["decile_error"],
        "above_p90_rate": latest["coverage"]["above_p90_rate"],
        "below_p10_rate": latest["coverage"]["below_p10_rate"],
        "class_inversions": latest["class_inversions"],
    }
    calibration = forecast_by_actual(document)
    pictures = {"calibration": picture_metadata(calibration)} if calibration else {}
    return {name: value for name, value in found.items() if value is not None} | pictures


@client_month_asset(
    Recipe(
        "backtest",
        "alerts",
        {"customer_days": Reads.UP_TO_MONTH, "former_model": Reads.SAME_MONTH},
        settings=everything,
    ),
    picture=forecast_by_tenth,
    describe=in_short,
)
def backtest(at: ClientMonth) -> Any:
    """How former forecasts and alerts came true, beside RFM, recency, past and recent sales; null at a short history.

    Each is made anew with today's models from what was known then, so that every month can show it.
    """
    stored = at.document("former_model")
    former = FittedForecast.from_json(stored) if stored else None
    return track_record(at.past("customer_days"), at.as_of, at.client.settings, MONTHLY_ORIGINS, at_hand=former)
