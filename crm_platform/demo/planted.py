"""What was planted, and how large it came out in the drawn data: for those who look for it in the deliveries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from crm_platform.demo.arrivals import Arrivals, in_broken_cohort, in_declined_group, is_declining
from crm_platform.demo.calendar import Calendar
from crm_platform.demo.contracts import NEVER, STOP, ContractHistory, Contracts
from crm_platform.demo.draws import Flags, Whole
from crm_platform.demo.house import (
    BROKEN_COHORT_FACTOR,
    BROKEN_COHORT_FROM_MONTHS,
    BROKEN_COHORT_MONTHS,
    CANCELLED_RATE,
    DECLINED_FACTOR,
    DECLINED_FROM_MONTHS,
    DECLINED_SEX,
    DECLINED_STOP_FACTOR,
    FALLING_CATEGORY,
    LAPSE_POINT_HAZARD,
    LAPSE_POINT_ORDER,
    PLANTED_PAIR,
    PRODUCTS,
    RETURNED_RATE,
    RISING_CATEGORY,
    SEASON,
    STOP_HAZARD,
)
from crm_platform.demo.masters import CLIENT_RANKS, RANK_BLIND_TO
from crm_platform.demo.placements import WORST_CHANNEL, Medium

_SECOND_WITHIN_DAYS = 180
_RECENT_DAYS = 182
_YEAR_MONTHS = 12


@dataclass(frozen=True)
class Drawn:
    """The drawn house, as the sizes of its plants are counted."""

    tables: Mapping[str, pa.Table]
    arrivals: Arrivals
    contracts: Contracts
    history: ContractHistory
    media: list[Medium]
    calendar: Calendar


def planted_facts(drawn: Drawn) -> dict[str, Any]:
    """Every plant with its numbers; counts, rates and yen are those of the drawn order lines as known on the last day.

    A repeat rate is the share of customers who bought on a second day within 180 days of their arrival, of those who
    arrived at least as long before the last day; None where nobody did.
    """
    return {
        "stop_hazard_after_delivery": [float(hazard) for hazard in STOP_HAZARD],
        "season_index_by_month": [float(index) for index in SEASON],
        "cancelled_order_rate": CANCELLED_RATE,
        "returned_order_rate": RETURNED_RATE,
        "products_bought_together": [PRODUCTS[position].product_id for position in PLANTED_PAIR],
        "pair": _pair(drawn.tables["order_lines"]),
        "lapse_point": _lapse_point(drawn),
        "client_rank": _client_rank(drawn),
        "series": _series(drawn),
        **_groups_of_arrivals(drawn),
    }


def _pair(lines: pa.Table) -> dict[str, Any]:
    """Standing orders with each product of the pair and with both."""
    first, second = (PRODUCTS[position].product_id for position in PLANTED_PAIR)
    standing = lines.filter(pc.greater(lines["sales_jpy"], 0))
    holders = [standing.filter(pc.equal(standing["product_id"], name))["order_id"].unique() for name in (first, second)]
    both = pc.sum(pc.is_in(holders[0], holders[1])).as_py() or 0
    return {"first_orders": len(holders[0]), "second_orders": len(holders[1]), "orders_of_both": both}


def _lapse_point(drawn: Drawn) -> dict[str, Any]:
    """Subscribers who had their n-th order by subscription, and who stopped after it, around the lapse point."""
    before, deliveries, events = drawn.contracts.orders_before, drawn.history.deliveries, drawn.history.events
    order_no = deliveries.number + before[deliveries.contract]
    stop = events.event == STOP
    stopped_after = (events.after_delivery + before[events.contract])[stop]
    orders = range(1, 2 * LAPSE_POINT_ORDER)
    reached, stopped = ([int((values == n).sum()) for n in orders] for values in (order_no, stopped_after))
    return {
        "order": LAPSE_POINT_ORDER,
        "hazard": LAPSE_POINT_HAZARD,
        "subscribers_by_order": reached,
        "stopped_by_order": stopped,
    }


def _client_rank(drawn: Drawn) -> dict[str, Any]:
    """The tenth who bought most in the last six months, and how many of them the house ranks C or D."""
    customers, lines = drawn.tables["customers"], drawn.tables["order_lines"]
    is_recent = _days_of(lines, drawn.calendar) > drawn.calendar.last_day - _RECENT_DAYS
    sales_jpy = np.zeros(customers.num_rows, dtype=np.int64)
    np.add.at(sales_jpy, _customer_of(lines, customers)[is_recent], np.asarray(lines["sales_jpy"])[is_recent])
    best = np.argsort(-sales_jpy, kind="stable")[: max(customers.num_rows // 10, 1)]
    ranks = np.asarray(customers["client_rank"].to_pandas())[best]
    missed = best[np.isin(ranks, CLIENT_RANKS[:2])]
    return {
        "blind_to": RANK_BLIND_TO,
        "best_customers": len(best),
        "best_sales_6m_jpy": int(sales_jpy[best].sum()),
        "missed_customers": len(missed),
        "missed_sales_6m_jpy": int(sales_jpy[missed].sum()),
    }


def _series(drawn: Drawn) -> dict[str, Any]:
    """売上 of the rising and of the falling product group in each year of the demo, the last one maybe not whole."""
    lines, calendar = drawn.tables["order_lines"], drawn.calendar
    names = pa.array([product.product_id for product in PRODUCTS])
    position = np.asarray(pc.index_in(lines["product_id"], names))
    months = [calendar.day_of(calendar.first_month.plus(n)) for n in range(0, calendar.months, _YEAR_MONTHS)]
    year = np.searchsorted(months, _days_of(lines, calendar), side="right") - 1
    sales_jpy = np.asarray(lines["sales_jpy"])
    found = {}
    for name, category in (("rising", RISING_CATEGORY), ("falling", FALLING_CATEGORY)):
        inside = np.array([product.category == category for product in PRODUCTS])[position]
        yearly = [int(sales_jpy[inside & (year == number)].sum()) for number in range(len(months))]
        found[name] = {"category": category, "sales_jpy_by_year": yearly}
    return found


def _groups_of_arrivals(drawn: Drawn) -> dict[str, Any]:
    """The declined group, the worst channel and the broken cohort: size, and repeat rate beside all others'."""
    arrivals, calendar = drawn.arrivals, drawn.calendar
    first_month = calendar.first_month
    channel = np.array([medium.channel for medium in drawn.media])[arrivals.medium]
    worst = channel == WORST_CHANNEL
    declined = in_declined_group(arrivals.day, arrivals.sex, calendar)
    before = is_declining(arrivals.sex) & ~declined
    broken = in_broken_cohort(arrivals.day, calendar)
    repeats = _repeated(drawn)
    mature = arrivals.day <= calendar.last_day - _SECOND_WITHIN_DAYS

    def sized(group: Flags, others: Flags, others_name: str) -> dict[str, Any]:
        return {
            "customers": int(group.sum()),
            "repeat_rate": _rate(repeats[group & mature]),
            f"repeat_rate_{others_name}": _rate(repeats[others & mature]),
        }

    return {
        "declined_group": {
            "sex": DECLINED_SEX,
            "from_month": str(first_month.plus(DECLINED_FROM_MONTHS)),
            "quality_factor": DECLINED_FACTOR,
            "stop_hazard_factor": DECLINED_STOP_FACTOR,
            **sized(declined, before, "before"),
        },
        "worst_channel": {"channel": WORST_CHANNEL, **sized(worst, ~worst, "others")},
        "broken_cohort": {
            "first_month": str(first_month.plus(BROKEN_COHORT_FROM_MONTHS)),
            "last_month": str(first_month.plus(BROKEN_COHORT_FROM_MONTHS + BROKEN_COHORT_MONTHS - 1)),
            "quality_factor": BROKEN_COHORT_FACTOR,
            **sized(broken, ~broken, "others"),
        },
    }


