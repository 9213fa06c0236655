"""A run whose process was killed is known by it, and no other is taken for one; `faults` kills them for real."""

import subprocess
import sys
import time
from pathlib import Path

import dagster as dg
import pytest

from crm_platform.orchestration.dead_runs import PROCESS_TAG, end_dead_runs, is_dead, process_tag

RUN = "0b7c"


def run_with(tag: str) -> dg.DagsterRun:
    return dg.DagsterRun(job_name="backfill_facts", run_id=RUN, tags={PROCESS_TAG: tag})


def ended_process() -> int:
    """The number of a process that is no more."""
    with subprocess.Popen(["true"]) as process:
        return process.pid


@pytest.mark.skipif(sys.platform != "linux", reason="a process is known by its birth on Linux only")
def test_a_run_is_dead_when_its_process_has_ended_or_its_number_was_given_to_another() -> None:
    _, machine, process, birth = process_tag(RUN)[PROCESS_TAG].split()
    assert not is_dead(run_with(f"{RUN} {machine} {process} {birth}"))
    assert is_dead(run_with(f"{RUN} {machine} {process} {int(birth) - 1}"))
    assert is_dead(run_with(f"{RUN} {machine} {ended_process()} {birth}"))


@pytest.mark.parametrize("tag", ["", "half a tag", f"{RUN} elsewhere 1 1", "another here 1 1"])
def test_a_run_of_another_machine_or_without_a_process_of_its_own_is_left_alone(tag: str) -> None:
    assert not is_dead(run_with(tag))


def test_a_run_killed_before_it_named_its_process_is_ended_once_it_had_time_to_begin(tmp_path: Path) -> None:
    """As it is when the code server and the run are killed together between RUN_START and the first resource."""
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        patience = instance.run_monitoring_start_timeout_seconds
        began = {
            "killed": (-2 * patience, {}),
            "inherited": (-2 * patience, {PROCESS_TAG: "another here 1 1"}),
            "clock-set-back": (2 * patience, {}),
            "beginning": (0, {}),
            "working": (-2 * patience, process_tag("working")),
        }
        for run_id, (after_seconds, tags) in began.items():
            run = dg.DagsterRun("backfill_facts", run_id, tags=tags, status=dg.DagsterRunStatus.STARTING)
            instance.add_run(run)
            start = dg.DagsterEvent(dg.DagsterEventType.RUN_START.value, "backfill_facts")
            instance.handle_new_event(
                dg.EventLogEntry(None, "debug", "", run_id, time.time() + after_seconds, dagster_event=start)
            )
        assert {run.run_id for run in end_dead_runs(instance)} == {"killed", "inherited", "clock-set-back"}
        assert end_dead_runs(instance) == []
