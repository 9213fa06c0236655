"""Three columns, in whatever types they come → orders that can be relied on; or a refusal that names the first faults.

A number is read as Japanese order systems write it (`¥1,234`, `△500`), a day in any spelling that deliveries may have.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from crm_platform.intake.guard.shown_values import shown_value
from crm_platform.intake.mapping.casting import cast_day, cast_real
from crm_platform.intake.reading.text_column import Mask, TextColumn
from crm_platform.refusals import Refused

COLUMNS = ("customer_id", "ordered_on", "amount")
FIRST_DAY, LAST_DAY = np.datetime64("1900-01-01"), np.datetime64("2199-12-31")
LARGEST_AMOUNT = 1e15
_SHOWN_FAULTS = 3
_PLAIN_NUMBER = r"^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d{1,3})?$"
_CUSTOMER_REMEDY = "Give each order the number of its customer, as text or as a whole number."
_DAY_REMEDY = "Write days as YYYY-MM-DD, from 1900 to 2199."
_AMOUNT_REMEDY = "Write amounts as numbers; a return is below 0."

Delivered: TypeAlias = TextColumn | pa.Array


@dataclass(frozen=True)
class Orders:
    """Orders, row by row: whose, on which day, for how much (below 0: a return).

    `customer` is the place in `customer_ids`, which holds each id once, in the order of their texts, and in the type
    that they came in: text, or whole numbers.
    """

    customer_ids: pa.Array
    customer: npt.NDArray[np.int32]
    ordered_on: npt.NDArray[np.datetime64]  # to the day
    amount: npt.NDArray[np.float64]


@dataclass(frozen=True)
class Source:
    """Where the columns came from, for refusals: the file, and what its reader calls the row at a position.

    `called` holds the file's own names of columns, where they are others than those of `COLUMNS`.
    """

    file: str | None
    row_at: Callable[[int], object]
    called: Mapping[str, str] = field(default_factory=dict)

    def refuse(self, column: str, wrong: Mask, delivered: Delivered, problem: str, remedy: str) -> None:
        """Refused where any row is wrong: `problem` of the first, and some of the others; no value names a person."""
        at = np.flatnonzero(wrong)
        if not len(at):
            return
        first, *others = (
            f"row {self.row_at(row)}: {shown_value(_value_at(delivered, row))}" for row in at[:_SHOWN_FAULTS].tolist()
        )
        more = f" and {len(at) - _SHOWN_FAULTS:,} more" if len(at) > _SHOWN_FAULTS else ""
        also = f" (also {', '.join(others)}{more})" if others else ""
        raise Refused(f"{first} {problem}{also}.", remedy, file=self.file, column=self.called.get(column, column))

    def refuse_type(self, column: str, kind: object, remedy: str) -> Refused:
        """The refusal of a whole column that holds another kind of value."""
        return Refused(f"the column holds {kind}.", remedy, file=self.file, column=self.called.get(column, column))


def typed_orders(columns: Mapping[str, Delivered], source: Source) -> Orders:
    """Orders of the three columns of `COLUMNS`; Refused where any row cannot be relied on."""
    ids, customer = _customers(_plain(columns["customer_id"]), source)
    days, amount = _days(_plain(columns["ordered_on"]), source), _amounts(_plain(columns["amount"]), source)
    return Orders(ids, customer, days, amount)


# --- inside -----------------------------------------------------------------------------------------------------------


def _customers(delivered: Delivered, source: Source) -> tuple[pa.Array, npt.NDArray[np.int32]]:
    """Each id once, in the order of their texts, and the place of each row's id among them."""
    column = texts_of(delivered)
    if column is None:
        raise source.refuse_type("customer_id", _type(delivered), _CUSTOMER_REMEDY)
    source.refuse("customer_id", column.is_empty, delivered, "names no customer", _CUSTOMER_REMEDY)
    order = pc.sort_indices(column.distinct)
    place = np.empty(len(order), np.int32)
    place[order.to_numpy()] = np.arange(len(order), dtype=np.int32)
    ids = column.distinct.take(order)
    return ids if _holds_text(_type(delivered)) else ids.cast(pa.int64()), place[column.index]


