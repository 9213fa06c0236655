"""Which delivered file is meant for which table, and its plain bytes."""

from __future__ import annotations

import fnmatch
import gzip
import hashlib
import unicodedata
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from crm_platform.clients.mapping import DELIVERED_TABLES, IntakeRules
from crm_platform.refusals import Refused

_SUFFIXES = (".tsv", ".csv", ".txt")
STANDARD_STEMS = {
    "products": ("products", "商品マスター", "商品マスタ"),
    "customers": ("customers", "顧客マスター", "顧客マスタ"),
    "media": ("media", "媒体マスター", "媒体マスタ"),
    "order_lines": ("order_lines", "取引明細", "取引明細データ", "実績明細", "実績明細データ"),
}


@dataclass(frozen=True)
class DeliveredFile:
    """A file as it arrived: its plain name, without a folder, and its bytes."""

    name: str
    content: bytes

    @cached_property
    def plain(self) -> bytes:
        """The content, unpacked where it is gzip; Refused where it cannot be unpacked."""
        if not self.name.lower().endswith(".gz"):
            return self.content
        try:
            return gzip.decompress(self.content)
        except (OSError, EOFError, zlib.error) as error:
            raise Refused("the file cannot be unpacked.", "Pack it again with gzip.", file=self.name) from error

    @property
    def sha256(self) -> str:
        """Digest of the plain bytes: packing a file anew does not make it another one."""
        return hashlib.sha256(self.plain).hexdigest()

    @property
    def stem(self) -> str:
        """The name without `.gz` and the format's ending, NFKC-normalised (some systems decompose マスター)."""
        name = unicodedata.normalize("NFKC", self.name).removesuffix(".gz").removesuffix(".GZ")
        return name.rsplit(".", 1)[0]

    @property
    def ending(self) -> str:
        """`.tsv`, `.csv` or `.txt`, whatever is packed around it; or what stands there instead."""
        name = self.name.lower().removesuffix(".gz")
        return "." + name.rsplit(".", 1)[1] if "." in name else ""


def check_names(files: Sequence[DeliveredFile]) -> None:
    """Refuse names that are no plain file names, are there twice, or end in what cannot be read."""
    seen: set[str] = set()
    for file in files:
        if not file.name or file.name.startswith(".") or set(file.name) & set("/\\\0") or len(file.name.encode()) > 200:
            raise Refused(f"{file.name[:80]!r} is not a plain file name.", "Deliver files, not folders.")
        if file.name.casefold() in seen:
            raise Refused("the delivery holds two files of this name.", "Leave one out.", file=file.name)
        if file.ending not in _SUFFIXES:
            raise Refused(
                f"files that end in '{file.ending}' cannot be read.",
                "Save it as tab-separated text (.tsv, .csv or .txt; .gz around it is possible).",
                file=file.name,
            )
        seen.add(file.name.casefold())


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
    missing = [name for name in wanted if not found[name] and name not in known]
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
