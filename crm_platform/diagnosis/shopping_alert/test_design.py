"""How the measure is to be tested (テスト設計, R84): groups ① and ②, how alike they are, what they can show."""

from __future__ import annotations

from typing import Any

import pandas as pd

from crm_platform.alerts.campaigns.balance import ALIKE_BELOW, balance_of, largest_difference
from crm_platform.alerts.campaigns.power import (
    POWER,
    sizes_for_lift_in_buyers,
    smallest_lift_in_buyers,
    smallest_lift_in_sales,
)
from crm_platform.alerts.listing.lapse import ASSUMED_RESPONSE_RATE
from crm_platform.diagnosis.finding import Exhibit, Finding, Row, Scalar, Verdict
from crm_platform.diagnosis.groundwork.contact_channels import channel_word
from crm_platform.diagnosis.shopping_alert.inputs import AlertInputs, mean_of, yen_of
from crm_platform.tables.alerts import TEST_GROUP_NAMES


def alert_test_design(inputs: AlertInputs) -> Finding | None:
    """The sizes of ① and ②, their balance before the contact, and the smallest lift in buyers that they can show.

    Healthy where that lift is at most the response assumed (5 points, the threshold; 003:133) and no trait differs by
    a tenth of a standard deviation or more; else an issue. Undetermined where one group is empty; None without a test.
    """
    groups = inputs.groups
    if groups.empty:
        return None
    treated, control = (int((groups["test_group"] == name).sum()) for name in TEST_GROUP_NAMES)
    buys = mean_of(groups["retention_power_rate"]) or 0.0
    lift = smallest_lift_in_buyers(treated, control, buys)
    spread = float(groups["sales_6m_jpy"].std()) if len(groups) > 1 else 0.0
    difference = largest_difference(balance_of(inputs.test_groups, inputs.lapse_alerts, inputs.segments))
    needed = _needed(buys, treated / (treated + control))
    numbers: dict[str, Scalar] = {
        **inputs.period,
        "treated_customers": treated,
        "control_customers": control,
        "test_customers": len(groups),
        "alerted_customers": len(inputs.alerts),
        "smallest_lift_points": lift,
        "smallest_lift_jpy": smallest_lift_in_sales(treated, control, spread if spread > 0 else 0.0),
        "natural_buyers_rate": buys,
        "largest_difference": difference,
        "alike_below": ALIKE_BELOW,
        "power_rate": POWER,
        "needed_treated": needed[0],
        "needed_control": needed[1],
        "threshold_points": ASSUMED_RESPONSE_RATE,
        "channels": int(groups["channel"].nunique()),
        "campaign": str(groups["campaign_id"].iloc[0]),
    }
    return Finding(
        key="alert_test_design",
        chapter="alert_measures",
        verdict=_verdict(lift, difference, min(treated, control)),
        numbers=numbers,
        exhibits=(_groups(groups),),
        threshold=ASSUMED_RESPONSE_RATE,
        concerned_customers=len(groups),
    )


def _needed(buys: float, share: float) -> tuple[int | None, int | None]:
    """Sizes that would show the response assumed; none where nearly everybody buys anyway."""
    if not (0 < share < 1 and 1 - buys >= ASSUMED_RESPONSE_RATE):
        return None, None
    return sizes_for_lift_in_buyers(ASSUMED_RESPONSE_RATE, buys, treated_share=share)


def _verdict(lift: float | None, difference: float | None, smaller: int) -> Verdict:
    if not smaller:
        return "undetermined"
    is_alike = difference is None or difference < ALIKE_BELOW
    return "healthy" if lift is not None and lift <= ASSUMED_RESPONSE_RATE and is_alike else "issue"


def _groups(groups: pd.DataFrame) -> Exhibit:
    """① by channel and ② side by side, as they are before anybody is contacted; a customer is in one row."""
    channel = groups["channel"].fillna("")
    rows = tuple(
        _cell(name, one, groups[(groups["test_group"] == name) & (channel == one)])
        for name in TEST_GROUP_NAMES
        for one in sorted(set(channel[groups["test_group"] == name]))
    )
    columns: Any = (
        ("group", "text"),
        ("channel", "text"),
        ("customers", "count"),
        ("risk_rate", "rate"),
        ("mean_sales_6m_jpy", "jpy"),
        ("mean_expected_jpy", "jpy"),
        ("loss_jpy", "jpy"),
    )
    return Exhibit("groups", "table", rows, columns=columns)


def _cell(name: str, channel: str, cell: pd.DataFrame) -> Row:
    return {
        "group": f"@test_group.{name}",
        "channel": channel_word(channel) if channel else None,
        "customers": len(cell),
        "risk_rate": mean_of(cell["lapse_risk"]),
        "mean_sales_6m_jpy": mean_of(cell["sales_6m_jpy"]),
        "mean_expected_jpy": mean_of(cell["expected_sales_jpy"]),
        "loss_jpy": yen_of(cell["expected_loss_jpy"]),
    }
