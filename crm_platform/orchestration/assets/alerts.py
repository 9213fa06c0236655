"""The shopping alert as an asset, and how former forecasts and alerts came true."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from crm_platform.alerts import alert_months as told_by_month
from crm_platform.alerts import (
    balance_of,
    campaign_id_of,
    largest_difference,
    shopping_alert,
    track_record,
)
from crm_platform.clients import Client
from crm_platform.forecast import FittedForecast
from crm_platform.orchestration.campaign_books import (
    alerts_in_force,
    as_alerted,
    campaign_at,
    campaign_digest,
    groups_in_force,
    holds_frozen_alerts,
    holds_frozen_groups,
    rival_campaigns,
    taken_by,
)
from crm_platform.orchestration.campaign_results import begun_by, measured, what_was_begun
from crm_platform.orchestration.client_month import ClientMonth
from crm_platform.orchestration.client_month_asset import client_month_asset
from crm_platform.orchestration.metadata import picture_metadata
from crm_platform.orchestration.pictures import (
    alerts_by_risk,
    customers_by_group,
    forecast_by_actual,
    forecast_by_tenth,
    upper_customers_by_month,
)
from crm_platform.orchestration.recipe import Reads, Recipe, everything
from crm_platform.orchestration.term_models import as_it_was
from crm_platform.tables.alerts import CAMPAIGN_GROUPS, TEST_GROUP_NAMES

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
        holds_already=holds_frozen_alerts,
    ),
    picture=alerts_by_risk,
)
def lapse_alerts(at: ClientMonth) -> pa.Table:
    """Good customers who are about to stop, by their own cycle (R80-R83); kept once the month's campaign begins."""

    def found() -> pa.Table:
        model = FittedForecast.from_json(at.document("forecast_model"))
        return shopping_alert(at.past("customer_days"), model, at.arrow("forecasts"), at.client.settings)

    return alerts_in_force(at, found)


def groups_in_short(at: ClientMonth, groups: pa.Table) -> dict[str, Any]:
    """The sizes, who is left out because of other campaigns, and how alike the groups are."""
    alerts, rivals = at.frame("lapse_alerts"), rival_campaigns(at)
    difference = largest_difference(balance_of(groups.to_pandas(), alerts, at.frame("segments")))
    begun = campaign_at(at)
    found = {
        "campaign": campaign_id_of(at.month),
        "began_on": begun and begun.started_on.isoformat(),
        **{name: pc.sum(pc.equal(groups["test_group"], name)).as_py() or 0 for name in TEST_GROUP_NAMES},
        "in_other_campaigns": int(alerts["customer_id"].isin(taken_by(at, rivals)).sum()),
        "largest_standardised_difference": difference,
    }
    return {name: value for name, value in found.items() if value is not None}


@client_month_asset(
    Recipe(
        "test_groups",
        "alerts",
        dict.fromkeys(("lapse_alerts", "segments"), Reads.SAME_MONTH),
        settings=everything,
        further_inputs=campaign_digest,
        holds_already=holds_frozen_groups,
        for_good=(CAMPAIGN_GROUPS.name,),
    ),
    picture=customers_by_group,
    describe=groups_in_short,
)
def test_groups(at: ClientMonth) -> pa.Table:
    """Who of the alerted is contacted, by which channel, and who is not (R84, R92); frozen once the campaign begins."""
    return groups_in_force(at)


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
        carry=as_it_was,
    ),
    picture=forecast_by_tenth,
    describe=in_short,
)
def backtest(at: ClientMonth) -> Any:
    """How former forecasts and alerts came true, beside RFM, recency, past and recent sales; null at a short history.

    Each is made anew with the models of the term's first month from what was known then; it holds for the term.
    """
    stored = at.document("former_model")
    former = FittedForecast.from_json(stored) if stored else None
    settings = as_alerted(at, at.client).settings
    return track_record(at.past("customer_days"), at.as_of, settings, MONTHLY_ORIGINS, at_hand=former)


def results_in_short(_: ClientMonth, document: Any) -> dict[str, Any]:
    """How many campaigns were measured, and the latest one's lift in buyers."""
    if not document:
        return {"campaigns": 0}
    latest = document[-1]
    buyers = latest["lifts"]["buyers"]
    found = {
        "campaigns": len(document),
        "latest": latest["campaign_id"],
        "share_observed": latest["share_observed"],
        "natural_recovery": buyers["control_mean"],
        "buyers_lift": buyers["adjusted"]["lift"],
        "buyers_lift_low": buyers["adjusted"]["low"],
        "buyers_lift_high": buyers["adjusted"]["high"],
        "retained_customers": latest["retained_customers"],
        "cost_jpy": latest["cost_jpy"],
    }
    return {name: value for name, value in found.items() if value is not None}


@client_month_asset(
    Recipe(
        "campaign_results",
        "alerts",
        {
            "customer_days": Reads.UP_TO_MONTH,
            "customer_product_months": Reads.UP_TO_MONTH,
            "test_groups": Reads.SAME_MONTH,
        },
        settings=lambda client: [asdict(channel) for channel in client.alert_channels],
        further_inputs=what_was_begun,
    ),
    describe=results_in_short,
)
def campaign_results(at: ClientMonth) -> Any:
    """Every campaign begun by the as-of date, measured as of it: lift, cost, response (R85, R90)."""
    return [measured(at, campaign).to_json() for campaign in begun_by(at)]


def settings_of_alert_months(client: Client) -> dict[str, float]:
    """Who is an upper customer, and from when on one is dormant."""
    return {"top_share": client.settings.alert_top_share, "silent_days": client.settings.lapse_silent_days}


@client_month_asset(
    Recipe(
        "alert_months",
        "alerts",
        {"customer_days": Reads.UP_TO_MONTH, "campaign_results": Reads.SAME_MONTH},
        settings=settings_of_alert_months,
    ),
    picture=upper_customers_by_month,
)
def alert_months(at: ClientMonth) -> pa.Table:
    """How upper customers (上位顧客) came and went, the dormancy rate (休眠化率), what keeping one cost (R89)."""
    results, settings = at.document("campaign_results"), as_alerted(at, at.client).settings
    return told_by_month(at.past("customer_days"), at.history_months, at.as_of, settings, results)
