"""What a client's file may say of its own days, and what it is told where it says something else."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from crm_platform.clients import ScheduleSettings, day_in
from crm_platform.clients.catalogue import client_from_toml
from crm_platform.periods import Month
from crm_platform.refusals import Refused


def said(schedule: Any) -> ScheduleSettings:
    return client_from_toml("acme", {"name": "Acme", "schedule": schedule}, "acme.toml").schedule


def test_a_client_that_says_nothing_is_analysed_early_on_the_third_in_tokyo() -> None:
    settings = said({})
    assert (settings.day, settings.hour_and_minute, str(settings.zone)) == (3, (4, 0), "Asia/Tokyo")
    assert settings.on_delivery


@pytest.mark.parametrize(
    ("schedule", "place"),
    [
        ({"days": 3}, "schedule"),
        ("daily", "schedule"),
        ({"day": 0}, "schedule.day"),
        ({"day": 32}, "schedule.day"),
        ({"day": True}, "schedule.day"),
        ({"expects_by_day": -1}, "schedule.expects_by_day"),
        ({"at": "24:00"}, "schedule.at"),
        ({"at": "4:00"}, "schedule.at"),
        ({"at": 4}, "schedule.at"),
        ({"on_delivery": "yes"}, "schedule.on_delivery"),
        ({"time_zone": "Asia/Tokio"}, "schedule.time_zone"),
        ({"time_zone": "../Tokyo"}, "schedule.time_zone"),
        ({"time_zone": "JST"}, "schedule.time_zone"),
        ({"time_zone": 9}, "schedule.time_zone"),
    ],
)
def test_what_a_schedule_cannot_be_is_refused_by_its_key(schedule: Any, place: str) -> None:
    with pytest.raises(Refused) as refused:
        said(schedule)
    assert (refused.value.file, refused.value.column) == ("acme.toml", place)
    assert refused.value.remedy


def test_a_day_that_a_month_lacks_is_its_last() -> None:
    assert day_in(Month(2024, 2), 31) == dt.date(2024, 2, 29)
    assert day_in(Month(2025, 4), 30) == dt.date(2025, 4, 30)
