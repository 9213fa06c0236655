"""Which rows of a table break a rule: those of its declaration, and those that only an order line has."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from crm_platform.intake.mapping.breaches import Breach
from crm_platform.intake.mapping.standard_layout import DELIVERED, LARGEST_LINE_JPY
from crm_platform.intake.mapping.typed_rows import TypedRows, repeated_orders
from crm_platform.intake.reading.raw_rows import RawRows
from crm_platform.intake.reading.text_column import Mask, union_of
from crm_platform.tables import Column
from crm_platform.tables.delivered import UNDONE
from crm_platform.tables.table import DAY, INSTANT, TEXT

FIRST_DAY = dt.date(2009, 1, 1)  # the platform's first month
_EARLIEST_DAY = dt.date(1900, 1, 1)
_PLANNED_AHEAD = dt.timedelta(days=731)  # shipments and placements may be planned
_LARGEST_KEY = 1 << 62  # of keys made of several columns' numbers
_PAST_ONLY = {"ordered_at", "cancelled_on", "registered_on"}


def declared_breaches(rows: TypedRows, today: dt.date, unread: Sequence[Breach]) -> list[Breach]:
    """Values that are missing though required, out of the declared range, or on an impossible day.

    `unread`: what was met in place of a value; such a cell was filled, so it is not missing as well.
    """
    breaches: list[Breach] = []
    for column in DELIVERED[rows.table].columns:
        if column.name not in rows.columns:
            continue
        values = rows.columns[column.name]
        distinct = values.distinct
        header = rows.headers.get(column.name, column.name)
        filled = union_of((breach.rows for breach in unread if breach.column == header), rows.rows)
        if not column.nullable and column.name != "discount_jpy":
            breaches.append(rows.breach("missing", column.name, values.rows_where(pc.is_null(distinct)) & ~filled))
        if column.minimum is not None:
            low = values.rows_where(pc.less(distinct, column.minimum))
            breaches.append(rows.breach("below_minimum", column.name, low))
        if column.maximum is not None:
            high = values.rows_where(pc.greater(distinct, column.maximum))
            breaches.append(rows.breach("above_maximum", column.name, high))
        if column.type in {DAY, INSTANT}:
            breaches += _impossible_days(rows, column.name, today)
        if column.name in DELIVERED[rows.table].key or column.references:
            breaches += _rounded_numbers(rows, column)
    return [breach for breach in breaches if breach.rows.any()]


def order_line_breaches(rows: TypedRows) -> list[Breach]:
    """Rules of order lines alone."""
    quantity, price = numbers(rows, "quantity"), numbers(rows, "unit_price_jpy")
    discount = numbers(rows, "discount_jpy", missing=0.0)
    undone = is_undone(rows)
    cancelled = _is_filled(rows, "cancelled_on")
    gross = np.abs(quantity) * price
    most = np.maximum(gross, np.rint(gross))  # a discount is in whole yen, a price divided by the tax is not
    large = (np.abs(gross) > LARGEST_LINE_JPY) | (discount > LARGEST_LINE_JPY)
    breaches = [
        rows.breach("zero_quantity", "quantity", quantity == 0),
        rows.breach("negative_standing_quantity", "quantity", (quantity < 0) & ~undone),
        rows.breach("negative_price", "unit_price_jpy", price < 0),
        rows.breach("discount_above_amount", "discount_jpy", (quantity != 0) & (price >= 0) & (discount > most)),
        rows.breach("amount_too_large", "unit_price_jpy", large),
        rows.breach("cancelled_but_standing", "cancelled_on", cancelled & ~undone),
    ]
    return [breach for breach in breaches if breach.rows.any()]


def reference_breaches(rows: TypedRows, known: Mapping[str, pa.Array | None]) -> list[Breach]:
    """Required references to a row that no master holds. `known`: keys by master; None where no master says."""
    breaches = []
    for column in DELIVERED[rows.table].columns:
        keys = known.get(column.references)
        if column.required and keys is not None:
            ids = rows.columns[column.name]
            strange = pc.and_(pc.is_valid(ids.distinct), pc.invert(pc.is_in(ids.distinct, value_set=keys)))
            rule = f"unknown_{DELIVERED[column.references].grain}"
            breaches.append(rows.breach(rule, column.name, ids.rows_where(strange)))
    return [breach for breach in breaches if breach.rows.any()]


def repeated_key(rows: TypedRows, among: Mask) -> list[Breach]:
    """Rows of `among` whose key an earlier one of them has."""
    names = DELIVERED[rows.table].key
    keys = rows.columns[names[0]].numbers[among]
    for name in names[1:]:
        parts = rows.columns[name].numbers[among]
        if int(keys.max(initial=0)) * len(rows.columns[name].distinct) > _LARGEST_KEY:
            keys = pd.factorize(keys)[0]
        keys = keys * len(rows.columns[name].distinct) + parts
    repeated: Mask = np.zeros(rows.rows, bool)
    repeated[among] = pd.Series(keys).duplicated(keep="first").to_numpy()
    return [rows.breach("duplicate_key", names[-1], repeated)] if repeated.any() else []


def repeated_rows(rows: TypedRows, files: Sequence[RawRows]) -> list[Breach]:
    """Lines of an order that stands once more in the same file, where the mapping splits rows or fills them down."""
    repeated = repeated_orders(rows.origin, files)
    return [rows.breach("duplicate_key", "order_id", repeated)] if repeated.any() else []


def several_customers(rows: TypedRows, among: Mask) -> list[Breach]:
    """Lines of `among` whose order names more than one customer in them."""
    order, customer = (rows.columns[name].numbers[among] for name in ("order_id", "customer_id"))
    first = np.zeros(int(order.max(initial=-1)) + 1, np.int64)
    first[order[::-1]] = customer[::-1]
    differs: Mask = np.zeros(len(first), bool)
    differs[order[customer != first[order]]] = True
    lines: Mask = np.zeros(rows.rows, bool)
    lines[among] = differs[order]
    return [rows.breach("customer_differs_within_order", "customer_id", lines)] if differs.any() else []


def numbers(
    rows: TypedRows, column: str, missing: float = float("nan")
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """A number column as floats; `missing` where there is no value."""
    if column not in rows.columns:
        return np.full(rows.rows, missing)
    values = pc.fill_null(rows.columns[column].distinct.cast(pa.float64()), missing)
    return np.asarray(values.to_numpy(zero_copy_only=False), np.float64)[rows.columns[column].index]


def is_undone(rows: TypedRows) -> Mask:
    """Lines that are cancelled or returned."""
    status = rows.columns["status"]
    return status.rows_where(pc.is_in(status.distinct, value_set=pa.array(UNDONE)))


def _rounded_numbers(rows: TypedRows, column: Column) -> list[Breach]:
    """Ids that a spreadsheet wrote as 1.23E+11: their last digits are lost, so several may have become one."""
    if column.type != TEXT:
        return []
    ids = rows.columns[column.name]
    rounded = pc.match_substring_regex(ids.distinct, r"^\d(\.\d+)?[Ee]\+\d+$")
    return [rows.breach("rounded_by_spreadsheet", column.name, ids.rows_where(rounded))]


def _is_filled(rows: TypedRows, column: str) -> Mask:
    if column not in rows.columns:
        return np.zeros(rows.rows, bool)
    return rows.columns[column].rows_where(pc.is_valid(rows.columns[column].distinct))


def _impossible_days(rows: TypedRows, column: str, today: dt.date) -> list[Breach]:
    values = rows.columns[column]
    days = values.distinct.cast(pa.date32(), safe=False)
    earliest = FIRST_DAY if column == "ordered_at" else _EARLIEST_DAY
    early = "before_first_month" if column == "ordered_at" else "implausible_date"
    latest, late = (today, "in_the_future") if column in _PAST_ONLY else (today + _PLANNED_AHEAD, "implausible_date")
    return [
        rows.breach(early, column, values.rows_where(pc.less(days, earliest))),
        rows.breach(late, column, values.rows_where(pc.greater(days, latest))),
    ]
