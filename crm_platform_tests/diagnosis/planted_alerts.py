"""Alert inputs of a made-up house: a few hundred upper customers, some of them alerted, everything else beside them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from crm_platform.alerts.measuring.group_lifts import OUTCOMES
from crm_platform.clients import Client
from crm_platform.diagnosis.shopping_alert import AlertInputs
from crm_platform.periods import Month, months_between
from crm_platform.tables.alerts import LAPSE_ALERTS, LAPSE_REASONS

AS_OF, MONTH = dt.date(2025, 6, 30), Month(2025, 6)
UPPER = 1500


def alert_inputs(alerted: int = 400, **changes: Any) -> AlertInputs:
    """Inputs of `alerted` of 1,500 upper customers; `changes` replace fields of AlertInputs."""
    alerts = planted_alerts(alerted)
    numbers = [f"C{number:05d}" for number in range(UPPER)]
    risk = np.r_[alerts["lapse_risk"], np.full(UPPER - alerted, 0.2)]
    given: dict[str, Any] = {
        "client": Client("planted", "株式会社 <サンプル> 商店"),
        "month": MONTH,
        "as_of": AS_OF,
        "first_month": Month(2020, 7),
        "lapse_alerts": alerts,
        "test_groups": planted_groups(alerts),
        "alert_months": planted_months(),
        "upper": pd.DataFrame({"customer_id": numbers, "lapse_risk": risk}),
        "segments": pd.DataFrame({"customer_id": numbers, "value_class": [1 + number % 4 for number in range(UPPER)]}),
        "forecasts": pd.DataFrame({"customer_id": numbers, "retention_power_rate": 0.6}),
        "order_value_jpy": 9_800,
        "backtest": planted_backtest(),
        "falls": planted_falls(),
    }
    return AlertInputs(**{**given, **changes})


def planted_alerts(customers: int) -> pd.DataFrame:
    """LAPSE_ALERTS of as many customers, each a little different."""
    place = np.arange(customers)
    sales = 24_000 + 90 * place
    risk = 0.45 + 0.4 * (place % 50) / 50
    cycle = 20.0 + place % 90
    return LAPSE_ALERTS.from_pandas(
        pd.DataFrame(
            {
                "customer_id": [f"C{number:05d}" for number in place],
                "lapse_risk": risk,
                "gap_days": (20 + place % 150).astype("int64"),
                "cycle_days": cycle,
                "days_beyond_cycle": 20 + place % 150 - cycle,
                "sales_6m_jpy": sales.astype("int64"),
                "fallen_sales_jpy": sales * 0.2,
                "expected_sales_jpy": sales * (1 - 0.8 * risk),
                "expected_profit_jpy": sales * (1 - 0.8 * risk) * 0.6,
                "expected_loss_jpy": risk * sales * 0.8,
                "falls_on": pd.Series([AS_OF + dt.timedelta(days=int(day) % 140 + 1) for day in place], dtype=object),
                "reason": [LAPSE_REASONS[number % 3] for number in place],
            }
        )
    ).to_pandas()


def planted_groups(alerts: pd.DataFrame, treated: int | None = None) -> pd.DataFrame:
    """TEST_GROUPS of them: every other four treated, or the first `treated`."""
    place = np.arange(len(alerts))
    is_treated = place // 4 % 2 == 0 if treated is None else place < treated
    channel = np.where(place % 16 < 10, "dm", "outbound")
    return pd.DataFrame(
        {
            "customer_id": alerts["customer_id"],
            "campaign_id": f"alert-{MONTH}",
            "test_group": np.where(is_treated, "treated", "control"),
            "channel": [name if treats else None for name, treats in zip(channel, is_treated, strict=True)],
            "stratum": 1 + place // 8,
        }
    )


def planted_months(monthly_change: int = 4, dormancy: float = 0.03) -> pd.DataFrame:
    """ALERT_MONTHS of four years: upper customers change by `monthly_change`, the last year has the `dormancy` rate."""
    months = months_between(Month(2021, 7), MONTH)
    closing = 1000 + monthly_change * np.arange(len(months))
    return pd.DataFrame(
        {
            "month": [month.first_day for month in months],
            "is_complete": True,
            "upper_opening": closing - monthly_change,
            "upper_in": 40 + monthly_change,
            "upper_out": 40,
            "upper_closing": closing,
            "active_opening": 5000,
            "became_dormant": 150,
            "dormancy_rate": np.where(np.arange(len(months)) >= len(months) - 12, dormancy, 0.03),
            "contacts": 0,
            "contact_cost_jpy": 0,
            "retained_customers": np.nan,
            "cost_per_retained_jpy": np.nan,
        }
    )


def planted_falls(fallen: int = 60) -> dict[str, Any]:
    """Before and after of four groups of peers, `fallen` customers of each."""
    peers = [
        {
            "group": 2 * level + often,
            "level_from_jpy": (8_000.0, 40_000.0)[level],
            "level_to_jpy": (40_000.0, None)[level],
            "purchases_from": (1, 4)[often],
            "purchases_to": (3, None)[often],
            "customers": 4 * fallen,
            "fallen": fallen,
            "before_jpy": 30_000.0 + 40_000 * level,
            "after_jpy": 5_000.0 + 6_000 * level,
            "after_low_jpy": 4_500.0 + 6_000 * level,
            "after_high_jpy": 5_500.0 + 6_000 * level,
            "fall_rate": 0.25,
        }
        for level in range(2)
        for often in range(2)
    ]
    return {"peers": {"peers": peers}}


def planted_backtest(alerted_fall_rate: float | None = 0.55, alerted: int = 380) -> dict[str, Any]:
    """Two looks back, as `track_record` tells them, the parts that the alert reads."""
    lapse = {
        "candidates": 1150,
        "alerted": alerted,
        "natural_fall_rate": 0.31,
        "alerted_fall_rate": alerted_fall_rate,
        "other_fall_rate": 0.2,
        "expected_fall_rate": 0.3,
        "auc": 0.71,
        "first_tenth_fall_rate": 0.66,
        "signs": {
            name: {"auc": 0.55, "first_tenth_fall_rate": 0.4}
            for name in ("recency", "overdue_ratio", "not_active", "recent_to_expected")
        },
    }
    return {"origins": [{"as_of": day, "lapse": lapse} for day in ("2024-12-31", "2024-09-30")]}


def planted_campaign(lift: float = 0.04, error: float = 0.01, campaign: str = "alert-2024-12") -> dict[str, Any]:
    """What `CampaignResult.to_json` tells of a campaign with this lift in buyers."""
    money = _range(lift * 100_000, error * 100_000, 200)
    return {
        "campaign_id": campaign,
        "started_on": "2025-01-06",
        "ends_on": "2025-07-05",
        "share_observed": 0.97,
        "is_interim": True,
        "treated_customers": 200,
        "control_customers": 200,
        "lifts": {name: _lift(name, lift, error) for name in OUTCOMES},
        "worth": {
            "cost_jpy": 20_000.0,
            "retained_customers": _range(lift, error, 200),
            "sales_jpy": money,
            "profit_jpy": money,
            "cost_per_retained_jpy": {"value": 2_500.0, "low": 2_000.0, "high": 4_000.0} if lift > 0 else None,
        },
        "response": [_span(31, 60, lift * 1.5), _span(0, 30, lift), _span(-30, -1, 0.0), _span(None, -31, None)],
        "notes": [{"key": "cost_assumed", "cost_jpy": 20_000.0}],
        "contacts": 200,
        "cost_jpy": 20_000.0,
        "retained_customers": lift * 200,
    }


def _span(least: int | None, most: int, lift: float | None) -> Mapping[str, Any]:
    lifts = {} if lift is None else {"buyers": _lift("buyers", lift, 0.03)}
    return {
        "days_before_from": least,
        "days_before_to": most,
        "treated_customers": 50 if lifts else 0,
        "control_customers": 50,
        "lifts": lifts,
    }


def _lift(outcome: str, lift: float, error: float) -> dict[str, Any]:
    scale = 1.0 if outcome in ("buyers", "retained") else 100_000.0
    estimate = {**_range(lift, error, scale), "standard_error": error * scale, "method": "lin"}
    estimate["lift"] = estimate.pop("value")
    return {
        "outcome": outcome,
        "treated_customers": 200,
        "control_customers": 200,
        "treated_mean": (0.5 + lift) * scale,
        "control_mean": 0.5 * scale,
        "plain": {**estimate, "lift": (lift + 0.002) * scale},
        "adjusted": estimate,
    }


def _range(value: float, error: float, scale: float) -> dict[str, Any]:
    return {
        "value": value * scale,
        "low": (value - 2 * error) * scale,
        "high": (value + 2 * error) * scale,
    }
