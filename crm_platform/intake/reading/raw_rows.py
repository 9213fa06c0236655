"""A delivered file as rows of text, with line numbers; and the rows that could not be read as such."""

from __future__ import annotations

import io
import re
import unicodedata
from dataclasses import dataclass, field, replace
from itertools import chain, count, islice

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from crm_platform.clients.mapping import TableMapping
from crm_platform.intake.reading.characters import UNREADABLE, decoded
from crm_platform.intake.reading.decoding import EncodedText, encoded_text
from crm_platform.intake.reading.delivered_files import DeliveredFile
from crm_platform.intake.reading.splitting import Broken, Records, detect_delimiter, split_header, split_records
from crm_platform.intake.reading.text_column import Mask, Positions, TextColumn
from crm_platform.refusals import Refused

_BLOCK_BYTES = 1 << 21
_LONGEST_HEADER_LINES = 100
_A_VALUE = re.compile(r"[\d/:.,¥円+-]*\d[\d/:.,¥円+-]*|.+@.+")


@dataclass(frozen=True)
class Reading:
    """How a file was read, for the receipt."""

    encoding: str
    encoding_reason: str
    delimiter: str
    delimiter_reason: str
    headers: tuple[str, ...]
    is_ascii: bool  # then the encoding says nothing


@dataclass(frozen=True)
class RawRows:
    """The rows of one file: columns by their delivered header, the physical line of each row, and the broken rows."""

    file: str
    reading: Reading
    columns: dict[str, TextColumn]
    row_numbers: Positions
    broken: tuple[Broken, ...]
    added_by_splitting: int = 0  # rows beyond those of the file, where its rows list several lines
    header_again: tuple[int, ...] = ()  # lines that repeat the header, as files copied into one have; they are no rows
    repeated: Positions = field(default_factory=lambda: np.array([], np.int64))  # see `prepared_rows`

    @property
    def delivered(self) -> int:
        """How many rows the file holds, broken ones included."""
        return len(self.row_numbers) - self.added_by_splitting + len(self.broken)

    def without(self, headers: set[str]) -> RawRows:
        """The same rows without these columns."""
        return replace(self, columns={name: column for name, column in self.columns.items() if name not in headers})


def matching_form(header: str) -> str:
    """A header as it is compared: NFKC, small letters, no white space (ecforce writes full-width brackets)."""
    return "".join(unicodedata.normalize("NFKC", header).casefold().split())


def code_form(code: str) -> str:
    """A code as it is compared: NFKC, small letters, no white space around it."""
    return unicodedata.normalize("NFKC", code).strip().casefold()


def read_rows(file: DeliveredFile, mapping: TableMapping, *, may_be_empty: bool = False) -> RawRows:
    """All rows of `file` as text; Refused where the file as a whole cannot be read.

    So is one with a header and no rows, unless it `may_be_empty`.
    """
    file = file.of_sheet(mapping.sheet)
    if file.is_workbook:
        mapping = replace(mapping, encoding="utf-8", delimiter="\t")  # as which a sheet is handed over
    encoded = encoded_text(file.plain, mapping.encoding, mapping.delimiter, file.name)
    lines = _first_lines(encoded)
    delimiter, reason = (mapping.delimiter, "declared") if mapping.delimiter else detect_delimiter(lines[0])
    delivered_headers, header_lines = split_header(lines, delimiter)
    headers = _sound_headers([header.strip() for header in delivered_headers], file.name, encoded.encoding)
    records = split_records(encoded, header_lines, delimiter, len(headers))
    columns = _columns(records, headers, delimiter, encoded.values_encoding)
    columns, row_numbers, header_again = _without_header_again(columns, delivered_headers, records.row_numbers)
    if not len(row_numbers) and not records.broken and not may_be_empty:
        raise Refused("the file has a header but no rows.", "Deliver the rows, or leave the file out.", file=file.name)
    columns, row_numbers, unreadable = _without_unreadable(columns, row_numbers)
    broken = sorted([*records.broken, *unreadable], key=lambda item: item.row_number)
    reading = Reading(encoded.encoding, encoded.reason, delimiter, reason, tuple(headers), file.plain.isascii())
    return RawRows(file.name, reading, columns, row_numbers, tuple(broken), header_again=header_again)


