"""From which delivered column each column of a table comes, once the headers of a file are known."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from crm_platform.clients.mapping import Constant, FirstFilled, FromColumn, IntakeRules, Source, TableMapping
from crm_platform.intake.mapping.source_texts import header_in
from crm_platform.intake.mapping.standard_layout import DELIVERED, WHERE_COLUMN_MISSING, standard_targets
from crm_platform.intake.reading.raw_rows import RawRows, matching_form
from crm_platform.refusals import Refused


@dataclass(frozen=True)
class Layout:
    """The source of every table column that the file can fill; the delivered columns that nothing uses.

    `lacking`: headers that the mapping names and the file lacks, of columns that the table can do without.
    """

    sources: Mapping[str, Source]
    unused: tuple[str, ...]
    lacking: tuple[str, ...] = ()


def layout_of(rules: IntakeRules, table: str, rows: RawRows, dropped: set[str]) -> Layout:
    """The layout of a delivered file. `dropped`: headers cut out as personal data.

    Refused names an unknown header (standard layout), a mapped header that the file lacks, or a required column that is
    missing.
    """
    mapping, lacking = rules.tables[table], list[str]()
    if mapping.columns is None:
        sources = _standard_sources(rules, table, rows)
    else:
        sources, lacking = _mapped_sources(rules, mapping, rows, dropped)
    _refuse_where_needed_is_missing(rules, table, rows, sources)
    derived = [header for other in rules.tables.values() for header in _derived_headers(other, table)]
    lacking += [header for header in derived if header_in(rows.columns, header) is None]
    also = [*(rule.header for rule in mapping.set_aside), *derived, *_headers_of_rules(mapping)]
    read = headers_read(rows.columns, sources.values(), also)
    return Layout(sources, tuple(header for header in rows.columns if header not in read), tuple(lacking))


def headers_read(headers: Iterable[str], sources: Iterable[Source], also: Sequence[str]) -> set[str]:
    """Which delivered headers these sources read."""
    wanted = {matching_form(header) for source in sources for header in source.reads}
    wanted |= {matching_form(header) for header in also}
    return {header for header in headers if matching_form(header) in wanted}


def needed_columns(table: str) -> list[str]:
    """Columns without which no row of the table can be admitted."""
    declared = DELIVERED[table]
    return [column.name for column in declared.columns if column.required or column.name in declared.key]


def refuse_unmapped(rules: IntakeRules) -> None:
    """Refused where a table's mapping names no source for a column without which no delivery of it can be admitted."""
    for name, mapping in rules.tables.items():
        asked = [*needed_columns(name), *(column for column, *_ in _NEVER_ASSUMED if name == "order_lines")]
        missing = [column for column in asked if mapping.columns is not None and column not in mapping.columns]
        if missing:
            raise Refused(
                f"nothing is mapped to the required {_plural(missing, 'column')} {', '.join(missing)}.",
                f'Write {missing[0]} = "HEADER", with the delivered header that holds it.',
                file=rules.file,
                column=f"tables.{name}.columns",
            )


def _can_be_missing(table: str, target: str) -> bool:
    """Columns that are null where nobody knows them; a state or a kind is never assumed."""
    column = DELIVERED[table][target]
    return target not in needed_columns(table) and (column.nullable or target == "discount_jpy")


def _derived_headers(mapping: TableMapping, table: str) -> list[str]:
    return list(mapping.derived_columns.values()) if mapping.derived_from == table else []


def _headers_of_rules(mapping: TableMapping) -> list[str]:
    headers = [mapping.fill_down.within] if mapping.fill_down else []
    headers += [mapping.split_rows.header] if mapping.split_rows else []
    return headers + list(mapping.order_discount.reads if mapping.order_discount else ())


def _standard_sources(rules: IntakeRules, table: str, rows: RawRows) -> dict[str, Source]:
    targets, sources = standard_targets(table), dict[str, Source]()
    _refuse_where_no_header_is_known(rules, rows, targets)
    for header in rows.columns:
        target = targets.get(matching_form(header))
        if target is None:
            near = difflib.get_close_matches(matching_form(header), list(targets), 1)
            raise Refused(
                f"the header '{header[:40]}' is not known in {table}.",
                f"{f'Is {near[0]} meant? ' if near else ''}Remove the column, or map the file in {rules.file}.",
                file=rows.file,
                row=1,
                column=header[:40],
            )
        if target in sources:
            raise Refused(f"two columns hold {target}.", "Remove one.", file=rows.file, row=1, column=header)
        sources[target] = FromColumn(header)
    if table == "order_lines":
        return {name: Constant(value) for name, value in WHERE_COLUMN_MISSING.items() if name not in sources} | sources
    return sources


