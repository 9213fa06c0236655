"""A delivery starts what it touches, of that client, once; nothing else ever does (R11, R91)."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

import dagster as dg
import pytest

from crm_platform.orchestration.assets import EVERY_MONTH, MONTHS_ASKED_FOR
from crm_platform.orchestration.automation.client_schedules import dagster_name
from crm_platform.orchestration.automation.deliveries_arrived import _no_later_than_now, deliveries_arrived
from crm_platform.orchestration.automation.due_runs import FOLLOWED_TAG
from crm_platform.orchestration.partitions import clients
from crm_platform_tests.orchestration.automation.house import House

RANGE = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """What the sensor asks for, from a new client to a late cancellation that is analysed."""
    with dg.instance_for_test() as instance:
        house = House(tmp_path_factory.mktemp("house"), instance, months=3)
        told: dict[str, Any] = {"house": house, "clients before": instance.get_dynamic_partitions(str(clients.name))}

        def tick(named: str) -> None:
            told[named] = house.tick(deliveries_arrived)

        tick("first")
        told["clients after"] = instance.get_dynamic_partitions(str(clients.name))
        tick("again")
        run = instance.create_run_for_job(house.repository.get_job("backfill_facts"), tags={"client": "demo"})
        tick("while a run works")
        instance.report_run_canceled(run)
        tick("after it was cancelled")
        killed = instance.create_run_for_job(house.repository.get_job("backfill_facts"), tags={"client": "demo"})
        instance.report_run_failed(killed)
        tick("after another was killed")
        failed = {"client": "demo", "dagster/failure_reason": "STEP_FAILURE"}
        broken = instance.create_run_for_job(house.repository.get_job("backfill_facts"), tags=failed)
        instance.report_run_failed(broken)
        tick("after a step failed")
        told["schedule"] = asked_on_its_day(house)
        house.make(house.months, EVERY_MONTH)
        house.ended()
        tick("facts made")
        told["schedule, facts made"] = asked_on_its_day(house)
        house.make([house.last], MONTHS_ASKED_FOR)
        house.ended()
        tick("all made")
        told["schedule, all made"] = asked_on_its_day(house)
        late = house.cancelled([house.months[0], house.months[2]])
        house.deliver(late)
        house.client_file("demo").write_text('name = "Demo"\n[schedule]\non_delivery = false\n')
        tick("late, and waits for its day")
        house.ended(**{FOLLOWED_TAG: "analyse_month"})
        tick("late, and wanted")
        house.make([house.months[0], house.months[2]], EVERY_MONTH)
        house.ended(**{FOLLOWED_TAG: "analyse_month"})
        tick("late, facts made")
        house.client_file("demo").write_text('name = "Demo"\n')
        tick("late, no more waiting")
        house.deliver(late)
        tick("the same files again")
        yield told


def asked_on_its_day(house: House, client: str = "demo", day: str = "2025-07-03T04:00:00+09:00") -> Any:
    """What the schedule of the client asks for."""
    schedule = house.repository.get_schedule_def(dagster_name("monthly_alerts", client))
    context = dg.build_schedule_context(
        instance=house.instance,
        scheduled_execution_time=dt.datetime.fromisoformat(day),
        resources=house.resources,
        repository_def=house.repository,
    )
    return schedule.evaluate_tick(context)


def spans(said: Any) -> list[tuple[str, str, str]]:
    """Job, first and last partition of what was asked for."""
    return [
        (one.job_name, one.tags.get(RANGE[0], one.partition_key), one.tags.get(RANGE[1], one.partition_key))
        for one in said.run_requests or []
    ]


def test_a_new_client_is_registered_and_backfilled_by_one_run_and_then_analysed(told) -> None:
    house = told["house"]
    assert (told["clients before"], told["clients after"]) == ([], ["demo"])
    assert spans(told["first"]) == [("backfill_facts", house.key(house.months[0]), house.key(house.last))]
    assert told["first"].run_requests[0].tags["client"] == "demo"
    assert spans(told["facts made"]) == [("analyse_month", house.key(house.last), house.key(house.last))]
    assert spans(told["all made"]) == []


def test_what_was_asked_for_is_not_asked_for_again_while_it_runs_or_after_it_came_to_nothing(told) -> None:
    assert spans(told["again"]) == []
    assert "Under way: demo." in told["while a run works"].skip_message
    cancelled, first = told["after it was cancelled"].run_requests[0], told["first"].run_requests[0]
    assert cancelled.run_key == first.run_key  # Dagster starts a key once
    assert told["facts made"].run_requests[0].run_key != first.run_key


def test_what_was_asked_for_is_asked_for_again_when_its_run_was_killed_but_not_when_a_step_failed(told) -> None:
    cancelled, killed = (told[tick].run_requests[0] for tick in ("after it was cancelled", "after another was killed"))
    assert killed.run_key != cancelled.run_key
    assert spans(told["after another was killed"]) == spans(told["first"])
    assert [one.run_key for one in told["after a step failed"].run_requests] == [killed.run_key]


def test_a_clock_that_was_set_back_hides_no_run_that_ends_from_then_on() -> None:
    now = dt.datetime.now(dt.UTC)
    assert _no_later_than_now(now + dt.timedelta(days=40)) < now
    assert _no_later_than_now(now - dt.timedelta(hours=1)) == now - dt.timedelta(hours=1)


def test_a_late_cancellation_touches_the_runs_of_its_month_and_then_the_analysis_alone(told) -> None:
    house = told["house"]
    first, third = house.key(house.months[0]), house.key(house.months[2])
    assert spans(told["late, and wanted"]) == [("backfill_facts", first, first), ("backfill_facts", third, third)]
    assert spans(told["late, facts made"]) == [("analyse_month", house.key(house.last), house.key(house.last))]


def test_the_same_files_again_start_nothing(told) -> None:
    assert spans(told["late, no more waiting"]) == spans(told["late, facts made"])
    assert spans(told["the same files again"]) == []


def test_a_client_that_waits_for_its_day_is_left_alone_until_its_schedule_wants_it(told) -> None:
    assert spans(told["late, and waits for its day"]) == []
    assert len(spans(told["late, and wanted"])) == 2


def test_a_client_whose_file_is_wrong_is_told_of_once_and_stops_nobody(told) -> None:
    said = [one for one in told["house"].told() if one["kind"] == "client_refused"]
    assert [one["client"] for one in said] == ["broken"]
    assert "not valid TOML" in str(said[0]["text"])
    assert "Refused, see the log: broken." in told["all made"].skip_message


def test_the_schedule_of_a_client_asks_for_the_same_as_facts_that_the_analyses_follow(told) -> None:
    house = told["house"]
    (asked,), (kept,) = told["schedule"].run_requests, told["schedule, facts made"].run_requests
    assert [asked.tags[side] for side in RANGE] == [house.key(house.months[0]), house.key(house.last)]
    assert (kept.partition_key, kept.tags[FOLLOWED_TAG]) == (house.key(house.last), "analyse_month")
    assert house.repository.has_job(kept.tags[FOLLOWED_TAG])
    assert told["schedule, all made"].skip_message == "Everything that was delivered is analysed."
