"""TOML values, read strictly: what is not as it should be is refused, and the key is named."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NoReturn

from crm_platform.refusals import Refused


@dataclass(frozen=True)
class TomlReader:
    """Reads the values of one client's file."""

    file: str

    def refusal(self, place: str, problem: str, remedy: str) -> Refused:
        """The refusal of the key at `place`."""
        return Refused(problem, remedy, file=self.file, column=place)

    def refuse(self, place: str, problem: str, remedy: str) -> NoReturn:
        """Refuse the key at `place`."""
        raise self.refusal(place, problem, remedy)

    def table(self, value: Any, place: str, known: set[str] | None = None) -> Mapping[str, Any]:
        """A table with no other keys than the known ones."""
        if not isinstance(value, Mapping):
            raise self.refusal(place, f"'{place}' is not a table.", f"Write [{place}] and keys below it.")
        for key in value:
            if known is not None and key not in known:
                raise self.refusal(f"{place}.{key}", f"'{key}' is not known here.", f"Use {', '.join(sorted(known))}.")
        return value

    def text(self, value: Any, place: str) -> str:
        """A text that is not empty."""
        if not isinstance(value, str) or not value:
            raise self.refusal(place, f"{value!r} is not a text.", "Write a text in quotation marks.")
        return value

    def texts(self, value: Any, place: str) -> tuple[str, ...]:
        """A list of one text or more."""
        if not isinstance(value, list) or not value:
            raise self.refusal(place, f"{value!r} is not a list of texts.", 'Write ["…", "…"].')
        return tuple(self.text(item, place) for item in value)

    def flag(self, value: Any, place: str) -> bool:
        """True or false."""
        if not isinstance(value, bool):
            raise self.refusal(place, f"{value!r} is neither true nor false.", "Write true or false.")
        return value

    def choice(self, value: Any, known: tuple[str, ...], place: str) -> str:
        """One of the known texts."""
        if value not in known:
            raise self.refusal(place, f"{value!r} is not possible here.", f"Use one of {known!r}.")
        return str(value)

    def pattern(self, value: Any, place: str) -> str:
        """A regular expression."""
        try:
            re.compile(self.text(value, place))
        except re.error as error:
            raise self.refusal(place, f"the regular expression is wrong: {error}.", "Mend it.") from error
        return str(value)

    def rate(self, value: Any, place: str, *, signed: bool = False) -> Decimal:
        """A number from a millionth to a million, exactly as written; `signed`: below 0 too."""
        size = abs(value) if signed and isinstance(value, int | float) else value
        if isinstance(value, bool) or not isinstance(value, int | float) or not 1e-6 <= size <= 1e6:
            raise self.refusal(place, "the value is not a rate.", "Write a number from 0.000001 to 1,000,000.")
        return Decimal(str(value))

    def share(self, value: Any, place: str) -> float:
        """A number from 0 to 1."""
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
            raise self.refusal(place, f"the rate is {value!r}.", "Write a share from 0 to 1.")
        return float(value)
