"""Spans of whole months, counted back from the last closed month."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import ibis

from crm_platform.periods import Month

QUARTER_MONTHS, HALF_YEAR_MONTHS, YEAR_MONTHS, FIVE_YEARS_MONTHS = 3, 6, 12, 60


def index_of(month: Month) -> int:
    """The month as a count, so that a difference of months is a subtraction."""
    return month.year * 12 + month.number - 1


def month_of(index: int) -> Month:
    """The month that `index_of` counted."""
    return Month(index // 12, index % 12 + 1)


def index_column(day: ibis.Value) -> ibis.Value:
    """`index_of` for a column of days."""
    return (day.year() * 12 + day.month() - 1).cast("int64")


def blocks_back(month: ibis.Value, last: int, length: int) -> ibis.Value:
    """How many blocks of `length` months a column of months as counts lies before the block that ends with `last`.

    0 is that block; a later month is below 0.
    """
    return ((last - month) // length).cast("int64")


@dataclass(frozen=True)
class Span:
    """Successive months, both ends included."""

    first: Month
    last: Month

    def back(self, months: int) -> Span:
        """The span of the same length that lies `months` earlier."""
        return Span(self.first.plus(-months), self.last.plus(-months))

    def holds(self, day: ibis.Value) -> ibis.BooleanValue:
        """Whether a column of days lies within."""
        return day.between(self.first.first_day, self.last.last_day)


def last_span(months: Sequence[Month], length: int, back: int = 0) -> Span | None:
    """The last `length` of `months`, or those `back` months earlier; None where the history is too short."""
    if len(months) < length + back:
        return None
    last = months[-1].plus(-back)
    return Span(last.plus(1 - length), last)


def blocks(months: Sequence[Month], length: int) -> list[Span]:
    """`months` cut into whole blocks of `length`, counted back from the last; the earliest first."""
    spans = [last_span(months, length, back) for back in range(0, len(months), length)]
    return [span for span in reversed(spans) if span is not None]
