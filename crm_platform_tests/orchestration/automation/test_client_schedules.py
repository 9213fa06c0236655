"""Each client has days of its own, in its own zone, and a book that is reissued when its term is over (R51, R91)."""

from __future__ import annotations

import datetime as dt
import json
from itertools import islice, product
from pathlib import Path

import dagster as dg
import pyarrow as pa
import pytest
from dagster._utils.schedules import schedule_execution_time_iterator

from crm_platform.clients import ScheduleSettings
from crm_platform.lake import MadeFrom
from crm_platform.orchestration.automation.client_schedules import (
    awaited_day,
    book_is_due,
    client_schedules,
    cron_of,
    dagster_name,
)
from crm_platform.orchestration.build import SENSORS
from crm_platform.orchestration.platform import Platform
from crm_platform.periods import Month, months_between
from crm_platform.tables.analyses import SEGMENT_BOOK


@pytest.fixture
def platform(tmp_path: Path) -> Platform:
    (tmp_path / "clients").mkdir()
    return Platform(data_folder=str(tmp_path))


def client(platform: Platform, name: str, text: str = "") -> None:
    (platform.catalogue.folder / f"{name}.toml").write_text(f'name = "{name}"\n{text}\n')


def moments(settings: ScheduleSettings, start: dt.datetime, count: int) -> list[dt.datetime]:
    """When Dagster calls the schedule, and the client's day has come."""
    ticks = schedule_execution_time_iterator(start.timestamp(), cron_of(settings), settings.time_zone)
    return list(islice((tick for tick in ticks if awaited_day(settings, tick) is None), count))


def test_each_client_has_two_schedules_of_its_own_which_run_from_the_start(platform: Platform) -> None:
    client(platform, "acme")
    client(platform, "new-york", '[schedule]\nday = 1\nat = "06:30"\ntime_zone = "America/New_York"')
    (platform.catalogue.folder / "broken.toml").write_text("name = ")
    made = {one.name: one for one in client_schedules(platform)}
    assert len(made) == 6  # one that is switched off leaves five
    alerts = made["monthly_alerts_newXyork"]
    assert (alerts.cron_schedule, alerts.execution_timezone) == ("30 6 1 * *", "America/New_York")
    assert made["monthly_alerts_acme"].cron_schedule == made["monthly_alerts_broken"].cron_schedule == "0 4 3 * *"
    assert {one.default_status for one in made.values()} == {dg.DefaultScheduleStatus.RUNNING}


def test_all_that_watches_runs_without_anybody_starting_it() -> None:
    assert {one.name for one in SENSORS} == {"arrivals_complete", "deliveries_arrived", "run_failed", "overdue"}
    assert {one.default_status for one in SENSORS} == {dg.DefaultSensorStatus.RUNNING}


def test_no_two_clients_share_a_name() -> None:
    ids = ["".join(letters) for size in (1, 2, 3, 4) for letters in product("ax-_", repeat=size)]
    assert len({dagster_name("segment_book", one) for one in ids}) == len(ids)
    assert all(dagster_name("segment_book", one).isidentifier() for one in ids)


def test_a_client_in_another_zone_is_called_at_its_own_instant_also_when_its_clocks_change() -> None:
    new_york = ScheduleSettings(day=1, at="06:30", time_zone="America/New_York")
    found = [one.astimezone(dt.UTC).isoformat() for one in moments(new_york, dt.datetime(2025, 3, 1, tzinfo=dt.UTC), 2)]
    assert found == ["2025-03-01T11:30:00+00:00", "2025-04-01T10:30:00+00:00"]
    tokyo = moments(ScheduleSettings(), dt.datetime(2025, 3, 1, tzinfo=dt.UTC), 1)
    assert [one.astimezone(dt.UTC).isoformat() for one in tokyo] == ["2025-03-02T19:00:00+00:00"]


@pytest.mark.parametrize("day", [28, 29, 30, 31])
def test_a_late_day_comes_once_in_each_month_however_short(day: int) -> None:
    settings = ScheduleSettings(day=day)
    found = [one.date() for one in moments(settings, dt.datetime(2024, 1, 1, tzinfo=dt.UTC), 24)]
    months = months_between(Month(2024, 1), Month(2025, 12))
    assert found == [month.first_day.replace(day=min(day, month.last_day.day)) for month in months]


def test_the_next_book_is_due_once_the_term_is_over_and_the_data_reach_its_end(platform: Platform) -> None:
    client(platform, "acme")
    assert "first analysis" in str(book_is_due(platform, "acme", dt.date(2026, 1, 1)))
    term = {"valid_from": dt.date(2025, 7, 1), "valid_to": dt.date(2025, 12, 31)}
    row = {"customer_id": "1", "value_class": 1, "expected_sales_jpy": 0.0, **term}
    platform.lake.write(
        "acme", SEGMENT_BOOK, Month(2025, 6), SEGMENT_BOOK.cast(pa.Table.from_pylist([row])), MadeFrom()
    )
    receipt = platform.inbox / "acme" / "0001-abc" / "receipt.json"
    receipt.parent.mkdir(parents=True)
    receipt.write_text(json.dumps({"data_to": "2025-12-30"}))
    assert "in force to 2025-12-31" in str(book_is_due(platform, "acme", dt.date(2025, 12, 31)))
    assert "the data reach 2025-12-30" in str(book_is_due(platform, "acme", dt.date(2026, 1, 1)))
    receipt.write_text(json.dumps({"data_to": "2025-12-31"}))
    assert book_is_due(platform, "acme", dt.date(2026, 1, 1)) is None
