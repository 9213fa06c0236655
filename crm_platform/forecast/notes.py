"""What a reader should know of a fit (注記): what took over where there was too little, by key and numbers.

Words belong to `reports/wording` (`forecast_note.<key>`), so that the report tells them in the client's language.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Note:
    """One thing to know: `few_repeaters` with the numbers `{"repeaters": 12, "fewest": 50}`."""

    key: str
    numbers: Mapping[str, int | float | str] = field(default_factory=dict)


def notes_to_json(notes: Iterable[Note]) -> list[dict[str, Any]]:
    """Plain JSON values: the numbers beside the key."""
    return [{"key": note.key, **note.numbers} for note in notes]


def notes_from_json(values: Iterable[Mapping[str, Any]]) -> tuple[Note, ...]:
    """Read what `notes_to_json` wrote."""
    return tuple(Note(value["key"], {name: each for name, each in value.items() if name != "key"}) for value in values)
