"""`crm-platform alert`: the shopping alert of any day, when it is needed (R91)."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated

import typer

from crm_platform.cli.console import ClientOption, err, instance_here, out, platform_here, telling_failure
from crm_platform.cli.runs import month_or_none


def alert(
    client: ClientOption,
    month: Annotated[str | None, typer.Option(help="YYYY-MM: as of its last day; the latest by default.")] = None,
    as_of: Annotated[
        dt.datetime | None, typer.Option(formats=["%Y-%m-%d"], help="As of this day instead of a month's last.")
    ] = None,
    targets: Annotated[
        int | None, typer.Option(min=1, help="How many to alert; by default as many as a contact pays for.")
    ] = None,
    treated: Annotated[int | None, typer.Option(min=0, help="Size of test group ①, with --control.")] = None,
    control: Annotated[int | None, typer.Option(min=0, help="Size of test group ②, with --treated.")] = None,
    folder: Annotated[
        Path | None, typer.Option("--out", metavar="FOLDER", help="data/alerts/CLIENT/DAY by default.")
    ] = None,
) -> None:
    """Who is about to stop buying, as of any day: customer numbers, reasons, test groups.

    The same day, data, settings and model give the same answer: inside the term of a book that of the term.
    """
    from crm_platform.orchestration.on_demand import OnDemand, alert_on_demand

    if month is not None and as_of is not None:
        raise typer.BadParameter("give --month or --as-of, not both")
    if (treated is None) != (control is None):
        raise typer.BadParameter("give the sizes of both groups, --treated and --control, or of neither")
    platform, day = platform_here(), as_of.date() if as_of else None
    asked = OnDemand(client, month_or_none(month), day, targets, treated, control)
    reading = f"{client}: reading the inbox"
    with telling_failure(platform, client), instance_here(platform) as instance, err.status(reading) as status:
        made = alert_on_demand(platform, asked, instance, lambda step: status.update(f"{client}: {step}"), folder)
    fewer = f" (asked for {targets:,}; there are no more)" if targets and made.alerts.num_rows < targets else ""
    groups = made.groups["test_group"].to_pylist()
    out.print(f"{client} as of {made.as_of}: {made.alerts.num_rows:,} customers alerted{fewer}", highlight=False)
    out.print(f"test groups: ① {groups.count('treated'):,}, ② {groups.count('control'):,}", highlight=False)
    out.print(f"its model was learned as of {made.learned_on}", highlight=False)
    out.print(f"lists: {made.folder}", highlight=False)
