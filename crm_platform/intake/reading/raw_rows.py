"""A delivered file as rows of text, with line numbers; and the rows that could not be read as such."""

from __future__ import annotations

import io
import re
import unicodedata
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv

from crm_platform.clients.mapping import TableMapping
from crm_platform.intake.reading.decoding import UNREADABLE, decode
from crm_platform.intake.reading.delivered_files import DeliveredFile
from crm_platform.intake.reading.splitting import Broken, detect_delimiter, split_header, split_records
from crm_platform.intake.reading.text_column import Mask, Positions, TextColumn
from crm_platform.refusals import Refused

_BLOCK_BYTES = 1 << 24
_A_VALUE = re.compile(r"[\d/:.,¥円+-]*\d[\d/:.,¥円+-]*|.+@.+")


@dataclass(frozen=True)
class Reading:
    """How a file was read, for the receipt."""

    encoding: str
    encoding_reason: str
    delimiter: str
    delimiter_reason: str
    headers: tuple[str, ...]


@dataclass(frozen=True)
class RawRows:
    """The rows of one file: columns by their delivered header, the physical line of each row, and the broken rows."""

    file: str
    reading: Reading
    columns: dict[str, TextColumn]
    row_numbers: Positions
    broken: tuple[Broken, ...]

    @property
    def delivered(self) -> int:
        """How many rows the file holds, broken ones included."""
        return len(self.row_numbers) + len(self.broken)

    def without(self, headers: set[str]) -> RawRows:
        """The same rows without these columns."""
        return replace(self, columns={name: column for name, column in self.columns.items() if name not in headers})


def matching_form(header: str) -> str:
    """A header as it is compared: NFKC, small letters, no white space (ecforce writes full-width brackets)."""
    return "".join(unicodedata.normalize("NFKC", header).casefold().split())


def read_rows(file: DeliveredFile, mapping: TableMapping) -> RawRows:
    """All rows of `file` as text; Refused where the file as a whole cannot be read."""
    decoded = decode(file.plain, mapping.encoding, file.name)
    lines = decoded.text.split("\n")
    delimiter, reason = (mapping.delimiter, "declared") if mapping.delimiter else detect_delimiter(lines[0])
    headers, taken = split_header(lines, delimiter)
    headers = _sound_headers([header.strip() for header in headers], file.name, decoded.encoding)
    records = split_records(lines, taken, delimiter, len(headers))
    if not records.row_numbers and not records.broken:
        raise Refused("the file has a header but no rows.", "Deliver the rows, or leave the file out.", file=file.name)
    columns = _columns(records.text, headers, delimiter)
    row_numbers, broken = np.array(records.row_numbers, np.int64), records.broken
    if decoded.damaged:
        columns, row_numbers, unreadable = _without_unreadable(columns, row_numbers)
        broken = sorted([*broken, *unreadable], key=lambda item: item.row_number)
    reading = Reading(decoded.encoding, decoded.reason, delimiter, reason, tuple(headers))
    return RawRows(file.name, reading, columns, row_numbers, tuple(broken))


def _sound_headers(headers: list[str], file: str, encoding: str) -> list[str]:
    forms = [matching_form(header) for header in headers]
    if any(_A_VALUE.fullmatch(form) for form in forms):  # not shown: without a header this is a customer's row
        raise Refused("the first line holds values, not headers.", "Deliver it with a header line.", file=file, row=1)
    for position, (header, form) in enumerate(zip(headers, forms, strict=True)):
        if UNREADABLE in form or any(unicodedata.category(letter) == "Cc" for letter in header):
            raise Refused(
                f"the header of column {position + 1} is no text in the encoding {encoding}.",
                "Save the file as UTF-8 or cp932, or name its encoding in the client's TOML.",
                file=file,
                row=1,
            )
        if not form:
            problem = f"the header of column {position + 1} is empty."
            raise Refused(problem, "Write a name in the first line of the file.", file=file, row=1)
        if form in forms[:position]:
            raise Refused(
                f"the header '{header}' is there twice (columns {forms.index(form) + 1} and {position + 1}).",
                "Rename or remove one of the two columns.",
                file=file,
                row=1,
                column=header,
            )
    return headers


def _columns(records: list[str], headers: list[str], delimiter: str) -> dict[str, TextColumn]:
    if not records:
        return {header: TextColumn.of(pa.array([], pa.string())) for header in headers}
    names = [str(position) for position in range(len(headers))]
    content = "\n".join(records).encode()
    records.clear()  # the text lives on in `content`; keeping both would double the memory of a large file
    table = pacsv.read_csv(
        io.BytesIO(content),
        read_options=pacsv.ReadOptions(column_names=names, block_size=_BLOCK_BYTES),
        parse_options=pacsv.ParseOptions(delimiter=delimiter, newlines_in_values=True, ignore_empty_lines=False),
        convert_options=pacsv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.dictionary(pa.int32(), pa.string())), strings_can_be_null=False
        ),
    )
    return {header: TextColumn.of(table[name]) for header, name in zip(headers, names, strict=True)}


def _without_unreadable(
    columns: dict[str, TextColumn], row_numbers: Positions
) -> tuple[dict[str, TextColumn], Positions, list[Broken]]:
    """Take out the rows that hold an undecodable byte; each is named with the first column that does."""
    sound: Mask = np.ones(len(row_numbers), bool)
    broken: list[Broken] = []
    for header, column in columns.items():
        hits = column.matches(UNREADABLE) & sound
        broken += [Broken(int(number), "unreadable_bytes", "(not text)", header) for number in row_numbers[hits]]
        sound &= ~hits
    kept = {header: column.kept(sound) for header, column in columns.items()}
    return kept, row_numbers[sound], broken
