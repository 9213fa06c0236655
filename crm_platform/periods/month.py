"""A calendar month as a value."""

from __future__ import annotations

import calendar
import datetime as dt
import re
from dataclasses import dataclass

_SPELLING = re.compile(r"(\d{4})-(\d{2})(?:-01)?")


@dataclass(frozen=True, order=True)
class Month:
    """A calendar month; ordered, hashable, without a time zone. Prints as `2025-06`."""

    year: int
    number: int

    def __post_init__(self) -> None:
        if not 1 <= self.number <= 12:
            raise ValueError(
                f"'{self.year}-{self.number}' is not a month: the number after the year goes from 01 to 12"
            )

    @classmethod
    def parse(cls, text: str) -> Month:
        """Read `2025-06` or `2025-06-01`; ValueError otherwise."""
        match = _SPELLING.fullmatch(text)
        if match is None:
            raise ValueError(f"'{text}' is not a month: write it as YYYY-MM, for example 2025-06")
        return cls(int(match[1]), int(match[2]))

    @classmethod
    def of(cls, day: dt.date) -> Month:
        """The month that holds `day`."""
        return cls(day.year, day.month)

    def plus(self, months: int) -> Month:
        """The month `months` later (earlier when negative)."""
        count = self.year * 12 + self.number - 1 + months
        return Month(count // 12, count % 12 + 1)

    def minus(self, earlier: Month) -> int:
        """How many months lie between `earlier` and this one."""
        return (self.year - earlier.year) * 12 + self.number - earlier.number

    @property
    def first_day(self) -> dt.date:
        """The first of the month."""
        return dt.date(self.year, self.number, 1)

    @property
    def last_day(self) -> dt.date:
        """The last of the month."""
        return dt.date(self.year, self.number, calendar.monthrange(self.year, self.number)[1])

    def __str__(self) -> str:
        return f"{self.year:04d}-{self.number:02d}"


def months_between(first: Month, last: Month) -> list[Month]:
    """Every month from `first` to `last`, both included; empty when `last` comes first."""
    return [first.plus(n) for n in range(last.minus(first) + 1)]
