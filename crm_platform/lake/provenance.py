"""What a stored table-month was made from, so that only what changed is made again (R11, R12)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


def digest_of(value: Any) -> str:
    """SHA-256 of a JSON value (or of bytes); equal values have equal digests whatever the order of their keys."""
    data = (
        value
        if isinstance(value, bytes)
        else json.dumps(value, sort_keys=True, ensure_ascii=False, default=str).encode()
    )
    return hashlib.sha256(data).hexdigest()


@dataclass(frozen=True)
class MadeFrom:
    """Digests of everything that decides a table-month's content: its inputs, the code, the settings."""

    inputs: Mapping[str, str] = field(default_factory=dict)
    code: str = ""
    settings: str = ""

    @property
    def fingerprint(self) -> str:
        """One digest over all of it."""
        return digest_of(asdict(self))

    def changes_since(self, stored: MadeFrom) -> tuple[str, ...]:
        """What decides the content now and did not, or not so, when it was `stored`, in words."""
        names = sorted(self.inputs.keys() | stored.inputs.keys())
        inputs = [f"{name} changed" for name in names if self.inputs.get(name) != stored.inputs.get(name)]
        others = [f"{name} changed" for name in ("code", "settings") if getattr(self, name) != getattr(stored, name)]
        return (*inputs, *others)


@dataclass(frozen=True)
class Provenance:
    """The record beside a stored file: which file, its digest and rows, what it was made from, what a person said."""

    file: str
    sha256: str
    rows: int
    made_from: MadeFrom
    remarks: Mapping[str, str] = field(default_factory=dict)  # decide nothing

    def to_json(self) -> str:
        """The record as JSON, keys sorted."""
        return json.dumps(asdict(self), sort_keys=True, ensure_ascii=False, indent=1)

    @classmethod
    def from_json(cls, text: str) -> Provenance:
        """Read what `to_json` wrote; ValueError, KeyError or TypeError where it is not that."""
        record = json.loads(text)
        if set(record["file"]) & set("/\\\0"):
            raise ValueError("the record names a file outside of its folder")
        made_from, remarks = MadeFrom(**record["made_from"]), record.get("remarks", {})
        return cls(record["file"], record["sha256"], record["rows"], made_from, remarks)