def _first_lines(encoded: EncodedText) -> list[str]:
    first = b"".join(islice(io.BytesIO(encoded.content), _LONGEST_HEADER_LINES))
    return decoded(first, encoded.values_encoding).split("\n")


def _sound_headers(headers: list[str], file: str, encoding: str) -> list[str]:
    """The headers, each once: an unnamed one gets a name, one that is there again a number (EC-CUBE: 送料, 送料)."""
    if any(_A_VALUE.fullmatch(matching_form(header)) for header in headers):
        # not shown: without a header line this is a customer's row
        raise Refused("the first line holds values, not headers.", "Deliver it with a header line.", file=file, row=1)
    sound: list[str] = []
    for position, header in enumerate(headers, start=1):
        if UNREADABLE in header or any(unicodedata.category(letter) == "Cc" for letter in header):
            raise Refused(
                f"the header of column {position} is no text in the encoding {encoding}.",
                "Save the file as UTF-8 or cp932, or name its encoding in the client's TOML.",
                file=file,
                row=1,
            )
        sound.append(_once(header or f"(column {position})", {matching_form(former) for former in sound}))
    return sound


def _once(header: str, taken: set[str]) -> str:
    spellings = chain([header], (f"{header} ({number})" for number in count(2)))
    return next(spelling for spelling in spellings if matching_form(spelling) not in taken)


def _columns(records: Records, headers: list[str], delimiter: str, encoding: str) -> dict[str, TextColumn]:
    if not len(records.row_numbers):
        return {header: TextColumn.of(pa.array([], pa.string())) for header in headers}
    names = [str(position) for position in range(len(headers))]
    table = pacsv.read_csv(
        records.content,
        read_options=pacsv.ReadOptions(
            column_names=names, block_size=max(_BLOCK_BYTES, 2 * records.longest_bytes), use_threads=False
        ),
        parse_options=pacsv.ParseOptions(delimiter=delimiter, newlines_in_values=True, ignore_empty_lines=False),
        convert_options=pacsv.ConvertOptions(column_types=dict.fromkeys(names, pa.binary()), strings_can_be_null=False),
        memory_pool=pa.system_memory_pool(),  # Arrow's own spends more on the first use of memory than on parsing
    )
    delivered = dict(zip(headers, table.columns, strict=True))
    del table  # so that the bytes of a column go as soon as it is decoded
    return {header: TextColumn.decoded(delivered.pop(header), encoding) for header in headers}


def _without_header_again(
    columns: dict[str, TextColumn], delivered_headers: list[str], row_numbers: Positions
) -> tuple[dict[str, TextColumn], Positions, tuple[int, ...]]:
    """Take out the lines that say nothing but the header; their numbers beside what is left."""
    again: Mask = np.ones(len(row_numbers), bool)
    for header, column in zip(delivered_headers, columns.values(), strict=True):
        again &= column.rows_where(pc.equal(column.distinct, header.strip()))
        if not again.any():
            return columns, row_numbers, ()
    rest = {header: column.kept(~again) for header, column in columns.items()}
    return rest, row_numbers[~again], tuple(row_numbers[again].tolist())


def _without_unreadable(
    columns: dict[str, TextColumn], row_numbers: Positions
) -> tuple[dict[str, TextColumn], Positions, list[Broken]]:
    """Take out the rows that hold what is no text; each is named with the first column that does."""
    at_fault: dict[int, str] = {}
    for header, column in columns.items():
        hits = column.rows_where(pc.match_substring(column.distinct, UNREADABLE))
        for row in np.flatnonzero(hits).tolist():
            at_fault.setdefault(row, header)
    if not at_fault:
        return columns, row_numbers, []
    rows = np.array(list(at_fault), np.int64)
    cells = zip(*(column.at(rows) for column in columns.values()), strict=True)
    broken = [
        Broken(number, "unreadable_bytes", "(not text)", header, tuple(texts))
        for number, header, texts in zip(row_numbers[rows].tolist(), at_fault.values(), cells, strict=True)
    ]
    sound: Mask = np.ones(len(row_numbers), bool)
    sound[rows] = False
    return {header: column.kept(sound) for header, column in columns.items()}, row_numbers[sound], broken
