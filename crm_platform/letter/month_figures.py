"""The key figures of every month, each as known at that month's end."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from typing import Any

import ibis
from ibis import _

from crm_platform.diagnosis.finding import Diagnosis
from crm_platform.diagnosis.inputs import WARM_UP_MONTHS
from crm_platform.diagnosis.integrated.factors import YearOfSales
from crm_platform.diagnosis.rows import rows, yen_sum
from crm_platform.letter.letter import Figure
from crm_platform.periods import Month

COURSE_MONTHS = 13  # the month, and all back to the same month a year ago
_ACTIVE = "@customer_state.active"
_SUMS = ("sales_jpy", "returned_jpy", "purchases", "buyers")


def sums_of_months(customer_months: ibis.Table, months: Sequence[Month]) -> dict[Month, dict[str, int]]:
    """Sales, credits, purchases and buyers of each of `months`; 0 where a month has no line."""
    within = customer_months.filter(_.month.between(months[0].first_day, months[-1].first_day))
    sums = within.group_by("month").agg(
        sales_jpy=yen_sum(_.sales_jpy),
        returned_jpy=yen_sum(_.returned_jpy),
        purchases=yen_sum(_.purchase_days),
        buyers=_.count(where=_.purchase_days > 0),
    )
    found = {row["month"]: row for row in rows(sums.order_by("month"))}
    return {month: {name: found.get(month.first_day, {}).get(name, 0) for name in _SUMS} for month in months}


def sales_of(sums: dict[str, int]) -> YearOfSales:
    """A month's sums as factors of its sales."""
    gross_jpy = sums["sales_jpy"] + sums["returned_jpy"]
    return YearOfSales(sums["buyers"], sums["purchases"], gross_jpy, sums["returned_jpy"])


def firsts_and_seconds(history: ibis.Table, first_month: Month) -> dict[str, dict[Month, int]]:
    """How many made their first and how many their second purchase (F2) in each month.

    Without those registered before the data begin: their first purchase is not in it.
    """
    new = history.filter(_.registered_on >= first_month.first_day)
    return {
        "new_customers": _counted(new, new.first_purchased_on),
        "second_purchases": _counted(new, new.second_purchased_on),
    }


def _counted(people: ibis.Table, day: ibis.Value) -> dict[Month, int]:
    months = people.filter(day.notnull()).select(month=day.truncate("M"))
    counted = months.group_by("month").agg(people=_.count()).order_by("month")
    return {Month(row["month"].year, row["month"].month): row["people"] for row in rows(counted)}


def active_by_month(diagnosis: Diagnosis) -> dict[Month, int]:
    """Active customers (稼働顧客) at each month's end, as the finding `dormancy` counted them; empty without it."""
    counted: list[Any] = [
        row
        for finding in diagnosis.findings
        if finding.key == "dormancy"
        for exhibit in finding.exhibits
        if exhibit.key == "customers"
        for row in exhibit.rows
    ]
    return {Month.parse(row["month"]): row["customers"] for row in counted if row["state"] == _ACTIVE}


def figures_of(
    month: Month,
    known: dict[str, dict[Month, int]],
    comparable_from: dict[str, dt.date],
    lacking: Collection[Month] = (),
) -> tuple[Figure, ...]:
    """The figures of `month` beside last month and the same month a year ago.

    A month is compared where its last day is not before the figure's day of `comparable_from`, and neither it nor
    `month` is `lacking`: without an order between months that have some.
    """

    def at(key: str, back: int) -> int | None:
        then = month.plus(-back)
        is_comparable = then.last_day >= comparable_from[key] and not {then, month} & set(lacking)
        return known[key].get(then, 0) if is_comparable else None

    return tuple(
        Figure(key, "jpy" if key.endswith("_jpy") else "count", known[key].get(month, 0), at(key, 1), at(key, 12))
        for key in known
    )


def comparable_from(first_month: Month, silent_days: int) -> dict[str, dt.date]:
    """From which month's end on each figure is known as today's are.

    Who appears in the first year of data may be an old customer; who is active needs a whole threshold of days.
    """
    warmed_up = first_month.plus(WARM_UP_MONTHS).last_day
    return {
        "sales_jpy": first_month.last_day,
        "buyers": first_month.last_day,
        "new_customers": warmed_up,
        "second_purchases": warmed_up,
        "active_customers": first_month.first_day + dt.timedelta(days=silent_days),
    }
