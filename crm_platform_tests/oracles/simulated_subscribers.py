"""Subscribers of a made-up shop whose one-off purchases have known rates, as the tables that the targets read."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa

from crm_platform.tables.delivered import MEDIA, PRODUCTS
from crm_platform.tables.facts import CUSTOMER_DAYS
from crm_platform.tables.subscriptions import KNOWN_SUBSCRIPTION_EVENTS, SUBSCRIPTIONS
from crm_platform.two_track.targets import KnownSubscribers

FIRST = dt.date(2022, 1, 1)
CYCLE_DAYS, ONE_OFF_JPY, DELIVERY_JPY = 30, 3_000, 4_000
SILENT_CYCLES = 2
PRODUCT_OF = {"subscription": "SUB", "one_off": "CREAM", "bulk": "SUB"}


@dataclass(frozen=True)
class Shop:
    """CUSTOMER_DAYS, SUBSCRIPTIONS, KNOWN_SUBSCRIPTION_EVENTS, PRODUCTS, MEDIA as known on `as_of`.

    `rate_per_day` of one-off purchases of each customer, in order of customer.
    """

    days: pa.Table
    subscriptions: pa.Table
    events: pa.Table
    products: pa.Table
    media: pa.Table
    as_of: dt.date
    rate_per_day: np.ndarray

    def known(self) -> KnownSubscribers:
        """What the targets read."""
        return KnownSubscribers.at(
            ibis.memtable(self.days),
            ibis.memtable(self.subscriptions),
            ibis.memtable(self.events),
            ibis.memtable(self.products),
            ibis.memtable(self.media),
            self.as_of,
            SILENT_CYCLES,
        )

    def having(self, **tables: pa.Table) -> Shop:
        """The same shop with other tables."""
        return replace(self, **tables)


def draw_shop(seed: int, customers: int = 600, days: int = 900) -> Shop:
    """Subscribers who begin within the first two thirds; half stop; a quarter buys one-off, at rates that differ."""
    rng = np.random.default_rng([seed, 7])
    begins = rng.integers(0, days * 2 // 3, customers)
    stops = np.where(rng.random(customers) < 0.5, begins + rng.integers(40, 400, customers), 10**6)
    rate = np.where(rng.random(customers) < 0.25, rng.gamma(2.0, 1 / 120, customers), 0.0)
    rows = []
    for who in range(customers):
        until = min(stops[who], days)
        rows += [(who, day, "subscription", DELIVERY_JPY) for day in range(begins[who], until, CYCLE_DAYS)]
        bought = begins[who] + 1 + np.flatnonzero(rng.random(max(days - begins[who] - 1, 0)) < rate[who])
        rows += [(who, int(day), "one_off", ONE_OFF_JPY) for day in bought]
    as_of = FIRST + dt.timedelta(days=days - 1)
    return Shop(
        days_of(rows),
        _subscriptions(begins, stops, days),
        _stops(stops, days),
        _products(),
        MEDIA.from_columns({"media_id": ["M1"], "channel": ["WEB"]}),
        as_of,
        rate,
    )


def days_of(rows: list[tuple[int, int, str, int]]) -> pa.Table:
    """CUSTOMER_DAYS of purchases: (customer, day since `FIRST`, order kind, yen)."""
    frame = pd.DataFrame(rows, columns=["who", "day", "kind", "jpy"])
    frame["product_id"] = frame["kind"].map(PRODUCT_OF)
    keys = frame.groupby(["who", "day"])
    sums = keys["jpy"].sum()
    main = frame.sort_values(["who", "day", "jpy", "kind"]).drop_duplicates(["who", "day"], keep="last")
    main = main.set_index(["who", "day"]).sort_index()
    by_kind = frame.pivot_table(index=["who", "day"], columns="kind", values="jpy", aggfunc="sum", fill_value=0)
    by_kind = by_kind.reindex(columns=["subscription", "bulk"], fill_value=0)
    on = [FIRST + dt.timedelta(days=int(day)) for day in sums.index.get_level_values("day")]
    one = np.ones(len(sums), dtype=np.int64)
    return CUSTOMER_DAYS.from_columns(
        {
            "month": [day.replace(day=1) for day in on],
            "customer_id": [customer_id(who) for who in sums.index.get_level_values("who")],
            "day": on,
            **dict.fromkeys(("orders", "standing_orders", "quantity", "products"), one),
            **dict.fromkeys(("ordered_jpy", "standing_sales_jpy"), sums.to_numpy()),
            **dict.fromkeys(("returned_jpy", "discount_jpy"), 0 * one),
            "subscription_sales_jpy": by_kind["subscription"].to_numpy(),
            "bulk_sales_jpy": by_kind["bulk"].to_numpy(),
            "product_id": main["product_id"].to_numpy(),
            "order_kind": main["kind"].to_numpy(),
            "media_id": ["M1"] * len(sums),
        }
    )


def customer_id(who: int) -> str:
    """The number of a customer."""
    return f"C{who:05}"


def _subscriptions(begins: np.ndarray, stops: np.ndarray, days: int) -> pa.Table:
    """SUBSCRIPTIONS, each of a customer of its own."""
    numbers, is_stopped = range(len(begins)), stops < days
    last = np.minimum(stops, days) - 1
    on = [FIRST + dt.timedelta(days=int(day)) for day in begins]
    columns = {
        "subscription_id": [f"T{who:05}" for who in numbers],
        "customer_id": [customer_id(who) for who in numbers],
        "product_id": ["SUB"] * len(begins),
        "cycle_days": [float(CYCLE_DAYS)] * len(begins),
        "started_on": on,
        "last_ordered_on": [
            FIRST + dt.timedelta(days=int(first + (end - first) // CYCLE_DAYS * CYCLE_DAYS))
            for first, end in zip(begins, last, strict=True)
        ],
        "state": np.where(is_stopped, "stopped", "continuing").astype(object),
        "skipped_before_next": [False] * len(begins),
    }
    ones = {column.name: [1] * len(begins) for column in SUBSCRIPTIONS.columns if _is_count(column)}
    return SUBSCRIPTIONS.from_columns({**ones, **columns})


def _is_count(column: object) -> bool:
    return column.type == pa.int64() and not column.nullable  # type: ignore[attr-defined]


def _stops(stops: np.ndarray, days: int) -> pa.Table:
    """KNOWN_SUBSCRIPTION_EVENTS: the stops, delivered on their day."""
    who = np.flatnonzero(stops < days)
    return KNOWN_SUBSCRIPTION_EVENTS.from_columns(
        {
            "subscription_id": [f"T{number:05}" for number in who],
            "event_no": [2] * len(who),
            "customer_id": [customer_id(int(number)) for number in who],
            "event": ["stop"] * len(who),
            "occurred_on": [FIRST + dt.timedelta(days=int(stops[number])) for number in who],
            "cycle_no": [1] * len(who),
            "source": ["delivered"] * len(who),
        }
    )


def _products() -> pa.Table:
    return PRODUCTS.from_columns(
        {
            "product_id": ["SUB", "CREAM", "TRIAL"],
            "product_name": ["Supplement", "Cream", "Trial"],
            "category": ["supplements", "skin care", "supplements"],
            "cost_jpy": [1_000, 1_000, 1_000],
            "is_trial": [False, False, True],
            "is_gift": [False, False, False],
        }
    )
