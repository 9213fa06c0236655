"""Facts and histories of planted orders by the chapters' own expressions, each made into SQL once for all houses.

Making the SQL of one house costs twenty times what running it on a few hundred orders does.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from functools import cache

import duckdb
import ibis
import pyarrow as pa

from crm_platform import facts
from crm_platform.history import customer_history
from crm_platform.periods import Month
from crm_platform.tables import TABLES
from crm_platform.tables.analyses import CUSTOMER_HISTORY

Query = tuple[str, pa.Schema]


def planted_facts(order_lines: pa.Table, *names: str) -> dict[str, ibis.Table]:
    """The tables of `facts` with these names, over ORDER_LINES."""
    return {
        name: ibis.memtable(TABLES[name].cast(_rows(_fact(name, order_lines.schema), order_lines=order_lines)))
        for name in names
    }


def planted_history(months: pa.Table, customers: pa.Table, month: Month, as_of: dt.date) -> pa.Table:
    """CUSTOMER_HISTORY as known at `as_of`."""
    query = _history(month, as_of, months.schema, customers.schema)
    return CUSTOMER_HISTORY.cast(_rows(query, months=months, customers=customers))


@cache
def _fact(name: str, schema: pa.Schema) -> Query:
    made: Callable[[ibis.Table], ibis.Table] = getattr(facts, name)
    return _query(made(facts.described_lines(_named("order_lines", schema))))


@cache
def _history(month: Month, as_of: dt.date, months: pa.Schema, customers: pa.Schema) -> Query:
    return _query(customer_history(_named("months", months), _named("customers", customers), month, as_of))


def _named(name: str, schema: pa.Schema) -> ibis.Table:
    return ibis.table(ibis.Schema.from_pyarrow(schema), name=name)


def _query(expression: ibis.Table) -> Query:
    return str(ibis.to_sql(expression, dialect="duckdb")), expression.schema().to_pyarrow()


def _rows(query: Query, **tables: pa.Table) -> pa.Table:
    sql, schema = query
    for name, table in tables.items():
        _database().register(name, table)
    return _database().sql(sql).to_arrow_table().cast(schema)


@cache
def _database() -> duckdb.DuckDBPyConnection:
    return duckdb.connect(config={"threads": 1})
