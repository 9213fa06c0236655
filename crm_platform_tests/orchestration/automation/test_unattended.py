"""A command that fails, is ended or was killed where nobody sits before it is told of, to the right client, once."""

from __future__ import annotations

import io
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from crm_platform.cli import backfilling
from crm_platform.demo import make_demo
from crm_platform.lake import Lake
from crm_platform.orchestration import client_month_asset, runs
from crm_platform.orchestration.dead_runs import PROCESS_TAG, process_tag
from crm_platform.orchestration.event_log import open_instance
from crm_platform.refusals import Refused
from crm_platform.tables import Table
from crm_platform_tests.end_to_end.installation import Installation

DEMO = make_demo(customers=10, months=1)


@pytest.fixture(scope="module")
def delivered(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """A client of one month that was delivered and never analysed."""
    folder = tmp_path_factory.mktemp("delivered")
    installation = Installation(folder / "data")
    (installation.data / "clients").mkdir(parents=True)
    (installation.data / "clients" / "demo.toml").write_text('name = "Demo"\n')
    installation.deliver(DEMO, folder / "files")
    return installation


@pytest.fixture
def in_the_background() -> Iterator[None]:
    """As a shell begins a command with `&`: SIGINT is ignored. And SIGTERM, not heard, must not end the tests."""
    former = {name: signal.getsignal(name) for name in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: None)
    yield
    for name, handler in former.items():
        signal.signal(name, handler)


def told(installation: Installation) -> list[dict[str, Any]]:
    files = (installation.data / "messages").glob("*.jsonl")
    return [json.loads(line) for file in files for line in file.read_text("utf-8").splitlines()]


def ends_itself(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, place: object, name: str, at: int = 1
) -> list[int]:
    """Let SIGTERM come at this call of the function and all later ones; as many entries as it was called."""
    former, called = getattr(place, name), list[int]()

    def struck(*arguments: Any) -> Any:
        called.append(1)
        if len(called) >= at:
            os.kill(os.getpid(), signal.SIGTERM)
        return former(*arguments)

    monkeypatch.setattr(place, name, struck)
    before = len(told(installation))
    assert installation.run("refresh", "--client", "demo").code
    assert len(told(installation)) == before + 1
    return called


@pytest.mark.usefixtures("in_the_background")
def test_a_command_that_is_ended_in_a_step_does_not_try_it_again_and_is_told_of(
    delivered: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ends_itself(delivered, monkeypatch, Lake, "write") == [1]
    said = told(delivered)[-1]
    assert (said["kind"], said["client"], said["month"]) == ("run_failed", "demo", str(DEMO.last_month))
    assert said["text"].startswith("backfill_facts failed at ")


@pytest.mark.usefixtures("in_the_background")
def test_a_command_that_is_ended_in_a_step_begins_no_other_step_either(
    delivered: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ends_itself(delivered, monkeypatch, Lake, "write", at=2) == [1, 1]


def test_a_step_whose_disk_recovers_is_tried_again_and_one_whose_disk_does_not_says_why(
    delivered: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    former, called = Lake.write, list[str]()
    monkeypatch.setattr(client_month_asset, "_DISK_MAY_RECOVER", dg.RetryPolicy(max_retries=2))

    def fails(calls: int) -> None:
        def struck(lake: Lake, client: str, table: Table, *more: Any) -> Any:
            called.append(table.name)
            if table.name == "customer_days" and called.count(table.name) <= calls:
                raise OSError(28, "No space left on device")
            return former(lake, client, table, *more)

        called.clear()
        monkeypatch.setattr(Lake, "write", struck)

    with open_instance(delivered.data / "dagster_home") as instance:
        fails(3)
        with pytest.raises(Refused, match="No space left on device"):
            runs.bring_facts_up_to_date(delivered.platform, "demo", None, instance, lambda _: None)
        assert called.count("customer_days") == 3
        fails(2)
        runs.bring_facts_up_to_date(delivered.platform, "demo", None, instance, lambda _: None)
    assert called.count("customer_days") == 3


@pytest.mark.usefixtures("in_the_background")
def test_a_command_that_is_ended_between_its_runs_is_told_of(
    delivered: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends_itself(delivered, monkeypatch, runs, "register_client")
    said = told(delivered)[-1]
    assert (said["kind"], said["client"]) == ("run_failed", "demo")
    assert "ended from outside" in said["text"]


def test_of_a_command_that_was_killed_the_next_command_tells(
    delivered: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "stale_spans", lambda _: [])
    name, _, birth = process_tag("killed")[PROCESS_TAG].rpartition(" ")
    tags = {"client": "another", PROCESS_TAG: f"{name} {int(birth) - 1}"}
    before = len(told(delivered))
    with open_instance(tmp_path) as instance:
        instance.add_run(dg.DagsterRun("analyse_month", "killed", tags=tags))
        for _ in range(2):
            runs.bring_facts_up_to_date(delivered.platform, "demo", None, instance, lambda _: None)
    (said,) = told(delivered)[before:]
    assert (said["kind"], said["client"]) == ("run_failed", "another")
    assert "Open run killed" in said["what_to_do"]


def test_a_backfill_that_fails_is_told_of_once_for_each_client_unless_somebody_sits_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installation, options = Installation(tmp_path), list[list[str]]()
    (tmp_path / "clients").mkdir()
    for client in ("acme", "beta"):
        (tmp_path / "clients" / f"{client}.toml").write_text(f'name = "{client}"\n')
    assert installation.run("backfill", "--client", "acme").code == 1
    assert [(one["kind"], one["client"]) for one in told(installation)] == [("client_refused", "acme")]
    assert installation.run("backfill", "--client", "acme", "--attended").code == 1
    assert len(told(installation)) == 1
    assert installation.run("backfill", "--client", "acme", "--client", "beta").code == 1
    assert sorted(one["client"] for one in told(installation)) == ["acme", "acme", "beta"]

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(backfilling, "_each_apart", lambda _, given, __: options.append(given) or [])
    for stderr in (Terminal(), io.StringIO()):
        monkeypatch.setattr(sys, "stderr", stderr)
        backfilling.backfill(client=["acme", "beta"], at_once=1)
    assert options == [["--attended"], []]


@pytest.mark.usefixtures("in_the_background")
def test_a_backfill_of_several_clients_that_is_ended_begins_no_other_and_leaves_none_at_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, program = tmp_path / "begun", tmp_path / "program"
    program.write_text(f'#!/bin/sh\necho "$$ $4" >> {begun}\nexec sleep 20\n')
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))

    def end_once_begun() -> None:
        while not begun.exists():
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=end_once_begun, daemon=True).start()
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        backfilling._each_apart(["acme", "beta", "gamma"], [], 1)
    assert time.monotonic() - started < 15
    (line,) = begun.read_text().splitlines()
    process, client = line.split()
    assert client == "--client=acme"
    assert not Path(f"/proc/{process}").exists()
