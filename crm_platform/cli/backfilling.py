"""`crm-platform backfill`: many months, many clients, each client by itself."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Annotated

import typer

from crm_platform.cli.console import (
    ending_as_interrupted,
    err,
    instance_here,
    out,
    platform_here,
    telling_failure,
)
from crm_platform.cli.runs import month_or_none
from crm_platform.refusals import Refused

if TYPE_CHECKING:
    from crm_platform.orchestration.platform import Platform
    from crm_platform.periods import Month


def backfill(
    client: Annotated[list[str] | None, typer.Option(help="A client; may be given more than once.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Every client of the catalogue that delivered.")] = False,
    first: Annotated[str | None, typer.Option("--from", help="YYYY-MM; the latest month by default.")] = None,
    last: Annotated[str | None, typer.Option("--to", help="YYYY-MM; the latest month by default.")] = None,
    at_once: Annotated[int, typer.Option(min=1, help="How many clients work at the same time.")] = os.cpu_count() or 1,
    is_attended: Annotated[
        bool, typer.Option("--attended", hidden=True, help="Somebody sits before the backfill that began this one.")
    ] = False,
) -> None:
    """Bring months of clients up to date: facts in one run, then the analyses month by month; finished ones are kept.

    Clients do not wait for each other, and one that is refused stops no other. Stopped, it goes on where it was.
    """
    platform = platform_here()
    clients = _asked_for(platform, client or [], every=every)
    span = [month_or_none(text, option) for text, option in ((first, "--from"), (last, "--to"))]
    if len(clients) == 1:
        with telling_failure(platform, clients[0], is_attended=is_attended):
            _one(platform, clients[0], *span)
        return
    options = [f"--{name}={text}" for name, text in (("from", first), ("to", last)) if text]
    failed = _each_apart(clients, options + ["--attended"] * sys.stderr.isatty(), at_once)
    if failed:
        raise Refused(
            f"{len(failed)} of {len(clients)} clients came to no end: {', '.join(failed)}.",
            f"See why and go on: crm-platform backfill --client {failed[0]}",
        )


def _asked_for(platform: Platform, named: list[str], *, every: bool) -> list[str]:
    from crm_platform.orchestration.automation.client_state import deliveries_in

    if bool(named) == every:
        raise Refused("whom to backfill is not said.", "Name clients (--client C), or all (--all).")
    return named or [one for one in platform.catalogue.ids() if deliveries_in(platform, one)]


def _one(platform: Platform, client_id: str, first: Month | None, last: Month | None) -> None:
    from crm_platform.orchestration.backfilling import backfill_client

    with instance_here(platform) as instance, err.status(client_id) as status:
        for month, report in backfill_client(platform, client_id, first, last, instance, status.update):
            told = f"{report.recomputed} table-months recomputed" if report.recomputed else "everything is current"
            out.print(f"{client_id} {month}: {told}", highlight=False)
            for notice in report.notices if report.recomputed else ():
                out.print(f"{client_id} {month}: {notice}", markup=False, highlight=False)


def _each_apart(clients: list[str], options: list[str], at_once: int) -> list[str]:
    """Each client in a process of its own, which tells of its own failure; those that came to no end.

    Ended from outside, no further client begins, and those at work are ended, too.
    """
    begun = list[subprocess.Popen[str]]()
    with ending_as_interrupted(), ThreadPoolExecutor(at_once) as pool:
        try:
            well = list(pool.map(lambda one: _apart(one, options, begun), clients))
        finally:
            for process in begun:
                process.terminate()  # does nothing to one that has ended
    return [name for name, ended_well in zip(clients, well, strict=True) if not ended_well]


def _apart(client_id: str, options: list[str], begun: list[subprocess.Popen[str]]) -> bool:
    """One client in a process of its own; whether it ended well."""
    command = [sys.executable, "-m", "crm_platform.cli", "backfill", f"--client={client_id}", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        begun.append(process)
        told, said = process.communicate()
    out.print(told, end="", markup=False, highlight=False)
    if process.returncode:
        err.print(f"{client_id}: {said.strip()}", style="red", markup=False, highlight=False)
    return process.returncode == 0
