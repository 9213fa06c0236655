"""Delivered files → rows of text that hold no personal data, with their layout."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

import numpy as np

from crm_platform.clients.mapping import IntakeRules, KeyedHash, TableMapping
from crm_platform.intake.admission.receipt import ReadFile
from crm_platform.intake.guard.column_cutting import storable_file
from crm_platform.intake.guard.guarding import BLOTTED, Guarded, Wanted, guard_rows
from crm_platform.intake.guard.keyed_hash import HashKey
from crm_platform.intake.guard.personal_data import Finding
from crm_platform.intake.mapping.breaches import Breach
from crm_platform.intake.mapping.layouts import layout_of
from crm_platform.intake.mapping.prepared_rows import prepared_rows
from crm_platform.intake.mapping.standard_layout import DELIVERED, standard_targets
from crm_platform.intake.mapping.typed_rows import TypedRows
from crm_platform.intake.reading.delivered_files import DeliveredFile
from crm_platform.intake.reading.raw_rows import matching_form, read_rows
from crm_platform.intake.reading.text_column import Mask, TextColumn
from crm_platform.refusals import Refused
from crm_platform.tables.delivered import ORDER_LINES


def read_file(
    rules: IntakeRules, table: str, file: DeliveredFile, today: dt.date, hash_key: HashKey | None
) -> ReadFile:
    """Read one file and guard it; Refused where it holds personal data and the client's policy is `strict`.

    Refused too where a required column is personal data, or a keyed hash is wanted and cannot be made.
    """
    file = file.of_sheet(rules.tables[table].sheet)
    # a month without a new product, say; without an order there is nothing to deliver
    raw = read_rows(file, rules.tables[table], may_be_empty=table != ORDER_LINES.name)
    wanted = _wanted(rules, table, raw.columns)
    guarded = guard_rows(raw, table, wanted, today.year, hash_key)
    if rules.personal_data == "strict" and guarded.unexpected:
        raise _refused_by_policy(rules, guarded.unexpected)
    _check_required(rules, table, wanted, guarded)
    rows = prepared_rows(guarded.rows, rules.tables[table])
    layout = layout_of(rules, table, rows, {item.header for item in guarded.cut})
    storable = storable_file(file, guarded, rules.tables[table].delimiter)
    return ReadFile(file, rows, layout, guarded, storable)


def personal_breaches(rows: TypedRows, read: Sequence[ReadFile]) -> list[Breach]:
    """Rows with a personal value in a needed column; the value is gone already."""
    breaches = []
    for position, item in enumerate(read):
        for cells in item.guarded.blotted:
            here: Mask = (rows.origin.file_of == position) & np.isin(rows.origin.row_numbers, cells.row_numbers)
            breaches.append(Breach("personal_data", cells.header, here, TextColumn.constant(BLOTTED, rows.rows)))
    return breaches


def _wanted(rules: IntakeRules, table: str, headers: Mapping[str, object]) -> Wanted:
    """What the guard is to know of the mapping, as far as it is known before the layout is checked."""
    mapping = rules.tables[table]
    sources = (mapping.columns or {}).items()
    targets = {form: target for form, target in standard_targets(table).items() if mapping.columns is None}
    targets |= {matching_form(header): target for target, source in sources for header in source.reads}
    others = {matching_form(header): "" for header in _read_beside_columns(rules, mapping)}
    by_form = others | targets
    needed = {header: by_form[matching_form(header)] for header in headers if matching_form(header) in by_form}
    return Wanted(
        needed, {item.header: item.headers for _, item in sources if isinstance(item, KeyedHash)}, mapping.drop
    )


def _read_beside_columns(rules: IntakeRules, mapping: TableMapping) -> list[str]:
    """Headers that a table's mapping reads for something else than one of its columns."""
    read = [rule.header for rule in mapping.set_aside]
    read += [mapping.fill_down.within, *mapping.fill_down.columns] if mapping.fill_down else []
    read += [mapping.split_rows.header, *mapping.split_rows.first_only] if mapping.split_rows else []
    read += mapping.order_discount.reads if mapping.order_discount else []
    for other in rules.tables.values():
        read += other.derived_columns.values() if other.derived_from == mapping.table else []
    return read


def _check_required(rules: IntakeRules, table: str, wanted: Wanted, guarded: Guarded) -> None:
    for item in guarded.cut:
        target = wanted.needed.get(item.header, "")
        if target in DELIVERED[table] and (DELIVERED[table][target].required or target in DELIVERED[table].key):
            raise Refused(
                f"{target} is required, but this column holds {item.kind} and is never stored.",
                f'Deliver another key, or a hash of it: {target} = {{ keyed_hash = ["{item.header[:40]}"] }} '
                f"in data/clients/{rules.file}.",
                file=item.file,
                row=item.row,
                column=item.header[:40],
            )


def _refused_by_policy(rules: IntakeRules, found: Sequence[Finding]) -> Refused:
    first = found[0]
    others = ", ".join(dict.fromkeys(item.header[:40] for item in found if item.header != first.header))
    return Refused(
        f"the column holds {first.kind}.{f' So do: {others}.' if others else ''}",
        "Remove such values and deliver again, or let them be cut out before anything is written: "
        f'[personal_data] policy = "drop" in data/clients/{rules.file}.',
        file=first.file,
        row=first.row,
        column=first.header[:40],
    )
