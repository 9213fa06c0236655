"""What every command shares: the platform of the present folder, its Dagster instance, and where words are printed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

if TYPE_CHECKING:
    import dagster as dg

    from crm_platform.orchestration.platform import Platform

out = Console(soft_wrap=True)
err = Console(stderr=True, soft_wrap=True)

ClientOption = Annotated[str, typer.Option("--client", help="The client's id in the catalogue.")]


def platform_here() -> Platform:
    """The platform of the present folder."""
    from crm_platform.orchestration.platform import Platform

    return Platform.here()


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
