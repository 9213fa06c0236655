"""New customers by the month of their first purchase, in years and half-years, and how one year stands to the other.

A span of cohorts is judged once all its customers have the months behind them that the number asks for, and never where
it lies in the first year of data.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ibis
from ibis import _

from crm_platform.diagnosis.estimates import Estimate
from crm_platform.diagnosis.finding import Unit
from crm_platform.diagnosis.inputs import WARM_UP_MONTHS, DiagnosisInputs
from crm_platform.diagnosis.rows import rows, yen_products, yen_sum
from crm_platform.diagnosis.spans import FIVE_YEARS_MONTHS, HALF_YEAR_MONTHS, YEAR_MONTHS, index_of, month_of
from crm_platform.diagnosis.trends import trend_of
from crm_platform.diagnosis.year_on_year import YearOnYear
from crm_platform.periods import Month

F2_DAYS = 180  # a second purchase within so many days is F2 (R120)
Sums = Mapping[str, float]


@dataclass(frozen=True)
class Cohorts:
    """Successive months of first purchases as counts (`spans.index_of`), both ends included."""

    first: int
    last: int

    @property
    def month(self) -> str:
        """The last of the months, as `2025-06`."""
        return str(month_of(self.last))

    @property
    def months(self) -> int:
        """How many months they are: fewer than twelve where the data are younger."""
        return self.last - self.first + 1

    def holds(self, cohort: ibis.Value) -> ibis.BooleanValue:
        """Whether a column of cohort months lies within."""
        return cohort.between(self.first, self.last)


def last_aged(inputs: DiagnosisInputs, days: int) -> int:
    """The last cohort month all of whose customers have `days` behind them."""
    return index_of(Month.of(inputs.as_of - dt.timedelta(days - 1))) - 1


def last_with_months(inputs: DiagnosisInputs, months: int) -> int:
    """The last cohort month with so many closed months behind it, its own counted."""
    return inputs.closed_index - months + 1


def first_settled(inputs: DiagnosisInputs) -> int:
    """The first cohort month beyond the first year of data."""
    return index_of(inputs.months[0]) + WARM_UP_MONTHS


def year_to(inputs: DiagnosisInputs, last: int) -> Cohorts:
    """The twelve cohort months up to `last`, or as many as there are."""
    return Cohorts(max(last - YEAR_MONTHS + 1, index_of(inputs.months[0])), last)


def year_before(inputs: DiagnosisInputs, last: int) -> Cohorts | None:
    """The twelve cohort months before those; None where one of them is of the first year of data."""
    found = Cohorts(last - 2 * YEAR_MONTHS + 1, last - YEAR_MONTHS)
    return found if found.first >= first_settled(inputs) else None


def settled(inputs: DiagnosisInputs, last: int, length: int) -> list[Cohorts]:
    """Whole blocks of `length` cohort months up to `last`, none of the first year of data; the earliest first."""
    count = max(last - first_settled(inputs) + 1, 0) // length
    return [Cohorts(last - (back + 1) * length + 1, last - back * length) for back in reversed(range(count))]


def settled_years(inputs: DiagnosisInputs, last: int) -> int:
    """How many whole years of months up to `last` reach none of the first year of data; five at most."""
    return max(min(last - first_settled(inputs) + 1, FIVE_YEARS_MONTHS), 0) // YEAR_MONTHS


def by_cohort(inputs: DiagnosisInputs, **sums: ibis.Deferred) -> list[dict[str, Any]]:
    """`inputs.beginnings` by `cohort` month: `customers` and the given sums, the earliest first."""
    grouped = inputs.beginnings.group_by("cohort")
    return rows(grouped.agg(customers=_.count(), **sums).order_by("cohort"))


def sum_and_squares(name: str, values: ibis.Deferred) -> dict[str, ibis.Deferred]:
    """`<name>` and `<name>_squares`: what `estimates.mean` asks of a column of whole numbers."""
    return {name: yen_sum(values), f"{name}_squares": yen_products(values, values)}


def over(monthly: Sequence[Mapping[str, Any]], span: Cohorts | None) -> dict[str, float] | None:
    """The sums of a span of cohorts; None without a span or a customer in it."""
    inside = [row for row in monthly if span and span.first <= row["cohort"] <= span.last]
    if not inside:
        return None
    return {name: sum(row[name] for row in inside) for name in inside[0] if name != "cohort"}


def year_on_year(
    inputs: DiagnosisInputs,
    monthly: Sequence[Mapping[str, Any]],
    last: int,
    estimate: Callable[[Sums], Estimate | None],
    unit: Unit,
) -> YearOnYear:
    """The number that `estimate` makes of sums, for the year of cohorts up to `last` beside the year before.

    Its course runs over an odd number of half-years: a season, which alternates between them, then tilts no line.
    """

    def of(span: Cohorts | None) -> Estimate | None:
        sums = over(monthly, span)
        return estimate(sums) if sums else None

    halves = settled(inputs, last, HALF_YEAR_MONTHS)
    odd = halves[1 - len(halves) % 2 :] if halves else []
    trend = trend_of([(span.month, found) for span in odd if (found := of(span))], unit)
    return YearOnYear(of(year_to(inputs, last)), of(year_before(inputs, last)), trend)
