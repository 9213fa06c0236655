"""The made-up client as a whole: from the seed to the delivered tables and their truth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from crm_platform.demo.arrivals import arrive
from crm_platform.demo.buyers import contracts_of, decide
from crm_platform.demo.calendar import Calendar
from crm_platform.demo.contracts import run_contracts
from crm_platform.demo.drawn import Drawn
from crm_platform.demo.draws import stream
from crm_platform.demo.faults import planted_faults
from crm_platform.demo.masters import customer_master, media_master, product_master
from crm_platform.demo.one_off import buy_one_off
from crm_platform.demo.order_lines import write_lines
from crm_platform.demo.orders import place_orders
from crm_platform.demo.placements import placements, standing_media
from crm_platform.demo.planted import planted_facts
from crm_platform.demo.truth import Truth, customer_truth, event_truth, months_of, sums_by
from crm_platform.periods import Month
from crm_platform.refusals import Refused

FIRST_MONTH = Month(2020, 7)
MOST_CUSTOMERS = 9_999_999  # a customer number has seven digits
_EVENT_COLUMNS = ["subscription_id", "event", "occurred_on", "from_course", "to_course", "reason_code"]


@dataclass(frozen=True)
class Demo:
    """A made-up client.

    `tables` holds `products`, `customers`, `media` and `order_lines` as declared in `tables.delivered` (what intake
    should admit, as known on the last day), and `subscription_events` in the standard layout.
    """

    first_month: Month
    months: int
    seed: int
    faults: int
    tables: Mapping[str, pa.Table]
    truth: Truth

    @property
    def last_month(self) -> Month:
        """The last month with orders."""
        return self.first_month.plus(self.months - 1)


def make_demo(
    customers: int = 20_000,
    seed: int = 20200701,
    months: int = 60,
    first_month: Month = FIRST_MONTH,
    faults: int = 0,
    placed_by: int | None = None,
) -> Demo:
    """Make a client with `customers` customers who arrive in `months` months; the same arguments, the same client.

    The behaviour follows the seeds: F2 and lapse points (004:58-80), skip, switch and stop (000:57-62), term plans and
    regular buying without a contract (002:42-54, 002:131-151), bulk sales to those who stopped (000:41-43). `faults`
    bad rows are planted in the order lines of a full delivery. `placed_by` is the seed of the placements where it is
    another one: other customers of the same house. Raises Refused for sizes that cannot be.
    """
    _check(customers, seed, months, faults)
    calendar = Calendar(first_month, months)
    media = standing_media(calendar) + placements(calendar, seed if placed_by is None else placed_by)
    arrivals = arrive(customers, media, calendar, seed)
    buyers = decide(arrivals, seed)
    contracts = contracts_of(arrivals, buyers, calendar, seed)
    history = run_contracts(contracts, calendar.last_day, stream(seed, "deliveries"))
    one_off = buy_one_off(arrivals, buyers, contracts, history, calendar, seed)
    orders = place_orders(arrivals, buyers, contracts, history, one_off, calendar.month_number, seed)
    lines = write_lines(orders, arrivals, contracts, media, calendar, seed)
    known_customers = customer_truth(arrivals, buyers, one_off, media, calendar)
    events = event_truth(contracts, history.events, calendar)
    tables = {
        "products": product_master(),
        "customers": customer_master(arrivals, media, calendar, lines),
        "media": media_master(media, customers, calendar),
        "order_lines": lines,
        "subscription_events": events.select(_EVENT_COLUMNS),
    }
    planted = planted_facts(Drawn(tables, arrivals, contracts, history, media, calendar))
    truth = _truth(tables, known_customers, events, planted, faults)
    return Demo(first_month, months, seed, faults, tables, truth)


def _truth(
    tables: Mapping[str, pa.Table], customers: pa.Table, events: pa.Table, planted: Mapping[str, Any], faults: int
) -> Truth:
    lines, media = tables["order_lines"], tables["media"]
    return Truth(
        months=sums_by(lines, months_of(lines), "month"),
        order_kinds=sums_by(lines, lines["order_kind"], "order_kind"),
        customers=customers,
        subscription_events=events,
        media_costs_jpy=dict(zip(media["media_id"].to_pylist(), media["cost_jpy"].to_pylist(), strict=True)),
        planted=planted,
        faults=planted_faults("order_lines.tsv", lines.num_rows, faults),
    )


def _check(customers: int, seed: int, months: int, faults: int) -> None:
    """Refuse what cannot be made."""
    if not 1 <= customers <= MOST_CUSTOMERS:
        raise Refused(f"the demo cannot have {customers} customers.", f"Ask for 1 to {MOST_CUSTOMERS:,}.")
    for name, value, least in (("seed", seed, 0), ("number of months", months, 1), ("number of faults", faults, 0)):
        if value < least:
            raise Refused(f"the demo's {name} cannot be {value}.", f"Give {least} or more.")
