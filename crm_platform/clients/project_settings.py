"""Whether a client's project passes gates, and on which day it began (R38)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from crm_platform.refusals import Refused

_KEYS = {"gates", "started_on"}


@dataclass(frozen=True)
class ProjectSettings:
    """The `[project]` table of a client's TOML; without it nothing is held by a gate."""

    gates: bool = False
    started_on: dt.date | None = None

    @classmethod
    def from_toml(cls, values: Any, file: str) -> ProjectSettings:
        """Read the table; Refused names the key that is unknown, has the wrong type or is missing."""
        if not isinstance(values, dict) or not set(values) <= _KEYS:
            raise _refused("the project says what is not known here.", "Write gates, started_on.", file)
        gates, started_on = values.get("gates", False), values.get("started_on")
        if not isinstance(gates, bool):
            raise _refused(f"gates is {gates!r}.", "Write true or false, without quotes.", file, "gates")
        if type(started_on) is not dt.date and (gates or started_on is not None):
            remedy = "Write the first day of the project without quotes: started_on = 2025-04-01."
            raise _refused(f"the project began on {started_on!r}.", remedy, file, "started_on")
        return cls(gates, started_on)


def _refused(problem: str, remedy: str, file: str, key: str = "") -> Refused:
    return Refused(problem, remedy, file=file, column=f"project.{key}" if key else "project")
