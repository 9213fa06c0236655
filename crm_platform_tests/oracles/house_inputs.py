"""What a diagnosis reads of a made-up client: real facts, history, segments and CPM, and a simple forecast."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa

from crm_platform import facts
from crm_platform.clients import Client
from crm_platform.diagnosis.dormant import Past, dormant_customers_of
from crm_platform.diagnosis.groundwork.cpm_amount import amount_threshold_jpy
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.history import customer_history
from crm_platform.history.subscriptions import regular_buyers_of
from crm_platform.periods import months_between
from crm_platform.segments.buyer_kinds import buyer_kinds
from crm_platform.segments.cpm import CpmThresholds, assign_cpm_classes
from crm_platform.segments.cpm_cross_sell import cross_sell
from crm_platform.segments.cpm_moves import cpm_moves
from crm_platform.segments.former import ClientRanks, FormerBook, former_segments
from crm_platform.segments.value_classes import assign_segments, issue_book, value_classes
from crm_platform.tables import TABLES, Table
from crm_platform.tables.alerts import LAPSE_ALERTS, TEST_GROUPS
from crm_platform.tables.analyses import CUSTOMER_HISTORY, FORECASTS
from crm_platform.tables.delivered import CONTACTS
from crm_platform_tests.diagnosis.planted import simple_forecasts
from crm_platform_tests.oracles.house_tables import House, draw_house
from crm_platform_tests.oracles.houses import LAST_MONTH
from crm_platform_tests.oracles.known_subscriptions import subscriptions_of

FACTS = ("customer_days", "customer_months", "customer_product_months", "product_months", "media_months")
_HALF_YEAR = 6
_RANKS = np.array(list("ABCDEFGHIJ"), dtype=object)  # one for each value class


def house(seed: int, customers: int = 5000, months: int = 60, **plants: Any) -> DiagnosisInputs:
    """What the second opinion reads of a client drawn by `draw_house`."""
    return inputs_of(draw_house(seed, customers, months, **plants))


def inputs_of(drawn: House) -> DiagnosisInputs:
    """Facts and analyses as the chapters make them; nobody is alerted, and the client ranks its customers itself."""
    client, month = Client("house", "試験商店"), LAST_MONTH
    past = facts_of(drawn)
    history, forecasts = _known_at(past, drawn, 0)
    segments = assign_segments(
        issue_book(forecasts, month.last_day, client.settings.value_classes), forecasts, buyer_kinds(history)
    )
    ranked, former = _looked_back(past, drawn, history, forecasts)
    tables = {
        "products": drawn.products,
        "media": drawn.media,
        "history": CUSTOMER_HISTORY.from_pandas(history),
        "forecasts": forecasts,
        "segments": segments,
        "cpm_classes": assign_cpm_classes(history, client.settings),
        "lapse_alerts": LAPSE_ALERTS.empty(),
        "test_groups": TEST_GROUPS.empty(),
        "customers": ranked,
        "former_segments": former,
        "subscription_events": drawn.subscription_events,
        "contacts": CONTACTS.empty(),
    }
    return DiagnosisInputs(
        client=client,
        month=month,
        as_of=month.last_day,
        months=months_between(drawn.clock.first_month, month),
        **past,
        **{name: ibis.memtable(table) for name, table in tables.items()},
    )


def whole_house(seed: int, customers: int = 5000, months: int = 60, **plants: Any) -> DiagnosisInputs:
    """The same with what only the portfolio reads."""
    drawn = draw_house(seed, customers, months, **plants)
    inputs = inputs_of(drawn)
    lines = facts.described_lines(ibis.memtable(drawn.order_lines))
    made = {name: ibis.memtable(table) for name, table in portfolio_tables(inputs).items()}
    made |= _subscriptions(drawn, lines)
    assert inputs.customer_days is not None
    regular = regular_buyers_of(inputs.customer_days, inputs.products, inputs.closed_months)
    return replace(inputs, **made, regular_buyers=ibis.memtable(regular))


def _subscriptions(drawn: House, lines: ibis.Table) -> dict[str, ibis.Table]:
    """KNOWN_SUBSCRIPTION_EVENTS and SUBSCRIPTIONS, as the platform's assets make them."""
    deliveries = _held(TABLES["subscription_deliveries"], facts.subscription_deliveries(lines))
    names = ("known_subscription_events", "subscriptions")
    made = subscriptions_of(deliveries, drawn.subscription_events, LAST_MONTH.last_day)
    return {name: ibis.memtable(rows) for name, rows in zip(names, made, strict=True)}


