"""Which rows of a table break a rule: those of its declaration, and those that only an order line has."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from crm_platform.intake.admission.amounts import LARGEST_LINE_JPY
from crm_platform.intake.mapping.breaches import Breach
from crm_platform.intake.mapping.standard_layout import DELIVERED
from crm_platform.intake.mapping.typed_rows import TypedRows
from crm_platform.intake.reading.text_column import Mask
from crm_platform.tables.table import DAY, INSTANT

FIRST_DAY = dt.date(2009, 1, 1)  # the platform's first month
_EARLIEST_DAY = dt.date(1900, 1, 1)
_PLANNED_AHEAD = dt.timedelta(days=731)  # shipments and placements may be planned
_PAST_ONLY = {"ordered_at", "cancelled_on", "registered_on"}


def declared_breaches(rows: TypedRows, today: dt.date) -> list[Breach]:
    """Values that are missing though required, out of the declared range, or on an impossible day."""
    breaches: list[Breach] = []
    failed = {breach.column: breach.rows for breach in rows.breaches}
    for column in DELIVERED[rows.table].columns:
        if column.name not in rows.columns:
            continue
        values = rows.columns[column.name]
        unread = failed.get(rows.headers.get(column.name, ""), np.zeros(rows.rows, bool))
        if not column.nullable and column.name != "discount_jpy":
            breaches.append(rows.breach("missing", column.name, _true(pc.is_null(values)) & ~unread))
        if column.minimum is not None:
            breaches.append(rows.breach("below_minimum", column.name, _true(pc.less(values, column.minimum))))
        if column.maximum is not None:
            breaches.append(rows.breach("above_maximum", column.name, _true(pc.greater(values, column.maximum))))
        if column.type in {DAY, INSTANT}:
            breaches += _impossible_days(rows, column.name, today)
    return [breach for breach in breaches if breach.rows.any()]


def order_line_breaches(rows: TypedRows) -> list[Breach]:
    """Rules of order lines alone."""
    quantity, price = numbers(rows, "quantity"), numbers(rows, "unit_price_jpy")
    discount = numbers(rows, "discount_jpy", missing=0.0)
    undone = is_undone(rows)
    gross = np.abs(quantity) * price
    most = np.maximum(gross, np.rint(gross))  # a discount is in whole yen, a price divided by the tax is not
    large = (np.abs(gross) > LARGEST_LINE_JPY) | (discount > LARGEST_LINE_JPY)
    breaches = [
        rows.breach("zero_quantity", "quantity", quantity == 0),
        rows.breach("negative_standing_quantity", "quantity", (quantity < 0) & ~undone),
        rows.breach("negative_price", "unit_price_jpy", price < 0),
        rows.breach("discount_above_amount", "discount_jpy", (quantity != 0) & (price >= 0) & (discount > most)),
        rows.breach("amount_too_large", "unit_price_jpy", large),
    ]
    return [breach for breach in breaches if breach.rows.any()]


def reference_breaches(rows: TypedRows, known: Mapping[str, pa.Array | None]) -> list[Breach]:
    """Required references to a row that no master holds. `known`: keys by master; None where no master says."""
    breaches = []
    for column in DELIVERED[rows.table].columns:
        keys = known.get(column.references)
        if column.required and keys is not None:
            ids = rows.columns[column.name]
            strange = pc.and_(pc.is_valid(ids), pc.invert(pc.is_in(ids, value_set=keys)))
            breaches.append(rows.breach(f"unknown_{DELIVERED[column.references].grain}", column.name, _true(strange)))
    return [breach for breach in breaches if breach.rows.any()]


def repeated_key(rows: TypedRows, among: Mask) -> list[Breach]:
    """Rows of `among` whose key an earlier one of them has."""
    names = DELIVERED[rows.table].key
    keys = pd.DataFrame({name: value_numbers(rows.columns[name])[among] for name in names})
    repeated: Mask = np.zeros(rows.rows, bool)
    repeated[among] = keys.duplicated(keep="first").to_numpy()
    return [rows.breach("duplicate_key", names[-1], repeated)] if repeated.any() else []


def value_numbers(values: pa.Array) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """A whole number for every value, equal where the values are; at once where they ascend, as order numbers do."""
    before, after = values[:-1], values[1:]
    if not values.null_count and pc.all(pc.less_equal(before, after)).as_py():
        changes = pc.not_equal(before, after).to_numpy(zero_copy_only=False)
        return np.concatenate([[0], np.cumsum(changes)])[: len(values)].astype(np.int64)
    encoded = values.dictionary_encode(null_encoding="encode").indices
    return np.asarray(encoded.to_numpy(zero_copy_only=False), np.int64)


def numbers(
    rows: TypedRows, column: str, missing: float = float("nan")
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """A number column as floats; `missing` where there is no value."""
    if column not in rows.columns:
        return np.full(rows.rows, missing)
    values = pc.fill_null(rows.columns[column].cast(pa.float64()), missing)
    return np.asarray(values.to_numpy(zero_copy_only=False), np.float64)


def is_undone(rows: TypedRows) -> Mask:
    """Lines that are cancelled or returned."""
    return _true(pc.is_in(rows.columns["status"], value_set=pa.array(["cancelled", "returned"])))


def _impossible_days(rows: TypedRows, column: str, today: dt.date) -> list[Breach]:
    days = rows.columns[column].cast(pa.date32(), safe=False)
    earliest = FIRST_DAY if column == "ordered_at" else _EARLIEST_DAY
    early = "before_first_month" if column == "ordered_at" else "implausible_date"
    latest, late = (today, "in_the_future") if column in _PAST_ONLY else (today + _PLANNED_AHEAD, "implausible_date")
    return [
        rows.breach(early, column, _true(pc.less(days, earliest))),
        rows.breach(late, column, _true(pc.greater(days, latest))),
    ]


def _true(flags: pa.Array) -> Mask:
    return np.asarray(pc.fill_null(flags, False).to_numpy(zero_copy_only=False), bool)
