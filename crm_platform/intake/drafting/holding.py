"""A definition held against files (R03): every column in each file is in the definition and vice versa."""

from __future__ import annotations

import fnmatch
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from crm_platform.clients.client import Client
from crm_platform.clients.mapping import DELIVERED_TABLES, TableMapping
from crm_platform.intake.admission.admitted import Admitted
from crm_platform.intake.admission.faults import masked
from crm_platform.intake.drafting.definition import KIND_WORDS, DefinedColumn, DefinedTable, Definition, Kind
from crm_platform.intake.drafting.profile import are_slashed_dates
from crm_platform.intake.guard.shown_values import shown_code
from crm_platform.intake.guard.telling_headers import kind_told
from crm_platform.intake.mapping.casting import cast_instant, parse_number
from crm_platform.intake.mapping.checked_rules import rules_of
from crm_platform.intake.mapping.file_tables import files_by_table
from crm_platform.intake.mapping.source_texts import header_in, rows_taken
from crm_platform.intake.mapping.standard_layout import standard_targets
from crm_platform.intake.reading.delivered_files import DeliveredFile
from crm_platform.intake.reading.raw_rows import RawRows, matching_form, read_rows
from crm_platform.intake.reading.text_column import TextColumn, union_of
from crm_platform.refusals import Refused

_LEAST_SHARED = 0.5
_CODES_SHOWN = 20
_OUR_LAYOUT = ("contacts", "contact_overrides", "control_totals")  # written for the platform, exported by no cart
_FLAG_WORDS = {"0", "1", "true", "false", "y", "n", "yes", "no", "○", "×", "有", "無"}


@dataclass(frozen=True)
class Difference:
    """Where a file is not as defined: `added`, `missing`, `type`, `length`, `code`, `null`, or no such `table`."""

    file: str
    column: str
    kind: str
    what: str

    def __str__(self) -> str:
        column = f", column {self.column}" if self.column else ""
        return f"{self.file}{column}: {self.what}"


def hold_against(definition: Definition, files: Sequence[RawRows], tolerated_rate: float) -> None:
    """Refused, with every difference listed, where the files are not as defined."""
    found = differences(definition, files, tolerated_rate)
    if found:
        listed = "".join(f"\n  {item}" for item in found)
        raise Refused(
            f"the files differ from the table definition (テーブル定義書) in {len(found)} "
            f"{'place' if len(found) == 1 else 'places'}:{listed}\n",
            "Deliver them as defined, or correct the definition: <client>.definition.tsv beside the client's file.",
        )


def hold_files(
    definition: Definition, client: Client, files: Sequence[DeliveredFile], former: Sequence[Admitted] = ()
) -> None:
    """The same for files as delivered, read as the client's mapping says. `former`: earlier deliveries.

    What is written for the platform in its own layout need not stand in the client's definition.
    """
    rules = rules_of(client)
    known = frozenset(name for name in DELIVERED_TABLES if any(admitted.tables[name].num_rows for admitted in former))
    found = files_by_table(rules, files, known)
    read = [
        _without_set_aside(rows, rules.tables[table])
        for table, of_table in found.items()
        for file in of_table
        if not _in_our_layout(definition, table, rows := read_rows(file, rules.tables[table]))
    ]
    hold_against(definition, read, rules.tolerated_bad_row_rate)


def _in_our_layout(definition: Definition, table: str, rows: RawRows) -> bool:
    headers = {matching_form(header) for header in rows.reading.headers}
    return table in _OUR_LAYOUT and headers <= set(standard_targets(table)) and _named_table(definition, rows) is None


def _without_set_aside(rows: RawRows, mapping: TableMapping) -> RawRows:
    """The rows that are meant to be admitted: a line of totals need not be as the definition says."""
    headers = {rule: header_in(rows.columns, rule.header) for rule in mapping.set_aside}
    aside = [rows_taken(rule, rows.columns[header]) for rule, header in headers.items() if header is not None]
    kept = ~union_of(aside, len(rows.row_numbers))
    columns = {header: column.kept(kept) for header, column in rows.columns.items()}
    return replace(rows, columns=columns, row_numbers=rows.row_numbers[kept])


def differences(definition: Definition, files: Sequence[RawRows], tolerated_rate: float) -> list[Difference]:
    """Every difference, in the order of the files and of their definition.

    `tolerated_rate`: share of a file's rows that may be of another type, too long or empty in a required column; such
    rows are the quarantine's matter. An undeclared code is a difference however rare.
    """
    found: list[Difference] = []
    for rows in files:
        table = defined_table(definition, rows)
        if table is None:
            found.append(Difference(rows.file, "", "table", "no table of the definition has such columns"))
            continue
        found += _columns_that_differ(table, rows)
        for column in table.columns:
            header = header_of(column, list(rows.columns))
            if header is not None:
                tolerated = int(tolerated_rate * rows.delivered)
                found += _values_that_differ(column, header, rows, tolerated)
    return found


