"""A process that imports the platform once and forks a child for each piece of work, in which a fault may strike.

It reads a line of JSON (a list of jobs, to be done at the same time) and answers with one (how each ended). Forked
before DuckDB or Dagster has begun a thread, a child costs what its work costs.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any, cast

from crm_platform_tests.faults.injector import Fault, Injector


@dataclass(frozen=True)
class Job:
    """A piece of work on an installation, the fault that strikes it, and by how much its clock is wrong."""

    work: str
    data: str
    client: str = "demo"
    fault: Fault = field(default_factory=Fault)
    clock_ahead_days: int = 0


@dataclass(frozen=True)
class Ended:
    """How a child ended: killed, or with what it said (empty: well); and the kinds of moments it met, in order."""

    killed: bool
    said: str
    moments: tuple[str, ...]

    @property
    def well(self) -> bool:
        """Whether the work was done."""
        return not self.killed and not self.said


class Children:
    """The process that forks, seen from outside."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def do(self, *jobs: Job) -> list[Ended]:
        """Do these at the same time; how each ended."""
        said, answers = cast("IO[str]", self._process.stdin), cast("IO[str]", self._process.stdout)
        said.write(json.dumps([asdict(job) for job in jobs]) + "\n")
        said.flush()
        return [Ended(one["killed"], one["said"], tuple(one["moments"])) for one in json.loads(answers.readline())]


@contextmanager
def children() -> Iterator[Children]:
    """The process, as long as it is wanted."""
    command = [sys.executable, "-m", __name__]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Children(process)
        cast("IO[str]", process.stdin).close()


def _serve() -> None:
    import crm_platform_tests.faults.works  # noqa: F401

    gc.disable()
    gc.freeze()  # else every child would copy what the collector touches
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a child prints
    for line in sys.stdin:
        jobs = [Job(**{**job, "fault": Fault(**job["fault"])}) for job in json.loads(line)]
        with tempfile.TemporaryDirectory() as folder:
            places = [Path(folder) / str(number) for number in range(len(jobs))]
            begun = [_fork(job, place) for job, place in zip(jobs, places, strict=True)]
            statuses = [os.waitpid(child, 0)[1] for child in begun]
            told = [_told(status, place) for status, place in zip(statuses, places, strict=True)]
            _import_what_they_imported(places)
        answers.write(json.dumps(told) + "\n")
        answers.flush()


def _fork(job: Job, place: Path) -> int:
    child = os.fork()
    if child:
        return child
    said, code, before = "", 1, set(sys.modules)
    try:
        with place.open("w") as notes:
            said = _do(job, notes)
            place.with_suffix(".modules").write_text("\n".join(sys.modules.keys() - before))
        place.with_suffix(".said").write_text(said)
        code = 0
    finally:
        os._exit(code)


def _do(job: Job, notes: IO[str]) -> str:
    """Do the work; what it said where it did not end well. The moments are noted as they come."""
    from crm_platform_tests.faults.works import WORKS

    brief, true_time = time.sleep, time.time
    time.sleep = lambda seconds: brief(min(seconds, 0.05))  # a disk that is to recover does so at once
    if job.clock_ahead_days:
        time.time = lambda: true_time() + job.clock_ahead_days * 86_400
    os.environ.pop("DAGSTER_HOME", None)
    injector = Injector(job.data, job.fault, _Noted(notes))
    injector.install()
    try:
        WORKS[job.work](Path(job.data), job.client)
    except Exception as error:  # noqa: BLE001  told to whoever asked for the work
        return f"{type(error).__name__}: {error}"
    return ""


class _Noted(list[str]):
    """Moments that outlive their process."""

    def __init__(self, notes: IO[str]) -> None:
        super().__init__()
        self._notes = notes

    def append(self, moment: str) -> None:
        super().append(moment)
        os.write(self._notes.fileno(), f"{moment}\n".encode())


def _import_what_they_imported(places: Sequence[Path]) -> None:
    """Once here, so that no later child need."""
    for modules in (place.with_suffix(".modules") for place in places):
        for name in sorted(modules.read_text().split()) if modules.exists() else ():
            with suppress(Exception):
                importlib.import_module(name)


def _told(status: int, place: Path) -> dict[str, Any]:
    killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    said = place.with_suffix(".said")
    text = said.read_text() if said.exists() else "" if killed else f"ended with {status}"
    return {"killed": killed, "said": text, "moments": place.read_text().split("\n")[:-1]}


if __name__ == "__main__":
    _serve()
