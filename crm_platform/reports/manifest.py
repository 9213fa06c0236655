"""The manifest of a set of deliverables: every file with its digest, and what the set was made from."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from crm_platform.clients import client_folder
from crm_platform.lake import store_of
from crm_platform.periods import Month

FILE_NAME = "manifest.json"
_ENCODINGS = ("utf-8-sig", "cp932")


def manifest(
    files: Mapping[str, bytes],
    *,
    client: str,
    months: Sequence[Month],
    spec_fingerprint: str,
    versions: Mapping[str, str],
    same_spec: bool | None = None,
    spec_differences: Sequence[str] = (),
    segment_book: Mapping[str, Any] | None = None,
    project: Mapping[str, Any] | None = None,
    withheld: Mapping[str, str] | None = None,
    left_out: Mapping[str, Mapping[str, str]] | None = None,
    replaced_characters: Mapping[str, int] | None = None,
) -> bytes:
    """JSON naming each of `files` by path with its SHA-256, bytes and, for CSV, rows without the header.

    `months` are the months of data that went in, `spec_fingerprint` the digest of mapping and settings, `versions`
    those of the programs. `same_spec`: whether the latest delivery came as the one before (R13), null for the first,
    and `spec_differences` what differs, in words. `segment_book` is the book in force with its term and digest (R51),
    `project` its gates, those open with the reason, and deliveries (R38, R43), `withheld` the folders that a gate holds
    back, and why, `left_out` the deliverables that the data do not give, each with its reason as a key and a sentence,
    `replaced_characters` how many characters of the client's texts each report shows as 〓, since no font has them.
    Equal input gives equal bytes.
    """
    document = {
        "client": client,
        "first_month": str(min(months)) if months else None,
        "last_month": str(max(months)) if months else None,
        "months": len(months),
        "spec_fingerprint": spec_fingerprint,
        "same_spec": same_spec,
        "spec_differences": list(spec_differences),
        "segment_book": None if segment_book is None else dict(segment_book),
        "project": None if project is None else dict(project),
        "withheld": dict(withheld or {}),
        "left_out": {path: dict(why) for path, why in sorted((left_out or {}).items())},
        "replaced_characters": dict(sorted((replaced_characters or {}).items())),
        "versions": dict(sorted(versions.items())),
        "files": {path: _entry(path, content) for path, content in sorted(files.items())},
    }
    return (json.dumps(document, ensure_ascii=False, indent=1) + "\n").encode()


def published_manifest(outbox: Path, client_id: str, month: Month) -> dict[str, Any] | None:
    """The manifest in the month's folder of the outbox; None where it is missing or a file is not as it lists it."""
    folder = client_folder(outbox, client_id, str(month))
    if not (folder / FILE_NAME).is_file():
        return None
    document: dict[str, Any] = json.loads((folder / FILE_NAME).read_bytes())
    store = store_of(folder)
    is_whole = all(store.is_whole(folder / path, entry["sha256"]) for path, entry in document["files"].items())
    return document if is_whole else None


def _entry(path: str, content: bytes) -> dict[str, Any]:
    return {
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
        "rows": _rows(content) if path.endswith(".csv") else None,
    }


def _rows(content: bytes) -> int:
    """Rows below the header of a CSV file in one of the encodings that clients may choose."""
    return max(sum(1 for _ in csv.reader(io.StringIO(_decoded(content), newline=""))) - 1, 0)


def _decoded(content: bytes) -> str:
    utf8, cp932 = _ENCODINGS
    return content.decode(utf8 if content.startswith(b"\xef\xbb\xbf") else cp932)
