"""What was signed, accepted, confirmed and delivered: one small file per client, written whole, never shortened."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crm_platform.clients import client_folder
from crm_platform.lake.files import alone, write_whole
from crm_platform.projects.delivery_records import DeliveryRecord
from crm_platform.projects.passages import Passage
from crm_platform.projects.sealed_lines import BrokenSealError, opened, sealed
from crm_platform.projects.stages import Stage
from crm_platform.refusals import Refused

FILE_NAME, UNSEALED_NAME = "ledger.jsonl", "ledger.json"
Entry = Passage | DeliveryRecord
_KINDS: dict[str, type[Passage] | type[DeliveryRecord]] = {"passage": Passage, "delivery": DeliveryRecord}


@dataclass(frozen=True)
class Ledger:
    """Every passage and every delivery of a client's project, in the order in which they were recorded."""

    entries: tuple[Entry, ...] = ()

    @property
    def deliveries(self) -> tuple[DeliveryRecord, ...]:
        """The deliveries."""
        return tuple(one for one in self.entries if isinstance(one, DeliveryRecord))

    def latest(self, stage: Stage) -> Passage | None:
        """The last passage of the stage's gate."""
        passages = (one for one in reversed(self.entries) if isinstance(one, Passage))
        return next((one for one in passages if one.stage == stage), None)


def read_ledger(projects: Path, client_id: str) -> Ledger:
    """The client's ledger below `projects`, empty where nothing was recorded.

    Refused, with file and line, where it is not whole as it was written, or another client's.
    """
    path = _path(projects, client_id)
    _refuse_unsealed(path.with_name(UNSEALED_NAME), client_id)
    if not path.exists():
        return Ledger()
    try:
        return Ledger(tuple(map(_read, opened(client_id, path.read_bytes()))))
    except BrokenSealError as broken:
        raise Refused(
            "from this line on the record of the project is not as it was written.",
            "Restore the file from the backup. Nothing in it is changed by hand: what no longer holds is passed again "
            f"(crm-platform gates show --client {client_id}).",
            file=str(path),
            row=broken.line,
        ) from broken


def record(projects: Path, client_id: str, entry: Entry) -> Ledger:
    """Add an entry to the client's ledger: the file holds the former ledger or the new one, whatever breaks off."""
    path = _path(projects, client_id)
    with alone(path.parent):
        ledger = Ledger((*read_ledger(projects, client_id).entries, entry))
        write_whole(path, sealed(client_id, map(_written, ledger.entries)))
        return ledger


def _refuse_unsealed(path: Path, client_id: str) -> None:
    """What was written before lines were sealed may have been edited by anybody, so it is not read."""
    if path.exists():
        raise Refused(
            "this record of the project is of a former form, without seals, and is not read.",
            "Move it out of the folder and pass the gates again, beginning with: "
            f"crm-platform gates sign --client {client_id} --by ROLE",
            file=str(path),
        )


def _path(projects: Path, client_id: str) -> Path:
    return client_folder(projects, client_id) / FILE_NAME


def _written(entry: Entry) -> dict[str, Any]:
    return {kind: entry.to_json() for kind, made in _KINDS.items() if isinstance(entry, made)}


def _read(line: dict[str, Any]) -> Entry:
    ((kind, value),) = line.items()
    return _KINDS[kind].from_json(value)
