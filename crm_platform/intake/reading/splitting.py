"""Bytes → records: which physical lines are records, on which line each begins, and which cannot be split.

Only lines with a quotation mark out of place, or with one half of a quotation, are looked at one by one. A quotation
that is not closed costs its line alone; the lines after it are read as if it were not there.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice

import numpy as np
import pyarrow as pa

from crm_platform.intake.reading.characters import decoded
from crm_platform.intake.reading.decoding import EncodedText
from crm_platform.intake.reading.physical_lines import PhysicalLines
from crm_platform.intake.reading.text_column import Positions

_LONGEST_RECORD_LINES = 100  # a quoted field with more line breaks is taken for a quotation that was never closed


@dataclass(frozen=True)
class Broken:
    """A record that cannot be read: its first physical line, the rule, and what was met in place of a value.

    `cells`: what it holds, as far as it can be told; never shown.
    """

    row_number: int
    rule: str
    met: str
    column: str = "(whole row)"
    cells: tuple[str, ...] = field(default=(), repr=False, compare=False)


@dataclass(frozen=True)
class Records:
    """Sound records as CSV bytes, each with the number of its first physical line (the header is line 1)."""

    content: pa.Buffer
    row_numbers: Positions
    longest_bytes: int
    broken: tuple[Broken, ...]


def detect_delimiter(header_line: str) -> tuple[str, str]:
    """The delimiter and why; tab when ambiguous (R02)."""
    counts = {delimiter: header_line.count(delimiter) for delimiter in ("\t", ",", ";")}
    present = [delimiter for delimiter, count in counts.items() if count]
    if len(present) == 1:
        return present[0], "the only delimiter in the header"
    return "\t" if counts["\t"] or not present else ",", "the header is ambiguous"


def split_header(lines: list[str], delimiter: str) -> tuple[list[str], int]:
    """The header's fields and the number of physical lines it takes."""
    if '"' not in lines[0]:
        return lines[0].split(delimiter), 1
    try:
        return _one_record((line + "\n" for line in lines), delimiter)
    except csv.Error:
        return lines[0].split(delimiter), 1


def split_records(encoded: EncodedText, header_lines: int, delimiter: str, fields: int) -> Records:
    """The records behind the header, of as many fields as it has; blank lines are none."""
    content = encoded.content if encoded.content.endswith(b"\n") else encoded.content + b"\n"
    lines = PhysicalLines.of(content, delimiter)
    counts = lines.delimiters + 1
    begins = (counts == fields) & ~lines.are_empty
    wrong, odd = ~begins, lines.odd.copy()
    for mask in (begins, wrong, odd):
        mask[:header_lines] = False
    kept, broken = begins.copy(), list[Broken]()
    for first, taken, met in _records_at(np.flatnonzero(odd).tolist(), lines, delimiter):
        record = slice(first, first + taken)
        begins[record] = wrong[record] = False
        kept[record] = begins[first] = met == fields
        if met != fields:
            cells = _cells(lines.between(first, first + taken), delimiter, encoded.values_encoding)
            broken.append(_broken(first, met, fields, cells))
    for position in np.flatnonzero(wrong).tolist():
        if lines[position].strip():
            cells = _cells(lines[position], delimiter, encoded.values_encoding)
            broken.append(_broken(position, int(counts[position]), fields, cells))
    broken.sort(key=lambda item: item.row_number)
    sizes = np.add.reduceat(lines.lengths[kept], np.flatnonzero(begins[kept])) if begins.any() else np.zeros(1, int)
    return Records(lines.joined(kept), np.flatnonzero(begins) + 1, int(sizes.max()), tuple(broken))


def _records_at(positions: list[int], lines: PhysicalLines, delimiter: str) -> Iterator[tuple[int, int, int | None]]:
    """Of the record at each position: its first line, how many lines it takes, its fields (None: wrong quotation)."""
    after = 0
    for position in positions:
        if position < after:
            continue  # within the record before
        met: int | None = None
        try:
            values, taken = _one_record((str(line, "latin-1") for line in lines.behind(position)), delimiter)
            met = len(values)
        except csv.Error:
            taken = 1
        after = position + taken
        yield position, taken, met


def _one_record(lines: Iterable[str], delimiter: str) -> tuple[list[str], int]:
    reader = csv.reader(islice(lines, _LONGEST_RECORD_LINES), delimiter=delimiter, strict=True)
    return next(reader), reader.line_num


def _broken(position: int, met: int | None, fields: int, cells: tuple[str, ...]) -> Broken:
    if met is None:
        return Broken(position + 1, "quotation", "(a quotation mark out of place)", cells=cells)
    return Broken(position + 1, "field_count", f"({met} fields in place of {fields})", cells=cells)


def _cells(record: bytes, delimiter: str, encoding: str) -> tuple[str, ...]:
    """What stands between delimiters and line ends, whatever is quoted."""
    text = decoded(record, encoding).replace("\n", delimiter)
    return tuple(cell.strip(' "\r') for cell in text.split(delimiter))
