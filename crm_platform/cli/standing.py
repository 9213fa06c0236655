"""`crm-platform status`: every client on one screen."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table as Grid
from rich.text import Text

from crm_platform.cli.console import err, instance_here, out, platform_here

if TYPE_CHECKING:
    from crm_platform.orchestration.platform import Platform
    from crm_platform.orchestration.status import ClientStatus

_GIB = 1024**3
_LAST_MESSAGES = 3


def status(
    client: Annotated[str | None, typer.Option(help="One client, with what is due of it and why.")] = None,
) -> None:
    """How every client stands: delivered, analysed, book, last run; what waits, and whether anything runs by itself."""
    from crm_platform.orchestration.status import NOTHING, silent_daemons, status_of

    platform = platform_here()
    clients = [platform.catalogue.load(client).id] if client else platform.catalogue.ids()
    with instance_here(platform) as instance:
        found = [status_of(platform, one, instance) for one in clients]
        silent = silent_daemons(instance)
    out.print(_grid(found))
    if client and found[0].state == NOTHING:
        out.print(f"nothing is due. Deliver first: crm-platform deliver --client {client} FILES…", highlight=False)
    elif client:
        _print_due(platform, client)
    _print_messages(platform, client)
    free = shutil.disk_usage(platform.data).free / _GIB
    out.print(f"free disk: {free:.1f} GiB; waiting: {sum(not one.is_sound for one in found)} of {len(found)} clients")
    if silent:
        err.print(f"nothing runs by itself: {', '.join(silent)} silent (make dev)", style="yellow", highlight=False)


def _grid(found: list[ClientStatus]) -> Grid:
    grid = Grid("client", "state", "delivered to", "analysed", "book to", "last run")
    for one in found:
        run = one.last_run
        told = f"{run.at:%Y-%m-%d %H:%M}Z {run.job} {run.state}" if run else ""
        cells = [str(cell or "") for cell in (one.delivered_to, one.analysed, one.book_to)]
        state = Text(one.state, style="green" if one.is_sound else "yellow")
        grid.add_row(one.client, state, *cells, told)
    return grid


def _print_due(platform: Platform, client_id: str) -> None:
    """What is due of the latest month, and why; of earlier months, how many are stale."""
    from crm_platform.orchestration.assets import EVERY_MONTH, MONTHS_ASKED_FOR
    from crm_platform.orchestration.client_month import ClientData

    data = ClientData(platform, platform.catalogue.load(client_id))
    months = [data.at(month) for month in data.months()]
    grid = Grid("due", "months", "because")
    for assets, asked in ((EVERY_MONTH, months), (MONTHS_ASKED_FOR, months[-1:])):
        for asset in assets:
            stale = [(at.month, why) for at in asked if (why := asset.recipe.why_stale(at))]
            if stale:
                span = str(stale[0][0]) if len(stale) == 1 else f"{stale[0][0]} to {stale[-1][0]}: {len(stale)}"
                grid.add_row(asset.recipe.name, span, ", ".join(stale[0][1]))
    out.print(grid if grid.row_count else "nothing is due", highlight=False)


def _print_messages(platform: Platform, client_id: str | None) -> None:
    lines = [
        json.loads(line)
        for path in sorted((platform.data / "messages").glob("????-??.jsonl"))[-2:]
        for line in path.read_text("utf-8").splitlines()
        if line.strip()
    ]
    told = [one for one in lines if client_id in (None, one["client"])][-_LAST_MESSAGES:]
    over = _refused_no_more(platform, {one["client"] for one in told if one["kind"] == "client_refused"})
    for one in told:
        if one["kind"] == "client_refused" and one["client"] in over:
            continue
        out.print(f"{one['when'][:16]} {one['client'] or ''} {one['text']}", markup=False, highlight=False)


def _refused_no_more(platform: Platform, clients: set[str]) -> set[str]:
    """Those of `clients` of whom nothing is refused now: only their data can say, not what was told."""
    if not clients:
        return set()
    from crm_platform.orchestration.automation.due_runs import is_refused

    with err.status("looking whether what was refused still is"):
        return {client for client in clients if not is_refused(platform, client)}
