"""The receipt of a delivery (受領書): how each file was read, and accounts of rows and money that close."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from crm_platform.clients.mapping import Constant, TableMapping
from crm_platform.intake.admission.specification import fingerprint_of, specification_of
from crm_platform.intake.guard.guarding import Guarded
from crm_platform.intake.mapping.layouts import Layout
from crm_platform.intake.mapping.typed_column import TypedColumn, value_numbers
from crm_platform.intake.reading.delivered_files import DeliveredFile
from crm_platform.intake.reading.raw_rows import RawRows
from crm_platform.intake.reading.text_column import Mask


@dataclass(frozen=True)
class ReadFile:
    """A delivered file once read: its rows, its layout, what the guard took, and the file as it may be stored."""

    file: DeliveredFile
    raw: RawRows
    layout: Layout
    guarded: Guarded
    storable: DeliveredFile


def file_receipt(read: ReadFile, table: str, mapping: TableMapping) -> dict[str, Any]:
    """How one file was read, and the fingerprint of its specification (R13)."""
    reading, specification = read.raw.reading, specification_of(read.raw, read.layout, mapping)
    return {
        "name": read.file.name,
        "table": table,
        "sha256": read.file.sha256,
        "bytes": len(read.file.content),
        "rows": read.raw.delivered,
        "header_again_on_lines": list(read.raw.header_again),
        "encoding": reading.encoding,
        "encoding_reason": reading.encoding_reason,
        "delimiter": reading.delimiter,
        "delimiter_reason": reading.delimiter_reason,
        "columns": list(reading.headers),
        "unused_columns": list(read.layout.unused),
        "lacking_columns": list(read.layout.lacking),
        "status_of_every_row": _same_in_every_row(read.layout, "status"),
        "dropped_columns": [
            {"column": item.header, "kind": item.kind, "first_row": item.row, "filled_cells": item.cells}
            for item in read.guarded.cut
        ],
        "specification": specification,
        "spec_fingerprint": fingerprint_of(specification),
    }


def _same_in_every_row(layout: Layout, target: str) -> str | None:
    """The value that every row has because no column of the file says it; None where one does."""
    source = layout.sources.get(target)
    return source.value if isinstance(source, Constant) else None


def orders_in_two_files(order_ids: TypedColumn, file_of: npt.NDArray[np.int32]) -> int | None:
    """How many orders have lines in more than one of the delivered files; None where there is only one file."""
    if len(file_of) == 0 or file_of[0] == file_of[-1]:
        return None
    met = pa.table({"order_id": order_ids.values, "file": file_of}).group_by(["order_id", "file"]).aggregate([])
    files = met.group_by("order_id").aggregate([("file", "count")])
    return int(pc.sum(pc.greater(files["file_count"], 1)).as_py() or 0)


def row_account(delivered: int, added: int, set_aside: Mapping[str, Mask], bad: Mask, broken: int) -> dict[str, Any]:
    """Rows delivered + added = admitted + quarantined + set aside by rule; a row with several faults counts once.

    `added`: lines beyond the first of the rows that listed several.
    """
    aside = {rule: int(rows.sum()) for rule, rows in set_aside.items()}
    quarantined = int(bad.sum()) + broken
    return {
        "delivered": delivered,
        "added_by_splitting": added,
        "admitted": delivered + added - quarantined - sum(aside.values()),
        "quarantined": quarantined,
        "set_aside": aside,
    }


def money_account(
    signed_jpy: npt.NDArray[np.int64], readable: Mask, admitted: Mask, bad: Mask, set_aside: Mapping[str, Mask]
) -> dict[str, Any]:
    """The same for money: signed amounts of the lines whose amount can be read, each part summed by itself."""

    def total(rows: Mask) -> int:
        return int(signed_jpy[rows & readable].sum())

    return {
        "delivered": int(signed_jpy[readable].sum()),
        "admitted": total(admitted),
        "quarantined": total(bad),
        "set_aside": {rule: total(rows) for rule, rows in set_aside.items()},
    }


def months_of(lines: pa.Table) -> list[dict[str, Any]]:
    """Test totals (テスト集計, R39) per month of the admitted lines; an order of credit lines only is none."""
    if lines.num_rows == 0:
        return []
    months = lines["ordered_at"].to_numpy().astype("datetime64[M]")
    first, number = months.min(), (months - months.min()).astype(np.int64)
    amounts = lines.select(["ordered_jpy", "sales_jpy"]).append_column("month", pa.array(number))
    sums = amounts.group_by("month", use_threads=False).aggregate([("ordered_jpy", "sum"), ("sales_jpy", "sum")])
    sums = sums.sort_by("month")
    present = sums["month"].to_numpy()
    columns = {
        "month": [str(month) for month in first + present],
        "rows": np.bincount(number)[present].tolist(),
        "orders": _distinct_by_month(number, lines["order_id"], pc.greater(lines["quantity"], 0))[present].tolist(),
        "customers": _distinct_by_month(number, lines["customer_id"])[present].tolist(),
        "ordered_jpy": sums["ordered_jpy_sum"].to_pylist(),
        "sales_jpy": sums["sales_jpy_sum"].to_pylist(),
    }
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _distinct_by_month(
    months: npt.NDArray[np.int64], ids: pa.ChunkedArray, among: pa.ChunkedArray | None = None
) -> npt.NDArray[np.int64]:
    """How many different ids the rows of each month hold. `months`: 0, 1, 2 … for each row."""
    pairs = months * len(ids) + value_numbers(ids.combine_chunks())
    pairs = pairs if among is None else pairs[among.to_numpy()]
    met = pd.unique(pairs[np.diff(pairs, prepend=-1) != 0])  # the lines of an order mostly follow one another
    return np.bincount(met // len(ids), minlength=int(months.max()) + 1)


def order_days(lines: pa.Table) -> tuple[str | None, str | None]:
    """Day of the first and of the last admitted order, or None."""
    span = pc.min_max(lines["ordered_at"]).as_py()
    first, last = (None if span[end] is None else span[end].date().isoformat() for end in ("min", "max"))
    return first, last
