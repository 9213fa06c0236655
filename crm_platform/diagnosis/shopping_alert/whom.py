"""Who is about to stop (買わなくなる兆候, R80-R82): how many upper customers, why, and how many in vain."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pandas as pd

from crm_platform.alerts.listing.lapse import LIKELIER_BY_RATE
from crm_platform.diagnosis.finding import Exhibit, Finding, Row, Scalar, Verdict
from crm_platform.diagnosis.shopping_alert.inputs import AlertInputs, mean_of, yen_of
from crm_platform.diagnosis.trends import share
from crm_platform.tables.alerts import LAPSE_REASONS


def alert_whom(inputs: AlertInputs) -> Finding:
    """How many of the upper customers are alerted, by sign and by value class, against the group's natural fall.

    An issue where the alerted are likelier to fall than upper customers are on average (自然低下率, the threshold);
    healthy where nobody is alerted; undetermined where the alerted stand out by yen only, not by risk.
    `false_alarms` is how many of them are expected not to fall: Σ (1 − risk).
    """
    alerts, natural = inputs.alerts, inputs.natural_fall_rate
    risk = mean_of(alerts["lapse_risk"])
    numbers: dict[str, Scalar] = {
        **inputs.period,
        "upper_customers": len(inputs.upper),
        "top_share_rate": inputs.client.settings.alert_top_share,
        "alerted_customers": len(alerts),
        "alerted_rate": share(len(alerts), len(inputs.upper)),
        "mean_risk_rate": risk,
        "natural_fall_rate": natural,
        "false_alarms": round(float((1 - alerts["lapse_risk"]).sum())),
        "expected_falls": len(alerts) - round(float((1 - alerts["lapse_risk"]).sum())),
        "beyond_cycle_customers": int((alerts["days_beyond_cycle"] > 0).sum()),
    }
    return Finding(
        key="alert_whom",
        chapter="alert_whom",
        verdict=_verdict(risk, natural),
        numbers=numbers,
        exhibits=(_classes(alerts), _reasons(alerts)) if len(alerts) else (),
        threshold=natural,
        concerned_customers=len(alerts) or None,
    )


def _verdict(risk: float | None, natural: float | None) -> Verdict:
    if risk is None:
        return "healthy"
    return "issue" if natural is None or risk - natural >= LIKELIER_BY_RATE else "undetermined"


def _reasons(alerts: pd.DataFrame) -> Exhibit:
    """One row per sign, the strongest evidence first; a sign that nobody shows has 0 customers."""
    columns: Any = (
        ("reason", "text"),
        ("customers", "count"),
        ("risk_rate", "rate"),
        ("median_cycle_days", "days"),
        ("median_gap_days", "days"),
        ("sales_6m_jpy", "jpy"),
        ("loss_jpy", "jpy"),
    )
    rows = tuple(_reason(reason, alerts[alerts["reason"] == reason]) for reason in LAPSE_REASONS)
    return Exhibit("reasons", "table", rows, columns=columns)


def _reason(reason: str, alerts: pd.DataFrame) -> Row:
    return {
        "reason": f"@alert_reason.{reason}",
        "customers": len(alerts),
        "risk_rate": mean_of(alerts["lapse_risk"]),
        "median_cycle_days": float(alerts["cycle_days"].median()) if len(alerts) else None,
        "median_gap_days": float(alerts["gap_days"].median()) if len(alerts) else None,
        "sales_6m_jpy": yen_of(alerts["sales_6m_jpy"]),
        "loss_jpy": yen_of(alerts["expected_loss_jpy"]),
    }


def _classes(alerts: pd.DataFrame) -> Exhibit:
    """Alerted customers by value class, the best first, who appeared since the book last."""
    classes = [None if pd.isna(number) else int(number) for number in alerts["value_class"]]
    counts = Counter(classes)
    rows: tuple[Row, ...] = tuple(
        {"value_class": f"@value_class.{'new_in_term' if number is None else number}", "customers": counts[number]}
        for number in sorted(counts, key=lambda number: (number is None, number or 0))
    )
    return Exhibit("classes", "bar", rows, x="value_class", y="customers")
