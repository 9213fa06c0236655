"""`crm-platform contacts`: whom to contact when (次いつお電話したらいいのか, R107)."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated

import typer

from crm_platform.cli.console import ClientOption, out, platform_here

app = typer.Typer(help="Whom to contact when the product runs out.", no_args_is_help=True)


@app.callback()
def contacts() -> None:
    """Whom to contact when the product runs out."""


@app.command()
def due(
    client: ClientOption,
    on: Annotated[dt.datetime, typer.Option(formats=["%Y-%m-%d"], help="The day of the calls.")],
    most: Annotated[
        int | None, typer.Option(min=1, help="How many can be called that day; the client's daily_contacts by default.")
    ] = None,
    target: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="data/contacts/CLIENT/DAY.csv by default.")
    ] = None,
) -> None:
    """The call list of a day: customers whose day has come and who are not on hold, the most valuable first."""
    from crm_platform.clients import client_folder
    from crm_platform.lake.files import write_whole
    from crm_platform.orchestration.due_contacts import due_contacts

    platform = platform_here()
    found = due_contacts(platform, client, on.date(), most)
    place = target or client_folder(platform.data / "contacts", client, f"{found.on}.csv")
    place.parent.mkdir(parents=True, exist_ok=True)
    write_whole(place, found.csv)
    out.print(
        f"{client} on {found.on}: {found.rows.num_rows:,} customers to contact (orders known to {found.as_of})",
        highlight=False,
    )
    reasons = found.rows["reason"].to_pylist()
    for reason in sorted(set(reasons)):
        out.print(f"  {reason}: {reasons.count(reason):,}", highlight=False)
    if found.waiting:
        out.print(f"waiting: {found.waiting:,} more are due, beyond what is called in a day", highlight=False)
    coming = ", ".join(f"{day:%m-%d} {customers:,}" for day, customers in found.coming.items())
    out.print(f"coming: {coming}", highlight=False)
    if found.lapsed:
        out.print(f"lapsed: {found.lapsed:,} ran out too long ago, to be called back (掘り起こし)", highlight=False)
    out.print(f"list: {place}", highlight=False)
