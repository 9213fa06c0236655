"""What is known of the demo because it was planted: sums, kinds of buyer, lapses, events, costs, plants, faults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from crm_platform.demo.arrivals import Arrivals
from crm_platform.demo.buyers import KINDS, Buyers
from crm_platform.demo.calendar import Calendar
from crm_platform.demo.contracts import EVENTS, NEVER, Contracts, Events
from crm_platform.demo.draws import Real, Whole
from crm_platform.demo.faults import PlantedFault
from crm_platform.demo.house import COURSES, STOP_REASONS
from crm_platform.demo.one_off import OneOffHistory
from crm_platform.demo.order_lines import customer_ids, subscription_ids
from crm_platform.demo.placements import Medium


@dataclass(frozen=True)
class Truth:
    """The known truth of a demo.

    `months` and `order_kinds` are sums over the order lines as known on the last day (受注金額, 売上); `customers` has
    a row per customer with its known process; `subscription_events` a row per event with the delivery it followed.
    """

    months: pa.Table
    order_kinds: pa.Table
    customers: pa.Table
    subscription_events: pa.Table
    media_costs_jpy: Mapping[str, int | None]
    planted: Mapping[str, Any]
    faults: tuple[PlantedFault, ...]

    def to_json(self) -> dict[str, Any]:
        """The small part of the truth as plain JSON values: sums, counts, plants; no row of a customer."""
        return {
            "customers": self.customers.num_rows,
            "months": self.months.to_pylist(),
            "order_kinds": self.order_kinds.to_pylist(),
            "buyer_kinds": _counts(self.customers["buyer_kind"]),
            "subscription_events": _counts(self.subscription_events["event"]),
            "media_costs_jpy": dict(self.media_costs_jpy),
            "planted": dict(self.planted),
            "faults": [asdict(fault) for fault in self.faults],
        }


def sums_by(lines: pa.Table, keys: pa.Array | pa.ChunkedArray, name: str) -> pa.Table:
    """Orders, lines and yen per value of `keys` (one for each line), sorted by it, under the column `name`."""
    status = lines["status"]
    cancelled = pc.if_else(pc.equal(status, "cancelled"), lines["order_id"], None)
    returned = pc.if_else(pc.equal(status, "returned"), lines["order_id"], None)
    table = pa.table(
        {
            name: keys, "orders": lines["order_id"], "lines": lines["line_no"], "cancelled_orders": cancelled,
            "returned_orders": returned, "ordered_jpy": lines["ordered_jpy"], "sales_jpy": lines["sales_jpy"],
        }
    )  # fmt: skip
    distinct = pc.CountOptions(mode="only_valid")
    sums = table.group_by(name).aggregate(
        [
            ("orders", "count_distinct", distinct), ("lines", "count"),
            ("cancelled_orders", "count_distinct", distinct), ("returned_orders", "count_distinct", distinct),
            ("ordered_jpy", "sum"), ("sales_jpy", "sum"),
        ]
    )  # fmt: skip
    return sums.rename_columns(table.column_names).sort_by(name)


def months_of(lines: pa.Table) -> pa.ChunkedArray:
    """The month of each line's order, as `2025-06`."""
    return pc.strftime(lines["ordered_at"], "%Y-%m")


def customer_truth(
    arrivals: Arrivals, buyers: Buyers, one_off: OneOffHistory, media: list[Medium], calendar: Calendar
) -> pa.Table:
    """Per customer: kind of buyer, lapse (null while the known process runs), reactivation, rates, quality."""
    count = len(arrivals.day)
    reactivated_on = np.full(count, NEVER, dtype=np.int64)
    for purchases in (one_off.bulk, one_off.reactivated):
        late = purchases.day > one_off.lapsed_on[purchases.customer]
        np.minimum.at(reactivated_on, purchases.customer[late], purchases.day[late])
    return pa.table(
        {
            "customer_id": customer_ids(np.arange(count)),
            "buyer_kind": pa.array(np.array(KINDS, dtype=object)[buyers.kind], pa.string()),
            "first_ordered_on": _dates(arrivals.day, calendar),
            "lapsed_on": _dates(one_off.lapsed_on, calendar),
            "reactivated_on": _dates(reactivated_on, calendar),
            "one_off_rate_per_day": _present(buyers.one_off_rate),
            "dropout_rate_per_day": _present(buyers.dropout_rate),
            "own_interval_days": _present(buyers.own_interval_days),
            "quality": pa.array(arrivals.quality),
            "channel": pa.array([media[position].channel for position in arrivals.medium], pa.string()),
        }
    )


def event_truth(contracts: Contracts, events: Events, calendar: Calendar) -> pa.Table:
    """Per event of a subscription: what happened, when, from and to which course, why, after which delivery."""
    courses = np.array([course.name for course in COURSES] + [None], dtype=object)
    reasons = np.array([*STOP_REASONS, None], dtype=object)
    return pa.table(
        {
            "subscription_id": subscription_ids(events.contract),
            "customer_id": customer_ids(contracts.customer[events.contract]),
            "event": pa.array(np.array(EVENTS, dtype=object)[events.event], pa.string()),
            "occurred_on": _dates(events.day, calendar),
            "from_course": pa.array(courses[events.from_course], pa.string()),
            "to_course": pa.array(courses[events.to_course], pa.string()),
            "reason_code": pa.array(reasons[events.reason], pa.string()),
            "after_delivery_no": pa.array(events.after_delivery),
        }
    )


def _dates(day: Whole, calendar: Calendar) -> pa.Array:
    known = day <= calendar.last_day
    dates = (np.where(known, day, 0) + calendar.epoch_offset_days).astype("datetime64[D]")
    return pa.array(dates, pa.date32(), mask=~known)


def _present(values: Real) -> pa.Array:
    return pa.array(values, mask=values == 0)


def _counts(values: pa.ChunkedArray) -> dict[str, int]:
    return dict(sorted((row["values"], row["counts"]) for row in pc.value_counts(values.combine_chunks()).to_pylist()))
