"""The pattern by which later files of the same kind are told from the names of the sample's."""

from __future__ import annotations

import fnmatch
import re
import unicodedata
from collections.abc import Mapping, Sequence

_PACKED = re.compile(r"\.(gz|xlsx|csv|tsv|txt|tab)$", re.IGNORECASE)
_FEWEST_LETTERS = 2


def file_patterns(names_by_table: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """A pattern per table whose names have something in common; none where it would take another table's file."""
    patterns = {}
    for table, names in names_by_table.items():
        pattern = _pattern_of(names)
        others = [name for other, found in names_by_table.items() if other != table for name in found]
        if pattern and not any(_takes(pattern, name) for name in others):
            patterns[table] = pattern
    return patterns


def _pattern_of(names: Sequence[str]) -> str:
    """`order_20250701.csv` → `order_*`: figures and the ending may differ, and of several names what follows them."""
    stems = [_stem(name) for name in names]
    masks = sorted({re.sub(r"\d+", "\0", stem) for stem in stems})
    kept = masks[0] if len(masks) == 1 else _shared_beginning(masks[0], masks[-1]) if masks else ""
    letters = sum(letter.isalpha() for letter in kept)
    escaped = re.sub(r"([\[?*])", r"[\1]", kept).replace("\0", "*")
    return re.sub(r"\*+", "*", f"{escaped}*") if letters >= _FEWEST_LETTERS else ""


def _shared_beginning(first: str, last: str) -> str:
    """Of texts in order, the first and the last share what all share."""
    differing = (at for at, (one, other) in enumerate(zip(first, last, strict=False)) if one != other)
    return first[: next(differing, min(len(first), len(last)))]


def _stem(name: str) -> str:
    stem = unicodedata.normalize("NFKC", name)
    while _PACKED.search(stem):
        stem = _PACKED.sub("", stem)
    return stem


def _takes(pattern: str, name: str) -> bool:
    return fnmatch.fnmatchcase(unicodedata.normalize("NFKC", name).casefold(), pattern.casefold())
