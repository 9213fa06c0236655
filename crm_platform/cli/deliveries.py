"""`crm-platform deliver`: files into the inbox, examined first."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table as Grid

from crm_platform.cli.console import ClientOption, err, instance_here, out, platform_here

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
) -> None:
    """Put a delivery in the inbox: examined first, then there whole or not at all."""
    deliver_files(platform_here(), client, files, data_to.date() if data_to else None, faults)


def deliver_files(
    platform: Platform, client_id: str, paths: list[Path], data_to: dt.date | None, faults: Path | None = None
) -> None:
    """Accept the files at `paths`, tell Dagster of the client, print the receipt."""
    from crm_platform.intake import accept_delivery, read_files
    from crm_platform.orchestration.runs import register_client

    client = platform.catalogue.load(client_id)
    with err.status("examining the delivery"):
        accepted = accept_delivery(
            platform.inbox,
            client,
            read_files(paths),
            today=dt.date.today(),
            data_to=data_to,
            show_faults=(lambda rows: _write_faults(rows, client, faults)) if faults else None,
        )
    with instance_here(platform) as instance:
        register_client(instance, client_id)
    if accepted.is_known:
        out.print(f"{accepted.folder.name}: delivered before with the same content; nothing to do", highlight=False)
        return
    grid = Grid("table", "rows delivered", "admitted", "quarantined", "set aside")
    for table, account in accepted.receipt["accounts"].items():
        numbers = (
            account["delivered"],
            account["admitted"],
            account["quarantined"],
            sum(account["set_aside"].values()),
        )
        grid.add_row(table, *(f"{number:,}" for number in numbers))
    out.print(grid)
    for file in accepted.receipt["files"]:
        for column in file["dropped_columns"]:
            out.print(f"{file['name']}: column {column['column']} cut out as personal data", highlight=False)
    out.print(f"data to {accepted.receipt['data_to']}{_unfinished(accepted.receipt['data_to'])}", highlight=False)
    out.print(f"in the inbox: {accepted.folder}", highlight=False)


def _unfinished(data_to: str | None) -> str:
    from crm_platform.periods import Month

    last = Month.of(dt.date.fromisoformat(data_to)).last_day if data_to else None
    if last is None or last.isoformat() == data_to:
        return ""
    return f": the month counts as unfinished; if the files cover all of it, say --data-to {last}"


def _write_faults(rows: pa.Table, client: Client, path: Path) -> None:
    from crm_platform.lake.files import write_whole
    from crm_platform.reports import Wording, quarantine_csv

    write_whole(path, quarantine_csv(rows, Wording.of(client.language), client.csv_encoding))
    err.print(f"{rows.num_rows} faults listed in {path}", highlight=False)
