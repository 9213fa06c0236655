"""Text rows → typed columns of a table: sources carried out, codes mapped, values cast; failures are breaches."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from crm_platform.clients.mapping import ByPattern, Constant, FromColumn, IntakeRules, NumberWithin, SetAside, Source
from crm_platform.intake.mapping import casting
from crm_platform.intake.mapping.breaches import Breach, Origin
from crm_platform.intake.mapping.layouts import Layout, header_in
from crm_platform.intake.mapping.standard_layout import DELIVERED, STANDARD_CODES
from crm_platform.intake.reading.raw_rows import RawRows
from crm_platform.intake.reading.text_column import Mask, TextColumn
from crm_platform.refusals import Refused
from crm_platform.tables import Column
from crm_platform.tables.table import DAY, FLAG, INSTANT, REAL, WHOLE

_CODES_SHOWN = 10


@dataclass(frozen=True)
class TypedRows:
    """The readable rows of a table's files. `columns`: typed; `texts`: as delivered; both by table column."""

    table: str
    origin: Origin
    columns: Mapping[str, pa.Array]
    texts: Mapping[str, TextColumn]
    headers: Mapping[str, str]
    breaches: tuple[Breach, ...]
    set_aside: Mapping[str, Mask]

    @property
    def rows(self) -> int:
        """How many."""
        return len(self.origin.row_numbers)

    def breach(self, rule: str, column: str, rows: Mask) -> Breach:
        """A breach of `rule` in a table column, named as the file names it."""
        return Breach(rule, self.headers.get(column, column), rows, self.texts.get(column))


def type_rows(rules: IntakeRules, table: str, files: Sequence[tuple[RawRows, Layout]]) -> TypedRows:
    """The rows of all of a table's files; Refused lists code values that nothing maps (R15)."""
    sources = files[0][1].sources
    for raw, layout in files[1:]:
        if dict(layout.sources) != dict(sources):
            raise Refused(
                f"the columns differ from those of {files[0][0].file}.",
                "Deliver the parts of a table with equal columns.",
                file=raw.file,
                row=1,
            )
    sizes = [len(raw.row_numbers) for raw, _ in files]
    origin = Origin(
        tuple(raw.file for raw, _ in files),
        np.repeat(np.arange(len(files), dtype=np.int32), sizes),
        np.concatenate([raw.row_numbers for raw, _ in files]),
    )
    texts = {target: _joined(files, source) for target, source in sources.items() if isinstance(source, _PER_ROW)}
    headers = {target: _header(files[0][0], source) or target for target, source in sources.items()}
    columns, breaches = dict[str, pa.Array](), list[Breach]()
    for target, text in texts.items():
        column = DELIVERED[table][target]
        coded = _with_codes(rules, table, column, text, headers[target], origin)
        cast = _cast(column, coded.distinct, sources[target])
        columns[target] = cast.values.take(pa.array(coded.index))
        if cast.failed.any():
            breaches.append(Breach(_failure(column), headers[target], coded.rows_where(cast.failed), coded))
    for target, source in sources.items():
        if isinstance(source, NumberWithin):
            columns[target] = numbered_within(texts[source.column])
    set_aside = _first_rule_that_takes(rules.tables[table].set_aside, files)
    return TypedRows(table, origin, columns, texts, headers, tuple(breaches), set_aside)


_PER_ROW = (FromColumn, ByPattern, Constant)


def numbered_within(column: TextColumn) -> pa.Array:
    """1, 2, 3 … within equal texts, in the order of the rows."""
    return pa.array((pd.Series(column.index).groupby(column.index).cumcount() + 1).to_numpy(np.int64))


def column_texts(raw: RawRows, header: str) -> TextColumn:
    """A delivered column by any spelling of its header; Refused where the file lacks it."""
    found = header_in(raw.columns, header)
    if found is None:
        raise Refused("the file lacks this column.", "Deliver it or mend the mapping.", file=raw.file, column=header)
    return raw.columns[found]


def _joined(files: Sequence[tuple[RawRows, Layout]], source: Source) -> TextColumn:
    return TextColumn.joined([_text_of(raw, source) for raw, _ in files])


def _text_of(raw: RawRows, source: Source) -> TextColumn:
    match source:
        case Constant(value):
            return TextColumn.constant(value, len(raw.row_numbers))
        case FromColumn(header, _):
            return column_texts(raw, header)
        case ByPattern(header, pattern, then, otherwise):
            hits = column_texts(raw, header).matches(pattern)
            return TextColumn(pa.array([otherwise, then]), hits.astype(np.int32))
    raise TypeError(f"{source} has no text of its own")


