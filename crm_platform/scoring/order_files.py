"""A file of orders, delimited text or Parquet, recognised by its content whatever its name."""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from crm_platform.clients.mapping import TableMapping
from crm_platform.intake.reading.delivered_files import DeliveredFile
from crm_platform.intake.reading.raw_rows import RawRows, matching_form, read_rows
from crm_platform.refusals import Refused
from crm_platform.scoring.order_columns import COLUMNS, Delivered, Orders, Source, typed_orders

_PARQUET = b"PAR1"
_SHOWN_FAULTS = 3


def read_orders(path: Path) -> Orders:
    """The orders in a CSV, TSV or Parquet file, or a workbook; .gz around it is possible.

    Encoding and delimiter of a text are found out. Other columns than `customer_id, ordered_on, amount` are left out.

    Raises:
        Refused: a column is missing, or a row cannot be relied on; the first of them are named by their lines.
        OSError: the file cannot be read.
    """
    file = DeliveredFile(path.name, path.read_bytes())
    if file.unpacked.startswith(_PARQUET):
        return _of_parquet(file)
    rows = read_rows(file, TableMapping("orders"))
    _refuse_broken(rows)
    names = _names(rows.columns, rows.file)
    columns: dict[str, Delivered] = {name: rows.columns[names[name]] for name in COLUMNS}
    return typed_orders(columns, Source(rows.file, lambda row: int(rows.row_numbers[row])))


def _of_parquet(file: DeliveredFile) -> Orders:
    try:
        parquet = pq.ParquetFile(io.BytesIO(file.unpacked))
        names = _names(parquet.schema_arrow.names, file.name)
        table = parquet.read(columns=list(names.values()))
    except (pa.ArrowException, OSError) as error:
        raise Refused("the Parquet file is damaged.", "Write it again.", file=file.name) from error
    if not table.num_rows:
        raise Refused("the file holds no rows.", "Write the orders to it.", file=file.name)
    columns: dict[str, Delivered] = {name: _in_one(table[names[name]]) for name in COLUMNS}
    return typed_orders(columns, Source(file.name, lambda row: row + 1))


def _names(headers: Iterable[str], file: str) -> dict[str, str]:
    """Of each column of `COLUMNS`, the header that the file gives it; case and white space do not matter."""
    found = {matching_form(header): header for header in reversed(list(headers))}
    missing = [name for name in COLUMNS if name not in found]
    if missing:
        there = ", ".join(list(found.values())[::-1][:20])
        raise Refused(
            f"the file has no column {', '.join(missing)}; it has {there}.",
            f"Name its columns {', '.join(COLUMNS)}.",
            file=file,
        )
    return {name: found[name] for name in COLUMNS}


def _refuse_broken(rows: RawRows) -> None:
    if rows.broken:
        shown = ", ".join(f"row {fault.row_number}: {fault.met}" for fault in rows.broken[:_SHOWN_FAULTS])
        count = len(rows.broken)
        raise Refused(
            f"{count:,} {'row' if count == 1 else 'rows'} cannot be split into columns ({shown}).",
            "Mend or remove these rows.",
            file=rows.file,
            row=rows.broken[0].row_number,
        )


def _in_one(column: pa.ChunkedArray) -> pa.Array:
    column = column.unify_dictionaries()
    joined = column.combine_chunks()
    return pa.concat_arrays(joined.chunks) if isinstance(joined, pa.ChunkedArray) else joined
