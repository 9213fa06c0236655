"""From which delivered column each column of a table comes, once the headers of a file are known."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from crm_platform.clients.client import Client
from crm_platform.clients.mapping import (
    ByPattern,
    Constant,
    FromColumn,
    IntakeRules,
    NumberWithin,
    Source,
    TableMapping,
    parse_intake_rules,
)
from crm_platform.intake.mapping.standard_layout import (
    COMPUTED_COLUMNS,
    DELIVERED,
    WHERE_COLUMN_MISSING,
    standard_targets,
)
from crm_platform.intake.reading.raw_rows import RawRows, matching_form
from crm_platform.refusals import Refused
from crm_platform.tables import Column, Table
from crm_platform.tables.table import TEXT


@dataclass(frozen=True)
class Layout:
    """The source of every table column that the file can fill, and the delivered columns that nothing uses."""

    sources: Mapping[str, Source]
    unused: tuple[str, ...]


def rules_of(client: Client) -> IntakeRules:
    """The client's rules, checked against the tables too; Refused names a column that no table has."""
    rules = parse_intake_rules(client)
    for name, mapping in rules.tables.items():
        _check_targets(rules.file, DELIVERED[name], mapping)
    return rules


def processing_reasons(rules: IntakeRules) -> list[str]:
    """What in the rules is more than renaming, casting, decoding and code mapping (加工あり, R09)."""
    reasons = []
    for name, mapping in rules.tables.items():
        reasons += [f"{name}: rows set aside by the rule '{rule.rule}'" for rule in mapping.set_aside]
        reasons += [f"{name}: derived from {mapping.derived_from}"] if mapping.derived_from else []
        for target, source in (mapping.columns or {}).items():
            if isinstance(source, NumberWithin | ByPattern):
                reasons.append(f"{name}: {target} is computed from another column")
    return reasons


def is_special_format(rules: IntakeRules) -> bool:
    """Whether the client delivers the standard layout with nothing mapped (R10)."""
    return all(mapping == TableMapping(name) for name, mapping in rules.tables.items())


def layout_of(rules: IntakeRules, table: str, rows: RawRows, dropped: set[str]) -> Layout:
    """The layout of a delivered file. `dropped`: headers cut out as personal data.

    Refused names an unknown header (standard layout), a mapped header that the file lacks, or a required column that is
    missing.
    """
    mapping = rules.tables[table]
    if mapping.columns is None:
        sources = _standard_sources(rules, table, rows)
    else:
        sources = _mapped_sources(rules, mapping, rows, dropped)
    needed = [
        column.name for column in DELIVERED[table].columns if column.required or column.name in DELIVERED[table].key
    ]
    missing = [name for name in needed if name not in sources]
    if missing:
        raise Refused(
            f"the file lacks the required {_plural(missing, 'column')} {', '.join(missing)}.",
            f"Deliver {'it' if len(missing) == 1 else 'them'}, or name the delivered header in {rules.file}: "
            f"[tables.{table}.columns].",
            file=rows.file,
            row=1,
        )
    also = [rule.header for rule in mapping.set_aside]
    for derived in [other for other in rules.tables.values() if other.derived_from == table]:
        also += [source.header for source in (derived.columns or {}).values() if isinstance(source, FromColumn)]
    read = headers_read(rows.columns, sources.values(), also)
    return Layout(sources, tuple(header for header in rows.columns if header not in read))


def header_in(headers: Iterable[str], wanted: str) -> str | None:
    """The delivered header that `wanted` means, or None."""
    return next((header for header in headers if matching_form(header) == matching_form(wanted)), None)


def headers_read(headers: Iterable[str], sources: Iterable[Source], also: Sequence[str]) -> set[str]:
    """Which delivered headers these sources read."""
    wanted = {matching_form(source.header) for source in sources if isinstance(source, FromColumn | ByPattern)}
    wanted |= {matching_form(header) for header in also}
    return {header for header in headers if matching_form(header) in wanted}


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


