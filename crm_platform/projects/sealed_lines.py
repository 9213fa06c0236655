"""Lines of JSON, each sealed together with all before it: one that was changed, moved or lost is found on reading.

A seal is the digest of the seal before and of the line; the first follows from the owner's name, and the last line
counts the others. It finds what an edit by hand leaves behind; who seals every line anew with a program of his own is
not found, for there is no secret in it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate
from typing import Any

from crm_platform.lake import digest_of

Entry = Mapping[str, Any]
_SEAL, _END = "seal", "entries"


class BrokenSealError(ValueError):
    """A line that is not as it was written, by its number from 1."""

    def __init__(self, line: int) -> None:
        super().__init__(f"line {line}")
        self.line = line


def sealed(owner: str, entries: Iterable[Entry]) -> bytes:
    """The file of these entries of `owner`, a line each."""
    told = list(entries)
    told.append({_END: len(told)})
    seals = list(accumulate(told, _next_seal, initial=digest_of(owner)))[1:]
    lines = [json.dumps({**entry, _SEAL: seal}, ensure_ascii=False) for entry, seal in zip(told, seals, strict=True)]
    return "".join(f"{line}\n" for line in lines).encode()


def opened(owner: str, content: bytes) -> list[dict[str, Any]]:
    """The entries of such a file; BrokenSealError names the first line that is not as it was written."""
    found = list(_unsealed(owner, content))
    if not found or found[-1] != {_END: len(found) - 1}:
        raise BrokenSealError(len(found) + 1)
    return found[:-1]


def _unsealed(owner: str, content: bytes) -> Iterator[dict[str, Any]]:
    seal = digest_of(owner)
    for number, line in enumerate(content.splitlines(), start=1):
        try:
            entry = json.loads(line)
            told = entry.pop(_SEAL)
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise BrokenSealError(number) from error
        seal = _next_seal(seal, entry)
        if told != seal:
            raise BrokenSealError(number)
        yield entry


def _next_seal(seal: str, entry: Entry) -> str:
    return digest_of([seal, entry])
