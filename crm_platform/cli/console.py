"""What every command shares: the platform of the present folder, its Dagster instance, and where words are printed."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from crm_platform.refusals import Refused

if TYPE_CHECKING:
    import dagster as dg

    from crm_platform.orchestration.platform import Platform

_WIDE_COLUMNS = 240  # of a file or pipe, which has no edge: a table is as wide as what it tells
out = Console(soft_wrap=True, width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else _WIDE_COLUMNS)
err = Console(stderr=True, soft_wrap=True)

ClientOption = Annotated[str, typer.Option("--client", help="The client's id in the catalogue.")]


def platform_here() -> Platform:
    """The platform of the present folder."""
    from crm_platform.orchestration.platform import Platform

    return Platform.here()


@contextmanager
def telling_failure(platform: Platform, client_id: str, *, is_attended: bool = False) -> Iterator[None]:
    """Let a failure be told by message as well where nobody sits before the command: stderr is no terminal.

    So is an end from outside. `is_attended`: somebody sits before the command that began this one.
    """
    try:
        with ending_as_interrupted():
            yield
    except (Refused, OSError, KeyboardInterrupt) as error:
        if not (is_attended or sys.stderr.isatty()):
            _tell(platform, client_id, error)
        raise


@contextmanager
def ending_as_interrupted() -> Iterator[None]:
    """Let SIGTERM end a command as Ctrl-C does.

    In the background of a shell SIGINT is ignored, and Dagster, which takes each signal for the other, would from its
    first run on ignore both.
    """
    former = {name: signal.getsignal(name) for name in (signal.SIGINT, signal.SIGTERM)}
    for name in former:
        signal.signal(name, signal.default_int_handler)
    try:
        yield
    finally:
        for name, handler in former.items():
            signal.signal(name, handler)


def _tell(platform: Platform, client_id: str, error: Refused | OSError | KeyboardInterrupt) -> None:
    """A disk that takes no message must not hide why the command failed."""
    from crm_platform.orchestration.automation.unattended import tell_failure

    try:
        waits = tell_failure(platform, client_id, error)
    except OSError as untold:
        waits = [f"nothing could be kept: {untold.strerror}"]
    for one in waits:
        err.print(f"the message waits to go out: {one}", markup=False, highlight=False)


@contextmanager
def instance_here(platform: Platform) -> Iterator[dg.DagsterInstance]:
    """The Dagster instance of this installation, made on first use: DAGSTER_HOME, else data/dagster_home."""
    from crm_platform.lake.files import alone
    from crm_platform.orchestration.dagster_home import settle
    from crm_platform.orchestration.event_log import open_instance, refused_by_database

    home = Path(os.environ.get("DAGSTER_HOME") or platform.data / "dagster_home").resolve()
    with alone(home):  # Dagster makes its databases on first use, and two commands at once would both do so
        settle(home)
        made = open_instance(home)
    with made as instance, refused_by_database():
        yield instance
