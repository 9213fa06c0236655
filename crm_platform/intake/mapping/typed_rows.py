"""Text rows → typed columns of a table: sources carried out, codes mapped, values cast; failures are breaches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from crm_platform.clients.mapping import FromColumn, IntakeRules, NumberWithin, OrderDiscount, Source
from crm_platform.intake.guard.shown_values import shown_code
from crm_platform.intake.mapping import casting
from crm_platform.intake.mapping.breaches import Breach, Origin
from crm_platform.intake.mapping.bulk_lines import with_bulk_lines
from crm_platform.intake.mapping.layouts import Layout
from crm_platform.intake.mapping.order_discount import (
    OrderLines,
    SpreadDiscount,
    spread_amount,
    spread_difference,
    spread_rows,
)
from crm_platform.intake.mapping.setting_aside import REPEATED, first_rule_that_takes, repeated_in_another_file
from crm_platform.intake.mapping.source_texts import column_texts, header_in, text_of
from crm_platform.intake.mapping.standard_layout import DELIVERED, STANDARD_CODES
from crm_platform.intake.mapping.stated_dates import stated_days, stated_instants
from crm_platform.intake.mapping.typed_column import TypedColumn
from crm_platform.intake.reading.raw_rows import RawRows, code_form
from crm_platform.intake.reading.text_column import Mask, TextColumn, union_of
from crm_platform.refusals import Refused
from crm_platform.tables import Column
from crm_platform.tables.table import DAY, FLAG, INSTANT, REAL, WHOLE

_CODES_SHOWN = 10


@dataclass(frozen=True)
class TypedRows:
    """The readable rows of a table's files. `columns`: typed; `texts`: as delivered; both by table column.

    `counts`: what the receipt says of them beside their accounts.
    """

    table: str
    origin: Origin
    columns: Mapping[str, TypedColumn]
    texts: Mapping[str, TextColumn]
    headers: Mapping[str, str]
    breaches: tuple[Breach, ...]
    set_aside: Mapping[str, Mask]
    counts: Mapping[str, int] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """How many."""
        return len(self.origin.row_numbers)

    def breach(self, rule: str, column: str, rows: Mask) -> Breach:
        """A breach of `rule` in a table column, named as the file names it."""
        return Breach(rule, self.headers.get(column, column), rows, self.texts.get(column))


def type_rows(rules: IntakeRules, table: str, files: Sequence[tuple[RawRows, Layout]]) -> TypedRows:
    """The rows of all of a table's files; Refused lists code values that nothing maps (R15)."""
    sources = _equal_sources(files)
    mapping, origin = rules.tables[table], _origin(files)
    set_aside = first_rule_that_takes(mapping.set_aside, files)
    standing = ~union_of(set_aside.values(), len(origin.row_numbers))
    headers = {target: _header(files[0][0], source) or target for target, source in sources.items()}
    texts = {
        target: TextColumn.joined([text_of(raw, source) for raw, _ in files])
        for target, source in sources.items()
        if not isinstance(source, NumberWithin)
    }
    columns, breaches, unmapped = dict[str, TypedColumn](), list[Breach](), list[Refused]()
    for target, text in texts.items():
        column = DELIVERED[table][target]
        try:
            coded = _with_codes(rules, table, column, text, headers[target], origin, standing)
        except Refused as refusal:  # all columns are told at once: a client completes its code tables once
            unmapped.append(refusal)
            continue
        cast = _cast(column, coded.distinct, sources[target])
        columns[target] = TypedColumn(cast.values, coded.index)
        if cast.failed.any():
            breaches.append(Breach(_failure(column), headers[target], coded.rows_where(cast.failed), coded))
    if unmapped:
        raise _together(unmapped)
    for target, source in sources.items():
        if isinstance(source, NumberWithin):
            columns[target] = TypedColumn.of(numbered_within(texts[source.column], origin))
    repeated = repeated_in_another_file(columns, DELIVERED[table].key, origin) & standing
    set_aside |= {REPEATED: repeated} if repeated.any() else {}
    typed = TypedRows(table, origin, columns, texts, headers, tuple(breaches), set_aside)
    typed = _with_order_discount(typed, mapping.order_discount, files) if mapping.order_discount else typed
    return replace(typed, columns=with_bulk_lines(typed.columns, mapping.bulk)) if mapping.bulk else typed


