"""`crm-platform clients …`: the catalogue of clients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table as Grid

from crm_platform.cli.console import out, platform_here

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

    said = {key: value for key, value in asdict(client).items() if key not in {"id", "settings", "project", "intake"}}
    settings = {key: value for key, value in asdict(client.settings).items() if value is not None}
    project = {"project": asdict(client.project)} if client.project.started_on else {}
    return tomlkit.dumps({**said, "settings": settings, **project, **with_preset(client.intake, f"{client.id}.toml")})


@app.command("check")
def check_client(client: Annotated[str, typer.Argument(help="The client's id.")]) -> None:
    """Whether the client's file is sound; the first fault otherwise."""
    from crm_platform.intake import rules_of

    rules_of(platform_here().catalogue.load(client))
    out.print(f"{client}: sound")
