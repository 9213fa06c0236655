"""The demo's calendar: days counted from the first day of its first month."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from crm_platform.demo.draws import Whole
from crm_platform.periods import Month

_EPOCH = dt.date(1970, 1, 1)


@dataclass(frozen=True)
class Calendar:
    """The months of the demo; day 0 is the first day of `first_month`."""

    first_month: Month
    months: int

    @property
    def last_month(self) -> Month:
        """The last month with data."""
        return self.first_month.plus(self.months - 1)

    @property
    def last_day(self) -> int:
        """The number of the last day with data."""
        return (self.last_month.last_day - self.first_month.first_day).days

    @property
    def epoch_offset_days(self) -> int:
        """Day 0 as days since 1970-01-01."""
        return (self.first_month.first_day - _EPOCH).days

    def day_of(self, month: Month) -> int:
        """The number of the month's first day."""
        return (month.first_day - self.first_month.first_day).days

    @cached_property
    def month_number(self) -> Whole:
        """The calendar month, 1 to 12, of every day from day 0 to the last."""
        days = np.arange(self.last_day + 1) + self.epoch_offset_days
        return days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) % 12 + 1