def _days(delivered: Delivered, source: Source) -> npt.NDArray[np.datetime64]:
    if isinstance(delivered, pa.Array) and pt.is_temporal(delivered.type):
        if pt.is_timestamp(delivered.type) and delivered.type.tz:
            delivered = pc.local_timestamp(delivered)
        if not (pt.is_timestamp(delivered.type) or pt.is_date(delivered.type)):
            raise source.refuse_type("ordered_on", delivered.type, _DAY_REMEDY)
        days = delivered.cast(pa.timestamp("s"), safe=False).to_numpy(zero_copy_only=False)
    else:
        column = texts_of(delivered)
        if column is None:
            raise source.refuse_type("ordered_on", _type(delivered), _DAY_REMEDY)
        values = cast_day(column.distinct).values.cast(pa.timestamp("s"))
        days = values.to_numpy(zero_copy_only=False)[column.index]
    on: npt.NDArray[np.datetime64] = days.astype("datetime64[D]")
    wrong = ~((on >= FIRST_DAY) & (on <= LAST_DAY))  # what is no date at all (NaT) is in no span
    source.refuse("ordered_on", wrong, delivered, "is no date", _DAY_REMEDY)
    return on


def _amounts(delivered: Delivered, source: Source) -> npt.NDArray[np.float64]:
    if isinstance(delivered, pa.Array) and _is_number(delivered.type):
        amount = delivered.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    else:
        column = texts_of(delivered)
        if column is None:
            raise source.refuse_type("amount", _type(delivered), _AMOUNT_REMEDY)
        amount = _numbers(column.distinct)[column.index]
    wrong = ~(np.abs(amount) <= LARGEST_AMOUNT)  # what is no number at all (NaN) is within no bound
    source.refuse("amount", wrong, delivered, "is no amount up to 10^15", _AMOUNT_REMEDY)
    return np.asarray(amount, np.float64)


def _numbers(texts: pa.Array) -> npt.NDArray[np.float64]:
    """The number that each text is, NaN where it is none."""
    plain = pc.match_substring_regex(texts, _PLAIN_NUMBER)
    numbers = pc.if_else(plain, texts, None).cast(pa.float64())
    others = cast_real(pc.if_else(plain, "", texts), None).values
    return np.asarray(pc.coalesce(numbers, others).to_numpy(zero_copy_only=False), np.float64)


def texts_of(delivered: Delivered) -> TextColumn | None:
    """The column as texts, `""` where it is null; None where it holds neither text nor whole numbers."""
    if isinstance(delivered, TextColumn):
        return delivered
    if pt.is_floating(delivered.type) and pc.all(pc.equal(pc.floor(delivered), delivered)).as_py() is not False:
        delivered = delivered.cast(pa.int64())  # as which pandas holds whole numbers beside a missing one
    if not (_holds_text(delivered.type) or pt.is_integer(delivered.type) or pt.is_null(delivered.type)):
        return None
    return TextColumn.of(delivered.cast(pa.string()).fill_null(""))


def _plain(delivered: Delivered) -> Delivered:
    """The column with a value in every row, where a notebook holds categories."""
    if isinstance(delivered, TextColumn) or not pt.is_dictionary(delivered.type):
        return delivered
    return delivered.dictionary_decode()


def _type(delivered: Delivered) -> pa.DataType:
    return pa.string() if isinstance(delivered, TextColumn) else delivered.type


def _holds_text(kind: pa.DataType) -> bool:
    return bool(pt.is_string(kind) or pt.is_large_string(kind) or pt.is_string_view(kind))


def _is_number(kind: pa.DataType) -> bool:
    return bool(pt.is_integer(kind) or pt.is_floating(kind) or pt.is_decimal(kind))


def _value_at(delivered: Delivered, row: int) -> str:
    value = delivered.at(np.array([row]))[0] if isinstance(delivered, TextColumn) else delivered[row].as_py()
    return "" if value is None else str(value)
