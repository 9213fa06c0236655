"""All orders in the order of time, with their fate: shipped, cancelled, returned."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from crm_platform.demo.arrivals import SUBSCRIPTION, TRIAL, Arrivals
from crm_platform.demo.buyers import WHOLESALE, Buyers
from crm_platform.demo.contracts import NEVER, ContractHistory, Contracts
from crm_platform.demo.draws import Flags, Real, Whole, pick, pick_per_row, stream
from crm_platform.demo.house import (
    CANCELLED_RATE,
    COURSES,
    FAMILY_MAIN,
    FAMILY_TRIAL,
    FIRST_DELIVERY_DISCOUNT_PERCENT,
    GIFT_SEASON_MONTHS,
    ONE_OFF_SHARE_ENDS,
    ONE_OFF_SHARES,
    POSITION,
    RETURNED_RATE,
)
from crm_platform.demo.one_off import OneOffHistory

ENTRY, DELIVERY, PURCHASE, BULK, REACTIVATED = range(5)  # where an order comes from
_MAIN_PRODUCT_SHARE = 0.6  # of one-off orders are for the family's main product
_HOURS = np.array([1, 0, 0, 0, 0, 1, 2, 4, 7, 10, 12, 11, 9, 8, 8, 7, 6, 6, 7, 9, 11, 12, 9, 4], dtype=np.float64)


@dataclass(frozen=True)
class Orders:
    """One element per order. Days count from the demo's first day; -1 where there is no contract or course.

    `shipped_on` is NEVER for a cancelled order; `cancelled_on` is the day of the cancellation or return, else NEVER.
    """

    customer: Whole
    day: Whole
    minute: Whole
    origin: Whole
    contract: Whole
    cycle_no: Whole
    course: Whole
    product: Whole
    quantity: Whole
    discount_percent: Whole
    shipped_on: Whole
    cancelled_on: Whole
    returned: Flags

    def __len__(self) -> int:
        return len(self.customer)


@dataclass(frozen=True)
class _Wishes:
    """Orders as the customers wish them: before time of day and fate."""

    customer: Whole
    day: Whole
    origin: Whole
    contract: Whole
    cycle_no: Whole
    course: Whole
    product: Whole
    quantity: Whole
    discount_percent: Whole


def place_orders(
    arrivals: Arrivals,
    buyers: Buyers,
    contracts: Contracts,
    history: ContractHistory,
    one_off: OneOffHistory,
    month_number: Whole,
    seed: int,
) -> Orders:
    """Every order of the demo, sorted by time."""
    rng = stream(seed, "orders")
    wishes = _joined(
        _entries(arrivals, buyers, rng),
        _deliveries(contracts, history),
        _purchases(arrivals, buyers, one_off, month_number, rng),
        _bulk(arrivals, one_off),
        _reactivated(arrivals, one_off),
    )
    minute = pick(rng, _HOURS, len(wishes.day)) * 60 + rng.integers(0, 60, len(wishes.day))
    order = np.lexsort((wishes.origin, wishes.customer, minute, wishes.day))
    sorted_wishes = {field.name: getattr(wishes, field.name)[order] for field in fields(wishes)}
    shipped_on, cancelled_on, returned = _fates(sorted_wishes["day"], stream(seed, "fates"))
    return Orders(
        **sorted_wishes, minute=minute[order], shipped_on=shipped_on, cancelled_on=cancelled_on, returned=returned
    )


def _fates(day: Whole, rng: np.random.Generator) -> tuple[Whole, Whole, Flags]:
    """Day of shipment, day of cancellation or return, and whether the order is returned."""
    chance = rng.random(len(day))
    cancelled = chance < CANCELLED_RATE
    returned = (chance >= CANCELLED_RATE) & (chance < CANCELLED_RATE + RETURNED_RATE)
    shipment = day + rng.integers(1, 5, len(day))
    back = np.where(returned, shipment + rng.integers(5, 31, len(day)), NEVER)
    cancelled_on = np.where(cancelled, day + rng.integers(0, 5, len(day)), back)
    return np.where(cancelled, NEVER, shipment), cancelled_on, returned


def _entries(arrivals: Arrivals, buyers: Buyers, rng: np.random.Generator) -> _Wishes:
    """The first order of everyone who does not enter by a subscription."""
    customer = np.flatnonzero(arrivals.entry != SUBSCRIPTION).astype(np.int64)
    trial = arrivals.entry[customer] == TRIAL
    family = arrivals.family[customer]
    units = 1 + rng.poisson(0.5 * arrivals.extra_units[customer])
    units = np.where(buyers.kind[customer] == WHOLESALE, rng.integers(10, 40, len(customer)), units)
    return _outside_contracts(
        customer,
        arrivals.day[customer],
        ENTRY,
        np.where(trial, FAMILY_TRIAL[family], FAMILY_MAIN[family]),
        np.where(trial, 1, units),
    )


def _deliveries(contracts: Contracts, history: ContractHistory) -> _Wishes:
    """The orders that contracts create: the first at half price, later ones at the course's discount."""
    deliveries = history.deliveries
    quantity = np.array([course.quantity for course in COURSES], dtype=np.int64)[deliveries.course]
    percent = np.array([course.discount_percent for course in COURSES], dtype=np.int64)[deliveries.course]
    return _Wishes(
        customer=contracts.customer[deliveries.contract],
        day=deliveries.day,
        origin=np.full_like(deliveries.day, DELIVERY),
        contract=deliveries.contract,
        cycle_no=deliveries.number,
        course=deliveries.course,
        product=contracts.product[deliveries.contract],
        quantity=quantity,
        discount_percent=np.where(deliveries.number == 1, FIRST_DELIVERY_DISCOUNT_PERCENT, percent),
    )


