"""`crm-platform deliver`: files into the inbox, examined first."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crm_platform.cli.console import ClientOption, err, instance_here, out, platform_here
from crm_platform.cli.outputs import refuse_to_overwrite
from crm_platform.cli.receipts import show_accepted, show_deliveries

if TYPE_CHECKING:
    import pyarrow as pa

    from crm_platform.clients import Client
    from crm_platform.orchestration.platform import Platform


def deliver(
    client: ClientOption,
    files: Annotated[list[Path], typer.Argument(help="The files of the delivery, whole or only what changed.")],
    data_to: Annotated[
        dt.datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="The last day that the files cover; else that of the last order."),
    ] = None,
    faults: Annotated[Path | None, typer.Option(help="Write every bad row with its reason to this CSV file.")] = None,
    again: Annotated[
        str | None,
        typer.Option(metavar="REASON", help="Let files that were delivered before count once more, as the latest."),
    ] = None,
) -> None:
    """Put a delivery in the inbox: examined first, then there whole or not at all."""
    from crm_platform.projects.plain_words import reason

    because = reason(again) if again is not None else None
    deliver_files(platform_here(), client, files, data_to.date() if data_to else None, faults, because)


def deliver_files(
    platform: Platform,
    client_id: str,
    paths: list[Path],
    data_to: dt.date | None,
    faults: Path | None = None,
    again: str | None = None,
) -> None:
    """Accept the files at `paths`, tell Dagster of the client, print the receipt."""
    from crm_platform.intake import read_files
    from crm_platform.orchestration.delivering import take_files
    from crm_platform.orchestration.partitions import register_client

    refuse_to_overwrite(faults, paths)
    client, files = platform.catalogue.load(client_id), read_files(paths)
    show_faults = (lambda rows: _write_faults(rows, client, faults)) if faults else None
    with err.status("examining the delivery"):
        accepted = take_files(platform, client, files, data_to=data_to, show_faults=show_faults, again=again)
    with instance_here(platform) as instance:
        register_client(instance, client_id)
    show_accepted(accepted)


def list_deliveries(client: ClientOption) -> None:
    """Every delivery of a client in the order of arrival; all of them stay readable."""
    from crm_platform.intake import read_inbox

    platform = platform_here()
    platform.catalogue.load(client)
    stored = read_inbox(platform.inbox, client)
    show_deliveries(stored)
    if not stored:
        out.print(f"no delivery yet; the first: crm-platform deliver --client {client} FILES…", highlight=False)


def _write_faults(rows: pa.Table, client: Client, path: Path) -> None:
    from crm_platform.lake.files import write_whole
    from crm_platform.reports import Wording
    from crm_platform.reports.acceptance import quarantine_csv

    write_whole(path, quarantine_csv(rows, Wording.of(client.language), client.csv_encoding))
    err.print(f"{rows.num_rows} faults listed in {path}", highlight=False)
