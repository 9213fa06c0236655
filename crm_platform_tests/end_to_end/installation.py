"""An installation in a folder of its own, driven by its command line."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from crm_platform import cli
from crm_platform.demo import Demo, write_delivery
from crm_platform.orchestration.platform import Platform
from crm_platform.periods import Month

PROJECT = Path(__file__).parents[2]
REAL_DATA = PROJECT.parent / "shared" / "data"


@dataclass(frozen=True)
class Answer:
    """What a command said."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Installation:
    """A data folder with the project's catalogue of clients."""

    data: Path

    @classmethod
    def at(cls, folder: Path) -> Installation:
        clients = folder / "clients"
        clients.mkdir(parents=True)
        for client in (PROJECT / "data" / "clients").glob("*.toml"):
            (clients / client.name).write_bytes(client.read_bytes())
        return cls(folder)

    @property
    def platform(self) -> Platform:
        return Platform(data_folder=str(self.data))

    def run(self, *arguments: str | Path) -> Answer:
        """`crm-platform ARGUMENTS`, in this process."""
        out, err = io.StringIO(), io.StringIO()
        home = {"CRM_PLATFORM_DATA": str(self.data), "DAGSTER_HOME": str(self.data / "dagster_home")}
        argv = ["crm-platform", *map(str, arguments)]
        with mock.patch.dict(os.environ, home), mock.patch.object(sys, "argv", argv), capturing(out, err):
            try:
                cli.main()
                code = 0
            except SystemExit as stop:
                code = int(stop.code or 0)
        return Answer(code, out.getvalue(), err.getvalue())

    def deliver(self, demo: Demo, folder: Path, **months: Month) -> None:
        """Deliver the demo's files, or those of some months only."""
        folder.mkdir(parents=True)
        last_day = months.get("last", demo.last_month).last_day
        files = write_delivery(demo, folder, **months)
        answer = self.run("deliver", "--client", "demo", "--data-to", str(last_day), *files)
        assert answer.code == 0, answer.err

    def outbox(self, client: str, month: str) -> dict[str, bytes]:
        """Every deliverable by its path."""
        folder = self.data / "outbox" / client / month
        return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    def rows(self, client: str, month: str, path: str) -> list[dict[str, str]]:
        """The rows of a CSV among the deliverables."""
        text = self.outbox(client, month)[path].decode("utf-8-sig")
        return list(csv.DictReader(io.StringIO(text, newline="")))

    def document(self, client: str, name: str, month: str) -> Any:
        """A stored document."""
        return self.platform.lake.read_document(client, name, Month.parse(month))

    def everything(self) -> dict[str, bytes]:
        """All that lies in the data folder, but the runs and what was told of them."""
        told = {"dagster_home", "messages"}
        files = (path for path in self.data.rglob("*") if path.is_file() and told.isdisjoint(path.parts))
        return {str(path.relative_to(self.data)): path.read_bytes() for path in files}

    def digests(self, client: str, table: str) -> dict[str, str]:
        """The stored months of a table with the digest of each."""
        lake = self.platform.lake
        return {
            str(m): json.loads((lake.root / client / table / f"{m}.json").read_text())["sha256"]
            for m in lake.months(client, table)
        }


@contextlib.contextmanager
def capturing(out: io.StringIO, err: io.StringIO) -> Iterator[None]:
    """What this process prints, into these."""
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        yield
