"""Whatever strikes, nothing is lost, nothing doubled, and the next run repairs: a sample of benchmarks.faults."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from crm_platform_tests.faults.children import children
from crm_platform_tests.faults.house import House, make_house
from crm_platform_tests.faults.injector import Fault
from crm_platform_tests.faults.trials import (
    AHEAD_DAYS,
    Trials,
    drawn,
    issued_files,
    lost,
    made_files,
    one_bit_turned,
    truncated,
)

SEED, KILLS = 20250701, 3
QUICK = ("deliver", "publish_again", "reissue", "begin_campaign")


@pytest.fixture(scope="module")
def trials(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trials]:
    with children() as forked:
        yield Trials(forked, tmp_path_factory.mktemp("trials"))


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    """Delivered once; nothing made yet."""
    return make_house(tmp_path_factory.mktemp("house") / "data")


@pytest.fixture(scope="module")
def refreshed(trials: Trials, house: House) -> House:
    """The same, brought up to date."""
    return trials.wanted(house, "refresh")[0]


@pytest.mark.parametrize("work", QUICK)
def test_work_that_is_killed_at_any_moment_is_done_by_the_next_call_which_leaves_nothing_else(
    trials: Trials, house: House, work: str
) -> None:
    _, moments = trials.wanted(house, work)
    wrong = [one for fault in drawn(moments, KILLS, SEED) for one in trials.struck_by(house, work, [fault])]
    assert not wrong


def test_a_run_killed_before_the_clock_is_set_back_is_finished_by_two_at_once_and_no_other_client_is_touched(
    trials: Trials, house: House
) -> None:
    middle = Fault("killed", len(trials.wanted(house, "refresh")[1]) // 2)
    days = [AHEAD_DAYS]
    assert not trials.struck_by(house, "refresh", [middle], ahead_days=days, repaired_by=2, beside="other")


def test_of_a_run_that_was_killed_the_next_call_tells_once(trials: Trials, house: House) -> None:
    struck, moments = trials.copy(house), trials.wanted(house, "refresh")[1]
    assert trials.do(struck, "refresh", Fault("killed", len(moments) // 2)).killed
    assert all(trials.do(struck, "refresh").well for _ in range(2))
    (line,) = [line for file in (struck.data / "messages").glob("*.jsonl") for line in file.read_text().splitlines()]
    said = json.loads(line)
    assert (said["kind"], said["client"]) == ("run_failed", "demo")


@pytest.mark.parametrize("work", ["deliver", "publish_again"])
def test_a_full_disk_and_one_that_cannot_be_written_stop_work_that_the_next_call_does(
    trials: Trials, house: House, work: str
) -> None:
    for kind in ("full once", "full", "read-only"):
        assert not trials.struck_by(house, work, [Fault(kind, 5)])


def test_damaged_files_of_the_lake_are_made_again_to_the_byte_and_those_issued_for_good_are_not(
    trials: Trials, refreshed: House
) -> None:
    tables, records = made_files(refreshed, ".parquet"), made_files(refreshed, ".json")
    assert not trials.damaged(refreshed, "refresh", {tables[0]: truncated, tables[7]: lost, records[11]: truncated})
    book, *_, campaign = issued_files(refreshed)
    for path, damage in ((book, lost), (book, one_bit_turned), (campaign, lost)):
        assert not trials.refused(refreshed, "read_issued", path, damage)
