"""`crm-platform clients …`: the catalogue of clients."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table as Grid

from crm_platform.cli.console import out, platform_here

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
) -> None:
    """Add a client that delivers in the standard layout; edit its file for any other."""
    path = platform_here().catalogue.add(client, name, language)
    out.print(f"added {path}", highlight=False)


@app.command("show")
def show_client(client: Annotated[str, typer.Argument(help="The client's id.")]) -> None:
    """The client's settings and how its files are read."""
    from dataclasses import asdict

    from crm_platform.clients import parse_intake_rules

    found = platform_here().catalogue.load(client)
    out.print({**asdict(found), "intake": asdict(parse_intake_rules(found))})


@app.command("check")
def check_client(client: Annotated[str, typer.Argument(help="The client's id.")]) -> None:
    """Whether the client's file is sound; the first fault otherwise."""
    from crm_platform.intake import rules_of

    rules_of(platform_here().catalogue.load(client))
    out.print(f"{client}: sound")
