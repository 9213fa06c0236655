"""What went wrong is told once, to the right client, and names nobody (R91)."""

from __future__ import annotations

import datetime as dt
import json
import os
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from crm_platform.clients import ScheduleSettings
from crm_platform.orchestration.automation.messages import Messages
from crm_platform.orchestration.automation.take_delivery import TOLD_TAG
from crm_platform.orchestration.automation.unattended import tell_failure
from crm_platform.orchestration.automation.watches import breaches_at, missing_month, overdue, run_failed
from crm_platform.orchestration.platform import Platform
from crm_platform.orchestration.runs import RunFailed
from crm_platform_tests.end_to_end.installation import Installation


@pytest.fixture(scope="module")
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as found:
        yield found


@pytest.fixture
def platform(tmp_path: Path) -> Platform:
    platform = Platform(data_folder=str(tmp_path))
    platform.catalogue.folder.mkdir()
    return platform


def delivered(platform: Platform, client: str, data_to: dt.date, days_ago: float, schedule: str = "") -> None:
    """A client with one delivery, which came so many days ago."""
    (platform.catalogue.folder / f"{client}.toml").write_text(f'name = "{client}"\n{schedule}')
    receipt = platform.inbox / client / "0001-abc" / "receipt.json"
    receipt.parent.mkdir(parents=True, exist_ok=True)
    receipt.write_text(json.dumps({"data_to": data_to.isoformat()}))
    came = dt.datetime.now().timestamp() - days_ago * 86_400
    os.utime(receipt, (came, came))


def told(platform: Platform) -> list[dict[str, str]]:
    files = Messages.of(platform).folder.glob("*.jsonl")
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


@pytest.mark.parametrize(
    ("now", "delivered_to", "missing"),
    [
        ("2025-07-10T23:59+09:00", "2025-05-31", None),  # the tenth is not over
        ("2025-07-11T00:00+09:00", "2025-05-31", "2025-06"),
        ("2025-07-10T15:00+00:00", "2025-05-31", "2025-06"),  # the same instant
        ("2025-07-11T00:00+09:00", "2025-06-29", "2025-06"),  # not whole
        ("2025-07-11T00:00+09:00", "2025-06-30", None),
        ("2025-07-01T00:00+09:00", "2025-04-30", "2025-05"),  # still missing from the month before
        ("2025-01-11T00:00+09:00", "2024-11-30", "2024-12"),
    ],
)
def test_a_month_is_missing_from_the_clients_own_midnight_after_its_day(
    now: str, delivered_to: str, missing: str | None
) -> None:
    found = missing_month(ScheduleSettings(), dt.datetime.fromisoformat(now), dt.date.fromisoformat(delivered_to))
    assert (None if found is None else str(found)) == missing


def test_in_a_month_that_lacks_the_day_the_last_one_counts() -> None:
    schedule, data_to = ScheduleSettings(expects_by_day=31), dt.date(2024, 12, 31)
    last_day, day_after = (
        dt.datetime.fromisoformat(day) for day in ("2025-02-28T12:00+09:00", "2025-03-01T12:00+09:00")
    )
    assert missing_month(schedule, last_day, data_to) is None
    assert str(missing_month(schedule, day_after, data_to)) == "2025-01"


def test_a_breach_is_told_once_for_each_client_and_month_and_again_for_another(
    platform: Platform, instance: dg.DagsterInstance
) -> None:
    delivered(platform, "late", dt.date(2020, 6, 30), 0)
    delivered(platform, "archive", dt.date(2020, 6, 30), 0, "[schedule]\nexpects_by_day = 0\n")
    (platform.catalogue.folder / "broken.toml").write_text("name = ")
    (platform.catalogue.folder / "silent.toml").write_text('name = "Nothing delivered yet"\n')
    cursor = None
    for _ in range(3):
        resources = {"platform": platform, "messages": Messages.of(platform)}
        cursor = overdue.evaluate_tick(
            dg.build_sensor_context(instance=instance, cursor=cursor, resources=resources)
        ).cursor
    assert [(one["kind"], one["client"]) for one in told(platform)] == [("data_overdue", "late")]
    later = breaches_at(dt.datetime.now(dt.UTC) + dt.timedelta(days=32), platform, instance)
    assert not {key for key in later if key.startswith("late 2")} & set(json.loads(str(cursor)))


def test_a_delivery_that_is_not_analysed_within_a_day_is_a_breach_until_it_is(
    platform: Platform, instance: dg.DagsterInstance
) -> None:
    now, today = dt.datetime.now(dt.UTC), dt.date.today()
    delivered(platform, "fresh", today, 0.5)
    delivered(platform, "acme", today, 2)
    delivered(platform, "monthly", today, 2, "[schedule]\non_delivery = false\n")
    assert set(breaches_at(now, platform, instance)) == {"acme 0001-abc"}

    @dg.job(name="analyse_month")
    def analysed() -> None:
        """Nothing to do."""

    assert analysed.execute_in_process(instance=instance, tags={"client": "acme"}).success
    assert breaches_at(now, platform, instance) == {}


def test_a_run_that_failed_is_told_with_client_months_and_step_and_without_its_error(
    platform: Platform, instance: dg.DagsterInstance
) -> None:
    @dg.op
    def forecasts() -> None:
        raise dg.Failure("customer C0000123 has two rows")

    @dg.job
    def analyse() -> None:
        forecasts()

    months = {
        "dagster/asset_partition_range_start": "acme|2022-03-01",
        "dagster/asset_partition_range_end": "acme|2022-05-01",
    }
    for more in ({}, {TOLD_TAG: "yes"}):
        tags = {"client": "acme", **months, **more}
        result = analyse.execute_in_process(instance=instance, tags=tags, raise_on_error=False)
        context = dg.build_run_status_sensor_context(
            sensor_name=run_failed.name,
            dagster_event=result.get_run_failure_event(),
            dagster_instance=instance,
            dagster_run=result.dagster_run,
        ).for_run_failure()
        run_failed(context, messages=Messages.of(platform))
    (said,) = told(platform)
    (platform.catalogue.folder / "acme.toml").write_text('name = "Acme"')
    run, problem = result.dagster_run, "step 'forecasts' failed: customer C0000123"
    of_command = RunFailed(problem, "", run=run, steps=("forecasts",))
    tell_failure(platform, "acme", of_command)  # the same, of a command that nobody watches
    assert [one["text"] for one in told(platform)] == [said["text"]] * 2
    assert "C0000123" not in json.dumps(told(platform))
    assert (said["kind"], said["client"], said["month"]) == ("run_failed", "acme", "2022-03 to 2022-05")
    assert said["text"] == "analyse failed at forecasts."


def test_a_command_that_is_refused_where_nobody_sits_before_it_is_told_once_and_a_mistyped_client_never(
    platform: Platform,
) -> None:
    (platform.catalogue.folder / "acme.toml").write_text('name = "Acme"')
    installation = Installation(platform.data)
    for client, messages in (("acme", 1), ("akme", 1)):
        assert installation.run("refresh", "--client", client).code == 1
        assert len(told(platform)) == messages
    (said,) = told(platform)
    assert (said["kind"], said["client"]) == ("client_refused", "acme")
    assert "the inbox of 'acme' is empty" in said["text"]
