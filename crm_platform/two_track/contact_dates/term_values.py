"""Term plans (3ヶ月・1年まとめて予約, R111) beside monthly deliveries: what each sells in the year after.

Who takes a term plan had stayed until then, so each is held against those who made as many deliveries in the same
half-year and went on month by month.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import ibis
from ibis import _

from crm_platform.diagnosis.estimates import Estimate
from crm_platform.diagnosis.rows import rows, yen_products, yen_sum

VALUE_DAYS = 365
LATEST_ENTRY = 6  # later deliveries are one cell
_CELL = ["entry", "half_year"]


@dataclass(frozen=True)
class Matched:
    """Means per subscription, weighted by the entries into term plans; `difference_jpy` is term less monthly."""

    entries: int
    term_jpy: float
    monthly_jpy: float
    difference_jpy: Estimate


def deliveries_with_term(deliveries: ibis.Table, subscriptions: ibis.Table) -> ibis.Table:
    """Standing SUBSCRIPTION_DELIVERIES with `place` (1 for the first) and `is_term`, by what their course binds to.

    Args:
        deliveries: SUBSCRIPTION_DELIVERIES of all months.
        subscriptions: SUBSCRIPTIONS, whose present courses say how many deliveries each binds to.
    """
    terms = subscriptions.filter(_.course.notnull()).group_by("course").agg(term=_.term_deliveries.max())
    standing = deliveries.filter(_.stands)
    in_order = ibis.window(group_by="subscription_id", order_by=[standing.ordered_on, standing.order_id])
    placed = standing.mutate(place=ibis.row_number().over(in_order) + 1)
    joined = placed.left_join(terms, "course")
    return joined.mutate(is_term=(joined.term > 1).fill_null(False))


def value_cells(placed: ibis.Table, as_of: dt.date) -> list[dict[str, Any]]:
    """Per cell (number of the delivery, half-year) and track: subscriptions, their 売上 of the year after, squares.

    A subscription enters the term track once, at its first delivery on a term plan; it stands among the monthly ones at
    every delivery before that. Only deliveries with a whole year behind them count.
    """
    by_subscription = ibis.window(group_by="subscription_id")
    entry = placed.place.min(where=placed.is_term).over(by_subscription)
    entered = placed.mutate(entered=entry)
    entered = entered.filter(entered.entered.isnull() | (entered.place <= entered.entered))
    last = as_of - dt.timedelta(days=VALUE_DAYS)
    starts = entered.filter(_.ordered_on <= last).select(
        "subscription_id",
        "is_term",
        from_on=_.ordered_on,
        entry=ibis.least(_.place, LATEST_ENTRY),
        half_year=_.ordered_on.year() * 2 + (_.ordered_on.month() > 6).cast("int64"),
        place=_.place,
    )
    sales = placed.select("subscription_id", "ordered_on", "sales_jpy")
    days = sales.ordered_on.delta(starts.from_on, unit="day").cast("int64")
    followed = starts.inner_join(sales, ["subscription_id"]).mutate(after=days)
    followed = followed.filter((_.after >= 0) & (_.after < VALUE_DAYS))
    values = followed.group_by("subscription_id", "place", "is_term", *_CELL).agg(value_jpy=yen_sum(_.sales_jpy))
    sums = values.group_by(*_CELL, "is_term").agg(
        subscriptions=_.count(), value_jpy=yen_sum(_.value_jpy), squares=yen_products(_.value_jpy, _.value_jpy)
    )
    return rows(sums.order_by(*_CELL, "is_term"))


def matched_values(cells: Sequence[dict[str, Any]]) -> Matched | None:
    """Both tracks over the cells that hold two of each, weighted by the entries into term plans; None without any."""
    by_cell = {(row["entry"], row["half_year"], row["is_term"]): row for row in cells}
    pairs = [
        (row, by_cell[row["entry"], row["half_year"], False])
        for row in cells
        if row["is_term"] and row["subscriptions"] >= 2 and _size(by_cell, row) >= 2
    ]
    entries = sum(term["subscriptions"] for term, _monthly in pairs)
    if not entries:
        return None
    weights = [term["subscriptions"] / entries for term, _monthly in pairs]
    means = [[_mean(row) for row in pair] for pair in pairs]
    term_jpy, monthly_jpy = (
        sum(weight * mean[side] for weight, mean in zip(weights, means, strict=True)) for side in (0, 1)
    )
    variance = sum(
        weight**2 * sum(_variance(row) / row["subscriptions"] for row in pair)
        for weight, pair in zip(weights, pairs, strict=True)
    )
    return Matched(entries, term_jpy, monthly_jpy, Estimate(term_jpy - monthly_jpy, math.sqrt(variance)))


def _size(by_cell: dict[Any, dict[str, Any]], row: dict[str, Any]) -> int:
    found = by_cell.get((row["entry"], row["half_year"], False))
    return int(found["subscriptions"]) if found else 0


def _mean(row: dict[str, Any]) -> float:
    return float(row["value_jpy"] / row["subscriptions"])


def _variance(row: dict[str, Any]) -> float:
    number = row["subscriptions"]
    return float(max(row["squares"] / number - _mean(row) ** 2, 0.0) * number / (number - 1))
