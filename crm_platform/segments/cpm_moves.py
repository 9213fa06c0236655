"""The customer portfolio through time: how many customers went from which class to which in every month (R102)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import ibis
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from ibis import _

from crm_platform.periods import Month
from crm_platform.segments.cpm import CpmThresholds
from crm_platform.tables.analyses import CPM_CLASS_NAMES
from crm_platform.tables.portfolio import CPM_MOVES, NOT_YET_KNOWN

_NOT_YET = len(CPM_CLASS_NAMES)
_NEVER = dt.date(9999, 1, 1)  # a month that does not come
_ORDERS = 2**20  # purchase days and orders are summed in one number

_Change = Mapping[
    str, Any
]  # month, class before (`former`) and at its end (`now`), month of 離脱 (`lapses_in`), customers


def cpm_moves(
    customer_months: ibis.Table,
    history: ibis.Table,
    months: Sequence[Month],
    as_of: dt.date,
    thresholds: CpmThresholds,
) -> pa.Table:
    """CPM_MOVES: former class × class of every month, with how many customers; stays included, none left out.

    Classes follow the rule of `cpm_class` from what is known today, so that the last month's counts are those of
    CPM_CLASSES. A class changes only in a month with a line, or when the gap reaches the line of 離脱: both are found
    in one pass over the months of each customer, and everything else is a sum over a few thousand counts.

    Args:
        customer_months: CUSTOMER_MONTHS of all `months`.
        history: CUSTOMER_HISTORY at `as_of`; its customers are those of CUSTOMER_MONTHS and of the master.
        months: every month of history, in order.
        as_of: the last month's last day, or the last day with data where that month is not complete.
        thresholds: the lines between the classes, the same for all months.
    """
    people = _people(history, as_of, thresholds)
    changes = [*_before_buying(people), *_while_buying(customer_months, people, as_of, thresholds)]
    return _accounts(changes, months)


def _people(history: ibis.Table, as_of: dt.date, thresholds: CpmThresholds) -> ibis.Table:
    """Each customer by `number`: month of the first purchase, month from which known, and the class before buying."""
    bought_in = history.first_purchased_on.truncate("month").fill_null(_NEVER)
    people = history.select(
        "customer_id",
        "first_purchased_on",
        number=ibis.row_number(),
        bought_in=bought_in,
        known_in=ibis.least(history.registered_on.truncate("month"), bought_in),
        unbought_lapses_in=_lapses_in(history.registered_on, as_of, thresholds),
    )
    unbought = ibis.ifelse(people.unbought_lapses_in < people.bought_in, 1, 0)
    return people.mutate(unbought=ibis.ifelse(people.known_in < people.bought_in, unbought, _NOT_YET).cast("int8"))


def _before_buying(people: ibis.Table) -> Iterable[_Change]:
    """Customers who were known before they bought count as 初回, and lapse by the gap since registration."""
    early = people.filter(_.known_in < _.bought_in)
    lapses = ibis.ifelse(_.unbought_lapses_in < _.bought_in, _.unbought_lapses_in, ibis.literal(_NEVER))
    grouped = early.mutate(lapses_in=lapses).group_by("known_in", "lapses_in").agg(customers=_.count())
    for row in grouped.to_pyarrow().to_pylist():
        at_once = row["lapses_in"] <= row["known_in"]
        yield {
            "month": row["known_in"],
            "former": _NOT_YET,
            "now": int(at_once),
            "lapses_in": _NEVER if at_once else row["lapses_in"],
            "customers": row["customers"],
        }


def _while_buying(
    customer_months: ibis.Table, people: ibis.Table, as_of: dt.date, thresholds: CpmThresholds
) -> Iterable[_Change]:
    """From the first purchase on: class before and after every month with a line, and the 離脱 before the next."""
    seen = _seen(customer_months, people)
    seen = seen.mutate(lapses_in=_lapses_in(seen.last_now, as_of, thresholds))
    comes = (seen.lapses_in > seen.month) & (seen.lapses_in < seen.next_month)
    stage_now = _stage(seen, seen.counts_now, seen.sales_now_jpy, seen.last_now, thresholds)
    changes = seen.select(
        "month",
        former=_former(seen, thresholds),
        now=2 * stage_now + (seen.lapses_in <= seen.month).cast("int8"),
        lapses_in=ibis.ifelse(comes, seen.lapses_in, ibis.literal(_NEVER)),
    )
    grouped = changes.group_by("month", "former", "now", "lapses_in").agg(customers=_.count())
    found: list[_Change] = grouped.to_pyarrow().to_pylist()
    return found


def _seen(customer_months: ibis.Table, people: ibis.Table) -> ibis.Table:
    """Months of customers who have bought, with sums up to them (`_now`), the last purchase before, the next month."""
    lines = customer_months.select(
        "customer_id",
        "month",
        "sales_jpy",
        "last_purchased_on",
        counts=customer_months.purchase_days * _ORDERS + customer_months.standing_orders,
    )
    people = people.select("customer_id", "number", "first_purchased_on", "unbought")
    joined = lines.inner_join(people, "customer_id").drop("customer_id")
    in_order = ibis.window(group_by="number", order_by="month")
    past = ibis.window(group_by="number", order_by="month", preceding=None, following=0)
    before = ibis.window(group_by="number", order_by="month", rows=(None, -1))
    seen = joined.mutate(
        counts_now=joined.counts.sum().over(past).cast("int64"),
        sales_now_jpy=joined.sales_jpy.sum().over(past).cast("int64"),
        last_before=joined.last_purchased_on.max().over(before),
        next_month=joined.month.lead(1).over(in_order).fill_null(_NEVER),
    )
    last_now = ibis.coalesce(seen.last_purchased_on, seen.last_before)
    return seen.mutate(last_now=last_now).filter(_.last_now.notnull())


def _former(seen: ibis.Table, thresholds: CpmThresholds) -> ibis.Value:
    """The class at the end of the month before; at the first purchase that of who had not bought."""
    counts, sales_jpy = seen.counts_now - seen.counts, seen.sales_now_jpy - seen.sales_jpy
    was_lapsed = seen.month.delta(seen.last_before, unit="day") > thresholds.lapsed_gap_days
    stage = _stage(seen, counts, sales_jpy, seen.last_before, thresholds)
    return ibis.ifelse(seen.last_before.notnull(), 2 * stage + was_lapsed.cast("int8"), seen.unbought)


def _stage(
    seen: ibis.Table, counts: ibis.Value, sales_jpy: ibis.Value, last_on: ibis.Value, thresholds: CpmThresholds
) -> ibis.Value:
    """The stage as a place in CPM_STAGES, of who has bought (see `cpm_class`)."""
    tenure_days = last_on.delta(seen.first_purchased_on, unit="day")
    return ibis.cases(
        ((counts < 2 * _ORDERS) & (counts % _ORDERS <= 1), 0),
        (tenure_days < thresholds.steady_tenure_days, 1),
        (sales_jpy < thresholds.amount_jpy, 2),
        (tenure_days < thresholds.premium_tenure_days, 3),
        else_=4,
    ).cast("int8")


def _lapses_in(last_on: ibis.Value, as_of: dt.date, thresholds: CpmThresholds) -> ibis.Value:
    """The first month at whose end the gap since `last_on` reaches the line; `_NEVER` where it does not by `as_of`."""
    lapses_on = (last_on + ibis.interval(days=thresholds.lapsed_gap_days)).cast("date")
    return ibis.ifelse(lapses_on <= as_of, lapses_on.truncate("month"), ibis.literal(_NEVER))


# --- from changes to accounts -----------------------------------------------------------------------------------------


def _accounts(changes: Iterable[_Change], months: Sequence[Month]) -> pa.Table:
    """Opening + in − out = closing for every class and month; who did not move is who was there and did not leave."""
    moves, opening = _moved(changes, months)
    table: list[Mapping[str, Any]] = []
    for month, moved in zip(months, moves, strict=True):
        stays = opening - moved[:_NOT_YET].sum(axis=1)
        everyone = moved + np.vstack([np.diag(stays), np.zeros(_NOT_YET, dtype=np.int64)])
        table += _rows(month, everyone)
        opening = everyone.sum(axis=0)
    return CPM_MOVES.from_columns(
        {name: pa.array([row[name] for row in table], CPM_MOVES[name].type) for name in CPM_MOVES.names}
    )


def _moved(changes: Iterable[_Change], months: Sequence[Month]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Moves by month, former class and class, stays left out; and how many were in each class before all months."""
    moves = np.zeros((len(months), _NOT_YET + 1, _NOT_YET), dtype=np.int64)
    opening = np.zeros(_NOT_YET + 1, dtype=np.int64)
    for row in changes:
        steps = [(row["month"], row["former"], row["now"])]
        if row["lapses_in"] != _NEVER:
            steps.append((row["lapses_in"], row["now"], row["now"] + 1))
        for month, former, now in steps:
            place = Month.of(month).minus(months[0])
            if place < 0:
                opening[now] += row["customers"]
                opening[former] -= row["customers"]
            elif former != now:
                moves[place, former, now] += row["customers"]
    return moves, opening[:_NOT_YET]


def _rows(month: Month, everyone: npt.NDArray[np.int64]) -> Iterable[Mapping[str, Any]]:
    names = (*CPM_CLASS_NAMES, NOT_YET_KNOWN)
    for former, now in np.argwhere(everyone):
        yield {
            "month": month.first_day,
            "former_class": names[former],
            "cpm_class": names[now],
            "customers": int(everyone[former, now]),
        }