def _with_order_discount(rows: TypedRows, rule: OrderDiscount, files: Sequence[tuple[RawRows, Layout]]) -> TypedRows:
    order = rows.texts["order_id"].index
    quantity, price = rows.columns["quantity"].values, rows.columns["unit_price_jpy"].values
    again = repeated_orders(rows.origin, [raw for raw, _ in files])  # what stands again has no share in the discount
    set_aside = {rule: taken & ~again for rule, taken in rows.set_aside.items()}
    lines = OrderLines(order, quantity, price, {**set_aside, "repeated": again})
    spread, unread = _order_discount(rule, lines, files)
    return replace(
        rows,
        columns={**rows.columns, "discount_jpy": TypedColumn.of(pa.array(spread.discount_jpy))},
        breaches=(*rows.breaches, *unread),
        counts={**rows.counts, "orders_that_do_not_add_up": spread.orders_that_do_not_add_up},
    )


def repeated_orders(origin: Origin, files: Sequence[RawRows]) -> Mask:
    """Rows of orders that stand once more in their file, as `prepared_rows` told them."""
    again: Mask = np.zeros(len(origin.row_numbers), bool)
    for position, raw in enumerate(files):
        if len(raw.repeated):
            again |= (origin.file_of == position) & np.isin(origin.row_numbers, raw.repeated)
    return again


def _order_discount(
    rule: OrderDiscount, lines: OrderLines, files: Sequence[tuple[RawRows, Layout]]
) -> tuple[SpreadDiscount, list[Breach]]:
    """The discount of every row, and the rows whose order amount is no number."""
    header = rule.header or rule.total
    if header is None:
        return spread_rows(lines, str(rule.set_aside)), _unread_discount_rows(str(rule.set_aside), lines)
    texts = TextColumn.joined([column_texts(raw, header) for raw, _ in files])
    cast = casting.cast_yen(texts.distinct, None, rule.divided_by)
    stated = cast.values.take(pa.array(texts.index))
    unread = [Breach("not_a_number", header, texts.rows_where(cast.failed), texts)] if cast.failed.any() else []
    return spread_amount(lines, stated) if rule.header else spread_difference(lines, stated), unread


def _unread_discount_rows(rule: str, lines: OrderLines) -> list[Breach]:
    """The lines of an order whose discount row holds no number: with no discount they would be too dear."""
    amount = pc.multiply(lines.quantity.cast(pa.float64()), lines.unit_price_jpy.cast(pa.float64()))
    unread = lines.set_aside[rule] & pc.is_null(amount).to_numpy(zero_copy_only=False)
    if not unread.any():
        return []
    of_order: Mask = np.zeros(int(lines.order.max()) + 1, bool)
    of_order[lines.order[unread]] = True
    return [Breach("unreadable_order_discount", "(discount of the order)", of_order[lines.order], None)]


def _equal_sources(files: Sequence[tuple[RawRows, Layout]]) -> Mapping[str, Source]:
    sources = files[0][1].sources
    for raw, layout in files[1:]:
        if dict(layout.sources) != dict(sources):
            raise Refused(
                f"the columns differ from those of {files[0][0].file}.",
                "Deliver the parts of a table with equal columns.",
                file=raw.file,
                row=1,
            )
    return sources


def _origin(files: Sequence[tuple[RawRows, Layout]]) -> Origin:
    sizes = [len(raw.row_numbers) for raw, _ in files]
    return Origin(
        tuple(raw.file for raw, _ in files),
        np.repeat(np.arange(len(files), dtype=np.int32), sizes),
        np.concatenate([raw.row_numbers for raw, _ in files]),
    )


def numbered_within(column: TextColumn, origin: Origin) -> pa.Array:
    """1, 2, 3 … within equal texts of a file, in the order of its rows; an order that two files hold meets itself."""
    rows = pd.Series(column.index)
    return pa.array((rows.groupby([column.index, origin.file_of]).cumcount() + 1).to_numpy(np.int64))