def defined_table(definition: Definition, rows: RawRows) -> DefinedTable | None:
    """The table that a file is: by the defined file name, by the table's name, else by the columns it shares most."""
    if named := _named_table(definition, rows):
        return named
    shares = [(_shared(table, rows), -position) for position, table in enumerate(definition.tables)]
    best, position = max(shares, default=(0.0, 0))
    return definition.tables[-position] if best >= _LEAST_SHARED else None


def _named_table(definition: Definition, rows: RawRows) -> DefinedTable | None:
    name = _plain(rows.file)
    for table in definition.tables:
        if table.file and fnmatch.fnmatchcase(name, _plain(table.file)):
            return table
    stem = name.split(".")[0]
    for table in definition.tables:
        if stem in {_plain(table.name), _plain(table.file).split(".")[0]}:
            return table
    return None


def _shared(table: DefinedTable, rows: RawRows) -> float:
    headers = list(rows.reading.headers)
    return sum(header_of(column, headers) is not None for column in table.columns) / max(len(table.columns), 1)


def _columns_that_differ(table: DefinedTable, rows: RawRows) -> list[Difference]:
    headers = list(rows.reading.headers)
    met = {header for column in table.columns if (header := header_of(column, headers)) is not None}
    missing = [column.name for column in table.columns if header_of(column, headers) is None]
    return [
        *(Difference(rows.file, name, "missing", f"defined in {table.name}, but not in the file") for name in missing),
        *(
            Difference(rows.file, header, "added", f"in the file, but not defined in {table.name}")
            for header in headers
            if header not in met
        ),
    ]


def header_of(column: DefinedColumn, headers: Sequence[str]) -> str | None:
    """The header of a defined column, by 項目名 or 物理名; None where there is none of them."""
    forms = {matching_form(name) for name in (column.name, column.physical_name) if name}
    return next((header for header in headers if matching_form(header) in forms), None)


def _values_that_differ(column: DefinedColumn, header: str, rows: RawRows, tolerated: int) -> list[Difference]:
    cells = rows.columns[header]
    found = []

    def add(kind: str, count: int, first: int, what: str) -> None:
        found.append(Difference(rows.file, header, kind, f"{what} in {count:,} rows, first in row {first}"))

    def judge(kind: str, bad: Sequence[bool] | np.ndarray[tuple[int], np.dtype[np.bool_]], what: str) -> None:
        hits = np.flatnonzero(cells.rows_where(np.asarray(bad, bool)))
        if len(hits) > tolerated:
            add(kind, len(hits), int(rows.row_numbers[hits[0]]), what)

    judge("type", _not_of(column.kind, cells.distinct), f"defined as {KIND_WORDS[column.kind]}; other values")
    if column.length is not None and column.kind in {"text", "code"}:
        too_long = pc.greater(pc.utf8_length(cells.distinct), column.length).to_numpy(zero_copy_only=False)
        judge("length", too_long, f"longer than {column.length} characters")
    if column.required:
        judge("null", pc.equal(cells.distinct, "").to_numpy(zero_copy_only=False), "required, but empty")
    if column.codes:
        found += _undeclared(column, header, rows, cells)
    return found


def _not_of(kind: Kind, distinct: pa.Array) -> list[bool]:
    """Which values are not of the kind; an empty cell is of every kind."""
    texts = distinct.to_pylist()
    if kind == "number":
        return [bool(text) and parse_number(text) is None for text in texts]
    if kind == "flag":
        return [bool(text) and unicodedata.normalize("NFKC", text).casefold() not in _FLAG_WORDS for text in texts]
    if kind == "date":
        failed = cast_instant(distinct).failed.tolist()
        filled = [text for text in texts if text]
        return [False] * len(texts) if are_slashed_dates(filled) else failed
    return [False] * len(texts)


def _undeclared(column: DefinedColumn, header: str, rows: RawRows, cells: TextColumn) -> list[Difference]:
    declared = {_plain(code) for code, _ in column.codes} | {""}
    unknown = sorted(text for text in cells.distinct.to_pylist() if _plain(text) not in declared)
    if not unknown:
        return []
    personal = bool(kind_told(header, "customers"))
    shown = [masked(text) if personal else shown_code(text) for text in unknown[:_CODES_SHOWN]]
    more = f" and {len(unknown) - len(shown)} more" if len(unknown) > len(shown) else ""
    return [Difference(rows.file, header, "code", f"undeclared code values: {', '.join(shown)}{more}")]


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip().casefold()