def _header(raw: RawRows, source: Source) -> str | None:
    return header_in(raw.columns, source.header) if isinstance(source, FromColumn | ByPattern) else None


def _with_codes(
    rules: IntakeRules, table: str, column: Column, texts: TextColumn, header: str, origin: Origin
) -> TextColumn:
    """Codes put in place. Those of a text column are exhaustive; those of another replace values before casting."""
    said = rules.tables[table].codes.get(column.name, {})
    if not said and not column.allowed:
        return texts
    known = STANDARD_CODES.get(column.name, {}) | {value: value for value in column.allowed} | dict(said)
    codes = {_plain(code): value for code, value in known.items()} | {"": known.get("", "")}
    exhaustive = column.type == pa.string()
    unknown = [text for text in texts.distinct.to_pylist() if _plain(text) not in codes] if exhaustive else []
    if unknown:
        raise _unmapped(rules, table, column, texts, unknown, header, origin)
    return texts.mapped(lambda text: codes.get(_plain(text), text))


def _unmapped(
    rules: IntakeRules, table: str, column: Column, texts: TextColumn, unknown: list[str], header: str, origin: Origin
) -> Refused:
    counts = np.bincount(texts.index, minlength=len(texts.distinct))
    by_text = dict(zip(texts.distinct.to_pylist(), counts, strict=True))
    shown = [f"'{text[:20]}' ({by_text[text]} rows)" for text in sorted(unknown)[:_CODES_SHOWN]]
    more = f" and {len(unknown) - _CODES_SHOWN} more" if len(unknown) > _CODES_SHOWN else ""
    rows = np.flatnonzero(texts.rows_where([text in set(unknown) for text in texts.distinct.to_pylist()]))
    possible = f"one of {', '.join(column.allowed)}" if column.allowed else "a value"
    return Refused(
        f"no meaning is known for {', '.join(shown)}{more}.",
        f'Say it in {rules.file}: [tables.{table}.codes.{column.name}] "code" = {possible}.',
        file=origin.files[origin.file_of[rows[0]]],
        row=int(origin.row_numbers[rows[0]]),
        column=header,
    )


def _plain(code: str) -> str:
    return unicodedata.normalize("NFKC", code).strip().casefold()


def _cast(column: Column, distinct: pa.Array, source: Source) -> casting.Cast:
    times = source.times if isinstance(source, FromColumn) else None
    if column.type == REAL:
        return casting.cast_real(distinct, times)
    if column.type == WHOLE:
        return casting.cast_yen(distinct, times) if column.unit == "JPY" else casting.cast_whole(distinct)
    if column.type == FLAG:
        return casting.cast_flag(distinct)
    if column.type == DAY:
        return casting.cast_month(distinct) if column.name == "month" else casting.cast_day(distinct)
    if column.type == INSTANT:
        return casting.cast_instant(distinct)
    empty = pc.equal(distinct, "")
    return casting.Cast(pc.if_else(empty, pa.scalar(None, pa.string()), distinct), np.zeros(len(distinct), bool))


def _failure(column: Column) -> str:
    if column.type in {DAY, INSTANT}:
        return "not_a_date"
    if column.type == FLAG:
        return "not_a_flag"
    return "not_whole" if column.type == WHOLE and column.unit != "JPY" else "not_a_number"


def _first_rule_that_takes(set_aside: Sequence[SetAside], files: Sequence[tuple[RawRows, Layout]]) -> dict[str, Mask]:
    """Rows per rule; a row belongs to the first rule that takes it."""
    taken: Mask = np.zeros(sum(len(raw.row_numbers) for raw, _ in files), bool)
    rows_by_rule = {}
    for rule in set_aside:
        hits = np.concatenate([_takes(rule, column_texts(raw, rule.header)) for raw, _ in files]) & ~taken
        rows_by_rule[rule.rule] = hits
        taken |= hits
    return rows_by_rule


def _takes(rule: SetAside, column: TextColumn) -> Mask:
    if rule.empty:
        return column.is_empty
    if rule.matching is not None:
        return column.matches(rule.matching)
    if rule.not_matching is not None:
        return ~column.matches(rule.not_matching)
    return column.rows_where([text in rule.one_of for text in column.distinct.to_pylist()])
