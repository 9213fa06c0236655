"""The diagnoses as assets: findings of the second opinion and of the shopping alert, as plain JSON."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import ibis
import pandas as pd
import pyarrow as pa

from crm_platform.alerts import upper_customers
from crm_platform.diagnosis import Diagnosis
from crm_platform.diagnosis.diagnose import diagnose
from crm_platform.diagnosis.finding import Finding, finding_of
from crm_platform.diagnosis.groundwork.season_ahead import weak_season_ahead
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.portfolio import portfolio_diagnosis as diagnosis_of_portfolio
from crm_platform.diagnosis.repeat import declared_reasons
from crm_platform.diagnosis.rows import one_row, yen_sum
from crm_platform.diagnosis.shopping_alert import AlertInputs
from crm_platform.diagnosis.shopping_alert import alert_diagnosis as diagnosis_of_alert
from crm_platform.lake import digest_of
from crm_platform.orchestration.assets.segments import as_booked, book_digest
from crm_platform.orchestration.campaign_books import as_alerted
from crm_platform.orchestration.client_month import ClientMonth
from crm_platform.orchestration.client_month_asset import client_month_asset
from crm_platform.orchestration.delivered_history import delivered_digests, delivered_until
from crm_platform.orchestration.recipe import Reads, Recipe, everything
from crm_platform.orchestration.segment_books import book_in_force, described_book
from crm_platform.tables.frames import frame_of

OF_THE_PAST = ("customer_days", "customer_months", "customer_product_months", "product_months", "media_months")
OF_THE_MONTH = (
    "products",
    "media",
    "customers",
    "customer_history",
    "forecasts",
    "segments",
    "former_segments",
    "cpm_classes",
    "lapse_alerts",
    "test_groups",
    "backtest",
    "forecast_model",
)
_OF_SUBSCRIPTIONS = ("subscriptions", "known_subscription_events")
_OF_THE_PORTFOLIO = (
    *OF_THE_MONTH,
    "cpm_moves",
    "cross_sell",
    "dormant_customers",
    "regular_buyers",
    "diagnosis",
    "contact_timing",
    *_OF_SUBSCRIPTIONS,
)
_OF_THE_ALERT = (
    "lapse_alerts",
    "test_groups",
    "alert_months",
    "campaign_results",
    "backtest",
    "segments",
    "forecasts",
    "forecast_model",
    "customer_history",
)


def verdicts(_: ClientMonth, document: Any) -> dict[str, Any]:
    """How many findings came to which verdict."""
    found = [finding["verdict"] for finding in document["findings"]]
    return {f"findings_{verdict}": found.count(verdict) for verdict in ("issue", "healthy", "undetermined")}


@client_month_asset(
    Recipe(
        "diagnosis",
        "diagnosis",
        {**dict.fromkeys(OF_THE_PAST, Reads.UP_TO_MONTH), **dict.fromkeys(OF_THE_MONTH, Reads.SAME_MONTH)},
        settings=everything,
        further_inputs=book_digest,
    ),
    describe=verdicts,
)
def diagnosis(at: ClientMonth) -> Any:
    """Findings of the second opinion: each a number with its verdict, yen effect and action (R53-R67)."""
    return diagnose(inputs_of(at)).to_json()


def inputs_of(at: ClientMonth) -> DiagnosisInputs:
    """What both diagnoses read."""
    return DiagnosisInputs(
        client=as_booked(at),
        month=at.month,
        as_of=at.as_of,
        months=at.history_months,
        **{name: at.past(name) for name in OF_THE_PAST},
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
        test_groups=at.expression("test_groups"),
        backtest=at.document("backtest"),
        forecast_model=at.document("forecast_model"),
    )


def what_the_portfolio_read(at: ClientMonth) -> dict[str, str]:
    """Digests of the book in force, of contacts and events of subscriptions as delivered, and of declared reasons."""
    reasons = digest_of(sorted(declared_reasons(at.client)))
    return {**book_digest(at), **delivered_digests(at), "declared_reasons": reasons}


@client_month_asset(
    Recipe(
        "portfolio_diagnosis",
        "diagnosis",
        {
            **dict.fromkeys(OF_THE_PAST, Reads.UP_TO_MONTH),
            **dict.fromkeys(_OF_THE_PORTFOLIO, Reads.SAME_MONTH),
        },
        settings=everything,
        further_inputs=what_the_portfolio_read,
    ),
    describe=verdicts,
)
def portfolio_diagnosis(at: ClientMonth) -> Any:
    """Findings of the portfolio: CPM, single-item repeat, dormant customers, dates, value, KPIs (R100-R131)."""
    second_opinion = Diagnosis.from_json(at.document("diagnosis"))
    return diagnosis_of_portfolio(portfolio_inputs(at), second_opinion, contact_timing_of(at)).to_json()


def contact_timing_of(at: ClientMonth) -> Finding | None:
    """The finding on the next contact dates, which portfolio and two tracks both show; None where nobody has one."""
    stored = at.document("contact_timing")
    return None if stored is None else finding_of(stored)


def portfolio_inputs(at: ClientMonth) -> DiagnosisInputs:
    """What the portfolio reads beyond the second opinion."""
    delivered = delivered_until(at)
    return replace(
        inputs_of(at),
        cpm_moves=at.expression("cpm_moves"),
        cross_sell=at.expression("cross_sell"),
        dormant_customers=at.expression("dormant_customers"),
        regular_buyers=at.expression("regular_buyers"),
        **subscriptions_of(at),
        subscription_events=ibis.memtable(delivered["subscription_events"]),
        contacts=ibis.memtable(delivered["contacts"]),
    )


def subscriptions_of(at: ClientMonth) -> dict[str, ibis.Table]:
    """Subscriptions and their events; nothing for a client that has none."""
    if at.arrow("subscriptions").num_rows == 0:
        return {}
    return {name: at.expression(name) for name in _OF_SUBSCRIPTIONS}


@client_month_asset(
    Recipe(
        "alert_diagnosis",
        "diagnosis",
        {"customer_days": Reads.UP_TO_MONTH, **dict.fromkeys(_OF_THE_ALERT, Reads.SAME_MONTH)},
        settings=everything,
        further_inputs=book_digest,
    ),
    describe=verdicts,
)
def alert_diagnosis(at: ClientMonth) -> Any:
    """Findings of the shopping alert: who is about to stop, what is at stake, how the test is made, did it work."""
    model = at.document("forecast_model")
    alerts, groups = at.frame("lapse_alerts"), at.frame("test_groups")
    listed = pd.concat([alerts["customer_id"], groups["customer_id"]]).drop_duplicates()
    inputs = AlertInputs(
        client=as_alerted(at, as_booked(at)),
        month=at.month,
        as_of=at.as_of,
        first_month=at.history_months[0],
        lapse_alerts=alerts,
        test_groups=groups,
        alert_months=at.frame("alert_months"),
        upper=risk_of_upper(at, model["horizon_days"]),
        segments=of_customers(at.expression("segments"), listed).to_pandas(),
        forecasts=of_customers(at.expression("forecasts"), listed).to_pandas(),
        order_value_jpy=order_value_jpy(of_customers(at.expression("customer_history"), alerts["customer_id"])),
        backtest=at.document("backtest"),
        falls=model["falls"],
        weak_season_rate=weak_season_ahead(model, at.as_of),
        campaigns=at.document("campaign_results"),
        forecast_notes=model["notes"],
    )
    return diagnosis_of_alert(inputs).to_json()


def risk_of_upper(at: ClientMonth, horizon_days: int) -> pd.DataFrame:
    """Every upper customer with the risk of a fall: those among whom the alert chose."""
    settings = as_alerted(at, at.client).settings
    upper = upper_customers(at.past("customer_days"), at.as_of, horizon_days, settings.alert_top_share)
    return frame_of(of_customers(at.expression("forecasts"), upper["customer_id"]).select("customer_id", "lapse_risk"))


def of_customers(table: ibis.Table, customers: pd.Series | pa.ChunkedArray) -> ibis.Table:
    """The rows of these customers, in order of their number."""
    listed = ibis.memtable(pa.table({"customer_id": pa.array(customers, pa.string())}))
    return table.semi_join(listed, "customer_id").order_by("customer_id")


def order_value_jpy(history: ibis.Table) -> int:
    """客単価: 売上 of the last twelve months ÷ purchase days in them; 0 where nothing was bought."""
    sums = one_row(history.agg(sales_jpy=yen_sum(history.sales_12m_jpy), days=yen_sum(history.purchase_days_12m)))
    return max(round(sums["sales_jpy"] / sums["days"]), 0) if sums["days"] else 0
