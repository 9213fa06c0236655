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
        """Read what `to_json` wrote."""
        record = json.loads(text)
        made_from, remarks = MadeFrom(**record["made_from"]), record.get("remarks", {})
        return cls(record["file"], record["sha256"], record["rows"], made_from, remarks)
