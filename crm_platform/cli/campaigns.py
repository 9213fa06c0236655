"""`crm-platform campaigns`: begin a campaign with a month's test groups, list those begun (R84, R92)."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Annotated

import typer

from crm_platform.cli.console import ClientOption, out, platform_here
from crm_platform.cli.runs import month_or_none

if TYPE_CHECKING:
    from crm_platform.alerts import Campaign

app = typer.Typer(
    help="Campaigns: test groups frozen by the day they begin, one at a time per customer.", no_args_is_help=True
)


@app.command()
def start(
    client: ClientOption,
    month: Annotated[str, typer.Option(help="YYYY-MM: the month whose test groups are contacted.")],
    on: Annotated[dt.datetime, typer.Option(formats=["%Y-%m-%d"], help="The first day of contact, YYYY-MM-DD.")],
) -> None:
    """Begin the campaign of a month: its groups hold from now on, and other months leave its customers out."""
    from crm_platform.orchestration.campaign_books import start_campaign
    from crm_platform.orchestration.runs import client_at

    platform = platform_here()
    at = client_at(platform, client, month_or_none(month))
    with platform.lake.alone(client):
        campaign = start_campaign(at, on.date())
    out.print(_spelled(campaign), markup=False, highlight=False)
    out.print(f"name it {campaign.id} in the contacts that you deliver (campaign_id)", highlight=False)


@app.command("list")
def list_campaigns(client: ClientOption) -> None:
    """Every campaign: term, sizes, channels, whether it was open on the last day with data, digest of its groups."""
    from crm_platform.orchestration.campaign_books import campaigns_of
    from crm_platform.orchestration.client_month import ClientData

    platform = platform_here()
    data = ClientData(platform, platform.catalogue.load(client))
    campaigns = campaigns_of(data)
    for campaign in campaigns:
        state = "open" if campaign.is_open(data.data_to) else "ended" if campaign.ends_on < data.data_to else "to come"
        out.print(f"{_spelled(campaign)}: {state} on {data.data_to}", markup=False, highlight=False)
        out.print(f"  sha256 {campaign.sha256}", highlight=False)
    if not campaigns:
        command = f"crm-platform campaigns start --client {client} --month YYYY-MM --on YYYY-MM-DD"
        out.print(f"{client}: no campaign was begun yet; {command}", markup=False, highlight=False)


def _spelled(campaign: Campaign) -> str:
    channels = ", ".join(f"{name} {count:,}" for name, count in campaign.by_channel.items())
    groups = f"{campaign.treated:,} treated ({channels}), {campaign.control:,} control"
    return f"{campaign.id}: {campaign.started_on} to {campaign.ends_on}, {groups}"
