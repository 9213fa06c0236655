"""`crm-platform clients …`: the catalogue of clients."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table as Grid

from crm_platform.cli.console import instance_here, out, platform_here

if TYPE_CHECKING:
    from crm_platform.clients import Client

app = typer.Typer(help="The catalogue of clients: data/clients/<client>.toml.", no_args_is_help=True)


@app.command("list")
def list_clients() -> None:
    """Every client with its name and language."""
    catalogue = platform_here().catalogue
    grid = Grid("client", "name", "language")
    for client_id in catalogue.ids():
        client = catalogue.load(client_id)
        grid.add_row(client.id, client.name, client.language)
    out.print(grid)


@app.command("add")
def add_client(
    client: Annotated[str, typer.Argument(help="An id: small letters, digits, - and _.")],
    name: Annotated[str, typer.Option(help="The name that reports show.")],
    language: Annotated[str, typer.Option(help="ja or en.")] = "ja",
    preset: Annotated[
        str | None, typer.Option(help="The cart whose exports it delivers: ec-cube-4, ecforce, rakuten-rms, shopify.")
    ] = None,
) -> None:
    """Add a client that delivers the exports of a known cart, or the standard layout; edit its file for any other."""
    path = platform_here().catalogue.add(client, name, language, preset)
    out.print(f"added {path}", highlight=False)


@app.command("show")
def show_client(client: Annotated[str, typer.Argument(help="The client's id.")]) -> None:
    """The client's settings and how its files are read, as TOML; a preset is written out."""
    from crm_platform.intake import rules_of
    from crm_platform.intake.mapping.processing import processing_reasons

    found = platform_here().catalogue.load(client)
    reasons = processing_reasons(rules_of(found))
    out.print(_as_toml(found), markup=False, highlight=False)
    out.print("# processing (加工あり):" if reasons else "# no processing (加工なし)", markup=False, highlight=False)
    for reason in reasons:
        out.print(f"#   {reason}", markup=False, highlight=False)


def _as_toml(client: Client) -> str:
    """What the client's file and the preset that it names say together; settings that are not set are left out."""
    from dataclasses import asdict

    import tomlkit

    from crm_platform.clients.mapping import with_preset

    apart = {"id", "settings", "project", "retention", "intake"}
    said = {key: value for key, value in asdict(client).items() if key not in apart}
    tables = {name: asdict(part) for name, part in (("settings", client.settings), ("retention", client.retention))}
    said |= {name: {key: value for key, value in table.items() if value is not None} for name, table in tables.items()}
    project = {"project": asdict(client.project)} if client.project.started_on else {}
    return tomlkit.dumps({**said, **project, **with_preset(client.intake, f"{client.id}.toml")})


@app.command("check")
def check_client(client: Annotated[str, typer.Argument(help="The client's id.")]) -> None:
    """Whether the client's file is sound; the first fault otherwise."""
    from crm_platform.intake import refuse_unmapped, rules_of

    refuse_unmapped(rules_of(platform_here().catalogue.load(client)))
    out.print(f"{client}: sound")


@app.command("delete")
def delete_client(
    client: Annotated[str, typer.Argument(help="The client's id.")],
    confirm: Annotated[str, typer.Option(help="The id again: this cannot be undone.")] = "",
) -> None:
    """Remove everything of a client: files, tables, deliverables, records, runs. A receipt without its id stays."""
    from crm_platform.orchestration.tenants.deletion import delete_client

    platform = platform_here()
    with instance_here(platform) as instance:
        deleted = delete_client(platform, client, confirm, instance, dt.date.today())
    grid = Grid("place", "files", "bytes")
    for place, size in deleted.told["files"].items():
        grid.add_row(place, f"{size['files']:,}", f"{size['bytes']:,}")
    out.print(grid)
    counts = {"messages": deleted.told["messages"], **deleted.told["dagster"]}
    out.print(
        f"and {', '.join(f'{kind} {count:,}' for kind, count in counts.items())}; nothing is left", highlight=False
    )
    out.print(f"not reached: {'; '.join(deleted.told['not_reached'])}", highlight=False)
    out.print(f"receipt: {deleted.receipt}", highlight=False)
    out.print(
        "a UI or daemon that worked meanwhile (make dev) has the client's schedules in memory and may write its id "
        "again: restart it, then call this once more",
        highlight=False,
    )


@app.command("retain")
def retain(
    client: Annotated[str, typer.Argument(help="The client's id.")],
    apply: Annotated[bool, typer.Option("--apply", help="Remove what is listed.")] = False,
) -> None:
    """List what is older than the client's periods of retention; with --apply, remove it and write a receipt."""
    from crm_platform.orchestration.tenants.retention import let_go, past_retention

    platform, today = platform_here(), dt.date.today()
    with instance_here(platform) as instance:
        if apply:
            past, receipt = let_go(platform, client, instance, today)
        else:
            past, receipt = past_retention(platform, client, instance, today), None
    for one in past:
        size = f", {one.size.files:,} files, {one.size.bytes:,} bytes" if one.place else ""
        out.print(f"{one.kind}: {one.name}, of {one.since}{size}", highlight=False)
    if not past:
        is_set = platform.catalogue.load(client).retention.is_set
        out.print(
            f"{client}: nothing is past its time" if is_set else f"{client}: no [retention] is set, all is kept",
            highlight=False,
            markup=False,
        )
    elif receipt is None:
        out.print(f"{len(past):,} past their time; remove them with --apply", highlight=False)
    else:
        out.print(f"{len(past):,} removed; receipt: {receipt}", highlight=False)
