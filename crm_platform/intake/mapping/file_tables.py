"""Which delivered file is meant for which table."""

from __future__ import annotations

import fnmatch
import unicodedata
from collections.abc import Sequence

from crm_platform.clients.mapping import (
    DELIVERED_TABLES,
    OPTIONAL_TABLES,
    FirstFilled,
    IntakeRules,
    KeyedHash,
    Source,
    TableMapping,
)
from crm_platform.intake.mapping.layouts import needed_columns
from crm_platform.intake.reading.delivered_files import DeliveredFile, check_names
from crm_platform.intake.reading.raw_rows import matching_form, read_rows
from crm_platform.intake.reading.spreadsheets import visible_sheets
from crm_platform.refusals import Refused

_BEGINNING_BYTES = 1 << 20  # enough for a header and a row, however long a shop's descriptions are
STANDARD_STEMS = {
    "products": ("products", "商品マスター", "商品マスタ"),
    "customers": ("customers", "顧客マスター", "顧客マスタ"),
    "media": ("media", "媒体マスター", "媒体マスタ"),
    "order_lines": ("order_lines", "取引明細", "取引明細データ", "実績明細", "実績明細データ"),
    "subscription_events": ("subscription_events", "定期履歴"),
    "contacts": ("contacts", "コンタクト履歴"),
    "contact_overrides": ("contact_overrides", "次回連絡指定"),
    "control_totals": ("control_totals", "検収"),
}


def files_by_table(
    rules: IntakeRules, files: Sequence[DeliveredFile], known: frozenset[str]
) -> dict[str, list[DeliveredFile]]:
    """Delivered files by table, in order of name. `known`: tables that a former delivery brought.

    A file belongs to a table by the mapping's `file`, else by its standard name, else by its headers. A derived master
    need not be delivered. Refused names every table that is missing (R01) or a file that belongs to no table or to two.
    """
    check_names(files)
    possible = [name for name in DELIVERED_TABLES if not rules.tables[name].absent]
    found: dict[str, list[DeliveredFile]] = {name: [] for name in possible}
    for file in sorted(files, key=lambda file: file.name):
        found[_table_of(rules, possible, file)].append(file)
    wanted = [name for name in possible if name not in OPTIONAL_TABLES and not rules.tables[name].derived_from]
    missing = [name for name in wanted if not found[name] and name not in known]
    if missing or not files:
        raise Refused(
            f"the delivery lacks {', '.join(_expected(rules, name) for name in missing or wanted)}.",
            f"Deliver it, or write `absent = true` in {rules.file} where the client has no such master.",
        )
    return {name: taken for name, taken in found.items() if taken}


def _table_of(rules: IntakeRules, possible: Sequence[str], file: DeliveredFile) -> str:
    takers = [name for name in possible if _matches_pattern(rules.tables[name], file)]
    takers = takers or [name for name in possible if rules.tables[name].file is None and _has_standard_name(name, file)]
    takers = takers or _by_headers([rules.tables[name] for name in possible], file)
    if len(takers) == 1:
        return takers[0]
    problem = f"fits {' and '.join(takers)} alike" if takers else "belongs to no table"
    _refuse_many_sheets(file, problem, rules.file)
    raise Refused(
        f"the file {problem}{_what_it_lacks([rules.tables[name] for name in possible], file)}.",
        f"Deliver it as it was exported, with the headers in the first line; or name it after its table, leave it out, "
        f"or set `file` or the preset in {rules.file}.",
        file=file.name,
    )


def _refuse_many_sheets(file: DeliveredFile, problem: str, rules_file: object) -> None:
    """A workbook of a sheet per table is no single table, whatever it is called: Refused with what makes it so."""
    names = [name for name, _ in visible_sheets(file.unpacked, file.name)] if file.is_workbook else []
    if len(names) > 1:
        raise Refused(
            f"the file {problem}: the workbook has {len(names)} sheets, and a file is one table.",
            "Save each sheet as a file of its own, named after its table; or deliver a copy of the workbook per table, "
            f"so named, and name its sheet in {rules_file} ([tables.<table>] sheet = …).",
            file=file.name,
        )


def _matches_pattern(mapping: TableMapping, file: DeliveredFile) -> bool:
    pattern, name = (unicodedata.normalize("NFKC", text).casefold() for text in (mapping.file or "", file.name))
    return mapping.file is not None and fnmatch.fnmatchcase(name, pattern)


def _has_standard_name(table: str, file: DeliveredFile) -> bool:
    stem = file.stem.casefold()
    return any(stem == name or stem.startswith((f"{name}_", f"{name}-")) for name in STANDARD_STEMS[table])


def _by_headers(mappings: Sequence[TableMapping], file: DeliveredFile) -> list[str]:
    """The mapped tables whose needed headers are all there; of several, the one that needs the most of them.

    An order file holds customer and product numbers too, so the masters' needs alone prove little.
    """
    needs: dict[str, int] = {}
    for mapping in mappings:
        there, lacking = _needed_columns_in(file, mapping)
        if there and not lacking:
            needs[mapping.table] = sum(bool(source.reads) for source in there)
    return [name for name, number in needs.items() if number == max(needs.values())]


def _what_it_lacks(mappings: Sequence[TableMapping], file: DeliveredFile) -> str:
    """The columns that keep the file from being the table that it has most of; nothing where it has not half of one."""
    found = {mapping.table: _needed_columns_in(file, mapping) for mapping in mappings}
    near = [
        name
        for name, (there, lacking) in found.items()
        if 0 < len(lacking) < sum(bool(source.reads) for source in there)
    ]
    if not near:
        return ""
    name = max(near, key=lambda name: len(found[name][0]))
    lacking = [" or ".join(f"'{header}'" for header in source.reads) for source in found[name][1]]
    return f"; for {name} it lacks {', '.join(lacking)}"


def _needed_columns_in(file: DeliveredFile, mapping: TableMapping) -> tuple[list[Source], list[Source]]:
    """The mapped columns that no row can be without: those that the file has, and those that it lacks."""
    needed = [source for name in needed_columns(mapping.table) if (source := (mapping.columns or {}).get(name))]
    headers = {matching_form(header) for header in _headers(file, mapping)} if needed else set()
    there = [source for source in needed if _is_there(source, headers)]
    return there, [source for source in needed if source not in there]


def _is_there(source: Source, headers: set[str]) -> bool:
    there = [matching_form(header) in headers for header in source.reads]
    if isinstance(source, KeyedHash):  # as the cart writes the file, or as it was stored without them
        return all(there) or all(matching_form(header) in headers for header in source.headers)
    return any(there) if isinstance(source, FirstFilled) else all(there)


def _headers(file: DeliveredFile, mapping: TableMapping) -> list[str]:
    """The headers of the file, from its beginning."""
    plain = file.of_sheet(mapping.sheet).plain
    if len(plain) > _BEGINNING_BYTES:
        end = plain.rfind(b"\n", 0, _BEGINNING_BYTES) + 1
        plain = plain[: end + end % 2 if b"\0" in plain[:_BEGINNING_BYTES] else end]  # UTF-16 has two bytes a letter
    return list(read_rows(DeliveredFile(file.name, plain), mapping, may_be_empty=True).columns)


def _expected(rules: IntakeRules, table: str) -> str:
    pattern = rules.tables[table].file
    return f"{table} ({pattern or ' or '.join(f'{stem}.tsv' for stem in STANDARD_STEMS[table][:2])})"
