"""The six-month term for which a segment holds (R51), and the business year that decides the fee (R22)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from crm_platform.periods.month import Month

TERM_MONTHS = 6


@dataclass(frozen=True)
class Term:
    """Six months of validity, from the day after the as-of date; both ends belong to it."""

    valid_from: dt.date
    valid_to: dt.date

    @classmethod
    def after(cls, as_of: dt.date) -> Term:
        """The term that begins the day after `as_of` and lasts six calendar months."""
        first = as_of + dt.timedelta(days=1)
        return cls(first, plus_months(first, TERM_MONTHS) - dt.timedelta(days=1))

    @property
    def days(self) -> int:
        """Length in days, both ends counted."""
        return (self.valid_to - self.valid_from).days + 1


def plus_months(day: dt.date, months: int) -> dt.date:
    """The same day of the month `months` later, or that month's last day where it is shorter."""
    month = Month.of(day).plus(months)
    return month.first_day.replace(day=min(day.day, month.last_day.day))


def business_year_of(month: Month, first_month: int) -> int:
    """The business year (年度) that holds `month`, named by the calendar year in which it begins."""
    return month.year if month.number >= first_month else month.year - 1


def last_closed_business_year(as_of: dt.date, first_month: int) -> tuple[Month, Month]:
    """First and last month of the last business year that had ended by `as_of` (前年度)."""
    month = Month.of(as_of)
    complete = month if as_of == month.last_day else month.plus(-1)
    year_end = Month(complete.year, first_month).plus(-1)
    if year_end > complete:
        year_end = year_end.plus(-12)
    elif year_end.plus(12) <= complete:
        year_end = year_end.plus(12)
    return year_end.plus(-11), year_end
