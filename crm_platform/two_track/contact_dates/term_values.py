"""Term plans (3ヶ月・1年まとめて予約, R111) beside monthly deliveries: what each sells in the year after.

Who takes a term plan had stayed until then, so each is held against those who made as many deliveries in the same
half-year and went on month by month.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import ibis
from ibis import _

from crm_platform.diagnosis.estimates import Estimate
from crm_platform.diagnosis.rows import one_row, rows, yen_products, yen_sum
from crm_platform.history.subscriptions import named_months

VALUE_DAYS = 365
AT_ONCE_UNITS, AT_ONCE_MONTHS = 2, 2  # so many units of a delivery, and months in the name of a course, at least
# a rhythm in the name of a course, and no booking
_HOW_OFTEN = re.compile(r"に\s*[1１一]\s*[回度]|ごと|毎|おき|周期|間隔|サイクル|\bevery\b", re.IGNORECASE)
_CELL = ["place", "half_year"]
TRACKS = ("term", "monthly")
_SEN = 100  # a yen has so many: contributions to an error are summed as whole sen, the same in any order


@dataclass(frozen=True)
class Matched:
    """Means per subscription, weighted by the entries into term plans; `difference_jpy` is term less monthly."""

    entries: int
    term_jpy: float
    monthly_jpy: float
    difference_jpy: Estimate


def deliveries_with_term(deliveries: ibis.Table, subscriptions: ibis.Table, free: Collection[str] = ()) -> ibis.Table:
    """Standing SUBSCRIPTION_DELIVERIES with `place` (1 for the first) and `is_term`, by their course.

    Args:
        deliveries: SUBSCRIPTION_DELIVERIES of all months.
        subscriptions: SUBSCRIPTIONS, whose present courses say how many deliveries each binds to.
        free: see `course_plans`.
    """
    standing = deliveries.filter(_.stands)
    in_order = ibis.window(group_by="subscription_id", order_by=[standing.ordered_on, standing.order_id])
    placed = standing.mutate(place=ibis.row_number().over(in_order) + 1)
    courses = [row["course"] for row in course_plans(deliveries, subscriptions, free) if row["is_term"]]
    return placed.mutate(is_term=placed.course.isin(courses).fill_null(False) if courses else ibis.literal(False))


def course_plans(deliveries: ibis.Table, subscriptions: ibis.Table, free: Collection[str] = ()) -> list[dict[str, Any]]:
    """The present courses: `course`, `term` (deliveries each binds to), `units` of a usual delivery, `is_term`.

    A term plan (まとめて予約) binds to several deliveries, or brings the months that its name holds at once: two months
    and two units or more (3ヶ月まとめコース: three units every 90 days). A name that says how often books nothing.

    Args:
        deliveries: SUBSCRIPTION_DELIVERIES.
        subscriptions: SUBSCRIPTIONS.
        free: courses of which the client says how many deliveries they bind to: their names decide nothing.
    """
    terms = subscriptions.filter(_.course.notnull()).group_by("course").agg(term=_.term_deliveries.max())
    usual = deliveries.filter(_.stands).group_by("course").agg(units=_.quantity.median())
    named = terms.left_join(usual, "course").select("course", "term", units=_.units.fill_null(0).round().cast("int64"))
    return [
        {**row, "is_term": row["term"] > 1 or (row["course"] not in free and _is_at_once(row["course"], row["units"]))}
        for row in rows(named.order_by("course"))
    ]


def _is_at_once(course: str, units: int) -> bool:
    months = 0 if _HOW_OFTEN.search(course) else named_months(course) or 0
    return units >= AT_ONCE_UNITS and months >= AT_ONCE_MONTHS


def year_values(placed: ibis.Table, as_of: dt.date) -> ibis.Table:
    """`subscription_id, place, half_year, is_term, value_jpy`: the 売上 of the year from a delivery on.

    A subscription enters the term track once, at its first delivery on a term plan; it stands among the monthly ones at
    every delivery before that, so at most once in a cell (number of the delivery, half-year). Only deliveries with a
    whole year behind them count.
    """
    entered_at = placed.place.min(where=placed.is_term).over(ibis.window(group_by="subscription_id"))
    entered = placed.mutate(entered_at=entered_at).filter(_.entered_at.isnull() | (_.place <= _.entered_at))
    last = as_of - dt.timedelta(days=VALUE_DAYS)
    starts = entered.filter(_.ordered_on <= last).select(
        "subscription_id",
        "is_term",
        "place",
        from_on=_.ordered_on,
        half_year=_.ordered_on.year() * 2 + (_.ordered_on.month() > 6).cast("int64"),
    )
    sales = placed.select("subscription_id", "ordered_on", "sales_jpy")
    days = sales.ordered_on.delta(starts.from_on, unit="day").cast("int64")
    followed = starts.inner_join(sales, ["subscription_id"]).mutate(after=days)
    followed = followed.filter((_.after >= 0) & (_.after < VALUE_DAYS))
    return followed.group_by("subscription_id", *_CELL, "is_term").agg(value_jpy=yen_sum(_.sales_jpy))


def value_cells(values: ibis.Table) -> list[dict[str, Any]]:
    """Cells of `year_values` that hold two of each track, in order.

    Each a row of `place, half_year, term, monthly` (subscriptions), `term_jpy, monthly_jpy` (means).
    """
    of_cell = values.group_by(*_CELL).agg(
        term=_.count(where=_.is_term),
        monthly=_.count(where=~_.is_term),
        term_jpy=yen_sum(_.value_jpy, _.is_term),
        monthly_jpy=yen_sum(_.value_jpy, ~_.is_term),
    )
    both = of_cell.filter((_.term >= 2) & (_.monthly >= 2)).order_by(*_CELL)
    return [{**row, **{f"{track}_jpy": row[f"{track}_jpy"] / row[track] for track in TRACKS}} for row in rows(both)]


def weighted_means(cells: Sequence[dict[str, Any]]) -> tuple[int, float, float]:
    """Entries into term plans, and the means of both tracks, in which each cell weighs as many as entered in it."""
    entries = sum(cell["term"] for cell in cells)
    term_jpy, monthly_jpy = (sum(cell["term"] * cell[f"{track}_jpy"] for cell in cells) / entries for track in TRACKS)
    return entries, term_jpy, monthly_jpy


def matched_values(values: ibis.Table, cells: Sequence[dict[str, Any]]) -> Matched | None:
    """Both tracks of `year_values` over these cells; None without any.

    The error takes what one subscription adds to all cells together, since a monthly one stands in several.
    """
    if not cells:
        return None
    entries, term_jpy, monthly_jpy = weighted_means(cells)
    error = math.sqrt(_squares(values, cells)) / entries
    return Matched(entries, term_jpy, monthly_jpy, Estimate(term_jpy - monthly_jpy, error))


def _squares(values: ibis.Table, cells: Sequence[dict[str, Any]]) -> float:
    """Σ over subscriptions of (Σ over its cells of what it adds to entries × the difference)², in yen².

    It adds (value − mean) × entries ÷ subscriptions of its track in the cell, × √(n ÷ (n − 1)) for the mean's sake.
    """
    sides = [
        {
            **{name: cell[name] for name in _CELL},
            "is_term": track == "term",
            "mean_jpy": cell[f"{track}_jpy"],
            "weight": cell["term"] / math.sqrt(cell[track] * (cell[track] - 1)) * (1 if track == "term" else -1),
        }
        for cell in cells
        for track in TRACKS
    ]
    held = ibis.memtable({name: [side[name] for side in sides] for name in sides[0]})
    joined = values.inner_join(held, [*_CELL, "is_term"])
    added = joined.mutate(sen=((_.value_jpy - _.mean_jpy) * _.weight * _SEN).round().cast("int64"))
    of_subscription = added.group_by("subscription_id").agg(sen=_.sen.sum().cast("int64"))
    return float(one_row(of_subscription.agg(squares=yen_products(_.sen, _.sen)))["squares"]) / _SEN**2
