"""Values as TOML."""

from __future__ import annotations

import json
from collections.abc import Iterable


def quoted(text: str) -> str:
    """A text as a TOML string (JSON's escapes are TOML's)."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def listed(texts: Iterable[str]) -> str:
    """Texts as a TOML list."""
    return f"[{', '.join(map(quoted, texts))}]"


def inline(**values: str) -> str:
    """TOML values by key as an inline table."""
    return f"{{ {', '.join(f'{key} = {value}' for key, value in values.items())} }}"
