"""A gate that was passed: who said so, when, under which specification, and what was seen (署名・検収・確認)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from crm_platform.projects.plain_words import role
from crm_platform.projects.stages import Stage


@dataclass(frozen=True)
class Passage:
    """The gate of `stage`, passed by a role on a day under the fingerprint of the specification then in force.

    `seen` are digests of what was seen, part by part: keys of the mapping, files of `month`. `totals` are the entries
    of `compare_totals` that were accepted (R39).
    """

    stage: Stage
    by: str
    on: dt.date
    specification: str
    seen: Mapping[str, str]
    totals: tuple[Mapping[str, Any], ...] = ()
    month: str | None = None

    @classmethod
    def of(
        cls,
        stage: Stage,
        by: str,
        on: dt.date,
        specification: str,
        seen: Mapping[str, str],
        totals: tuple[Mapping[str, Any], ...] = (),
        month: str | None = None,
    ) -> Passage:
        """A passage; Refused where `by` is no role."""
        return cls(stage, role(by), on, specification, seen, totals, month)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        told = {"on": self.on.isoformat(), "seen": dict(self.seen), "totals": [dict(one) for one in self.totals]}
        return {**asdict(self), **told}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Passage:
        """Read what `to_json` wrote."""
        told = {"stage": Stage(value["stage"]), "on": dt.date.fromisoformat(value["on"])}
        return cls(**{**value, **told, "totals": tuple(value["totals"])})
