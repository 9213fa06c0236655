"""What happens if nothing is done (予防しない場合, R88): sales and profit of the next six months, and how soon."""

from __future__ import annotations

from typing import Any

import pandas as pd

from crm_platform.diagnosis.finding import Exhibit, Finding, Row, Scalar, Verdict
from crm_platform.diagnosis.shopping_alert.inputs import AlertInputs, yen_of
from crm_platform.diagnosis.trends import change, share

WITHIN_DAYS = (30, 60, 90)


def alert_no_action(inputs: AlertInputs) -> Finding | None:
    """The alerted customers' sales of the last six months, and what the next six bring without action.

    An issue where less is foreseen than they bought (the threshold), else healthy. At stake: the expected loss, Σ risk
    × what the fall would cost. Profit is told of those customers alone whose costs are known. None where nobody is
    alerted.
    """
    alerts = inputs.alerts
    if alerts.empty:
        return None
    sales, expected = yen_of(alerts["sales_6m_jpy"]), yen_of(alerts["expected_sales_jpy"])
    loss = yen_of(alerts["expected_loss_jpy"])
    days_left = days_to_the_fall(inputs)
    within = {f"within_{days}": int((days_left <= days).sum()) for days in WITHIN_DAYS}
    verdict: Verdict = "issue" if expected < sales else "healthy"
    numbers: dict[str, Scalar] = {
        **inputs.period,
        "alerted_customers": len(alerts),
        "sales_6m_jpy": sales,
        "expected_sales_jpy": expected,
        "change_rate": change(expected, sales),
        "expected_loss_jpy": loss,
        "loss_rate": share(loss, sales),
        "weak_season_rate": inputs.weak_season_rate,
        "other_change_jpy": expected - sales + loss,
        **_profit(alerts),
        **within,
        "within_30_loss_jpy": yen_of(alerts.loc[days_left <= WITHIN_DAYS[0], "expected_loss_jpy"]),
        "median_days_left": float(days_left.median()) if days_left.notna().any() else None,
    }
    return Finding(
        key="alert_no_action",
        chapter="alert_stakes",
        verdict=verdict,
        numbers=numbers,
        exhibits=(*_by_days(days_left, alerts), _money(numbers)),
        threshold=float(sales),
        yen_effect_jpy=loss or None,
        concerned_customers=len(alerts),
    )


def days_to_the_fall(inputs: AlertInputs) -> pd.Series:
    """Days from the as-of date to each alerted customer's predicted fall (ランクダウン日)."""
    return (pd.to_datetime(inputs.alerts["falls_on"]) - pd.Timestamp(inputs.as_of)).dt.days


def _profit(alerts: pd.DataFrame) -> dict[str, Scalar]:
    """Gross profit foreseen and lost where cost is known; null where it is known of nobody."""
    known = alerts[alerts["expected_profit_jpy"].notna() & (alerts["expected_sales_jpy"] > 0)]
    margin = known["expected_profit_jpy"] / known["expected_sales_jpy"]
    coverage = "none" if known.empty else "all" if len(known) == len(alerts) else "part"
    return {
        "profit_customers": len(known),
        "expected_profit_jpy": yen_of(known["expected_profit_jpy"]) if len(known) else None,
        "expected_profit_loss_jpy": yen_of(known["expected_loss_jpy"] * margin) if len(known) else None,
        "profit_coverage": f"@profit_coverage.{coverage}",
    }


# --- exhibits ---------------------------------------------------------------------------------------------------------


def _by_days(days_left: pd.Series, alerts: pd.DataFrame) -> tuple[Exhibit, ...]:
    """Customers and expected loss by days left until the predicted fall."""
    edges = [float("-inf"), *WITHIN_DAYS, float("inf")]
    names = (*(f"@falls_within.{days}" for days in WITHIN_DAYS), "@falls_within.later")
    rows: list[Row] = []
    for name, low, high in zip(names, edges, edges[1:], strict=False):
        inside = (days_left > low) & (days_left <= high)
        loss = yen_of(alerts.loc[inside, "expected_loss_jpy"])
        rows.append({"days_left": name, "customers": int(inside.sum()), "loss_jpy": loss})
    return (
        Exhibit("days_left", "bar", tuple(rows), x="days_left", y="customers", highlight=names[0]),
        Exhibit("loss_left", "bar", tuple(rows), x="days_left", y="loss_jpy", y_unit="jpy", highlight=names[0]),
    )


def _money(numbers: dict[str, Scalar]) -> Exhibit:
    columns: Any = (
        ("measure", "text"),
        ("customers", "count"),
        ("sales_6m_jpy", "jpy"),
        ("expected_jpy", "jpy"),
        ("loss_jpy", "jpy"),
    )
    sales: Row = {
        "measure": "@no_action_measure.sales",
        "customers": numbers["alerted_customers"],
        "sales_6m_jpy": numbers["sales_6m_jpy"],
        "expected_jpy": numbers["expected_sales_jpy"],
        "loss_jpy": numbers["expected_loss_jpy"],
    }
    profit: Row = {
        "measure": "@no_action_measure.profit",
        "customers": numbers["profit_customers"],
        "sales_6m_jpy": None,
        "expected_jpy": numbers["expected_profit_jpy"],
        "loss_jpy": numbers["expected_profit_loss_jpy"],
    }
    return Exhibit("money", "table", (sales, profit), columns=columns)