def portfolio_tables(inputs: DiagnosisInputs) -> dict[str, pa.Table]:
    """CPM_MOVES, CROSS_SELL and DORMANT_CUSTOMERS, as the platform's assets make them."""
    settings, months, history = inputs.client.settings, inputs.customer_months, inputs.history
    return {
        "cpm_moves": cpm_moves(
            months, history, inputs.months, inputs.as_of, CpmThresholds.of(settings, amount_threshold_jpy(inputs))
        ),
        "cross_sell": cross_sell(
            inputs.customer_product_months,
            months,
            inputs.products,
            history,
            inputs.cpm_classes,
            inputs.closed_months,
            settings,
        ),
        "dormant_customers": dormant_customers_of(
            Past.of(months, history, inputs.products, inputs.closed_months, settings)
        ),
    }


def facts_of(drawn: House) -> dict[str, ibis.Table]:
    """The sums by month over the order lines."""
    lines = facts.described_lines(ibis.memtable(drawn.order_lines))
    return {name: _held(TABLES[name], getattr(facts, name)(lines)) for name in FACTS}


def _held(table: Table, rows: ibis.Table) -> ibis.Table:
    return ibis.memtable(table.cast(rows.to_pyarrow()))


def _known_at(past: dict[str, ibis.Table], drawn: House, months_ago: int) -> tuple[pd.DataFrame, pa.Table]:
    """CUSTOMER_HISTORY and a simple forecast as known so many months before the end."""
    month = LAST_MONTH.plus(-months_ago)
    known = customer_history(past["customer_months"], ibis.memtable(drawn.customers), month, month.last_day)
    history = CUSTOMER_HISTORY.cast(known.to_pyarrow()).to_pandas()
    return history, FORECASTS.from_pandas(simple_forecasts(history))


def _looked_back(
    past: dict[str, ibis.Table], drawn: House, history: pd.DataFrame, forecasts: pa.Table
) -> tuple[pa.Table, pa.Table]:
    """CUSTOMERS with the client's ranks, and FORMER_SEGMENTS with those that it delivered six months ago."""
    then, forecasts_then = _known_at(past, drawn, _HALF_YEAR)
    since = past["customer_months"].filter(lambda t: t.month > LAST_MONTH.plus(-_HALF_YEAR).first_day)
    sales = since.group_by("customer_id").agg(sales=lambda t: t.sales_jpy.sum()).to_pandas()
    former = former_segments(
        FormerBook(issue_book(forecasts_then, LAST_MONTH.plus(-_HALF_YEAR).last_day, 10), was_issued=True),
        then,
        history,
        forecasts,
        sales.set_index("customer_id")["sales"],
        ClientRanks(_ranks(then, drawn), are_of_then=True),
    )
    ranks = _ranks(history, drawn)
    ids = drawn.customers["customer_id"].to_pylist()
    position = drawn.customers.schema.get_field_index("client_rank")
    field = drawn.customers.schema.field("client_rank")
    ranked = drawn.customers.set_column(position, field, pa.array(ranks.reindex(ids).to_list(), pa.string()))
    return ranked, former


def _ranks(history: pd.DataFrame, drawn: House) -> pd.Series:
    """The client's own rank: as good as the value classes; blind, it sees no subscription."""
    foreseen = simple_forecasts(history)["expected_sales_jpy"].to_numpy()
    if drawn.plants.rank_is_blind:
        foreseen = np.where(history["subscription_orders"] > 0, 0.0, foreseen)
    return pd.Series(_RANKS[value_classes(foreseen, 10) - 1], index=history["customer_id"])
