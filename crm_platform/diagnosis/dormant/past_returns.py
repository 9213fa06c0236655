"""What dormant customers did in the past: the share who bought again within six months, by silence and value (R126)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import ibis
from ibis import _

from crm_platform.clients import Settings
from crm_platform.diagnosis.groundwork.dormancy_thresholds import with_threshold
from crm_platform.diagnosis.rows import one_row, rows, yen_sum
from crm_platform.periods import Month

TERM_MONTHS = 6
LATEST_ORIGINS = (1, 2)  # half-years back: both seasons of a year
SILENCE_BELOW_DAYS = (180, 270, 365, 545, 730, 1095)
VALUE_BELOW_ORDERS = (1.5, 4.0)  # sales so far, in mean orders of the client
_ALIKE_CUSTOMERS = 20  # a cell leans on its silence band as if so many more of that band were in it
_ALIKE_RETURNS = 5  # and on what all who came back spent as if so many more were


@dataclass(frozen=True)
class ReturnCell:
    """Dormant customers of one silence and value in the past, and those of them who bought within six months."""

    silence: int
    value: int
    customers: int
    returned: int
    return_rate: float  # smoothed
    spent_jpy: float  # by one who came back, in the six months; smoothed


def silence_band(silent_days: ibis.Value) -> ibis.Value:
    """The place of a silence among SILENCE_BELOW_DAYS."""
    below = [(silent_days < upper, place) for place, upper in enumerate(SILENCE_BELOW_DAYS)]
    return ibis.cases(*below, else_=len(SILENCE_BELOW_DAYS)).cast("int64")


def value_band(sales_jpy: ibis.Value, order_value_jpy: float) -> ibis.Value:
    """The place of the sales so far among VALUE_BELOW_ORDERS mean orders."""
    below = [(sales_jpy < round(upper * order_value_jpy), place) for place, upper in enumerate(VALUE_BELOW_ORDERS)]
    return ibis.cases(*below, else_=len(VALUE_BELOW_ORDERS)).cast("int64")


@dataclass(frozen=True)
class Past:
    """What the past of dormant customers is read from; `months` are CUSTOMER_MONTHS, `closed` the closed months."""

    months: ibis.Table
    history: ibis.Table
    products: ibis.Table
    settings: Settings
    closed: Sequence[Month]
    order_value_jpy: float

    @classmethod
    def of(
        cls,
        months: ibis.Table,
        history: ibis.Table,
        products: ibis.Table,
        closed: Sequence[Month],
        settings: Settings,
    ) -> Past:
        """The same, with 売上 of a purchase day over all history; 0 where nothing was bought."""
        sums = one_row(history.agg(sales_jpy=yen_sum(_.sales_jpy), purchase_days=yen_sum(_.purchase_days)))
        order_value_jpy = sums["sales_jpy"] / sums["purchase_days"] if sums["purchase_days"] else 0.0
        return cls(months, history, products, settings, closed, order_value_jpy)

    def origins(self, wanted: Sequence[int]) -> dict[int, dt.date]:
        """The day of each origin, so many half-years back, that has data before it."""
        counted = {back: len(self.closed) - 1 - TERM_MONTHS * back for back in wanted}
        return {back: self.closed[place].last_day for back, place in counted.items() if place >= 0}


def returns_by_origin(past: Past, wanted: Sequence[int]) -> list[dict[str, Any]]:
    """Who was dormant at each origin, by `origin`, `silence` and `value`: `customers`, `returned`, `sales_jpy`.

    `sales_jpy` is what those who bought within the six months after the origin spent in them.
    """
    origins = past.origins(wanted)
    if not origins:
        return []
    people = with_threshold(past.history.select("customer_id", "first_product_id"), past.products, past.settings)
    joined = _as_known_then(past, origins).inner_join(people.select("customer_id", "threshold_days"), "customer_id")
    asleep = joined.filter(joined.silent_days >= joined.threshold_days)
    keys = ("origin", "silence", "value")
    banded = asleep.mutate(silence=silence_band(_.silent_days), value=value_band(_.so_far_jpy, past.order_value_jpy))
    sums = banded.group_by(*keys).agg(
        customers=_.count(),
        returned=_.count(where=_.purchases > 0),
        sales_jpy=yen_sum(_.term_jpy, _.purchases > 0),
    )
    return rows(sums.order_by(*keys))


def _as_known_then(past: Past, origins: dict[int, dt.date]) -> ibis.Table:
    """A row per customer who had bought by an origin: silence and sales then, purchases and sales of the term after."""
    facts = past.months.select("customer_id", "month", "purchase_days", "sales_jpy", "last_purchased_on")
    sums: dict[str, ibis.Value] = {}
    for back, then in origins.items():
        end = past.closed[-1].plus(-TERM_MONTHS * (back - 1)).last_day
        before, after = facts.month <= then, (facts.month > then) & (facts.month <= end)
        sums |= {
            f"last_{back}": facts.last_purchased_on.max(where=before),
            f"so_far_{back}": yen_sum(facts.sales_jpy, before),
            f"purchases_{back}": yen_sum(facts.purchase_days, after),
            f"term_{back}": yen_sum(facts.sales_jpy, after),
        }
    people = facts.group_by("customer_id").agg(**sums)
    each = [
        ibis.struct(
            {
                "origin": ibis.literal(back, "int64"),
                "silent_days": ibis.literal(then).delta(people[f"last_{back}"], unit="day"),
                "so_far_jpy": people[f"so_far_{back}"],
                "purchases": people[f"purchases_{back}"],
                "term_jpy": people[f"term_{back}"],
            }
        )
        for back, then in origins.items()
    ]
    spread = people.select("customer_id", then=ibis.array(each).unnest())
    names = ("origin", "silent_days", "so_far_jpy", "purchases", "term_jpy")
    return spread.select("customer_id", **{name: spread.then[name] for name in names}).filter(_.silent_days.notnull())


def return_cells(found: Sequence[dict[str, Any]]) -> list[ReturnCell]:
    """Every silence × value with its share of returns, from `returns_by_origin`; none where nobody was dormant.

    A cell leans on its silence band as if 20 more customers of the band were in it (the band on all dormant customers
    likewise), and in what one spends on all who came back, as if 5 more of them were.
    """
    everyone = _summed(found)
    if not everyone["customers"]:
        return []
    overall_rate = everyone["returned"] / everyone["customers"]
    spent_jpy = max(everyone["sales_jpy"], 0) / everyone["returned"] if everyone["returned"] else 0.0
    cells = []
    for silence in range(len(SILENCE_BELOW_DAYS) + 1):
        band = [row for row in found if row["silence"] == silence]
        band_rate = _leaning(_summed(band), overall_rate)
        for value in range(len(VALUE_BELOW_ORDERS) + 1):
            cell = _summed([row for row in band if row["value"] == value])
            of_value = _summed([row for row in found if row["value"] == value])
            spent = (max(of_value["sales_jpy"], 0) + _ALIKE_RETURNS * spent_jpy) / (
                of_value["returned"] + _ALIKE_RETURNS
            )
            cells.append(
                ReturnCell(silence, value, cell["customers"], cell["returned"], _leaning(cell, band_rate), spent)
            )
    return cells


def _summed(found: Sequence[dict[str, Any]]) -> dict[str, int]:
    return {name: sum(row[name] for row in found) for name in ("customers", "returned", "sales_jpy")}


def _leaning(cell: dict[str, int], rate: float) -> float:
    return (cell["returned"] + _ALIKE_CUSTOMERS * rate) / (cell["customers"] + _ALIKE_CUSTOMERS)
