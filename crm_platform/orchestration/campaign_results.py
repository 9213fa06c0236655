"""A campaign of a client measured as of a month: its frozen groups beside the orders and contacts since (R85, R90)."""

from __future__ import annotations

import ibis
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from crm_platform.alerts import Campaign
from crm_platform.alerts.measuring.campaign_contacts import UnitCosts
from crm_platform.alerts.measuring.measurement import CampaignResult, measure_campaign
from crm_platform.forecast.profit import margin_rates
from crm_platform.lake import digest_of
from crm_platform.orchestration.campaign_books import campaign_alerts, campaign_groups, campaigns_of
from crm_platform.orchestration.client_month import ClientMonth
from crm_platform.orchestration.recipe import rows_digest
from crm_platform.periods import Month, Term
from crm_platform.refusals import Refused
from crm_platform.tables.facts import CUSTOMER_PRODUCT_MONTHS


def begun_by(at: ClientMonth) -> list[Campaign]:
    """The campaigns that had begun on this as-of date, by start."""
    begun = [one for one in campaigns_of(at.data) if one.started_on <= at.as_of and one.month <= at.month]
    return sorted(begun, key=lambda one: (one.started_on, one.id))


def campaign_named(at: ClientMonth, campaign_id: str) -> Campaign:
    """The campaign with this id; Refused where none was begun, with those that were."""
    begun = {one.id: one for one in campaigns_of(at.data)}
    if campaign_id not in begun:
        there = f"Choose one of {', '.join(begun)}." if begun else "None was begun yet: crm-platform campaigns start"
        raise Refused(f"'{at.client.id}' has no campaign {campaign_id}.", there)
    return begun[campaign_id]


def measured(at: ClientMonth, campaign: Campaign) -> CampaignResult:
    """What became of a campaign by this as-of date; level, risk and margins are those known before it began."""
    then = at.data.at(campaign.month)
    return measure_campaign(
        campaign_groups(then),
        at.past("customer_days"),
        Term(campaign.started_on, campaign.ends_on),
        at.as_of,
        contacts=at.data.merged["contacts"],
        alerts=campaign_alerts(then).to_pandas(),
        margins=_margins_before(at, campaign),
        unit_costs=UnitCosts({channel.name: channel.unit_cost_jpy for channel in at.client.alert_channels}),
    )


def what_was_begun(at: ClientMonth) -> dict[str, str]:
    """Digests of the campaigns begun by now, and of the contacts of all of them."""
    begun = begun_by(at)
    contacts = at.data.merged["contacts"]
    of_them = contacts.filter(
        pc.is_in(contacts["campaign_id"], value_set=pa.array([one.id for one in begun], pa.string()))
    )
    return {
        "campaigns": digest_of([one.to_json() for one in begun]),
        "contacts": rows_digest(of_them),
        "products_sold": rows_digest(at.data.merged["products"]) if begun else digest_of(None),
    }


# --- inside -----------------------------------------------------------------------------------------------------------


def _margins_before(at: ClientMonth, campaign: Campaign) -> pd.DataFrame | None:
    """Margin rates by the whole months before the start, at the costs that the latest delivery knows."""
    months = [month for month in at.history_months if month < Month.of(campaign.started_on)]
    if not months:
        return None
    sold = at.data.lake.scan(at.client.id, CUSTOMER_PRODUCT_MONTHS, months)
    rates: pd.DataFrame = margin_rates(sold, ibis.memtable(at.data.merged["products"])).to_pandas()
    return rates
