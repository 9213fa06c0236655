"""A client's rules, held against the declared tables: every mapped column exists and can take what it is given."""

from __future__ import annotations

from collections.abc import Mapping

from crm_platform.clients.client import Client
from crm_platform.clients.mapping import (
    ByCases,
    Constant,
    FromColumn,
    IntakeRules,
    NumberWithin,
    Source,
    TableMapping,
    parse_intake_rules,
)
from crm_platform.intake.mapping.standard_layout import COMPUTED_COLUMNS, DELIVERED
from crm_platform.intake.reading.raw_rows import matching_form
from crm_platform.refusals import Refused
from crm_platform.tables import Column, Table
from crm_platform.tables.table import DAY, INSTANT, TEXT


def rules_of(client: Client) -> IntakeRules:
    """The client's rules, checked against the tables too; Refused names a column that no table has."""
    rules = parse_intake_rules(client)
    for name, mapping in rules.tables.items():
        _check_table(rules.file, DELIVERED[name], mapping)
    return rules


def _check_table(file: str, table: Table, mapping: TableMapping) -> None:
    columns = mapping.columns or {}
    for kind, targets in (("columns", columns), ("codes", mapping.codes), ("derived_columns", mapping.derived_columns)):
        for target in targets:
            _check_target(file, table, target, f"tables.{table.name}.{kind}.{target}")
    for target in mapping.derived_columns:
        if table[target].type != TEXT or target in table.key:
            problem, place = f"'{target}' cannot be derived.", f"tables.{table.name}.derived_columns.{target}"
            raise Refused(problem, "Derive text columns only.", file=file, column=place)
    for target, codes in mapping.codes.items():
        for value in codes.values():
            _check_allowed(file, f"tables.{table.name}.codes.{target}", table[target], value)
    for target, source in columns.items():
        _check_source(file, table, target, source, columns)
        _check_not_dropped(file, mapping, target, source)
        _check_not_repeated(file, mapping, target, source)


def _check_not_dropped(file: str, mapping: TableMapping, target: str, source: Source) -> None:
    dropped = {matching_form(header) for header in mapping.drop}
    read = [header for header in source.reads if matching_form(header) in dropped]
    if read and not mapping.may_be_missing(target):
        raise Refused(
            f"{target} is read from '{read[0]}', which is dropped.",
            "Keep one of the two.",
            file=file,
            column=f"tables.{mapping.table}.drop",
        )


def _check_not_repeated(file: str, mapping: TableMapping, target: str, source: Source) -> None:
    """An amount of the whole row counted on each of the lines that the row is split into would be multiplied."""
    if mapping.split_rows is None or DELIVERED[mapping.table][target].unit != "JPY":
        return
    once = {matching_form(header) for header in (mapping.split_rows.header, *mapping.split_rows.first_only)}
    repeated = [header for header in source.reads if matching_form(header) not in once]
    if repeated:
        raise Refused(
            f"{target} is read from '{repeated[0]}', which would count on every line of a split row.",
            f'Write first_only = ["{repeated[0][:40]}"].',
            file=file,
            column=f"tables.{mapping.table}.split_rows.first_only",
        )


def _check_target(file: str, table: Table, target: str, place: str) -> None:
    computed = COMPUTED_COLUMNS.get(table.name, set())
    if target not in table or target in computed:
        names = ", ".join(name for name in table.names if name not in computed)
        raise Refused(f"{table.name} takes no column '{target}'.", f"Use {names}.", file=file, column=place)


def _check_source(file: str, table: Table, target: str, source: Source, columns: Mapping[str, Source]) -> None:
    place, column = f"tables.{table.name}.columns.{target}", table[target]
    if isinstance(source, FromColumn) and (source.times or source.divided_by) and column.unit != "JPY":
        raise Refused(f"{target} is no amount.", "Multiply or divide amounts only.", file=file, column=place)
    if isinstance(source, FromColumn) and source.format and column.type not in {DAY, INSTANT}:
        raise Refused(f"{target} is no date.", "State a format for dates only.", file=file, column=place)
    if isinstance(source, NumberWithin):
        _check_numbering(file, target, source, columns, place)
    for value in _values_of(source):
        _check_allowed(file, place, column, value)


def _check_numbering(file: str, target: str, source: NumberWithin, columns: Mapping[str, Source], place: str) -> None:
    if target != "line_no" or source.column == target:
        problem, remedy = "only line_no is numbered, within another column.", 'line_no = { number_within = "order_id" }'
        raise Refused(problem, f"Write {remedy}.", file=file, column=place)
    if source.column not in columns:
        raise Refused(
            f"the lines are numbered within {source.column}, which no column is mapped to.",
            f'Write {source.column} = "HEADER", with the header that holds it.',
            file=file,
            column=place,
        )


def _values_of(source: Source) -> list[str]:
    if isinstance(source, Constant):
        return [source.value]
    return [*(case.then for case in source.cases), source.otherwise] if isinstance(source, ByCases) else []


def _check_allowed(file: str, place: str, column: Column, value: str) -> None:
    if column.allowed and value not in column.allowed:
        raise Refused(
            f"'{value}' is not possible.", f"Use one of {', '.join(column.allowed)}.", file=file, column=place
        )