def _header(raw: RawRows, source: Source) -> str | None:
    return header_in(raw.columns, source.reads[0]) if source.reads else None


def _with_codes(
    rules: IntakeRules,
    table: str,
    column: Column,
    texts: TextColumn,
    header: str,
    origin: Origin,
    standing: Mask,
) -> TextColumn:
    """Codes put in place. Those of a text column are exhaustive; those of another replace values before casting.

    `standing`: rows that no rule sets aside; only their codes need a meaning.
    """
    said = rules.tables[table].codes.get(column.name, {})
    if not said and not column.allowed:
        return texts
    known = STANDARD_CODES.get(column.name, {}) | {value: value for value in column.allowed} | dict(said)
    codes = {code_form(code): value for code, value in known.items()} | {"": known.get("", "")}
    exhaustive = column.type == pa.string()
    unknown = texts.rows_where([code_form(text) not in codes for text in texts.distinct.to_pylist()]) & standing
    if exhaustive and unknown.any():
        raise _unmapped(rules, table, column, texts, unknown, header, origin)
    return texts.mapped(lambda text: codes.get(code_form(text), text))


def _unmapped(
    rules: IntakeRules, table: str, column: Column, texts: TextColumn, unknown: Mask, header: str, origin: Origin
) -> Refused:
    rows = np.flatnonzero(unknown)
    counts = sorted(Counter(texts.at(rows)).items())
    shown = [f"{shown_code(text)} ({count} rows)" for text, count in counts[:_CODES_SHOWN]]
    more = f" and {len(counts) - _CODES_SHOWN} more" if len(counts) > _CODES_SHOWN else ""
    possible = f"one of {', '.join(column.allowed)}" if column.allowed else "a value"
    lines = "".join(f'\n{shown_code(text).replace(chr(39), chr(34))} = ""' for text, _ in counts if _is_shown(text))
    return Refused(
        f"no meaning is known for {', '.join(shown)}{more}.",
        f"Say it in {rules.file}, with {possible} for each:\n[tables.{table}.codes.{column.name}]{lines}\n",
        file=origin.files[origin.file_of[rows[0]]],
        row=int(origin.row_numbers[rows[0]]),
        column=header,
    )


def _together(refusals: Sequence[Refused]) -> Refused:
    """The first refusal, and what the others say behind it."""
    first, others = refusals[0], refusals[1:]
    problem = " ".join([first.problem, *(f"{other.place}: {other.problem}" for other in others)])
    return replace(first, problem=problem, remedy="".join([first.remedy, *(other.remedy for other in others)]))


def _is_shown(text: str) -> bool:
    return shown_code(text) == f"'{text}'"


def _cast(column: Column, distinct: pa.Array, source: Source) -> casting.Cast:
    said = source if isinstance(source, FromColumn) else FromColumn("")
    if column.type == REAL:
        return casting.cast_real(distinct, said.times, said.divided_by)
    if column.type == WHOLE:
        yen = column.unit == "JPY"
        return casting.cast_yen(distinct, said.times, said.divided_by) if yen else casting.cast_whole(distinct)
    if column.type == FLAG:
        return casting.cast_flag(distinct)
    if column.type in {DAY, INSTANT}:
        return _cast_date(column, distinct, said.format)
    empty = pc.equal(distinct, "")
    return casting.Cast(pc.if_else(empty, pa.scalar(None, pa.string()), distinct), np.zeros(len(distinct), bool))


def _cast_date(column: Column, distinct: pa.Array, written: str | None) -> casting.Cast:
    if column.type == DAY:
        if written:
            return stated_days(distinct, written)
        return casting.cast_month(distinct) if column.name == "month" else casting.cast_day(distinct)
    return stated_instants(distinct, written) if written else casting.cast_instant(distinct)


def _failure(column: Column) -> str:
    if column.type in {DAY, INSTANT}:
        return "not_a_date"
    if column.type == FLAG:
        return "not_a_flag"
    return "not_whole" if column.type == WHOLE and column.unit != "JPY" else "not_a_number"
