"""Diagnosis inputs for questions that read months and histories only: the same chapters, fewer of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence

import ibis
from ibis import _

from crm_platform.clients import Client, Settings
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.periods import Month, months_between
from crm_platform.tables import TABLES
from crm_platform.tables.analyses import FORECASTS
from crm_platform_tests.diagnosis import planted
from crm_platform_tests.diagnosis.planted import Order
from crm_platform_tests.diagnosis.planted_facts import planted_facts, planted_history


def months_of(
    orders: Sequence[Order],
    as_of: dt.date,
    *,
    first_month: Month | None = None,
    products: Mapping[str, str | None] | None = None,
    media: Mapping[str, tuple[str, int]] | None = None,
    settings: Settings | None = None,
    more: Collection[str] = (),
) -> DiagnosisInputs:
    """Inputs with CUSTOMER_MONTHS, the history, a simple forecast, products and media; every other table is empty.

    `more` names the facts to be made besides.
    """
    first, month = first_month or Month.of(min(order.day for order in orders)), Month.of(as_of)
    past = planted_facts(planted._order_lines(orders), "customer_months", *more)
    master = planted._customers(orders, {})
    history = planted_history(past["customer_months"].to_pyarrow(), master, month, as_of)
    forecasts = FORECASTS.from_pandas(planted.simple_forecasts(history.to_pandas()))
    given = {
        **past,
        "customers": ibis.memtable(master),
        "history": ibis.memtable(history),
        "forecasts": ibis.memtable(forecasts),
        "products": ibis.memtable(planted._products(orders, products or {})),
        "media": ibis.memtable(planted._media(media or {})),
    }
    others = ("customer_product_months", "product_months", "media_months", "segments", "cpm_classes", "lapse_alerts")
    empty = {name: ibis.memtable(TABLES[name].empty()) for name in (*others, "test_groups") if name not in more}
    return DiagnosisInputs(
        client=Client("planted", "試験商店", settings=settings or Settings()),
        month=month,
        as_of=as_of,
        months=months_between(first, month),
        **given,
        **empty,
    )


def spent_each(house: DiagnosisInputs, people: ibis.Table, jpy: int) -> ibis.Table:
    """CUSTOMER_MONTHS in which each of `people` spent so much in the last month, and nobody anything before."""
    last = house.customer_months.filter(_.month == house.month.first_day).drop("customer_id", "sales_jpy").limit(1)
    return people.select("customer_id").cross_join(last).mutate(sales_jpy=ibis.literal(jpy, "int64"))
