"""A source carried out: the text of a table column for every row of a file, from the delivered columns."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from crm_platform.clients.mapping import (
    ByCases,
    Constant,
    FirstFilled,
    FromColumn,
    Joined,
    KeyedHash,
    NumberWithin,
    Part,
    SetAside,
    Source,
)
from crm_platform.intake.reading.raw_rows import RawRows, code_form, matching_form
from crm_platform.intake.reading.text_column import Mask, TextColumn
from crm_platform.refusals import Refused


def header_in(headers: Iterable[str], wanted: str) -> str | None:
    """The delivered header that `wanted` means, or None."""
    return next((header for header in headers if matching_form(header) == matching_form(wanted)), None)


def column_texts(raw: RawRows, header: str) -> TextColumn:
    """A delivered column by any spelling of its header; Refused where the file lacks it."""
    found = header_in(raw.columns, header)
    if found is None:
        raise Refused("the file lacks this column.", "Deliver it or mend the mapping.", file=raw.file, column=header)
    return raw.columns[found]


def text_of(raw: RawRows, source: Source) -> TextColumn:
    """The text of every row; TypeError for a source that counts rows instead (NumberWithin)."""
    match source:
        case Constant(value):
            return TextColumn.constant(value, len(raw.row_numbers))
        case FromColumn() | KeyedHash():
            return column_texts(raw, source.header)
        case ByCases():
            return _by_cases(raw, source)
        case Joined(headers, between):
            return _joined([column_texts(raw, header) for header in headers], between)
        case FirstFilled(headers):
            return _first_filled([column_texts(raw, header) for header in headers])
        case Part(header, part, separator):
            return column_texts(raw, header).mapped(lambda text: _part(text, part, separator))
        case NumberWithin():
            raise TypeError(f"{source} has no text of its own")


def rows_taken(rule: SetAside, column: TextColumn) -> Mask:
    """Rows of the rule's column that it sets aside."""
    if rule.empty:
        return column.is_empty
    if rule.matching is not None:
        return column.matches(rule.matching)
    if rule.not_matching is not None:
        return ~column.matches(rule.not_matching)
    codes = {code_form(code) for code in rule.one_of}
    return column.rows_where([code_form(text) in codes for text in column.distinct.to_pylist()])


def _by_cases(raw: RawRows, source: ByCases) -> TextColumn:
    says = np.full(len(raw.row_numbers), len(source.cases), np.int32)
    for position, case in reversed(list(enumerate(source.cases))):
        says[column_texts(raw, case.header).matches(case.pattern)] = position
    return TextColumn(pa.array([*(case.then for case in source.cases), source.otherwise]), says)


def _joined(columns: list[TextColumn], between: str) -> TextColumn:
    texts = [_null_where_empty(column) for column in columns]
    nothing = pc.is_null(pc.coalesce(*texts))
    texts[0] = pc.if_else(nothing, pa.scalar(""), texts[0])  # Arrow leaves out a row that has nothing to join
    return TextColumn.of(pc.binary_join_element_wise(*texts, pa.scalar(between), null_handling="skip"))


def _first_filled(columns: list[TextColumn]) -> TextColumn:
    return TextColumn.of(pc.fill_null(pc.coalesce(*[_null_where_empty(column) for column in columns]), ""))


def _null_where_empty(column: TextColumn) -> pa.Array:
    return pc.if_else(pc.equal(column.texts, ""), pa.scalar(None, pa.string()), column.texts)


def _part(text: str, part: int, separator: str) -> str:
    parts = text.split(separator)
    return parts[part - 1].strip() if part <= len(parts) else ""
