"""How long what a client gave and got is kept, where its contract sets a time."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from crm_platform.refusals import Refused

_MOST_MONTHS = 1_200  # a century


@dataclass(frozen=True)
class RetentionSettings:
    """The `[retention]` table of a client's TOML, in whole months; what is not set is kept for good."""

    delivered_files_months: int | None = None  # the delivered files, without personal columns; admitted rows stay
    deliverables_months: int | None = None  # months of the outbox, lists of alerts and of calls
    run_log_months: int | None = None  # runs with their events and logs

    @property
    def is_set(self) -> bool:
        """Whether anything is removed in time."""
        return any(value is not None for value in dataclasses.asdict(self).values())

    @classmethod
    def from_toml(cls, values: Any, file: str) -> RetentionSettings:
        """Read the table; Refused names the key that is unknown or no whole number of months from 1."""
        known = [field.name for field in dataclasses.fields(cls)]
        if not isinstance(values, dict):
            raise Refused(
                "'retention' is not a table.", "Write [retention] and keys below it.", file, None, "retention"
            )
        for name, value in values.items():
            place = f"retention.{name}"
            if name not in known:
                problem = f"'{name}' is not known to retention."
                raise Refused(problem, f"Use {', '.join(known)}.", file=file, column=place)
            if type(value) is not int or not 1 <= value <= _MOST_MONTHS:
                problem = f"'{name}' is no number of months."
                remedy = f"Write a whole number from 1 to {_MOST_MONTHS:,}, or leave the key out: then all is kept."
                raise Refused(problem, remedy, file=file, column=place)
        return cls(**values)
