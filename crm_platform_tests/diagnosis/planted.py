"""Diagnosis inputs from a handful of planted orders, made by the chapters that make them for a client."""

from __future__ import annotations

import copy
import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa

from crm_platform import facts
from crm_platform.alerts import design_test, track_record
from crm_platform.clients import Client, Settings
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.periods import Month, months_between
from crm_platform.segments.buyer_kinds import buyer_kinds
from crm_platform.segments.cpm import assign_cpm_classes
from crm_platform.segments.former import ClientRanks, FormerBook, former_segments
from crm_platform.segments.value_classes import assign_segments, issue_book
from crm_platform.tables.alerts import LAPSE_ALERTS
from crm_platform.tables.analyses import CUSTOMER_HISTORY, FORECASTS
from crm_platform.tables.delivered import CUSTOMERS, MEDIA, ORDER_LINES, PRODUCTS
from crm_platform_tests.diagnosis.planted_facts import planted_facts, planted_history


@dataclass(frozen=True)
class Order:
    """One order of one line."""

    customer: str
    day: dt.date
    jpy: int = 1000
    product: str = "P1"
    kind: str = "one_off"
    medium: str | None = None
    status: str = "shipped"


def planted_inputs(
    orders: Sequence[Order],
    as_of: dt.date,
    *,
    first_month: Month | None = None,
    products: Mapping[str, str | None] | None = None,
    media: Mapping[str, tuple[str, int]] | None = None,
    registered: Mapping[str, dt.date] | None = None,
    alerts: bool = False,
    backtest: Mapping[str, Any] | None = None,
    ranks: bool = False,
) -> DiagnosisInputs:
    """Inputs as known at `as_of`; `products` gives names' groups, `media` gives channel and cost per medium.

    With `ranks` the client ranks its customers by their sales so far, and the segments of six months ago are known.
    """
    first = first_month or Month.of(min(order.day for order in orders))
    month = Month.of(as_of)
    past = planted_facts(
        _order_lines(orders),
        "customer_days",
        "customer_months",
        "customer_product_months",
        "product_months",
        "media_months",
    )
    master = _customers(orders, registered or {})
    history = planted_history(past["customer_months"].to_pyarrow(), master, month, as_of).to_pandas()
    forecasts = FORECASTS.from_pandas(simple_forecasts(history))
    client = Client("planted", "試験商店")
    segments = assign_segments(
        issue_book(forecasts, as_of, client.settings.value_classes), forecasts, buyer_kinds(history)
    )
    alerted = simple_alerts(history) if alerts else LAPSE_ALERTS.empty()
    groups = design_test(
        alerted.to_pandas(),
        segments.to_pandas(),
        campaign_id=f"alert-{month}",
        seed=1,
        channels=client.alert_channels,
    )
    return DiagnosisInputs(
        client=client,
        month=month,
        as_of=as_of,
        months=months_between(first, month),
        **past,
        products=ibis.memtable(_products(orders, products or {})),
        media=ibis.memtable(_media(media or {})),
        history=ibis.memtable(CUSTOMER_HISTORY.from_pandas(history)),
        forecasts=ibis.memtable(forecasts),
        segments=ibis.memtable(segments),
        cpm_classes=ibis.memtable(assign_cpm_classes(history, client.settings)),
        lapse_alerts=ibis.memtable(alerted),
        test_groups=ibis.memtable(groups),
        backtest=backtest,
        **(_looked_back(past["customer_months"], master, history, forecasts, month) if ranks else {}),
    )


def random_orders(customers: int, months: int, seed: int, *, shrinking: bool = False) -> list[Order]:
    """Customers who arrive from 2020-01 on and buy at their own pace until they stop; or the mirror of it in time."""
    random = np.random.default_rng(seed)
    first, days = dt.date(2020, 1, 1), (Month(2020, 1).plus(months).first_day - dt.date(2020, 1, 1)).days
    orders = []
    for number in range(customers):
        start = float(days * np.sqrt(random.uniform(0, 1)))
        pace_days, life_days = random.gamma(2.0, 30.0) + 5, random.exponential(200)
        name, kind = f"C{number:05d}", "subscription" if random.uniform() < 0.4 else "one_off"
        value = int(random.lognormal(8, 0.8)) + 100
        moments = [start]
        while moments[-1] - start < life_days:
            moments.append(moments[-1] + random.exponential(pace_days) + 1)
        for moment in moments:
            if moment < days:
                at = days - 1 - int(moment) if shrinking else int(moment)
                product = f"P{1 + int(random.integers(0, 4))}"
                jpy = value if random.uniform() < 0.7 else value * 2
                status = "cancelled" if random.uniform() < 0.02 else "shipped"
                orders.append(Order(name, first + dt.timedelta(at), jpy, product, kind, f"M{number % 3}", status))
    return orders


def _looked_back(
    months: ibis.Table, master: pa.Table, history: pd.DataFrame, forecasts: Any, month: Month
) -> dict[str, ibis.Table]:
    """The client's own ranks, and the book that would have been issued six months ago beside today's."""
    half = pd.qcut(history["sales_jpy"].rank(method="first"), 2, labels=["B", "A"]).astype(str)
    customers = CUSTOMERS.from_columns({"customer_id": history["customer_id"], "client_rank": half})
    then = month.plus(-6)
    known = planted_history(months.to_pyarrow(), master, then, then.last_day).to_pandas()
    since = months.filter(months.month > then.first_day).group_by("customer_id").agg(sales=lambda t: t.sales_jpy.sum())
    former = former_segments(
        FormerBook(issue_book(FORECASTS.from_pandas(simple_forecasts(known)), then.last_day, 10), was_issued=False),
        known,
        history,
        forecasts,
        since.to_pandas().set_index("customer_id")["sales"],
        ClientRanks.delivered([customers], are_of_then=False),
    )
    return {"customers": ibis.memtable(customers), "former_segments": ibis.memtable(former)}


