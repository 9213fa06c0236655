"""`crm-platform`: parse, call, print. Exit codes: 0 done, 1 refused, 2 wrong usage.

Belongs here: words typed and words printed. Does not: any decision about the data.
"""

from __future__ import annotations

import re
import sys

import typer

from crm_platform.cli import (
    alerting,
    backfilling,
    backtesting,
    campaigns,
    clients,
    contacts,
    deliveries,
    explaining,
    gates,
    mapping,
    measuring,
    previewing,
    quoting,
    runs,
    scoring,
    segments,
    simulating,
    standing,
)
from crm_platform.cli.console import err, platform_here
from crm_platform.garbage import collect_rarely
from crm_platform.refusals import Refused

_CLIENT_FILE = re.compile(r"(?<![\w/.-])(?:data/clients/)?([a-z0-9][a-z0-9_-]*\.(?:toml|definition\.tsv))\b")

app = typer.Typer(
    help="CRM analysis for mail-order and subscription businesses, on your own machine.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(clients.app, name="clients")
app.add_typer(mapping.app, name="mapping")
app.add_typer(segments.app, name="segments")
app.add_typer(campaigns.app, name="campaigns")
app.add_typer(contacts.app, name="contacts")
app.add_typer(gates.app, name="gates")
app.command()(deliveries.deliver)
app.command("deliveries")(deliveries.list_deliveries)
app.command()(runs.onboard)
app.command()(runs.refresh)
app.command()(backfilling.backfill)
app.command()(previewing.preview)
app.command()(quoting.quote)
app.command()(backtesting.backtest)
app.command()(alerting.alert)
app.command()(explaining.explain)
app.command("measure-campaign")(measuring.measure_campaign)
app.command("simulate-campaign")(simulating.simulate_campaign)
app.command()(runs.demo)
app.command()(scoring.score)
app.command()(runs.doctor)
app.command()(standing.status)


def main() -> None:
    """Run the command line; a refusal, or a disk that says no, becomes one message on stderr and exit code 1."""
    collect_rarely()
    try:
        app()
    except Refused as refused:
        _say_no(_with_paths(str(refused)))
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        _say_no(f"{place}{error.strerror or error}. Check the path, its rights and the free disk space.")


def _with_paths(message: str) -> str:
    """The message with the whole path of every client's file that it names, as an editor opens it."""
    clients = platform_here().catalogue.folder
    return _CLIENT_FILE.sub(lambda name: str(clients / name[1]) if (clients / name[1]).exists() else name[0], message)


def _say_no(message: str) -> None:
    err.print("refused:", style="bold red", end=" ")
    err.print(message, markup=False, highlight=False)
    sys.exit(1)
