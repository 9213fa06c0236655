"""What was signed, accepted, confirmed and delivered: one small file per client, written whole, never shortened."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from crm_platform.clients import valid_client_id
from crm_platform.lake.files import alone, write_whole
from crm_platform.projects.delivery_records import DeliveryRecord
from crm_platform.projects.plain_words import role
from crm_platform.projects.stages import Stage
from crm_platform.refusals import Refused

FILE_NAME = "ledger.json"


@dataclass(frozen=True)
class Passage:
    """A gate that was passed: of which stage, by which role, on which day, under which specification.

    `content_sha256` is the digest of what was seen: the specification, the totals, the files. `totals` are the entries
    of `compare_totals` that were accepted.
    """

    stage: Stage
    by: str
    on: dt.date
    specification: str
    content_sha256: str
    totals: tuple[Mapping[str, Any], ...] = ()

    @classmethod
    def of(
        cls,
        stage: Stage,
        by: str,
        on: dt.date,
        specification: str,
        content_sha256: str,
        totals: tuple[Mapping[str, Any], ...] = (),
    ) -> Passage:
        """A passage; Refused where `by` is no role."""
        return cls(stage, role(by), on, specification, content_sha256, totals)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {**asdict(self), "on": self.on.isoformat(), "totals": [dict(one) for one in self.totals]}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Passage:
        """Read what `to_json` wrote."""
        told = {"stage": Stage(value["stage"]), "on": dt.date.fromisoformat(value["on"])}
        return cls(**{**value, **told, "totals": tuple(value["totals"])})


@dataclass(frozen=True)
class Ledger:
    """Every passage and every delivery of a client's project, in the order in which they were recorded."""

    passages: tuple[Passage, ...] = ()
    deliveries: tuple[DeliveryRecord, ...] = ()

    def latest(self, stage: Stage) -> Passage | None:
        """The last passage of the stage's gate."""
        return next((one for one in reversed(self.passages) if one.stage == stage), None)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {name: [one.to_json() for one in getattr(self, name)] for name in ("passages", "deliveries")}


def read_ledger(projects: Path, client_id: str) -> Ledger:
    """The client's ledger below `projects`, empty where nothing was recorded; Refused where it is damaged."""
    path = _path(projects, client_id)
    if not path.exists():
        return Ledger()
    try:
        said = json.loads(path.read_bytes())
        passages = tuple(Passage.from_json(one) for one in said["passages"])
        return Ledger(passages, tuple(DeliveryRecord.from_json(one) for one in said["deliveries"]))
    except (ValueError, LookupError, TypeError) as error:
        raise Refused("the record of the project is damaged.", "Restore it from the backup.", str(path)) from error


def record_passage(projects: Path, client_id: str, passage: Passage) -> Ledger:
    """Add a passage to the client's ledger: the file holds the former ledger or the new one, whatever breaks off."""
    path = _path(projects, client_id)
    with alone(path.parent):
        ledger = read_ledger(projects, client_id)
        return _written(path, replace(ledger, passages=(*ledger.passages, passage)))


def record_delivery(projects: Path, client_id: str, delivery: DeliveryRecord) -> Ledger:
    """Add a delivery to the client's ledger, as `record_passage` adds a passage."""
    path = _path(projects, client_id)
    with alone(path.parent):
        ledger = read_ledger(projects, client_id)
        return _written(path, replace(ledger, deliveries=(*ledger.deliveries, delivery)))


def _path(projects: Path, client_id: str) -> Path:
    return projects / valid_client_id(client_id) / FILE_NAME


def _written(path: Path, ledger: Ledger) -> Ledger:
    write_whole(path, (json.dumps(ledger.to_json(), ensure_ascii=False, indent=1) + "\n").encode())
    return ledger
