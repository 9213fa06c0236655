"""When a client's analyses are made by themselves, and by when its data are expected (R89, R91)."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from crm_platform.periods import Month
from crm_platform.refusals import Refused

_KEYS = {"day", "at", "time_zone", "on_delivery", "expects_by_day"}
_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")


@dataclass(frozen=True)
class ScheduleSettings:
    """The `[schedule]` table of a client's TOML; every key may be left out."""

    day: int = 3  # of each month; the last day of a month that is shorter
    at: str = "04:00"  # hour and minute there
    time_zone: str = "Asia/Tokyo"
    on_delivery: bool = True  # analyse each delivery as it arrives; else on the day above alone
    expects_by_day: int = 10  # the month before is delivered whole by the end of this day; 0: nothing is expected

    @classmethod
    def from_toml(cls, values: Any, file: str) -> ScheduleSettings:
        """Read the table; Refused names the key that is unknown, has the wrong type or is out of bounds."""
        if not isinstance(values, dict) or not set(values) <= _KEYS:
            unknown = ", ".join(sorted(set(values) - _KEYS)) if isinstance(values, dict) else repr(values)
            problem = f"the schedule says what is not known here: {unknown}."
            raise _refused(problem, f"Write {', '.join(sorted(_KEYS))}.", file)
        found = cls(**values)
        _refuse_no_day(found.day, 1, "day", file)
        _refuse_no_day(found.expects_by_day, 0, "expects_by_day", file)
        if not isinstance(found.at, str) or not _TIME.fullmatch(found.at):
            raise _refused(f"the time is {found.at!r}.", 'Write hour and minute: at = "04:00".', file, "at")
        if not isinstance(found.on_delivery, bool):
            raise _refused(f"it is {found.on_delivery!r}.", "Write true or false, without quotes.", file, "on_delivery")
        _refuse_no_zone(found.time_zone, file)
        return found

    @property
    def hour_and_minute(self) -> tuple[int, int]:
        """`at` in numbers."""
        hour, minute = self.at.split(":")
        return int(hour), int(minute)

    @property
    def zone(self) -> ZoneInfo:
        """The client's time zone."""
        return ZoneInfo(self.time_zone)


def day_in(month: Month, day: int) -> dt.date:
    """The `day` of the month, or its last day where it has no such day."""
    return month.first_day.replace(day=min(day, month.last_day.day))


def _refuse_no_day(value: Any, lowest: int, key: str, file: str) -> None:
    if type(value) is not int or not lowest <= value <= 31:
        raise _refused(f"the day is {value!r}.", f"Write a day of the month, {lowest} to 31.", file, key)


def _refuse_no_zone(name: Any, file: str) -> None:
    try:
        known = isinstance(name, str) and "/" in name and bool(ZoneInfo(name))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        known = False
    if not known:
        remedy = 'Write it as "Asia/Tokyo", by continent and city.'
        raise _refused(f"the time zone {name!r} is not known.", remedy, file, "time_zone")


def _refused(problem: str, remedy: str, file: str, key: str = "") -> Refused:
    return Refused(problem, remedy, file=file, column=f"schedule.{key}" if key else "schedule")
