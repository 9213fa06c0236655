"""Receipts of what was removed: counts, sizes and digests, nothing of what it said."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from crm_platform.lake import digest_of
from crm_platform.lake.files import write_whole

DELETIONS = "deletions"
_DIGITS = 12  # of the digest, in the name of a file


def digest_of_id(client_id: str) -> str:
    """The client's id as SHA-256: who knows the id finds the receipt by it, and the receipt does not tell the id."""
    return digest_of(client_id.encode())


def receipt_name(day: str, digest: str) -> str:
    """`<yyyy-mm-dd>_<12 hex digits>`, without ending."""
    return f"{day}_{digest[:_DIGITS]}"


def write_receipt(folder: Path, name: str, told: Mapping[str, Any]) -> Path:
    """Write a receipt that replaces no other: a second one of the same name gets a number."""
    others = sum(1 for _ in folder.glob(f"{name}*.json")) if folder.is_dir() else 0
    path = folder / f"{name}{f'_{others + 1}' if others else ''}.json"
    write_whole(path, as_json(told))
    return path


def has_receipt(folder: Path, digest: str) -> bool:
    """Whether a receipt of this digest was ever written."""
    return any(folder.glob(f"*_{digest[:_DIGITS]}*.json"))


def as_json(told: Mapping[str, Any]) -> bytes:
    """A receipt as it is written."""
    return (json.dumps(told, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()
