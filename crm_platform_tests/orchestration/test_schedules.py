"""The shopping alert refreshes itself once a month, for every client whose files can be read (R89, R91)."""

import datetime as dt
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from crm_platform.demo import make_demo
from crm_platform.lake import digest_of
from crm_platform.orchestration.assets import EVERY_MONTH, MONTHS_ASKED_FOR
from crm_platform.orchestration.build import build_definitions
from crm_platform.orchestration.client_month import ClientData
from crm_platform.orchestration.client_month_asset import ClientMonthAsset
from crm_platform.orchestration.partitions import client_months, clients, partition_key
from crm_platform.orchestration.platform import Platform
from crm_platform.orchestration.schedules import analyse_after_facts, monthly_alerts, refresh_due
from crm_platform.periods import Month
from crm_platform_tests.end_to_end.installation import Installation

THIRD = dt.datetime(2025, 7, 3, 4, tzinfo=dt.UTC)
RANGE = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")


class House:
    """Clients `demo`, with three months delivered, `broken`, whose file is wrong, and one that delivered nothing."""

    def __init__(self, folder: Path, instance: dg.DagsterInstance) -> None:
        installation, demo = Installation.at(folder / "data"), make_demo(customers=10, months=3)
        installation.deliver(demo, folder / "files")
        (folder / "data" / "clients" / "another.toml").write_text('name = "Another"\n')
        (folder / "data" / "clients" / "broken.toml").write_text("name = ")
        self.platform: Platform = installation.platform
        self.instance, self.last = instance, demo.last_month
        self.months = [demo.last_month.plus(-back) for back in (2, 1, 0)]
        self.repository = build_definitions(self.platform).get_repository_def()

    @property
    def data(self) -> ClientData:
        """The client `demo`, read anew."""
        return ClientData(self.platform, self.platform.catalogue.load("demo"))

    def tick(self) -> dg.RunRequest | str:
        """What the schedule asks for: the one run request, or why there is none."""
        context = dg.build_schedule_context(
            instance=self.instance,
            scheduled_execution_time=THIRD,
            resources={"platform": self.platform},
            repository_def=self.repository,
        )
        requests = monthly_alerts.evaluate_tick(context)
        assert len(requests.run_requests or []) <= 1
        return requests.run_requests[0] if requests.run_requests else str(requests.skip_message)

    def make(self, months: Iterable[Month], assets: Iterable[ClientMonthAsset]) -> None:
        """Leave empty tables with the record of ones that were made from what is there now, and an empty outbox."""
        document, outbox = {"files": {}, "digest": digest_of(b"")}, self.platform.outbox / "demo"
        (outbox / str(self.last)).mkdir(parents=True, exist_ok=True)
        (outbox / str(self.last) / "manifest.json").write_text(json.dumps(document))
        (outbox / "index.html").write_bytes(b"")
        for at in map(self.data.at, months):
            for recipe in (asset.recipe for asset in assets):
                made_from = recipe.made_from(at)
                if recipe.table is None:
                    at.data.lake.write_document("demo", recipe.name, at.month, document, made_from)
                else:
                    at.data.lake.write("demo", recipe.table, at.month, recipe.table.empty(), made_from)

    def key(self, month: Month) -> str:
        """The partition of `demo` and a month, as one that the definitions know."""
        key = str(partition_key("demo", month))
        assert key in client_months.get_partition_keys(dynamic_partitions_store=self.instance)
        return key


