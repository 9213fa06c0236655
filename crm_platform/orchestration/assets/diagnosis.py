"""The diagnosis as an asset: findings as plain JSON."""

from __future__ import annotations

from typing import Any

from crm_platform.diagnosis import DiagnosisInputs, diagnose
from crm_platform.orchestration.assets.segments import as_booked, book_digest
from crm_platform.orchestration.client_month import ClientMonth
from crm_platform.orchestration.client_month_asset import client_month_asset
from crm_platform.orchestration.recipe import Reads, Recipe, everything
from crm_platform.orchestration.segment_books import book_in_force, described_book

_OF_THE_PAST = ("customer_months", "customer_product_months", "product_months", "media_months")
_OF_THE_MONTH = (
    "products",
    "media",
    "customers",
    "customer_history",
    "forecasts",
    "segments",
    "former_segments",
    "cpm_classes",
    "lapse_alerts",
    "backtest",
    "forecast_model",
)


def verdicts(_: ClientMonth, document: Any) -> dict[str, Any]:
    """How many findings came to which verdict."""
    found = [finding["verdict"] for finding in document["findings"]]
    return {f"findings_{verdict}": found.count(verdict) for verdict in ("issue", "healthy", "undetermined")}


@client_month_asset(
    Recipe(
        "diagnosis",
        "diagnosis",
        {**dict.fromkeys(_OF_THE_PAST, Reads.UP_TO_MONTH), **dict.fromkeys(_OF_THE_MONTH, Reads.SAME_MONTH)},
        settings=everything,
        further_inputs=book_digest,
    ),
    describe=verdicts,
)
def diagnosis(at: ClientMonth) -> Any:
    """Findings of the second opinion: each a number with its verdict, yen effect and action (R53-R67)."""
    inputs = DiagnosisInputs(
        client=as_booked(at),
        month=at.month,
        as_of=at.as_of,
        months=at.history_months,
        **{name: at.past(name) for name in _OF_THE_PAST},
        products=at.expression("products"),
        media=at.expression("media"),
        history=at.expression("customer_history"),
        forecasts=at.expression("forecasts"),
        segments=at.expression("segments"),
        former_segments=at.expression("former_segments"),
        customers=at.expression("customers"),
        segment_book=described_book(at.data, book_in_force(at) or at.month).to_json(),
        cpm_classes=at.expression("cpm_classes"),
        lapse_alerts=at.expression("lapse_alerts"),
        backtest=at.document("backtest"),
        forecast_model=at.document("forecast_model"),
    )
    return diagnose(inputs).to_json()
