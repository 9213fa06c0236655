"""`crm-platform`: parse, call, print. Exit codes: 0 done, 1 refused, 2 wrong usage.

Belongs here: words typed and words printed. Does not: any decision about the data.
"""

from __future__ import annotations

import sys

import typer

from crm_platform.cli import clients, deliveries, mapping, runs
from crm_platform.cli.console import err
from crm_platform.refusals import Refused

app = typer.Typer(
    help="CRM analysis for mail-order and subscription businesses, on your own machine.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(clients.app, name="clients")
app.add_typer(mapping.app, name="mapping")
app.command()(deliveries.deliver)
app.command("deliveries")(deliveries.list_deliveries)
app.command()(runs.onboard)
app.command()(runs.refresh)
app.command()(runs.demo)
app.command()(runs.doctor)


def main() -> None:
    """Run the command line; a refusal, or a disk that says no, becomes one message on stderr and exit code 1."""
    try:
        app()
    except Refused as refused:
        _say_no(str(refused))
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        _say_no(f"{place}{error.strerror or error}. Check the path, its rights and the free disk space.")


def _say_no(message: str) -> None:
    err.print("refused:", style="bold red", end=" ")
    err.print(message, markup=False, highlight=False)
    sys.exit(1)
