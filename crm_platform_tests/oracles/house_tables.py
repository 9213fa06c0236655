"""The tables of a made-up client (`houses`): order lines, masters and subscription events, as it would deliver them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from crm_platform.tables.delivered import CUSTOMERS, MEDIA, ORDER_LINES, PRODUCTS, SUBSCRIPTION_EVENTS
from crm_platform_tests.oracles.houses import (
    BEFORE_DAYS,
    CHANNELS,
    CYCLE_DAYS,
    GROUP_OF_PRODUCT,
    GROUPS,
    POPULARITY,
    SUBSCRIBER,
    Clock,
    Orders,
    People,
    Plants,
    Whole,
    draw_orders,
    draw_people,
)

CANCELLED_RATE = 0.03
_ORDER_JPY = 2500.0
_COST_PER_CUSTOMER_JPY = 2000
_PREFECTURES = ("北海道", "宮城県", "東京都", "愛知県", "大阪府", "広島県", "香川県", "福岡県")


@dataclass(frozen=True)
class House:
    """A drawn client as it would be delivered, and what was planted in it."""

    order_lines: pa.Table
    customers: pa.Table
    products: pa.Table
    media: pa.Table
    subscription_events: pa.Table
    clock: Clock
    plants: Plants


def draw_house(seed: int, customers: int = 5000, months: int = 60, **plants: Any) -> House:
    """A house to which about `customers` customers come within its months; the same arguments, the same house."""
    planted, clock = Plants(**plants), Clock(months)
    rng = np.random.default_rng([seed, 6])
    people = draw_people(rng, customers, clock, planted)
    orders = draw_orders(rng, people, clock, planted)
    seen = np.unique(orders.customer[clock.holds(orders.day)])
    return House(
        order_lines=_order_lines(rng, people, orders, clock),
        customers=_customers(rng, people, seen, clock),
        products=_products(),
        media=_media(customers, clock),
        subscription_events=_events(people, orders, seen, clock),
        clock=clock,
        plants=planted,
    )


def _ids(prefix: str, number: Whole, width: int) -> np.ndarray:
    ids: np.ndarray = np.char.add(prefix, np.char.zfill(number.astype(str), width))
    return ids


def _dates(day: Whole) -> pa.Array:
    return pa.array(day.astype(np.int32), pa.int32()).cast(pa.date32())


def _named(names: np.ndarray, is_known: npt.NDArray[np.bool_]) -> pa.Array:
    """Names as text, null where there is none."""
    return pa.array(names.astype(object), pa.string(), mask=~is_known)


def _medium_of(people: People, clock: Clock) -> np.ndarray:
    """The medium that brought each customer: its channel's placement of that year. Before the data it has no name."""
    year = np.clip(people.day // 366, 0, max(clock.months // 12 - 1, 0))
    return _ids("M", people.channel + len(CHANNELS) * year, 3)


def _order_lines(rng: np.random.Generator, people: People, orders: Orders, clock: Clock) -> pa.Table:
    """ORDER_LINES of the months of data; an order is cancelled whole."""
    customer, number, lines = orders.customer, orders.number, orders.line_order
    amount = np.maximum(people.level[customer[lines]] * rng.gamma(4.0, _ORDER_JPY / 4, len(lines)), 100).round()
    cancelled = (rng.random(len(customer)) < CANCELLED_RATE)[lines]
    seen = clock.holds(orders.day)[lines]
    lines, products, amount, cancelled = (
        lines[seen],
        orders.line_product[seen],
        amount[seen].astype(np.int64),
        cancelled[seen],
    )
    who, subscribes = customer[lines], (people.kind == SUBSCRIBER)[customer[lines]]
    days = clock.first_day_of_epoch + orders.day[lines]
    return ORDER_LINES.from_columns(
        {
            "order_id": pa.array(_ids("O", lines, 8)),
            "line_no": np.arange(len(lines)) - np.searchsorted(lines, lines) + 1,
            "customer_id": pa.array(_ids("C", who, 7)),
            "ordered_at": pa.array(days.astype("datetime64[D]").astype("datetime64[s]")),
            "shipped_on": _dates(days),
            "status": pa.array(np.where(cancelled, "cancelled", "shipped").astype(object)),
            "order_kind": pa.array(np.where(subscribes, "subscription", "one_off").astype(object)),
            "subscription_id": _named(_ids("T", who, 7), subscribes),
            "cycle_no": pa.array(number[lines], mask=~subscribes),
            "course": _named(np.full(len(who), "毎月コース"), subscribes),
            "product_id": pa.array(_ids("P", products + 1, 2)),
            "quantity": np.ones(len(lines), dtype=np.int64),
            "unit_price_jpy": amount.astype(np.float64),
            "discount_jpy": np.zeros(len(lines), dtype=np.int64),
            "shipping_fee_jpy": np.zeros(len(lines), dtype=np.int64),
            "media_id": _named(_medium_of(people, clock)[who], number[lines] == 1),
            "cancelled_on": pa.array(days.astype(np.int32), pa.int32(), mask=~cancelled).cast(pa.date32()),
            "ordered_jpy": amount,
            "sales_jpy": np.where(cancelled, 0, amount),
        }
    )


def _customers(rng: np.random.Generator, people: People, seen: Whole, clock: Clock) -> pa.Table:
    """CUSTOMERS with an order in the data; the old ones registered before it. Ranks come with the segments."""
    return CUSTOMERS.from_columns(
        {
            "customer_id": pa.array(_ids("C", seen, 7)),
            "birth_year": rng.integers(1935, 2000, len(seen)),
            "sex": pa.array(np.array(["女", "男"], dtype=object)[rng.integers(0, 2, len(seen))]),
            "prefecture": pa.array(np.array(_PREFECTURES, dtype=object)[rng.integers(0, 8, len(seen))]),
            "registered_on": _dates(clock.first_day_of_epoch + people.day[seen]),
            "first_media_id": _named(_medium_of(people, clock)[seen], people.day[seen] >= 0),
        }
    )


def _products() -> pa.Table:
    names = [f"P{number:02d}" for number in range(1, len(POPULARITY) + 1)]
    return PRODUCTS.from_columns(
        {
            "product_id": names,
            "product_name": names,
            "category": [GROUPS[group] for group in GROUP_OF_PRODUCT],
            "brand": [f"B{group // 2}" for group in GROUP_OF_PRODUCT],
            "supply_days": [CYCLE_DAYS] * len(names),
            "is_trial": [False] * len(names),
            "is_gift": [False] * len(names),
        }
    )


def _media(customers: int, clock: Clock) -> pa.Table:
    """A placement per channel and year, each at the same cost per expected customer."""
    years = max(clock.months // 12, 1)
    rows = [(year, channel) for year in range(years) for channel in CHANNELS]
    cost_jpy = round(customers / len(rows)) * _COST_PER_CUSTOMER_JPY
    return MEDIA.from_columns(
        {
            "media_id": [f"M{number:03d}" for number in range(len(rows))],
            "media_name": [f"{channel} {year + 1}年目" for year, channel in rows],
            "channel": [channel for _, channel in rows],
            "started_on": [clock.first_month.plus(12 * year).first_day for year, _ in rows],
            "ended_on": [clock.first_month.plus(12 * year + 11).last_day for year, _ in rows],
            "cost_jpy": [cost_jpy] * len(rows),
        }
    )


def _events(people: People, orders: Orders, seen: Whole, clock: Clock) -> pa.Table:
    """A start with the first delivery, a stop ten days after the last one that no other follows."""
    customer, day = orders.customer, orders.day
    chosen = (people.kind == SUBSCRIBER)[customer] & np.isin(customer, seen)
    last = np.full(len(people.day), -BEFORE_DAYS, dtype=np.int64)
    np.maximum.at(last, customer[chosen], day[chosen])
    who = np.unique(customer[chosen])
    stops = last[who] + 10
    whole, on = np.concatenate([who, who]), np.concatenate([people.day[who], stops])
    kind = np.array(["start"] * len(who) + ["stop"] * len(who), dtype=object)
    known = on < clock.days
    return SUBSCRIPTION_EVENTS.from_columns(
        {
            "subscription_id": pa.array(_ids("T", whole, 7)[known]),
            "event": pa.array(kind[known]),
            "occurred_on": _dates(clock.first_day_of_epoch + on[known]),
            "reason_code": _named(np.full(int(known.sum()), "price"), kind[known] == "stop"),
        }
    )
