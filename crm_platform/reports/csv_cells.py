"""CSV for spreadsheets: guarded cells, written row by row for the few, column by column for millions of customers.

A cell of text that a spreadsheet would take for a formula gets an apostrophe; numbers and days stay as they are.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from crm_platform.clients.client import CSV_ENCODINGS
from crm_platform.refusals import Refused
from crm_platform.reports.wording import Wording

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
DEFAULT_ENCODING = CSV_ENCODINGS[0]
_NUMBER = re.compile(r"-?\d+(\.\d+)?", re.ASCII)
_FORMULA_PATTERN = f"^({'|'.join(re.escape(start) for start in FORMULA_STARTS)})"
_NUMBER_PATTERN = r"^-?[0-9]+(\.[0-9]+)?$"
_LINE_END = "\r\n"
_BETWEEN = "\x1f"  # the unit separator, which no admitted text holds


def csv_file(columns: Sequence[str], rows: Iterable[Sequence[str]], wording: Wording, encoding: str) -> bytes:
    """A file with CRLF: headers by wording key `csv.<column>`, then the rows, each cell guarded.

    ValueError for an encoding that no client may choose; Refused for a character that the encoding lacks.
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator=_LINE_END)
    writer.writerow([wording.text(f"csv.{column}") for column in columns])
    writer.writerows([guarded(cell) for cell in row] for row in rows)
    return _encoded(buffer.getvalue(), encoding)


def csv_of_columns(columns: Mapping[str, pa.Array], wording: Wording, encoding: str) -> bytes:
    """The same file from cells that `texts`, `each` and `each_row` made, by the key of their header; same errors."""
    header = ",".join(_quoted(wording.text(f"csv.{column}")) for column in columns)
    lines = pc.binary_join_element_wise(*columns.values(), _large(","))
    whole = pa.LargeListArray.from_arrays(pa.array([0, len(lines)], pa.int64()), lines)
    text = pc.binary_join(whole, _large(_LINE_END))[0].as_py()
    return _encoded(_LINE_END.join([header, *([text] if len(lines) else []), ""]), encoding)


def by_customer(table: pa.Table) -> pa.Table:
    """The rows in order of customer number; ValueError where a customer has two."""
    return with_one_row_each(table).sort_by("customer_id")


def with_one_row_each(table: pa.Table) -> pa.Table:
    """`table` as it is; ValueError names a customer that has two rows."""
    if len(pc.unique(table["customer_id"])) < table.num_rows:
        counted = pc.value_counts(table["customer_id"].cast(pa.large_string()))
        named = counted.field("values").filter(pc.greater(counted.field("counts"), 1))[0].as_py()
        raise ValueError(f"customer {named} has more than one row, where a list holds each customer once")
    return table


def texts(values: pa.ChunkedArray) -> pa.Array:
    """Cells of texts that differ from row to row, such as customer numbers; none is empty."""
    cells = pc.fill_null(values.cast(pa.large_string()).combine_chunks(), "")
    computed = pc.and_(
        pc.match_substring_regex(cells, _FORMULA_PATTERN), pc.invert(pc.match_substring_regex(cells, _NUMBER_PATTERN))
    )
    safe = pc.if_else(computed, _joined(_large("'"), cells), cells)
    special = pc.match_substring_regex(safe, '[",\\r\\n]')
    return pc.if_else(special, _joined(_large('"'), pc.replace_substring(safe, '"', '""'), _large('"')), safe)


def each(values: pa.ChunkedArray, written: Callable[[Any], str]) -> pa.Array:
    """Cells of values that recur: each different one is `written` once; none is empty."""
    coded = values.combine_chunks().dictionary_encode()
    cells = [_quoted(guarded(written(value))) for value in coded.dictionary.to_pylist()]
    return pc.fill_null(pa.array(cells, pa.large_string()).take(coded.indices), "")


def each_row(rows: pa.Table, written: Callable[[dict[str, Any]], str]) -> pa.Array:
    """Cells of rows that recur: each different row of these columns is `written` once."""
    keys = [pc.fill_null(rows[name].cast(pa.large_string()), "") for name in rows.column_names]
    joined = pc.binary_join_element_wise(*keys, _large(_BETWEEN)).combine_chunks()
    codes = joined.dictionary_encode().indices.to_numpy()
    first_rows = np.unique(codes, return_index=True)[1]
    cells = [_quoted(guarded(written(row))) for row in rows.take(pa.array(first_rows)).to_pylist()]
    return pa.array(cells, pa.large_string()).take(pa.array(codes))


def guarded(text: str) -> str:
    """`text` with an apostrophe before it where a spreadsheet would compute it; a plain number stays one."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) and not _NUMBER.fullmatch(text) else text


# --- inside -----------------------------------------------------------------------------------------------------------


def _encoded(text: str, encoding: str) -> bytes:
    if encoding not in CSV_ENCODINGS:
        raise ValueError(f"'{encoding}' is not an encoding for CSV files: choose one of {', '.join(CSV_ENCODINGS)}")
    try:
        return text.encode(encoding)
    except UnicodeEncodeError as error:
        cell = text[error.start : error.end]
        raise Refused(
            f"the character '{cell}' (U+{ord(cell[0]):04X}) does not exist in {encoding}.",
            'Set csv_encoding = "utf-8-sig" for this client.',
            row=text.count(_LINE_END, 0, error.start) + 1,
        ) from error


def _joined(*parts: pa.Array | pa.Scalar) -> pa.Array:
    return pc.binary_join_element_wise(*parts, _large(""))


def _large(text: str) -> pa.Scalar:
    return pa.scalar(text, pa.large_string())


def _quoted(text: str) -> str:
    doubled = text.replace('"', '""')
    return f'"{doubled}"' if set(text) & set('",\r\n') else text