def _mapped_sources(
    rules: IntakeRules, mapping: TableMapping, rows: RawRows, dropped: set[str]
) -> tuple[dict[str, Source], list[str]]:
    said = mapping.columns or {}
    _refuse_where_no_header_is_known(
        rules, rows, {matching_form(header) for source in said.values() for header in source.reads}
    )
    cut = {matching_form(header) for header in dropped}
    sources, lacking = dict[str, Source](), list[str]()
    for target, source in said.items():
        if cut & {matching_form(header) for header in source.reads}:
            continue
        missing = [header for header in source.reads if header_in(rows.columns, header) is None]
        if not missing:
            sources[target] = source
        elif mapping.may_be_missing(target) and _enough(source, missing):
            sources[target] = FirstFilled(tuple(header for header in source.reads if header not in missing))
        elif mapping.may_be_missing(target) and _can_be_missing(mapping.table, target):
            lacking += missing
        else:
            raise _lacks(rules, mapping, rows, missing[0])
    for header in [*(rule.header for rule in mapping.set_aside), *_headers_of_rules(mapping)]:
        if header_in(rows.columns, header) is None:
            raise _lacks(rules, mapping, rows, header)
    _refuse_where_state_or_kind_is_missing(rules, mapping, rows, sources, cut)
    return sources, lacking


def _enough(source: Source, missing: Sequence[str]) -> bool:
    return isinstance(source, FirstFilled) and len(missing) < len(source.reads)


_NEVER_ASSUMED = (
    ("status", "whether an order line was shipped, cancelled or returned", "shipped"),
    ("order_kind", "whether an order line is 定期, 都度 or まとめ売り", "one_off"),
)


def _refuse_where_state_or_kind_is_missing(
    rules: IntakeRules, mapping: TableMapping, rows: RawRows, sources: Mapping[str, Source], cut: set[str]
) -> None:
    """`cut`: matching forms of the headers that are personal data, from which nothing can be read."""
    for column, question, constant in _NEVER_ASSUMED if mapping.table == "order_lines" else ():
        if column not in sources:
            said = (mapping.columns or {}).get(column)
            gone = [header for header in (said.reads if said else ()) if matching_form(header) in cut]
            why = f": '{gone[0][:40]}' is cut as personal data or free text" if gone else ""
            raise Refused(
                f"nothing says {question}{why}.",
                f"Name {'another' if gone else 'its'} column in {rules.file}, or write there: "
                f'{column} = {{ constant = "{constant}" }}.',
                file=rows.file,
                column=column,
            )


def _refuse_where_needed_is_missing(
    rules: IntakeRules, table: str, rows: RawRows, sources: Mapping[str, Source]
) -> None:
    missing = [name for name in needed_columns(table) if name not in sources]
    if missing:
        raise Refused(
            f"the file lacks the required {_plural(missing, 'column')} {', '.join(missing)}.",
            f"Deliver {'it' if len(missing) == 1 else 'them'}, or name the delivered header in {rules.file}: "
            f"[tables.{table}.columns].",
            file=rows.file,
            row=1,
        )


def _refuse_where_no_header_is_known(rules: IntakeRules, rows: RawRows, known: Iterable[str]) -> None:
    """Nothing of such a line is shown: where the header line is missing, it is somebody's row."""
    if known and not {matching_form(header) for header in rows.columns} & set(known):
        raise Refused(
            "the first line is not known: it holds none of the headers.",
            f"Deliver the file with its header line as the first (no title above it), or map it in {rules.file}.",
            file=rows.file,
            row=1,
        )


def _lacks(rules: IntakeRules, mapping: TableMapping, rows: RawRows, header: str) -> Refused:
    return Refused(
        f"the file lacks the column '{header}'.",
        f"Deliver it, or mend [tables.{mapping.table}] in {rules.file}. The file has: {', '.join(rows.columns)[:300]}.",
        file=rows.file,
        row=1,
        column=header,
    )


def _plural(items: Sequence[str], noun: str) -> str:
    return noun if len(items) == 1 else f"{noun}s"
