"""A delivered file as it may be stored: without personal data, line for line, so that row numbers stay true."""

from __future__ import annotations

import gzip
import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from crm_platform.intake.guard.guarding import Guarded, with_blots
from crm_platform.intake.guard.telling_values import positions_by_kind, suspects
from crm_platform.intake.reading.delivered_files import DeliveredFile
from crm_platform.intake.reading.raw_rows import RawRows
from crm_platform.intake.reading.splitting import Broken
from crm_platform.intake.reading.text_column import TextColumn

_BROKEN_ROW = "(not stored)"  # a row that cannot be split may hold personal data anywhere
_NO_CHARACTER = "\ufffd"
_ENCODING = "utf-8-sig"  # its mark outdoes any declared encoding when the file is read again


def storable_file(file: DeliveredFile, guarded: Guarded, declared_delimiter: str | None) -> DeliveredFile:
    """The text file as delivered where it holds no personal data; else written anew as UTF-8, with the mark.

    A workbook is always written anew: it has sheets, notes and an author that nobody looked at.

    Written anew, it has the delimiter that the mapping declares (a workbook was read without it), to be read again so;
    unreadable rows are blotted out: they stay unreadable, under the same rule and number.
    """
    told = file.is_workbook or guarded.cut or guarded.blotted
    if not told and not _any_broken_row_tells(guarded.rows):
        return file
    delimiter = declared_delimiter or guarded.rows.reading.delimiter
    content = _text_of(with_blots(guarded.rows, guarded.blotted), delimiter).encode(_ENCODING)
    packed = gzip.compress(content, mtime=0) if file.name.lower().endswith(".gz") else content
    return DeliveredFile(file.name, packed)


def _text_of(rows: RawRows, delimiter: str) -> str:
    """The header in line 1, every row in its own line, and a mark in the line of each broken row."""
    headers = list(rows.columns)
    cells = [_quoted(column, delimiter).texts for column in rows.columns.values()]
    sound = pc.binary_join_element_wise(*cells, pa.scalar(delimiter)) if cells else pa.array([], pa.string())
    broken = [_mark_of(item, headers, delimiter) for item in rows.broken]
    numbers = np.concatenate([rows.row_numbers, [item.row_number for item in rows.broken]]).astype(np.int64)
    in_order = np.argsort(numbers, kind="stable")
    header = delimiter.join(_quoted(TextColumn.of(pa.array(headers)), delimiter).texts.to_pylist())
    records = pa.concat_arrays([sound.cast(pa.large_string()), pa.array(broken, pa.large_string())])
    lines = pa.concat_arrays([pa.array([header], pa.large_string()), records.take(pa.array(in_order))])
    return "".join(_placed(lines, np.concatenate([[1], numbers[in_order]])).to_pylist())


def _placed(lines: pa.Array, numbers: np.ndarray[tuple[int], np.dtype[np.int64]]) -> pa.Array:
    """Each line with as many line ends behind it as bring the next one to its own number."""
    breaks_within = np.asarray(pc.count_substring(lines, "\n").to_numpy(zero_copy_only=False), np.int64)
    ends = np.append(np.diff(numbers) - breaks_within[:-1], 1)
    padding = pc.binary_repeat(pa.scalar("\n", pa.large_string()), pa.array(ends))
    return pc.binary_join_element_wise(lines, padding, pa.scalar("", pa.large_string()))


def _mark_of(broken: Broken, headers: list[str], delimiter: str) -> str:
    """A line that breaks the same rule in the same column when it is read again."""
    if broken.rule == "unreadable_bytes":
        position = headers.index(broken.column) if broken.column in headers else 0
        return delimiter.join(_NO_CHARACTER if k == position else _BROKEN_ROW for k in range(len(headers)))
    if broken.rule == "quotation":
        return f'"{_BROKEN_ROW}" out of place'
    return delimiter.join([_BROKEN_ROW] * (len(headers) + 1))


def _quoted(column: TextColumn, delimiter: str) -> TextColumn:
    """The values as delimited text; an empty value of a single column is quoted too, so that its line is not blank."""
    texts = column.distinct
    needed = pc.or_(pc.match_substring_regex(texts, f'["\r\n{re.escape(delimiter)}]'), pc.equal(texts, ""))
    doubled = pc.replace_substring(texts, '"', '""')
    return TextColumn(pc.if_else(needed, pc.binary_join_element_wise('"', doubled, '"', ""), texts), column.index)


def _any_broken_row_tells(rows: RawRows) -> bool:
    """Whether a row that could not be read looks personal, and so may not be stored as it came."""
    cells = {cell for item in rows.broken for cell in item.cells}
    return bool(positions_by_kind(suspects(TextColumn.of(pa.array(sorted(cells), pa.string())))))