def _repeated(drawn: Drawn) -> Flags:
    """Whether each customer bought on a second day within 180 days of the arrival."""
    customers, lines = drawn.tables["customers"], drawn.tables["order_lines"]
    bought = np.asarray(lines["sales_jpy"]) > 0
    length = drawn.calendar.last_day + 1
    keys = np.unique(_customer_of(lines, customers)[bought] * length + _days_of(lines, drawn.calendar)[bought])
    customer, day = keys // length, keys % length
    second = np.full(customers.num_rows, NEVER, dtype=np.int64)
    again = np.flatnonzero(customer[1:] == customer[:-1]) + 1
    np.minimum.at(second, customer[again], day[again])
    return np.asarray(second <= drawn.arrivals.day + _SECOND_WITHIN_DAYS, dtype=np.bool_)


def _customer_of(lines: pa.Table, customers: pa.Table) -> Whole:
    return np.asarray(pc.index_in(lines["customer_id"], customers["customer_id"])).astype(np.int64)


def _days_of(lines: pa.Table, calendar: Calendar) -> Whole:
    days: Whole = np.asarray(lines["ordered_at"].cast(pa.date32()).cast(pa.int32())).astype(np.int64)
    return days - calendar.epoch_offset_days


def _rate(flags: Flags) -> float | None:
    return round(float(flags.mean()), 6) if len(flags) else None
