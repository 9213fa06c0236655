"""Text → records: quoted fields with delimiters and line breaks, and the physical line on which each record begins.

Only lines that hold a quotation mark are looked at one by one. A quotation that is not closed costs its line alone; the
lines after it are read as if it were not there.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field

_LONGEST_RECORD_LINES = 100  # a quoted field with more line breaks is taken for a quotation that was never closed


@dataclass(frozen=True)
class Broken:
    """A record that cannot be split: its first physical line, the rule, and what was met in place of a value."""

    row_number: int
    rule: str
    met: str
    column: str = "(whole row)"


@dataclass
class Records:
    """Sound records as CSV text, each with the number of its first physical line (the header is line 1)."""

    text: list[str] = field(default_factory=list)
    row_numbers: list[int] = field(default_factory=list)
    broken: list[Broken] = field(default_factory=list)


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
        return _one_record(lines, 0, delimiter)
    except csv.Error:
        return lines[0].split(delimiter), 1


def split_records(lines: list[str], first: int, delimiter: str, fields: int) -> Records:
    """The records from line `first` (0-based) on; blank lines are no records."""
    records = Records()
    position = first
    while position < len(lines):
        line = lines[position]
        if '"' in line or "\r" in line:
            position += _quoted(records, lines, position, delimiter, fields)
            continue
        if line.count(delimiter) == fields - 1 and line:
            records.text.append(line)
            records.row_numbers.append(position + 1)
        elif line.strip():
            records.broken.append(_wrong_count(position, line.count(delimiter) + 1, fields))
        position += 1
    return records


def records_of(lines: list[str], first: int, delimiter: str, fields: int) -> Iterator[tuple[list[str] | None, int]]:
    """Each record's values and its number of physical lines, in order; None for a broken one, [] for a blank line."""
    position = first
    while position < len(lines):
        blank = not lines[position].strip() and lines[position].count(delimiter) != fields - 1
        try:
            values, taken = ([], 1) if blank or not lines[position] else _one_record(lines, position, delimiter)
            yield values if len(values) in {0, fields} else None, taken
        except csv.Error:
            taken = 1
            yield None, taken
        position += taken


def _quoted(records: Records, lines: list[str], position: int, delimiter: str, fields: int) -> int:
    """Add the record that begins at `position`; returns how many lines it takes."""
    try:
        values, taken = _one_record(lines, position, delimiter)
    except csv.Error:
        records.broken.append(Broken(position + 1, "quotation", "(a quotation mark out of place)"))
        return 1
    if len(values) == fields:
        records.text.append("\n".join(lines[position : position + taken]))
        records.row_numbers.append(position + 1)
    else:
        records.broken.append(_wrong_count(position, len(values), fields))
    return taken


def _one_record(lines: list[str], position: int, delimiter: str) -> tuple[list[str], int]:
    reader = csv.reader(
        (line + "\n" for line in lines[position : position + _LONGEST_RECORD_LINES]), delimiter=delimiter, strict=True
    )
    return next(reader), reader.line_num


def _wrong_count(position: int, met: int, fields: int) -> Broken:
    return Broken(position + 1, "field_count", f"({met} fields in place of {fields})")