@pytest.fixture(scope="module")
def refreshed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """What the schedule asks for, from a new delivery to the state in which there is nothing to do."""
    with dg.instance_for_test() as instance:
        house = House(tmp_path_factory.mktemp("house"), instance)
        told: dict[str, Any] = {"house": house, "clients before": instance.get_dynamic_partitions(str(clients.name))}
        told["first"] = first = house.tick()
        told["clients after"] = instance.get_dynamic_partitions(str(clients.name))
        told["again"] = house.tick()
        run = instance.create_run_for_job(house.repository.get_job("backfill_facts"), tags=dict(first.tags))
        told["while it waits"] = house.tick()
        instance.report_run_canceled(run)
        told["after it was cancelled"] = house.tick()
        house.make(house.months[:1], EVERY_MONTH)
        told["first month made"] = house.tick()
        house.make(house.months[1:], EVERY_MONTH)
        told["facts made"] = house.tick()
        house.make([house.last], MONTHS_ASKED_FOR)
        told["all made"] = house.tick()
        yield told


def test_the_stale_months_of_a_client_are_asked_for_as_one_run_of_a_job_that_is_there(refreshed) -> None:
    house, request = refreshed["house"], refreshed["first"]
    assert [request.tags[side] for side in RANGE] == [house.key(house.months[0]), house.key(house.last)]
    assert (request.partition_key, request.tags["client"], request.tags["month"]) == (None, "demo", str(house.last))
    for job in (monthly_alerts.job_name, request.tags["then"], *(job.name for job in analyse_after_facts.jobs)):
        assert house.repository.has_job(job)
    assert [refreshed["first month made"].tags[side] for side in RANGE] == [
        house.key(house.months[1]),
        house.key(house.last),
    ]


def test_a_new_client_becomes_a_partition_and_one_that_delivered_nothing_does_not(refreshed) -> None:
    assert refreshed["clients before"] == []
    assert refreshed["clients after"] == ["demo"]


def test_the_same_state_is_not_run_twice_and_is_asked_for_again_where_its_run_came_to_nothing(refreshed) -> None:
    assert refreshed["again"].run_key == refreshed["first"].run_key
    assert "under way" in refreshed["while it waits"]
    assert refreshed["after it was cancelled"].tags == refreshed["first"].tags


def test_where_only_analyses_are_stale_the_run_is_of_the_latest_month(refreshed) -> None:
    house, request = refreshed["house"], refreshed["facts made"]
    assert request.partition_key == house.key(house.last)
    assert not set(RANGE) & set(request.tags)


def test_where_nothing_is_new_the_tick_says_so_and_names_the_client_whose_file_is_wrong(refreshed) -> None:
    assert refreshed["all made"] == (
        "No client has anything that is not analysed already or under way. Refused, see the log: broken."
    )
    house = refreshed["house"]
    assert refresh_due(house.data) is None


def test_facts_that_the_schedule_asked_for_are_followed_by_the_analysis_and_others_are_not(refreshed) -> None:
    house, request = refreshed["house"], refreshed["facts made"]

    @dg.job
    def succeeds() -> None:
        """Nothing to do: the sensor reads the tags of a run only."""

    def after(tags: dict[str, str]) -> dg.RunRequest | dg.SkipReason:
        result = succeeds.execute_in_process(instance=house.instance, tags=tags)
        return analyse_after_facts(
            dg.build_run_status_sensor_context(
                sensor_name="analyse_after_facts",
                dagster_event=result.get_run_success_event(),
                dagster_instance=house.instance,
                dagster_run=result.dagster_run,
            )
        )

    own = ("client", "then", "month", "state")
    asked = after({name: request.tags[name] for name in own})
    assert (asked.partition_key, asked.tags["client"]) == (house.key(house.last), "demo")
    assert asked.tags["state"] == request.tags["state"]
    assert isinstance(after({"client": "demo"}), dg.SkipReason)


def test_schedule_and_sensor_run_without_anybody_starting_them_early_on_the_third_in_tokyo() -> None:
    assert monthly_alerts.default_status is dg.DefaultScheduleStatus.RUNNING
    assert analyse_after_facts.default_status is dg.DefaultSensorStatus.RUNNING
    ticks = monthly_alerts.execution_timezone, monthly_alerts.cron_schedule
    assert ticks == ("Asia/Tokyo", "0 4 3 * *")
