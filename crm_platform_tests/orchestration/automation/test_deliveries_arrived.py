"""A delivery starts what it touches, of that client, once; nothing else ever does (R11, R91)."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

import dagster as dg
import pytest

from crm_platform.orchestration import code_digest, recipe
from crm_platform.orchestration.assets import EVERY_MONTH, MONTHS_ASKED_FOR
from crm_platform.orchestration.automation.client_schedules import schedule_names
from crm_platform.orchestration.automation.deliveries_arrived import Seen, _no_later_than_now, deliveries_arrived
from crm_platform.orchestration.dead_runs import PROCESS_TAG, process_tag
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
        told["schedule, late"] = asked_on_its_day(house)
        told["refresh"] = house.launched(told["schedule, late"].run_requests[0], "refresh_client")
        tick("late, and wanted")
        house.make([house.months[0], house.months[2]], EVERY_MONTH)
        house.ended(**told["late, and wanted"].run_requests[0].tags)
        tick("late, facts made")
        house.client_file("demo").write_text('name = "Demo"\n')
        tick("late, no more waiting")
        house.deliver(late)
        tick("the same files again")
        told["messages"] = house.told()
        tags = {"client": "demo", **process_tag("of-a-command")}
        tags = {name: value.rpartition(" ")[0] + " 1" if name == PROCESS_TAG else value for name, value in tags.items()}
        instance.add_run(dg.DagsterRun("analyse_month", "of-a-command", tags=tags))
        tick("after a command was killed")
        told["messages after a command was killed"] = house.told()[len(told["messages"]) :]
        yield (
            told
            | {"another version": list(ticks_of_versions(house, "a", "a", "b", code_digest.LOADED_CODE))}
            | over_a_restart(house)
        )


def ticks_of_versions(house: House, *installed: str) -> Iterator[tuple[Any, list[str | None]]]:
    """What the sensor asks for and tells after a late cancellation, while each of these versions is installed."""
    house.deliver(house.cancelled([house.months[1]]))
    with pytest.MonkeyPatch.context() as patch:
        for code in installed:
            patch.setattr(code_digest, "installed_code", lambda code=code: code)
            before = len(house.told())
            said = house.tick(deliveries_arrived)
            yield said, [one["kind"] for one in house.told()[before:]]


def over_a_restart(house: House) -> dict[str, Any]:
    """A client that waits for its day, whose day comes between the installation of another version and the restart."""
    house.client_file("demo").write_text('name = "Demo"\n[schedule]\non_delivery = false\n')
    house.make(house.months, EVERY_MONTH)
    house.make([house.last], MONTHS_ASKED_FOR)
    house.ended()
    told = {"before the installation": house.tick(deliveries_arrived), "its day before": asked_on_its_day(house)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(code_digest, "installed_code", lambda: "c")
        told["its day"] = asked_on_its_day(house)
        for asked in told["its day"].run_requests or []:
            house.launched(asked, "refresh_client")
        told["before the restart"] = house.tick(deliveries_arrived)
        patch.setattr(code_digest, "LOADED_CODE", "c")
        patch.setattr(recipe, "code_digest", lambda _: "c")
        told["after the restart"] = house.tick(deliveries_arrived)
    return told


def asked_on_its_day(house: House, client: str = "demo", day: str = "2025-07-03T04:00:00+09:00") -> Any:
    """What the schedule of the client asks for."""
    schedule = house.repository.get_schedule_def(schedule_names(client)[0])
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


def test_of_a_command_that_was_killed_a_message_is_sent(told) -> None:
    (said,) = told["messages after a command was killed"]
    assert (said["kind"], said["client"]) == ("run_failed", "demo")
    assert "of-a-command" in said["what_to_do"]


def test_a_daemon_with_former_code_in_memory_asks_for_nothing_and_tells_once_of_each_version(told) -> None:
    *other, same = told["another version"]
    assert [kinds for _, kinds in other] == [["code_changed"], [], ["code_changed"]]
    assert [spans(said) for said, _ in other] == [[], [], []]
    assert "start it again" in other[1][0].skip_message
    second = told["house"].key(told["house"].months[1])
    assert (spans(same[0]), same[1]) == ([("backfill_facts", second, second)], [])


def test_the_day_of_a_client_that_comes_while_a_restart_is_waited_for_is_followed_after_it(told) -> None:
    house = told["house"]
    assert [spans(told["before the installation"]), told["its day before"].run_requests] == [[], []]
    assert "Everything that was delivered is analysed" in told["its day before"].skip_message
    assert len(told["its day"].run_requests) == 1
    assert spans(told["before the restart"]) == []
    assert spans(told["after the restart"]) == [("backfill_facts", house.key(house.months[0]), house.key(house.last))]


def test_what_a_sensor_of_another_version_remembered_is_read_as_far_as_this_one_knows_it() -> None:
    known = Seen(asked={"demo": "1"}, runs_to="2025-07-03T00:00:00+00:00")
    assert Seen.from_cursor(known.to_cursor()[:-1] + ', "of_another_version": "a"}') == known


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


def test_the_schedule_of_a_client_launches_its_refresh_which_says_what_is_stale_while_it_is(told) -> None:
    (first, _, third), asked = told["house"].months, ("schedule", "schedule, facts made", "schedule, late")
    assert [len(told[tick].run_requests) for tick in asked] == [1, 1, 1]
    assert (
        told["refresh"]["to_be_made"].value
        == f"backfill_facts of {first} to {first}; backfill_facts of {third} to {third}"
    )
    assert told["schedule, all made"].skip_message == "Everything that was delivered is analysed."


def test_no_schedule_launches_a_job_with_assets_lest_every_page_of_an_asset_asks_for_each_schedule(told) -> None:
    repository = told["house"].repository
    assert {one.job_name for one in repository.schedule_defs} == {"refresh_client"}
    assert not repository.get_job("refresh_client").asset_layer.executable_asset_keys
