"""What share of subscribers buys one-off in a half-year (都度の利用率), beside the same half-years before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ibis import _

from crm_platform.diagnosis.estimates import Estimate, proportion
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.rows import rows, yen_sum
from crm_platform.diagnosis.spans import HALF_YEAR_MONTHS, YEAR_MONTHS, blocks_back, index_column, month_of
from crm_platform.diagnosis.trends import trend_of
from crm_platform.diagnosis.year_on_year import YearOnYear

_YEARS = 5


@dataclass(frozen=True)
class HalfYear:
    """Six months up to `last_month`: of `subscribers` so many `buyers` bought one-off, for `one_off_jpy`."""

    last_month: str
    subscribers: int
    buyers: int
    one_off_jpy: int

    @property
    def take_up(self) -> Estimate | None:
        """The share of buyers."""
        return proportion(self.buyers, self.subscribers)


def half_years(inputs: DiagnosisInputs) -> list[HalfYear]:
    """The last six closed months and the same months of former years, the latest first; whole ones only.

    Counted are those who had subscribed by the first of the six months, and had bought anything in the twelve months
    before it: else everyone who ever left would weigh the share down, more so every year.
    """
    count = min((len(inputs.closed_months) - HALF_YEAR_MONTHS) // YEAR_MONTHS, _YEARS)
    if inputs.subscriptions is None or count < 1:
        return []
    begun = inputs.subscriptions.group_by("customer_id").agg(began=index_column(_.started_on.min()))
    months = inputs.customer_months.mutate(index=index_column(inputs.customer_months.month))
    months = months.inner_join(begun, "customer_id")
    end = inputs.closed_index
    before = months.filter(months.purchase_days > 0)
    before = before.mutate(back=blocks_back(before.index, end - HALF_YEAR_MONTHS, YEAR_MONTHS))
    people = before.filter(
        before.back.between(0, count - 1) & (before.began <= end - HALF_YEAR_MONTHS - before.back * YEAR_MONTHS)
    )
    people = people.select("back", "customer_id").distinct()
    within = months.mutate(back=blocks_back(months.index, end, YEAR_MONTHS))
    within = within.filter(
        within.back.between(0, count - 1) & (end - within.index - within.back * YEAR_MONTHS < HALF_YEAR_MONTHS)
    )
    bought = within.group_by("back", "customer_id").agg(one_off_jpy=yen_sum(_.one_off_sales_jpy))
    each = people.left_join(bought, ["back", "customer_id"], rname="{name}_bought")
    each = each.mutate(one_off_jpy=each.one_off_jpy.fill_null(0))
    counted = each.group_by("back").agg(
        subscribers=_.count(), buyers=_.count(where=_.one_off_jpy > 0), one_off_jpy=yen_sum(_.one_off_jpy)
    )
    found = {row["back"]: row for row in rows(counted.order_by("back"))}
    return [_half_year(end, back, found.get(back)) for back in range(count)]


def judged(found: Sequence[HalfYear]) -> YearOnYear:
    """The latest half-year against that of the year before, with the course of all."""
    points = [(half.last_month, half.take_up) for half in reversed(found)]
    told = [(month, take_up) for month, take_up in points if take_up is not None]
    now, before = (found[place].take_up if len(found) > place else None for place in (0, 1))
    return YearOnYear(now, before, trend_of(told, "rate"))


def _half_year(end: int, back: int, row: dict[str, Any] | None) -> HalfYear:
    numbers = row or {"subscribers": 0, "buyers": 0, "one_off_jpy": 0}
    return HalfYear(
        str(month_of(end - back * YEAR_MONTHS)), numbers["subscribers"], numbers["buyers"], numbers["one_off_jpy"]
    )