def _order_lines(orders: Sequence[Order]) -> Any:
    stands = [order.status in ("ordered", "shipped") for order in orders]
    return ORDER_LINES.from_pandas(
        pd.DataFrame(
            {
                "order_id": [f"O{number:06d}" for number in range(len(orders))],
                "line_no": 1,
                "customer_id": [order.customer for order in orders],
                "ordered_at": pd.to_datetime([order.day for order in orders]),
                "shipped_on": [order.day for order in orders],
                "status": [order.status for order in orders],
                "order_kind": [order.kind for order in orders],
                "subscription_id": None,
                "cycle_no": pd.array([None] * len(orders), "Int64"),
                "course": None,
                "product_id": [order.product for order in orders],
                "quantity": 1,
                "unit_price_jpy": [float(order.jpy) for order in orders],
                "discount_jpy": 0,
                "shipping_fee_jpy": 0,
                "media_id": [order.medium for order in orders],
                "cancelled_on": None,
                "ordered_jpy": [order.jpy for order in orders],
                "sales_jpy": [order.jpy if stand else 0 for order, stand in zip(orders, stands, strict=True)],
            }
        )
    )


def _customers(orders: Sequence[Order], registered: Mapping[str, dt.date]) -> Any:
    firsts: dict[str, dt.date] = {}
    for order in orders:
        firsts[order.customer] = min(order.day, firsts.get(order.customer, order.day))
    firsts |= registered
    return CUSTOMERS.from_columns({"customer_id": list(firsts), "registered_on": list(firsts.values())})


def _products(orders: Sequence[Order], groups: Mapping[str, str | None]) -> Any:
    names = sorted({order.product for order in orders})
    return PRODUCTS.from_columns(
        {"product_id": names, "product_name": names, "category": [groups.get(name) for name in names]}
    )


def _media(media: Mapping[str, tuple[str, int]]) -> Any:
    if not media:
        return MEDIA.empty()
    channels, costs = zip(*media.values(), strict=True)
    return MEDIA.from_columns({"media_id": list(media), "channel": list(channels), "cost_jpy": list(costs)})


def simple_forecasts(history: pd.DataFrame) -> pd.DataFrame:
    """A simple forecast: the last year's pace, faded by the gap. What it foresees is not what these tests ask."""
    rate = 1 - np.exp(-history["purchase_days"] / (1 + history["gap_days"] / 30.0))
    power = history["ordered_jpy"] / history["orders"].clip(lower=1)
    return pd.DataFrame(
        {
            "customer_id": history["customer_id"],
            "p_active": rate,
            "expected_orders": rate * 2,
            "expected_sales_jpy": rate * power * 2,
            "expected_subscription_sales_jpy": 0.0,
            "expected_one_off_sales_jpy": rate * power * 2,
            "sales_p10_jpy": 0.0,
            "sales_p90_jpy": rate * power * 5,
            "retention_power_rate": rate,
            "purchasing_power_jpy": power * 2.0,
            "profitability_jpy": rate * power * 2,
            "expected_profit_jpy": np.nan,
            "lapse_risk": 1 - rate,
            "fallen_sales_jpy": rate * power * 0.2,
        }
    )


def simple_alerts(history: pd.DataFrame) -> Any:
    good = history[history["sales_6m_jpy"] > 0].nlargest(40, "sales_6m_jpy", keep="all")
    rows = pd.DataFrame(
        {
            "customer_id": good["customer_id"],
            "lapse_risk": 0.5,
            "gap_days": good["gap_days"],
            "cycle_days": good["cycle_days"].fillna(60.0),
            "days_beyond_cycle": 1.0,
            "sales_6m_jpy": good["sales_6m_jpy"],
            "fallen_sales_jpy": good["sales_6m_jpy"] * 0.2,
            "expected_sales_jpy": good["sales_6m_jpy"] * 0.5,
            "expected_profit_jpy": np.nan,
            "expected_loss_jpy": good["sales_6m_jpy"] * 0.5,
            "falls_on": None,
            "reason": "falling_level",
        }
    )
    return LAPSE_ALERTS.from_pandas(rows)


def sound_backtest() -> dict[str, Any]:
    """What is told of two hundred customers, with figures that pass every test; a copy, to be changed."""
    return copy.deepcopy(_sound_backtest())


@cache
def _sound_backtest() -> dict[str, Any]:
    orders = random_orders(200, 24, seed=5)
    days = facts.customer_days(facts.described_lines(ibis.memtable(_order_lines(orders))))
    found = track_record(days, dt.date(2021, 12, 31), Settings(), 2)
    assert found is not None
    latest = found["origins"][0]
    ginis = {"ours": 0.8, "rfm": 0.7, "recency": 0.5, "past_sales": 0.75, "recent_level": 0.74}
    for name, gini in ginis.items():
        latest["methods"][name]["gini"] = gini
    latest.update(bias=0.95, class_inversions=0)
    return found
