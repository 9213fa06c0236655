"""A file of orders, delimited text or Parquet, recognised by its content whatever its name."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
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
    return typed_orders(*delivered_columns(path, COLUMNS))


def delivered_columns(
    path: Path, needed: Sequence[str], wanted: Sequence[str] = (), spellings: Mapping[str, str] | None = None
) -> tuple[dict[str, Delivered], Source]:
    """The columns `needed`, those of `wanted` that are there, and where they came from.

    `spellings` maps other headers to the names asked for. Raises as `read_orders`.
    """
    file = DeliveredFile(path.name, path.read_bytes())
    asked = _Asked(tuple(needed), tuple(wanted), spellings or {})
    if file.unpacked.startswith(_PARQUET):
        return _of_parquet(file, asked)
    rows = read_rows(file, TableMapping("orders"))
    _refuse_broken(rows)
    names = _names(rows.columns, rows.file, asked)
    columns: dict[str, Delivered] = {name: rows.columns[header] for name, header in names.items()}
    return columns, Source(rows.file, lambda row: int(rows.row_numbers[row]))


@dataclass(frozen=True)
class _Asked:
    needed: tuple[str, ...]
    wanted: tuple[str, ...]
    spellings: Mapping[str, str]


def _of_parquet(file: DeliveredFile, asked: _Asked) -> tuple[dict[str, Delivered], Source]:
    try:
        parquet = pq.ParquetFile(io.BytesIO(file.unpacked))
        names = _names(parquet.schema_arrow.names, file.name, asked)
        table = parquet.read(columns=list(names.values()))
    except (pa.ArrowException, OSError) as error:
        raise Refused("the Parquet file is damaged.", "Write it again.", file=file.name) from error
    if not table.num_rows:
        raise Refused("the file holds no rows.", "Write the rows to it.", file=file.name)
    columns: dict[str, Delivered] = {name: _in_one(table[header]) for name, header in names.items()}
    return columns, Source(file.name, lambda row: row + 1)


def _names(headers: Iterable[str], file: str, asked: _Asked) -> dict[str, str]:
    """Of each column asked for, the header that the file gives it; case and white space do not matter."""
    found = {matching_form(header): header for header in reversed(list(headers))}
    others = {matching_form(spelling): name for spelling, name in asked.spellings.items()}
    named = {others.get(form, form): header for form, header in found.items()}
    missing = [name for name in asked.needed if name not in named]
    if missing:
        there = ", ".join(list(found.values())[::-1][:20])
        raise Refused(
            f"the file has no column {', '.join(missing)}; it has {there}.",
            f"Name its columns {', '.join(asked.needed)}.",
            file=file,
        )
    return {name: named[name] for name in (*asked.needed, *asked.wanted) if name in named}


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