def _purchases(
    arrivals: Arrivals, buyers: Buyers, one_off: OneOffHistory, month_number: Whole, rng: np.random.Generator
) -> _Wishes:
    """One-off orders: mostly the family's main product, else another; gifts in the gift seasons."""
    customer, day = one_off.purchases.customer, one_off.purchases.day
    units = 1 + rng.poisson(arrivals.extra_units[customer])
    units = np.where(buyers.kind[customer] == WHOLESALE, rng.integers(5, 40, len(customer)), units)
    shares = one_off_shares(day, len(month_number))
    shares[np.isin(month_number[day], GIFT_SEASON_MONTHS), POSITION["GF-001"]] *= 8
    other = pick_per_row(rng, shares)
    main = rng.random(len(customer)) < _MAIN_PRODUCT_SHARE
    product = np.where(main, FAMILY_MAIN[arrivals.family[customer]], other)
    return _outside_contracts(customer, day, PURCHASE, product, units)


def one_off_shares(day: Whole, days: int) -> Real:
    """What one-off orders of each day hold beside the main product, a row per order: rising and falling products."""
    shares: Real = np.tile(ONE_OFF_SHARES, (len(day), 1))
    elapsed = day / max(days - 1, 1)
    for product, (first, last) in ONE_OFF_SHARE_ENDS.items():
        shares[:, product] = first ** (1 - elapsed) * last**elapsed
    return shares


def _bulk(arrivals: Arrivals, one_off: OneOffHistory) -> _Wishes:
    bulk = one_off.bulk
    product = FAMILY_MAIN[arrivals.family[bulk.customer]]
    return _outside_contracts(bulk.customer, bulk.day, BULK, product, bulk.quantity, bulk.discount_percent)


def _reactivated(arrivals: Arrivals, one_off: OneOffHistory) -> _Wishes:
    customer = one_off.reactivated.customer
    product = FAMILY_MAIN[arrivals.family[customer]]
    return _outside_contracts(customer, one_off.reactivated.day, REACTIVATED, product, np.ones_like(customer))


def _outside_contracts(
    customer: Whole, day: Whole, origin: int, product: Whole, quantity: Whole, percent: Whole | None = None
) -> _Wishes:
    none = np.full_like(customer, -1)
    return _Wishes(
        customer, day, np.full_like(customer, origin), none, none, none, product, quantity.astype(np.int64),
        np.zeros_like(customer) if percent is None else percent,
    )  # fmt: skip


def _joined(*parts: _Wishes) -> _Wishes:
    return _Wishes(*[np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(_Wishes)])
