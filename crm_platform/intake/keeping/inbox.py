"""The inbox: a folder per delivery, there whole or not at all, with its files, its receipt and its admitted tables."""

from __future__ import annotations

import contextlib
import fcntl
import io
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from crm_platform.clients.client import Client, valid_client_id
from crm_platform.intake.admission.admitted import Admitted
from crm_platform.intake.admission.examination import mapping_digest
from crm_platform.intake.guard.column_cutting import cut_columns
from crm_platform.intake.mapping.standard_layout import DELIVERED
from crm_platform.intake.reading.delivered_files import DeliveredFile, check_names
from crm_platform.lake import digest_of
from crm_platform.refusals import Refused
from crm_platform.tables import Table
from crm_platform.tables.delivered import QUARANTINED_ROWS

_STORED: dict[str, Table] = {**DELIVERED, QUARANTINED_ROWS.name: QUARANTINED_ROWS}
_STAGED = ".staged-"
_READMITTED = "readmitted"


@dataclass(frozen=True)
class StoredDelivery:
    """A delivery in the inbox."""

    folder: Path
    receipt: Mapping[str, Any]

    @property
    def delivery_id(self) -> str:
        """`<4-digit sequence>-<12 hex digits of the content>`; in the order of arrival."""
        return self.folder.name

    def is_current(self, client: Client) -> bool:
        """Whether the stored tables were admitted by the client's present mapping; else examine `files()` anew."""
        return bool(self.receipt["mapping_sha256"] == mapping_digest(client))

    def load(self) -> Admitted:
        """The admitted tables as stored, without decoding again."""
        return Admitted(_read_tables(self.folder / "admitted"), self.receipt)

    def readmitted(self, client: Client) -> Admitted | None:
        """What `keep` stored under the client's present mapping, or None."""
        folder = self.folder / _READMITTED / mapping_digest(client)[:16]
        return Admitted(_read_tables(folder), _read_receipt(folder)) if folder.is_dir() else None

    def keep(self, admitted: Admitted) -> None:
        """Store the delivery as examined again under a later mapping, beside what it was; whole or not at all."""
        folder = self.folder / _READMITTED / str(admitted.receipt["mapping_sha256"])[:16]
        folder.parent.mkdir(exist_ok=True)
        staged = Path(tempfile.mkdtemp(prefix=_STAGED, dir=folder.parent))
        _write_admitted(staged, staged, admitted)
        try:
            staged.rename(folder)
        except OSError:  # another process stored the same before
            shutil.rmtree(staged)

    def files(self) -> list[DeliveredFile]:
        """The delivered files, without columns that were cut out."""
        return [DeliveredFile(path.name, path.read_bytes()) for path in sorted((self.folder / "files").iterdir())]


def read_inbox(inbox: Path, client_id: str) -> list[StoredDelivery]:
    """The client's deliveries in the order of arrival."""
    folder = inbox / valid_client_id(client_id)
    found = sorted(path for path in folder.iterdir() if not path.name.startswith(".")) if folder.is_dir() else []
    return [_stored(path) for path in found]


def delivery_id_for(inbox: Path, client_id: str, files: Sequence[DeliveredFile], declared_to: str | None = None) -> str:
    """The id of these files, said to reach `declared_to`, in the inbox, or that of the next delivery."""
    check_names(files)
    named = sorted((file.name.lower().removesuffix(".gz"), file.sha256) for file in files)
    content = digest_of([named, declared_to] if declared_to else named)[:12]
    stored = [delivery.delivery_id for delivery in read_inbox(inbox, client_id)]
    same = [name for name in stored if name.endswith(f"-{content}")]
    return same[0] if same else f"{max((int(name.split('-')[0]) for name in stored), default=0) + 1:04d}-{content}"


def put_in_inbox(inbox: Path, client_id: str, files: Sequence[DeliveredFile], admitted: Admitted) -> Path:
    """Store a delivery and return its folder; the same content twice adds nothing.

    Refused where another delivery took the place meanwhile.
    """
    folder = inbox / valid_client_id(client_id)
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder):
        expected = delivery_id_for(inbox, client_id, files, admitted.receipt["declared_to"])
        if (folder / expected).is_dir():
            return folder / expected
        if admitted.delivery_id != expected:
            raise Refused(
                f"the delivery was examined as {admitted.delivery_id}, but {expected} is the next of '{client_id}'.",
                "Another delivery arrived meanwhile; deliver again.",
            )
        staged = Path(tempfile.mkdtemp(prefix=_STAGED, dir=folder))
        try:
            _fill(staged, files, admitted)
            staged.chmod(0o755)
            staged.rename(folder / expected)
        except BaseException:
            shutil.rmtree(staged, ignore_errors=True)
            raise
        _flush(folder)
    return folder / expected


def _fill(folder: Path, files: Sequence[DeliveredFile], admitted: Admitted) -> None:
    read = {item["name"]: item for item in admitted.receipt["files"]}
    for file in files:
        dropped = {column["column"] for column in read[file.name]["dropped_columns"]}
        _write(folder / "files" / file.name, cut_columns(file, read[file.name], dropped) if dropped else file.content)
    _write_admitted(folder / "admitted", folder, admitted)
    for path in (folder / "files", folder / "admitted", folder):
        _flush(path)


def _write_admitted(folder: Path, receipt_folder: Path, admitted: Admitted) -> None:
    for name in _STORED:
        buffer = io.BytesIO()
        pq.write_table(admitted.tables[name], buffer, compression="zstd")
        _write(folder / f"{name}.parquet", buffer.getvalue())
    receipt = json.dumps(admitted.receipt, sort_keys=True, ensure_ascii=False, indent=1, allow_nan=False)
    _write(receipt_folder / "receipt.json", receipt.encode())


def _read_tables(folder: Path) -> dict[str, pa.Table]:
    return {
        name: pq.read_table(folder / f"{name}.parquet", schema=table.arrow_schema) for name, table in _STORED.items()
    }


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(exist_ok=True)
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _flush(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One writer at a time; what a writer that was killed left staged is cleared away."""
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for left in folder.glob(f"{_STAGED}*"):
            shutil.rmtree(left)
        yield


def _stored(folder: Path) -> StoredDelivery:
    return StoredDelivery(folder, _read_receipt(folder))


def _read_receipt(folder: Path) -> Mapping[str, Any]:
    try:
        return dict(json.loads((folder / "receipt.json").read_text("utf-8")))
    except (OSError, ValueError) as error:
        raise Refused(
            f"'{folder.name}' is no delivery: its receipt cannot be read.", "Remove the folder and deliver again."
        ) from error
