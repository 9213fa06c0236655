"""A delivered file: its name, its bytes, and the plain text in it, whatever it is packed in."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from crm_platform.intake.reading.spreadsheets import is_office_file, sheet_as_text
from crm_platform.intake.reading.unpacking import container_of, gunzipped
from crm_platform.refusals import Refused

_ENDINGS = (".tsv", ".csv", ".txt", ".tab", ".xlsx")
_REMEDY = "Save it as text (.tsv, .csv, .txt, .tab) or as a workbook (.xlsx); .gz or .zip around it is possible."


@dataclass(frozen=True)
class DeliveredFile:
    """A file as it arrived: its plain name, without a folder, and its bytes. `sheet`: which one, of a workbook."""

    name: str
    content: bytes
    sheet: str | None = None

    def of_sheet(self, sheet: str | None) -> DeliveredFile:
        """The same file, to be read from this sheet where it is a workbook."""
        return self if sheet == self.sheet else replace(self, sheet=sheet)

    @cached_property
    def unpacked(self) -> bytes:
        """The content, out of gzip where it is packed so; Refused where it cannot be unpacked."""
        return gunzipped(self.content, self.name) if container_of(self.content) == "gzip" else self.content

    @cached_property
    def is_workbook(self) -> bool:
        """Whether the file is a workbook, whatever its name; then `plain` is UTF-8 with tabs."""
        return is_office_file(self.unpacked, self.name)

    @cached_property
    def plain(self) -> bytes:
        """The delimited text in the file; Refused where there is none."""
        if self.is_workbook:
            return sheet_as_text(self.unpacked, self.sheet, self.name)
        container = container_of(self.unpacked)
        if container == "old office":
            problem = "the file is an old .xls or has a password."
            raise Refused(problem, "Save it as .xlsx without a password, or as CSV.", file=self.name)
        if container != "none":
            raise Refused("the file is packed more than once.", "Pack the files once only.", file=self.name)
        return self.unpacked

    @cached_property
    def sha256(self) -> str:
        """Digest of the unpacked bytes: packing a file anew does not make it another one."""
        return hashlib.sha256(self.unpacked).hexdigest()

    @property
    def unpacked_name(self) -> str:
        """The name without `.gz`."""
        return self.name[:-3] if self.name.lower().endswith(".gz") else self.name

    @property
    def stem(self) -> str:
        """The name without `.gz` and the format's ending, NFKC-normalised (some systems decompose マスター)."""
        return unicodedata.normalize("NFKC", self.unpacked_name).rsplit(".", 1)[0]

    @property
    def ending(self) -> str:
        """`.tsv`, `.xlsx` …, whatever is packed around it; or what stands there instead."""
        name = self.unpacked_name.lower()
        return "." + name.rsplit(".", 1)[1] if "." in name else ""


def check_names(files: Sequence[DeliveredFile]) -> None:
    """Refuse names that are no plain file names, are there twice, or end in what cannot be read."""
    seen: set[str] = set()
    for file in files:
        if not _is_plain(file.name):
            raise Refused(f"{file.name[:80]!r} is not a plain file name.", "Deliver files, not folders.")
        if file.name.casefold() in seen:
            raise Refused("the delivery holds two files of this name.", "Leave one out.", file=file.name)
        if file.ending not in _ENDINGS:
            raise Refused(f"files that end in '{file.ending}' cannot be read.", _REMEDY, file=file.name)
        seen.add(file.name.casefold())


def _is_plain(name: str) -> bool:
    """Whether any system can store a file of this name; some hand over bytes that are no text as lone surrogates."""
    controls = any(unicodedata.category(letter) in {"Cc", "Cs"} for letter in name)
    return bool(name) and not (controls or name[0] == "." or set(name) & set("/\\") or len(name.encode()) > 200)