def _mapped_sources(rules: IntakeRules, mapping: TableMapping, rows: RawRows, dropped: set[str]) -> dict[str, Source]:
    sources = dict(mapping.columns or {})
    named = [source.header for source in sources.values() if isinstance(source, FromColumn | ByPattern)]
    _refuse_where_no_header_is_known(rules, rows, {matching_form(header) for header in named})
    cut = {matching_form(header) for header in dropped}
    for target, source in list(sources.items()):
        if isinstance(source, FromColumn | ByPattern) and matching_form(source.header) in cut:
            del sources[target]
        elif isinstance(source, FromColumn | ByPattern) and header_in(rows.columns, source.header) is None:
            raise _lacks(rules, mapping, rows, source.header)
    for rule in mapping.set_aside:
        if header_in(rows.columns, rule.header) is None:
            raise _lacks(rules, mapping, rows, rule.header)
    if mapping.table == "order_lines" and "status" not in sources:
        sources["status"] = Constant(WHERE_COLUMN_MISSING["status"])
    if mapping.table == "order_lines" and "order_kind" not in sources:
        raise Refused(
            "nothing says whether an order line is 定期, 都度 or まとめ売り.",
            f'Name its column in {rules.file}, or write there: order_kind = {{ constant = "one_off" }}.',
            file=rows.file,
            column="order_kind",
        )
    return sources


def _refuse_where_no_header_is_known(rules: IntakeRules, rows: RawRows, known: Iterable[str]) -> None:
    """Nothing of such a line is shown: where the header line is missing, it is somebody's row."""
    if known and not {matching_form(header) for header in rows.columns} & set(known):
        raise Refused(
            "the first line is not known: it holds none of the headers.",
            f"Deliver the file with its header line, or map it in {rules.file}.",
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


def _check_targets(file: str, table: Table, mapping: TableMapping) -> None:
    for target in [*(mapping.columns or {}), *mapping.codes]:
        place = f"tables.{table.name}.{'codes' if target in mapping.codes else 'columns'}.{target}"
        computed = COMPUTED_COLUMNS.get(table.name, set())
        if target not in table or target in computed:
            names = ", ".join(name for name in table.names if name not in computed)
            raise Refused(f"{table.name} takes no column '{target}'.", f"Use {names}.", file=file, column=place)
        if mapping.derived_from and (target in mapping.codes or table[target].type != TEXT):
            raise Refused(
                f"'{target}' cannot be filled in a derived table.", "Map text columns only.", file=file, column=place
            )
    for target, codes in mapping.codes.items():
        place = f"tables.{table.name}.codes.{target}"
        for value in codes.values():
            _check_allowed(file, place, table[target], value)
    for target, source in (mapping.columns or {}).items():
        _check_source(file, table, target, source, mapping.columns or {})


def _check_source(file: str, table: Table, target: str, source: Source, columns: Mapping[str, Source]) -> None:
    place, column = f"tables.{table.name}.columns.{target}", table[target]
    if isinstance(source, FromColumn) and source.times is not None and column.unit != "JPY":
        raise Refused(f"{target} is no amount.", "Multiply amounts only.", file=file, column=place)
    if isinstance(source, NumberWithin) and (target != "line_no" or source.column not in columns):
        raise Refused(
            "a number within a column is possible for line_no only, and within a mapped column.",
            'Write line_no = { number_within = "order_id" }.',
            file=file,
            column=place,
        )
    values = [source.value] if isinstance(source, Constant) else []
    values += [source.then, source.otherwise] if isinstance(source, ByPattern) else []
    for value in values:
        _check_allowed(file, place, column, value)


def _check_allowed(file: str, place: str, column: Column, value: str) -> None:
    if column.allowed and value not in column.allowed:
        raise Refused(
            f"'{value}' is not possible.", f"Use one of {', '.join(column.allowed)}.", file=file, column=place
        )


def _plural(items: Sequence[str], noun: str) -> str:
    return noun if len(items) == 1 else f"{noun}s"
