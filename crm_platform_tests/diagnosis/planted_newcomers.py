"""Inputs for the questions on new customers, straight from planted orders: the columns that they read and no more.

A tenth of the cost of `planted_inputs`, whose every table is made by its own chapter.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import ibis
import pandas as pd
import pyarrow as pa

from crm_platform.clients import Client
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.periods import Month, months_between
from crm_platform_tests.diagnosis.planted import Order

AMOUNT_THRESHOLD_JPY = 70_000


def newcomer_inputs(
    orders: Sequence[Order],
    as_of: dt.date,
    *,
    first_month: Month,
    media: Mapping[str, tuple[str, int]] | None = None,
    products: Mapping[str, tuple[str, bool]] | None = None,
    running: Collection[str] = (),
) -> DiagnosisInputs:
    """Inputs as known at `as_of`; `media` gives channel and cost, `products` gives group and whether a trial size.

    The placements of the media in `running` end the day after `as_of`; the others have no last day.
    """
    frame = pd.DataFrame([vars(order) for order in orders]).sort_values(["customer", "day"], kind="stable")
    frame["subscribed"] = (frame["kind"] == "subscription").astype("int64")
    days = frame.groupby(["customer", "day"]).agg(jpy=("jpy", "sum"), subscribed=("subscribed", "sum"))
    months, history = _customer_months(days.reset_index()), _history(days.reset_index(), frame)
    month = Month.of(as_of)
    nothing = ibis.memtable(pa.table({"customer_id": pa.array([], pa.string())}))
    return DiagnosisInputs(
        client=Client("planted", "試験商店"),
        month=month,
        as_of=as_of,
        months=months_between(first_month, month),
        customer_months=months,
        customer_product_months=nothing,
        product_months=nothing,
        media_months=nothing,
        products=_products(products or {"P1": ("茶", False)}),
        media=_media(media or {}, {name: as_of + dt.timedelta(1) for name in running}),
        history=history,
        forecasts=nothing,
        segments=nothing,
        cpm_classes=ibis.memtable(pa.table({"amount_threshold_jpy": [AMOUNT_THRESHOLD_JPY]})),
        lapse_alerts=nothing,
        test_groups=nothing,
    )


def _customer_months(days: pd.DataFrame) -> ibis.Table:
    days["month"] = [day.replace(day=1) for day in days["day"]]
    sums = days.groupby(["customer", "month"], as_index=False).agg(
        purchase_days=("day", "size"),
        sales_jpy=("jpy", "sum"),
        subscription_orders=("subscribed", "sum"),
        last_purchased_on=("day", "max"),
    )
    return _table(sums.rename(columns={"customer": "customer_id"}))


def _history(days: pd.DataFrame, orders: pd.DataFrame) -> ibis.Table:
    of_customer = days.groupby("customer")
    found = of_customer.agg(
        first_purchased_on=("day", "min"),
        last_purchased_on=("day", "max"),
        purchase_days=("day", "size"),
        sales_jpy=("jpy", "sum"),
        subscription_orders=("subscribed", "sum"),
    )
    found["registered_on"] = found["first_purchased_on"]
    found["second_purchased_on"] = of_customer["day"].nth(1).set_axis(of_customer.nth(1)["customer"])
    firsts = orders.groupby("customer").first()
    found["first_product_id"], found["first_order_kind"] = firsts["product"], firsts["kind"]
    found["first_media_id"] = firsts["medium"]
    return _table(found.reset_index(names="customer_id"))


def _table(frame: pd.DataFrame) -> ibis.Table:
    columns: dict[str, Any] = {}
    for name in frame.columns:
        values = [None if pd.isna(value) else value for value in frame[name].tolist()]
        is_day = name.endswith("_on") or name == "month"
        kind = pa.date32() if is_day else pa.int64() if frame[name].dtype.kind == "i" else pa.string()
        columns[name] = pa.array(values, kind)
    return ibis.memtable(pa.table(columns))


def _media(media: Mapping[str, tuple[str, int]], ended_on: Mapping[str, dt.date]) -> ibis.Table:
    return ibis.memtable(
        pa.table(
            {
                "media_id": pa.array(list(media), pa.string()),
                "media_name": pa.array(list(media), pa.string()),
                "channel": pa.array([channel for channel, _ in media.values()], pa.string()),
                "started_on": pa.array([None] * len(media), pa.date32()),
                "ended_on": pa.array([ended_on.get(name) for name in media], pa.date32()),
                "cost_jpy": pa.array([cost for _, cost in media.values()], pa.int64()),
            }
        )
    )


def _products(products: Mapping[str, tuple[str, bool]]) -> ibis.Table:
    return ibis.memtable(
        pa.table(
            {
                "product_id": list(products),
                "product_name": list(products),
                "category": [group for group, _ in products.values()],
                "is_trial": [is_trial for _, is_trial in products.values()],
                "is_gift": [False] * len(products),
            }
        )
    )
