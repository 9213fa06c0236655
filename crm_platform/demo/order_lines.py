"""Orders written out as lines: what else lies in the parcel, prices, discounts, shipping fee, states (取引明細)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from crm_platform.demo.arrivals import TRIAL, Arrivals
from crm_platform.demo.calendar import Calendar
from crm_platform.demo.contracts import Contracts
from crm_platform.demo.draws import Flags, Whole, pick, pick_per_row, stream
from crm_platform.demo.house import COURSES, PLANTED_PAIR, POSITION, PRICES_JPY, PRODUCTS
from crm_platform.demo.orders import BULK, DELIVERY, ENTRY, REACTIVATED, Orders, one_off_shares
from crm_platform.demo.placements import CRM_MEDIA, Medium
from crm_platform.tables import delivered

_COMPANION_RATE = 0.16
_PLANTED_PAIR_RATE = 0.55  # a one-off order of the first product of the pair also holds the second
_CROSS_SELL_FIRST_RATE, _CROSS_SELL_LATER_RATE = 0.15, 0.015  # 鉄は熱いうちに打て (R105)
_GIFT_EVERY_DELIVERIES = 6
_FREE_SHIPPING_FROM_JPY, _SHIPPING_FEE_JPY = 5000, 500
_LATER_MEDIA_SHARES = np.array([0.5, 0.2, 0.3])  # letter, mail, none named
_KIND_OF_ORIGIN = ("one_off", "subscription", "one_off", "bulk", "one_off")


@dataclass(frozen=True)
class _Lines:
    """One element per line: position of its order, place in the parcel, product, units, discount in per cent."""

    order: Whole
    place: Whole
    product: Whole
    quantity: Whole
    discount_percent: Whole


def write_lines(
    orders: Orders, arrivals: Arrivals, contracts: Contracts, media: list[Medium], calendar: Calendar, seed: int
) -> pa.Table:
    """The order lines as known on the last day, as table ORDER_LINES."""
    lines = _parcels(orders, arrivals, len(calendar.month_number), stream(seed, "parcels"))
    order, price = lines.order, PRICES_JPY[lines.product]
    discount = price * lines.quantity * lines.discount_percent // 100
    ordered = price * lines.quantity - discount
    status = order_status(orders.shipped_on, orders.cancelled_on, orders.returned, calendar.last_day)
    columns = {
        "order_id": _numbered("N", orders_width(len(orders)), order + 1),
        "line_no": lines.place,
        "customer_id": customer_ids(orders.customer[order]),
        "ordered_at": pa.array(_seconds(orders, calendar)[order].astype("datetime64[s]")),
        "shipped_on": _days(orders.shipped_on, calendar)[order],
        "status": status[order],
        "order_kind": np.array(_KIND_OF_ORIGIN, dtype=object)[orders.origin[order]],
        "subscription_id": _subscription_ids_or_none(orders.contract[order]),
        "cycle_no": pa.array(orders.cycle_no[order], mask=orders.cycle_no[order] < 0),
        "course": np.array([course.name for course in COURSES] + [None], dtype=object)[orders.course[order]],
        "product_id": np.array([product.product_id for product in PRODUCTS], dtype=object)[lines.product],
        "quantity": lines.quantity,
        "unit_price_jpy": price.astype(np.float64),
        "discount_jpy": discount,
        "shipping_fee_jpy": _shipping_fee(orders, order, lines.place, ordered),
        "media_id": _media_ids(orders, arrivals, contracts, media, stream(seed, "media"))[order],
        "cancelled_on": _days(orders.cancelled_on, calendar)[order],
        "ordered_jpy": ordered,
        "sales_jpy": np.where(np.isin(status, ("cancelled", "returned"))[order], 0, ordered),
    }
    arrays = {name: _arrow(values, delivered.ORDER_LINES[name].type) for name, values in columns.items()}
    return delivered.ORDER_LINES.from_columns(arrays)


def customer_ids(customer: Whole) -> pa.Array:
    """C0000001 for the first customer."""
    return _numbered("C", 7, customer + 1)


def subscription_ids(contract: Whole) -> pa.Array:
    """T0000001 for the first contract."""
    return _numbered("T", 7, contract + 1)


def orders_width(orders: int) -> int:
    """Digits of an order number: eight, more where there are more orders."""
    return max(8, len(str(orders)))


def order_status(shipped_on: Whole, cancelled_on: Whole, returned: Flags, known_on: int) -> np.ndarray:
    """The state of each order as known at the end of day `known_on`."""
    shipped = np.where(shipped_on <= known_on, "shipped", "ordered")
    withdrawn = np.where(returned, "returned", "cancelled")
    return np.where(cancelled_on <= known_on, withdrawn, shipped).astype(object)


def _parcels(orders: Orders, arrivals: Arrivals, days: int, rng: np.random.Generator) -> _Lines:
    """What lies in each parcel: the product ordered, at times a companion, at times a give-away."""
    position = np.arange(len(orders))
    companion, has_companion = _companions(orders, days, rng)
    has_gift = _has_gift(orders, arrivals)
    gift = np.where(orders.cycle_no == 1, POSITION["PR-001"], POSITION["PR-002"])
    one = np.ones_like(position)
    parts = [
        (position, 0 * position, orders.product, orders.quantity, orders.discount_percent),
        tuple(values[has_companion] for values in (position, one, companion, one, 0 * one)),
        tuple(values[has_gift] for values in (position, 2 * one, gift, one, 0 * one)),
    ]
    order, slot, product, quantity, percent = (np.concatenate(column) for column in zip(*parts, strict=True))
    by_order = np.lexsort((slot, order))
    order = order[by_order]
    place = np.arange(len(order)) - np.searchsorted(order, order) + 1
    return _Lines(order, place, product[by_order], quantity[by_order], percent[by_order])


def _companions(orders: Orders, days: int, rng: np.random.Generator) -> tuple[Whole, Flags]:
    """Another product for the same parcel, and whether it is taken."""
    first, second = PLANTED_PAIR
    one_off = ~np.isin(orders.origin, (DELIVERY, BULK))
    rate = np.where(one_off, _COMPANION_RATE, 0.0)
    rate[orders.origin == DELIVERY] = _CROSS_SELL_LATER_RATE
    rate[orders.cycle_no == 1] = _CROSS_SELL_FIRST_RATE
    pair = one_off & (orders.product == first)
    rate[pair] = _PLANTED_PAIR_RATE
    trial = np.isin(orders.product, [position for position, product in enumerate(PRODUCTS) if product.is_trial])
    rate[trial] = 0.0
    chosen = np.where(pair, second, orders.product)
    taking = rng.random(len(orders)) < rate
    others = np.flatnonzero(taking & ~pair)
    chosen[others] = pick_per_row(rng, one_off_shares(orders.day[others], days))
    return chosen, taking & (chosen != orders.product)


def _has_gift(orders: Orders, arrivals: Arrivals) -> Flags:
    """Give-aways (プレゼント): the first and every sixth delivery, and the trial order of every third customer."""
    delivery = (orders.origin == DELIVERY) & ((orders.cycle_no == 1) | (orders.cycle_no % _GIFT_EVERY_DELIVERIES == 0))
    trial = (orders.origin == ENTRY) & (arrivals.entry[orders.customer] == TRIAL) & (orders.customer % 3 == 0)
    return np.asarray(delivery | trial, dtype=np.bool_)


def _shipping_fee(orders: Orders, order: Whole, place: Whole, ordered_jpy: Whole) -> Whole:
    """The fee on the first line of a small order outside subscriptions."""
    amount = np.zeros(len(orders), dtype=np.int64)
    np.add.at(amount, order, ordered_jpy)
    charged = (amount[order] < _FREE_SHIPPING_FROM_JPY) & (orders.origin[order] != DELIVERY) & (place == 1)
    return np.where(charged, _SHIPPING_FEE_JPY, 0)


def _media_ids(
    orders: Orders, arrivals: Arrivals, contracts: Contracts, media: list[Medium], rng: np.random.Generator
) -> np.ndarray:
    """The medium of each order: the one that brought the customer, later the house's own media, else none."""
    own = np.array([medium.media_id for medium in media], dtype=object)[arrivals.medium[orders.customer]]
    letter, mail, revival = (media_id for media_id, _ in CRM_MEDIA)
    later = np.array([letter, mail, None], dtype=object)[pick(rng, _LATER_MEDIA_SHARES, len(orders))]
    later[orders.origin == REACTIVATED] = revival
    at_entry = orders.day == arrivals.day[orders.customer]
    if len(contracts.customer):
        entered_by_it = contracts.first_day == arrivals.day[contracts.customer]
        at_entry = at_entry | ((orders.contract >= 0) & entered_by_it[orders.contract])
    return np.where(at_entry, own, later)


def _numbered(prefix: str, width: int, number: Whole) -> pa.Array:
    digits = pc.utf8_lpad(pc.cast(pa.array(number), pa.string()), width, "0")
    return pc.binary_join_element_wise(prefix, digits, "")


def _subscription_ids_or_none(contract: Whole) -> pa.Array:
    return pc.if_else(pa.array(contract >= 0), subscription_ids(np.maximum(contract, 0)), None)


def _seconds(orders: Orders, calendar: Calendar) -> Whole:
    return (orders.day + calendar.epoch_offset_days) * 86_400 + orders.minute * 60


def _days(day: Whole, calendar: Calendar) -> np.ndarray:
    """Calendar days; NaT after the last day, which is not known yet."""
    known = day <= calendar.last_day
    shifted = np.where(known, day, 0) + calendar.epoch_offset_days
    return np.where(known, shifted.astype("datetime64[D]"), np.datetime64("NaT", "D"))


def _arrow(values: pa.Array | np.ndarray, wanted: pa.DataType) -> pa.Array:
    array = values if isinstance(values, (pa.Array, pa.ChunkedArray)) else pa.array(values, from_pandas=True)
    return array.cast(wanted)
