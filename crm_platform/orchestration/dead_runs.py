"""Runs whose process was killed: Dagster goes on to take them for working, and they would hold up their client.

Each run names the process that makes it in a tag. Whoever looks next on the same machine ends the runs whose process is
no more, whatever the clock says.
"""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

import dagster as dg

PROCESS_TAG = "process"
_BEGUN = [
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
_SAID = "The process of this run was killed. What it had stored is whole and kept; the next run makes the rest."
_GONE = ("Z", "X")  # ended, and nobody has asked how


def process_tag(run_id: str) -> dict[str, str]:
    """The tag by which a run names this process; it holds the run, too, for one that is begun again inherits tags."""
    return {PROCESS_TAG: f"{run_id} {socket.gethostname()} {os.getpid()} {_birth(os.getpid())}"}


def end_dead_runs(instance: dg.DagsterInstance) -> list[str]:
    """End every run that a killed process of this machine left behind; their ids.

    They count as failed, so that whoever is told of failed runs is told of them.
    """
    left = [run for run in instance.get_runs(dg.RunsFilter(statuses=_BEGUN)) if is_dead(run)]
    # Asked again: it may have ended, and its process after it, since the list was made.
    dead = [run for run in map(instance.get_run_by_id, [run.run_id for run in left]) if run and not run.is_finished]
    for run in dead:
        instance.report_run_failed(run, _SAID)
    return [run.run_id for run in dead]


def is_dead(run: dg.DagsterRun) -> bool:
    """Whether the process that made the run is no more; False where that cannot be known on this machine."""
    named = run.tags.get(PROCESS_TAG, "").split()
    if len(named) != 4 or sys.platform != "linux":
        return False
    run_id, machine, process, birth = named
    if (run_id, machine) != (run.run_id, socket.gethostname()):
        return False
    return _birth(int(process)) != birth


def _birth(process: int) -> str:
    """When the process began, in ticks of the machine, for its number is given again one day; `gone`: it has ended."""
    try:
        stat = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return "gone"
    state, *fields = stat.rpartition(")")[2].split()
    return "gone" if state in _GONE else fields[18]
