"""A client made from a plain list of orders: real facts, hand-made subscriptions, a forecast that is given."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import ibis
import pandas as pd
import pyarrow as pa

from crm_platform import facts
from crm_platform.clients import Client
from crm_platform.clients.settings import Settings
from crm_platform.clients.two_track_settings import TwoTrackSettings
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.history import customer_history
from crm_platform.periods import Month, months_between
from crm_platform.tables import TABLES
from crm_platform.tables.analyses import CUSTOMER_HISTORY
from crm_platform.tables.delivered import CUSTOMERS, ORDER_LINES, PRODUCTS
from crm_platform.tables.subscriptions import KNOWN_SUBSCRIPTION_EVENTS
from crm_platform.two_track.business import BusinessCase, Past
from crm_platform.two_track.business.subscriber_year import Cell, SubscriberYear
from crm_platform.two_track.turns import turns_of

FIRST, AS_OF = Month(2021, 1), dt.date(2023, 12, 31)


@dataclass(frozen=True)
class Line:
    """An order of one line; a credit has `jpy` below 0."""

    customer: str
    day: dt.date
    kind: str
    jpy: int
    product: str = "P1"
    discount_jpy: int = 0


@dataclass(frozen=True)
class Contract:
    """A subscription."""

    customer: str
    started_on: dt.date
    stopped_on: dt.date | None = None
    product: str = "P1"
    media: str | None = None
    resumed_on: dt.date | None = None
    is_silent: bool = False  # nobody told of the stop: it is known after two missed cycles


def order_lines(lines: Sequence[Line]) -> pa.Table:
    """ORDER_LINES of the orders, each with a number of its own."""
    credits = [line.jpy < 0 for line in lines]
    return ORDER_LINES.from_columns(
        {
            "order_id": [f"O{n:06d}" for n in range(len(lines))],
            "line_no": [1] * len(lines),
            "customer_id": [line.customer for line in lines],
            "ordered_at": pa.array([dt.datetime.combine(line.day, dt.time(12)) for line in lines], pa.timestamp("s")),
            "status": ["returned" if credit else "shipped" for credit in credits],
            "order_kind": [line.kind for line in lines],
            "product_id": [line.product for line in lines],
            "quantity": [-1 if credit else 1 for credit in credits],
            "unit_price_jpy": [float(abs(line.jpy) + line.discount_jpy) for line in lines],
            "discount_jpy": [line.discount_jpy for line in lines],
            "ordered_jpy": [max(line.jpy, 0) for line in lines],
            "sales_jpy": [line.jpy for line in lines],
        }
    )


def facts_of(lines: pa.Table, *names: str) -> dict[str, ibis.Table]:
    """The named facts of ORDER_LINES."""
    described = facts.described_lines(ibis.memtable(lines))
    return {name: ibis.memtable(TABLES[name].cast(getattr(facts, name)(described).to_pyarrow())) for name in names}


def subscriptions_of(contracts: Sequence[Contract]) -> ibis.Table:
    """The columns of SUBSCRIPTIONS that the room reads."""
    columns: dict[str, Any] = {
        "subscription_id": [f"S{n:05d}" for n in range(len(contracts))],
        "customer_id": [each.customer for each in contracts],
        "product_id": [each.product for each in contracts],
        "media_id": pa.array([each.media for each in contracts], pa.string()),
        "started_on": pa.array([each.started_on for each in contracts], pa.date32()),
        "stopped_on": pa.array([None if each.resumed_on else each.stopped_on for each in contracts], pa.date32()),
        "state": ["stopped" if each.stopped_on and not each.resumed_on else "continuing" for each in contracts],
        "cycle_days": pa.array([30.0] * len(contracts), pa.float64()),
    }
    return ibis.memtable(pa.table(columns))


def turns(contracts: Sequence[Contract]) -> ibis.Table:
    """What happened to them, as `turns_of` reads it from stops and resumes."""
    told = [
        (n, number, each.customer, event, on, "derived" if each.is_silent and event == "stop" else "delivered")
        for n, each in enumerate(contracts)
        for number, event, on in ((2, "stop", each.stopped_on), (3, "resume", each.resumed_on))
        if on
    ]
    names = ("subscription_id", "event_no", "customer_id", "event", "occurred_on", "source")
    columns = dict(zip(names, zip(*told, strict=True), strict=True)) if told else dict.fromkeys(names, ())
    columns["subscription_id"] = tuple(f"S{n:05d}" for n in columns["subscription_id"])
    events = KNOWN_SUBSCRIPTION_EVENTS.from_columns({name: list(values) for name, values in columns.items()})
    return turns_of(subscriptions_of(contracts), ibis.memtable(events), AS_OF, 2)


def products_of(groups: Mapping[str, str]) -> ibis.Table:
    """PRODUCTS with a group each; nothing else is known of them."""
    columns = {"product_id": list(groups), "category": list(groups.values())}
    return ibis.memtable(PRODUCTS.from_columns(columns))


def media_of(channels: Mapping[str, str]) -> ibis.Table:
    """The columns of MEDIA that the room reads."""
    return ibis.memtable(
        pa.table(
            {
                "media_id": pa.array(list(channels), pa.string()),
                "channel": pa.array(list(channels.values()), pa.string()),
            }
        )
    )


def past_of(lines: Sequence[Line], contracts: Sequence[Contract]) -> Past:
    """What a year is counted from."""
    made = facts_of(order_lines(lines), "customer_months", "customer_days")
    return Past(
        made["customer_months"],
        made["customer_days"],
        subscriptions_of(contracts),
        turns(contracts),
        products_of({"P1": "茶", "P2": "青汁"}),
        media_of({"M1": "TV"}),
    )


def inputs_of(
    lines: Sequence[Line], first: Month = FIRST, *, with_history: bool = False, **given: Any
) -> DiagnosisInputs:
    """What the findings read of these orders; analyses that the room does not read are empty.

    Without `with_history` only the mean order value is known of the customers.
    """
    made = facts_of(order_lines(lines), "customer_months", "product_months")
    month, nothing = Month.of(AS_OF), ibis.memtable(pa.table({"customer_id": pa.array([], pa.string())}))
    known = pa.table({"sales_jpy": [sum(line.jpy for line in lines)], "purchase_days": [len(lines)]})
    if with_history:
        told = customer_history(made["customer_months"], ibis.memtable(CUSTOMERS.empty()), month, AS_OF)
        known = CUSTOMER_HISTORY.cast(told.to_pyarrow())
    names = ("customer_product_months", "media_months", "products", "media", "forecasts", "segments", "cpm_classes")
    return DiagnosisInputs(
        client=client_of(),
        month=month,
        as_of=AS_OF,
        months=months_between(first, month),
        history=ibis.memtable(known),
        lapse_alerts=nothing,
        test_groups=nothing,
        **made,
        **dict.fromkeys(names, nothing),
        **given,
    )


def client_of(least: int = 100, **two_track: Any) -> Client:
    """A client with so many least buyers and these `[two_track]` settings."""
    settings = Settings(two_track_least_buyers=least)
    return Client("own", "試験商店", settings=settings, two_track=TwoTrackSettings(**two_track))


def year_of(cells: Sequence[Cell], **said: Any) -> SubscriberYear:
    """A subscriber year of these cells: subscription sales ¥20,000,000, no one-off sales by others."""
    year = SubscriberYear(
        first_month="2023-01",
        last_month="2023-12",
        months=12,
        cells=tuple(cells),
        subscription_sales_jpy=20_000_000,
        one_off_sales_jpy=sum(cell.sales_jpy for cell in cells),
        one_off_sales_of_others_jpy=0,
        buyers_on_file=sum(cell.buyers for cell in cells),
        cycle_days=30.0,
        subscription_order_jpy=4_000.0,
    )
    return replace(year, **said)


def cells_of(state: str, counts: Sequence[tuple[int, int]], jpy: int = 5_000) -> list[Cell]:
    """A group per (subscribers, buyers), each buyer spending `jpy` in the year; as many subscribers today."""
    return [
        Cell(state, f"group {n:03d}", "TV", seen, bought, bought * jpy, float(bought) * jpy**2, seen)
        for n, (seen, bought) in enumerate(counts)
    ]


def stored(case: BusinessCase) -> Mapping[str, Any]:
    """A case as the lake gives it back."""
    found: Mapping[str, Any] = json.loads(json.dumps(case.to_json()))
    return found


def frame(table: ibis.Table | pa.Table) -> pd.DataFrame:
    """A table by customer."""
    rows = table if isinstance(table, pa.Table) else table.to_pyarrow()
    by_customer: pd.DataFrame = rows.to_pandas().set_index("customer_id").sort_index()
    return by_customer
