"""Which delivered file is meant for which table, and its plain bytes."""

from __future__ import annotations

import gzip
import hashlib
import unicodedata
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from crm_platform.refusals import Refused

_SUFFIXES = (".tsv", ".csv", ".txt")


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
