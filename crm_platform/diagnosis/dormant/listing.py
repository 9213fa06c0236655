"""The dormant customers of today, whom a contact should bring back first (休眠フォロー, R126)."""

from __future__ import annotations

import ibis
import pyarrow as pa
from ibis import _

from crm_platform.diagnosis.dormant.past_returns import (
    LATEST_ORIGINS,
    Past,
    ReturnCell,
    return_cells,
    returns_by_origin,
    silence_band,
    value_band,
)
from crm_platform.diagnosis.groundwork.dormancy_thresholds import with_threshold
from crm_platform.tables.portfolio import DORMANT_CUSTOMERS


def dormant_customers_of(past: Past) -> pa.Table:
    """DORMANT_CUSTOMERS: everyone who bought and has been silent for the days of the product group's threshold (R125).

    Each gets the share of returns and the sales of those who were as silent and as valuable half a year and a year ago
    (`return_cells`); a contact is worth their product minus settings.alert_unit_cost_jpy. Ranked by that, then the
    shorter silence first. All of it is null where nobody was dormant then.
    """
    bought = past.history.filter(_.first_purchased_on.notnull())
    people = with_threshold(
        bought.select("customer_id", "first_product_id", "sales_jpy", silent_days=_.gap_days),
        past.products,
        past.settings,
    )
    asleep = people.filter(_.silent_days >= _.threshold_days).mutate(
        silence=silence_band(_.silent_days), value=value_band(_.sales_jpy, past.order_value_jpy)
    )
    cells = return_cells(returns_by_origin(past, LATEST_ORIGINS))
    joined = asleep.left_join(_as_table(cells), ["silence", "value"])
    expected_jpy = joined.return_rate * joined.spent_jpy
    told = joined.mutate(
        expected_sales_jpy=expected_jpy, contact_return_jpy=expected_jpy - past.settings.alert_unit_cost_jpy
    )
    order = ibis.window(
        order_by=[ibis.desc(told.contact_return_jpy, nulls_first=False), told.silent_days, told.customer_id]
    )
    ranked = told.mutate(rank=ibis.row_number().over(order) + 1).order_by("rank")
    return DORMANT_CUSTOMERS.cast(ranked.select(*DORMANT_CUSTOMERS.names).to_pyarrow())


def _as_table(cells: list[ReturnCell]) -> ibis.Table:
    columns = {
        "silence": pa.array([cell.silence for cell in cells], pa.int64()),
        "value": pa.array([cell.value for cell in cells], pa.int64()),
        "return_rate": pa.array([cell.return_rate for cell in cells], pa.float64()),
        "spent_jpy": pa.array([cell.spent_jpy for cell in cells], pa.float64()),
    }
    return ibis.memtable(pa.table(columns))
