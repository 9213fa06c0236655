"""One year of one-off purchases of those who subscribed before it (都度の利用率): what the client's own data tell.

Who had subscribed by the day before the year is counted, continuing (継続中) or stopped (解約) on that day, by the
product group and the channel of the latest subscription, a running one before all that stopped; and who of them bought
one-off in the year, for how much.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import ibis

from crm_platform.two_track.one_off_purchases import goods_of, one_off_buyers
from crm_platform.two_track.turns import runs_by, state_where

YEAR_MONTHS = 12
LEAST_GROUPS = 4  # fewer have no best quarter
LEAST_IN_GROUP = 30  # subscribers of a group that tells how groups differ
_COUNTED = ("subscribers", "buyers", "sales_jpy", "squares", "subscribers_now")


@dataclass(frozen=True)
class Cell:
    """Subscribers of one state, product group and channel: how many, how many bought one-off, how many there are now.

    `sales_jpy` and `squares` are Σ and Σ² of the buyers' one-off 売上 of the year.
    """

    state: str
    product_group: str
    channel: str
    subscribers: int
    buyers: int
    sales_jpy: int
    squares: float
    subscribers_now: int


@dataclass(frozen=True)
class SubscriberYear:
    """The cells, and the client's 売上 of the year: of subscriptions, one-off by those in the cells, one-off by others.

    `buyers_on_file` are subscribers with a one-off purchase at any time, trial sizes left out. `cycle_days` and
    `subscription_order_jpy` are the median cycle and the mean 売上 of a subscription order.
    """

    first_month: str
    last_month: str
    months: int
    cells: tuple[Cell, ...]
    subscription_sales_jpy: int
    one_off_sales_jpy: int
    one_off_sales_of_others_jpy: int
    buyers_on_file: int
    cycle_days: float
    subscription_order_jpy: float

    def in_a_year(self, jpy: float) -> float:
        """An amount of these months as that of a whole year."""
        return jpy * YEAR_MONTHS / self.months

    def grouped(self, state: str) -> tuple[Cell, ...]:
        """The cells of a state by product group and channel, or by one of them where too few cells are large enough."""
        cells = self.of_state(state)
        for names in (("product_group", "channel"), ("product_group",), ("channel",)):
            joined = _joined(cells, names)
            if sum(cell.subscribers >= LEAST_IN_GROUP for cell in joined) >= LEAST_GROUPS:
                return joined
        return cells

    def of_state(self, state: str) -> tuple[Cell, ...]:
        """The cells of one state."""
        return tuple(cell for cell in self.cells if cell.state == state)

    def now(self, state: str) -> int:
        """Subscribers of one state today."""
        return sum(cell.subscribers_now for cell in self.of_state(state))

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {**asdict(self), "cells": [asdict(cell) for cell in self.cells]}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> SubscriberYear:
        """Read what `to_json` wrote."""
        return cls(**{**value, "cells": tuple(Cell(**cell) for cell in value["cells"])})


@dataclass(frozen=True, eq=False)
class Past:
    """What a year is counted from: CUSTOMER_MONTHS, CUSTOMER_DAYS, SUBSCRIPTIONS, PRODUCTS and MEDIA as of today.

    `turns`: what happened to the subscriptions, and since when it was known (see `turns_of`).
    """

    customer_months: ibis.Table
    customer_days: ibis.Table
    subscriptions: ibis.Table
    turns: ibis.Table
    products: ibis.Table
    media: ibis.Table


def subscriber_year(past: Past, year: Sequence[dt.date], as_of: dt.date) -> SubscriberYear | None:
    """The year whose months begin on the days of `year`; None for a client without a subscription.

    Fewer months than twelve are counted as they are; nobody had subscribed before the data began.
    """
    if not _count(past.subscriptions):
        return None
    before = subscribers_on(past, year[0] - dt.timedelta(days=1))
    months = past.customer_months.filter(past.customer_months.month.isin(list(year)))
    sums = _row(months.agg(**{name: _yen(months[name]) for name in ("subscription_sales_jpy", "one_off_sales_jpy")}))
    spent = _one_off_of(months)
    of_cells = _row(spent.semi_join(before, "customer_id").agg(jpy=_yen(spent.jpy)))["jpy"]
    everything = past.subscriptions
    orders = _row(
        past.customer_months.agg(
            jpy=_yen(past.customer_months.subscription_sales_jpy), orders=_yen(past.customer_months.subscription_orders)
        )
    )
    return SubscriberYear(
        first_month=f"{year[0]:%Y-%m}",
        last_month=f"{year[-1]:%Y-%m}",
        months=len(year),
        cells=_cells(before, spent, subscribers_on(past, as_of)),
        subscription_sales_jpy=sums["subscription_sales_jpy"],
        one_off_sales_jpy=sums["one_off_sales_jpy"],
        one_off_sales_of_others_jpy=sums["one_off_sales_jpy"] - of_cells,
        buyers_on_file=one_off_buyers(past.customer_days, goods_of(past.products), past.subscriptions),
        cycle_days=float(_row(everything.agg(days=everything.cycle_days.median()))["days"]),
        subscription_order_jpy=orders["jpy"] / max(orders["orders"], 1),
    )


def subscribers_on(past: Past, day: dt.date) -> ibis.Table:
    """`customer_id, state, product_group, channel` of everyone who had subscribed by the end of `day`.

    The state is the one known then: neither a silence that was no stop yet nor a resume since is read back into it.
    """
    known = past.subscriptions.filter(past.subscriptions.started_on <= day)
    media = past.media.select("media_id", channel_told=ibis.coalesce(past.media.channel, past.media.media_id))
    named = known.left_join(goods_of(past.products), "product_id", rname="{name}_master").left_join(
        media, "media_id", rname="{name}_medium"
    )
    told = named.left_join(runs_by(past.turns, day), "subscription_id", rname="{name}_turned")
    best_first = [told.runs.fill_null(False).desc(), told.started_on.desc(), told.subscription_id.desc()]
    latest = ibis.window(group_by="customer_id", order_by=best_first)
    runs = told.runs.any().over(ibis.window(group_by="customer_id"))
    ranked = told.mutate(place=ibis.row_number().over(latest), runs=runs)
    rows = ranked.filter(ranked.place == 0)
    return rows.select(
        "customer_id",
        state=state_where(rows.runs),
        product_group=ibis.coalesce(rows.product_group, rows.product_id),
        channel=ibis.coalesce(rows.channel_told, rows.media_id, ""),
    )


def _joined(cells: Sequence[Cell], names: Sequence[str]) -> tuple[Cell, ...]:
    """Cells added up over what `names` leaves out."""
    found: dict[tuple[str, ...], Cell] = {}
    for cell in cells:
        key = tuple(getattr(cell, name) for name in names)
        before = found.get(key)
        sums: dict[str, Any] = {
            name: getattr(cell, name) + (getattr(before, name) if before else 0) for name in _COUNTED
        }
        sums |= {name: "" for name in ("product_group", "channel") if name not in names}
        found[key] = replace(cell, **sums)
    return tuple(found.values())


# --- inside -----------------------------------------------------------------------------------------------------------


def _one_off_of(months: ibis.Table) -> ibis.Table:
    """Per customer: one-off orders and 売上 of the months."""
    return months.group_by("customer_id").agg(orders=_yen(months.one_off_orders), jpy=_yen(months.one_off_sales_jpy))


def _cells(before: ibis.Table, spent: ibis.Table, now: ibis.Table) -> tuple[Cell, ...]:
    keys = ["state", "product_group", "channel"]
    known = before.left_join(spent, "customer_id", rname="{name}_spent")
    bought = known.orders.fill_null(0) > 0
    jpy = ibis.ifelse(bought, known.jpy, 0)
    then = known.group_by(keys).agg(
        subscribers=known.count(),
        buyers=bought.cast("int64").sum(),
        sales_jpy=_yen(jpy),
        squares=(jpy.cast("decimal(38, 0)") * jpy.cast("decimal(38, 0)")).sum().cast("float64"),
    )
    today = now.group_by(keys).agg(subscribers_now=now.count())
    both = then.outer_join(today, keys, rname="{name}_now")
    names = {key: ibis.coalesce(both[key], both[f"{key}_now"]) for key in keys}
    counted = {
        name: both[name].fill_null(0) for name in ("subscribers", "buyers", "sales_jpy", "squares", "subscribers_now")
    }
    rows = both.select(**names, **counted).order_by(keys).to_pyarrow().to_pylist()
    return tuple(Cell(**row) for row in rows)


def _count(rows: ibis.Table) -> int:
    return int(rows.count().to_pyarrow().as_py())


def _row(sums: ibis.Table) -> dict[str, Any]:
    row: dict[str, Any] = sums.to_pyarrow().to_pylist()[0]
    return row


def _yen(values: ibis.Value) -> ibis.Value:
    """A sum of whole numbers as reals, exact up to 2⁵³; 0 over no rows."""
    return values.cast("float64").sum().fill_null(0).cast("int64")
