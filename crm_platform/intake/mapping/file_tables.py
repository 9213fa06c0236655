"""Which delivered file is meant for which table."""

from __future__ import annotations

import fnmatch
import unicodedata
from collections.abc import Sequence

from crm_platform.clients.mapping import DELIVERED_TABLES, OPTIONAL_TABLES, IntakeRules
from crm_platform.intake.reading.delivered_files import DeliveredFile, check_names
from crm_platform.refusals import Refused

STANDARD_STEMS = {
    "products": ("products", "商品マスター", "商品マスタ"),
    "customers": ("customers", "顧客マスター", "顧客マスタ"),
    "media": ("media", "媒体マスター", "媒体マスタ"),
    "order_lines": ("order_lines", "取引明細", "取引明細データ", "実績明細", "実績明細データ"),
    "subscription_events": ("subscription_events", "定期履歴"),
    "contacts": ("contacts", "コンタクト履歴"),
    "control_totals": ("control_totals", "検収"),
}


def files_by_table(
    rules: IntakeRules, files: Sequence[DeliveredFile], known: frozenset[str]
) -> dict[str, list[DeliveredFile]]:
    """Delivered files by table, in order of name. `known`: tables that a former delivery brought.

    Refused names every table that is missing (R01) or every file that belongs to no table or to two.
    """
    check_names(files)
    wanted = [
        name for name in DELIVERED_TABLES if not rules.tables[name].absent and not rules.tables[name].derived_from
    ]
    found: dict[str, list[DeliveredFile]] = {name: [] for name in wanted}
    for file in sorted(files, key=lambda file: file.name):
        takers = [name for name in wanted if _takes(rules, name, file)]
        if len(takers) != 1:
            problem = f"is meant for {' and for '.join(takers)}" if takers else "belongs to no table"
            raise Refused(
                f"the file {problem}.",
                f"Name it as the standard layout does, leave it out, or set `file` in {rules.file}: [tables.<table>].",
                file=file.name,
            )
        found[takers[0]].append(file)
    missing = [name for name in wanted if not found[name] and name not in known and name not in OPTIONAL_TABLES]
    if missing or not files:
        raise Refused(
            f"the delivery lacks {', '.join(_expected(rules, name) for name in missing or wanted)}.",
            f"Deliver it, or write `absent = true` in {rules.file} where the client has no such master.",
        )
    return {name: taken for name, taken in found.items() if taken}


def _takes(rules: IntakeRules, table: str, file: DeliveredFile) -> bool:
    pattern = rules.tables[table].file
    if pattern is not None:
        return fnmatch.fnmatchcase(
            unicodedata.normalize("NFKC", file.name).casefold(), unicodedata.normalize("NFKC", pattern).casefold()
        )
    stem = file.stem.casefold()
    return any(stem == name or stem.startswith((f"{name}_", f"{name}-")) for name in STANDARD_STEMS[table])


def _expected(rules: IntakeRules, table: str) -> str:
    pattern = rules.tables[table].file
    return f"{table} ({pattern or ' or '.join(f'{stem}.tsv' for stem in STANDARD_STEMS[table][:2])})"
