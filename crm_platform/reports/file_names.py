"""Texts that a client chose, as parts of file names: never a path, and no two alike on any file system."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

_LONGEST = 40
_PLAIN = re.compile(rf"[\w-]{{1,{_LONGEST}}}")
_CHANGED = re.compile(r"-[0-9a-f]{16}$", re.IGNORECASE)


def safe_names(texts: Sequence[str]) -> list[str]:
    """Each of different `texts` as part of a file's name, no two alike even where capitals do not count.

    Letters (of any script), digits, `-` and `_` stay; a text that has others, is long, looks like a changed one or
    differs from another by capitals alone, is changed and gets a digest.
    """
    folded = Counter(text.casefold() for text in texts)
    return [text if _is_safe(text) and folded[text.casefold()] == 1 else _with_digest(text) for text in texts]


def _is_safe(text: str) -> bool:
    plain = unicodedata.normalize("NFKC", text) == text and _PLAIN.fullmatch(text)
    return bool(plain) and not _CHANGED.search(text)


def _with_digest(text: str) -> str:
    kept = re.sub(r"[^\w-]+", "_", unicodedata.normalize("NFKC", text))[:_LONGEST].strip("_")
    return f"{kept}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"
