"""Runs whose process was killed: Dagster goes on to take them for working, and they would hold up their client.

Each run names the process that makes it in a tag. Whoever looks next on the same machine ends the runs whose process is
no more, whatever the clock says. A run names it within a second or two of its beginning; one that has begun and named
none for as long as Dagster lets a run begin (`run_monitoring: start_timeout_seconds`) was killed between the two.
"""

from __future__ import annotations

import os
import socket
import sys
import time
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


def end_dead_runs(instance: dg.DagsterInstance) -> list[dg.DagsterRun]:
    """End every run that a killed process of this machine left behind, and return them.

    They count as failed, so that whoever is told of failed runs is told of them.
    """
    patience, now = instance.run_monitoring_start_timeout_seconds, time.time()
    left = [
        record.dagster_run
        for record in instance.get_run_records(dg.RunsFilter(statuses=_BEGUN))
        if is_dead(record.dagster_run) or is_nameless(record, now, patience)
    ]
    # Asked again: it may have ended, and its process after it, since the list was made.
    dead = [run for run in map(instance.get_run_by_id, [run.run_id for run in left]) if run and not run.is_finished]
    for run in dead:
        instance.report_run_failed(run, _SAID)
    return dead


def is_nameless(record: dg.RunRecord, now: float, patience_seconds: float) -> bool:
    """Whether the run began longer ago than that and never named its process, on whatever machine; `now` in epoch
    seconds.

    A beginning that is yet to come counts as well: the clock was set back since.
    """
    run, began = record.dagster_run, record.start_time
    if run.status is not dg.DagsterRunStatus.STARTED or began is None or names_its_process(run):
        return False
    return abs(now - began) > patience_seconds


def names_its_process(run: dg.DagsterRun) -> bool:
    """Whether the run itself did; one that is begun again inherits the tag of another."""
    return run.tags.get(PROCESS_TAG, "").startswith(run.run_id)


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
