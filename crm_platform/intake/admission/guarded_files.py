"""Delivered files → rows of text that hold no personal data, with their layout."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

from crm_platform.clients.mapping import FromColumn, IntakeRules
from crm_platform.intake.admission.receipt import ReadFile
from crm_platform.intake.guard.personal_data import PersonalData, find_personal_data
from crm_platform.intake.mapping.layouts import layout_of
from crm_platform.intake.mapping.standard_layout import standard_targets
from crm_platform.intake.reading.delivered_files import DeliveredFile
from crm_platform.intake.reading.raw_rows import matching_form, read_rows
from crm_platform.refusals import Refused

_IDENTIFIERS = ("order_id", "customer_id", "product_id", "subscription_id", "media_id", "first_media_id")


def read_file(rules: IntakeRules, table: str, file: DeliveredFile, today: dt.date) -> ReadFile:
    """Read one file and guard it; Refused where it holds personal data, unless the client lets that be dropped."""
    raw = read_rows(file, rules.tables[table])
    found = find_personal_data(raw, table, _targets(rules, table, raw.columns), _IDENTIFIERS, today.year)
    if found and rules.personal_data == "refuse":
        raise _personal_data_refused(rules, found)
    dropped = {item.header for item in found}
    raw = raw.without(dropped)
    return ReadFile(file, raw, layout_of(rules, table, raw, dropped), tuple(found))


def _targets(rules: IntakeRules, table: str, headers: Mapping[str, object]) -> dict[str, str]:
    """Table column by delivered header, as far as it is known before the layout is checked."""
    columns = rules.tables[table].columns
    by_form = dict(standard_targets(table))
    if columns is not None:
        named = [(target, source) for target, source in columns.items() if isinstance(source, FromColumn)]
        by_form = {matching_form(source.header): target for target, source in named}
    return {header: by_form[matching_form(header)] for header in headers if matching_form(header) in by_form}


def _personal_data_refused(rules: IntakeRules, found: Sequence[PersonalData]) -> Refused:
    first = found[0]
    others = f" So do: {', '.join(item.header[:40] for item in found[1:])}." if len(found) > 1 else ""
    return Refused(
        f"the column holds {first.kind}.{others}",
        "Remove such columns and deliver again, or let them be cut out before anything is written: "
        f'[personal_data] policy = "drop" in data/clients/{rules.file}.',
        file=first.file,
        row=first.row,
        column=first.header[:40],
    )
