"""The inbox: a folder per delivery, there whole or not at all, with its files, its receipt and its admitted tables."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import io
import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import pyarrow as pa
import pyarrow.parquet as pq

from crm_platform.clients import client_folder
from crm_platform.clients.client import Client
from crm_platform.intake.admission.admitted import Admitted
from crm_platform.intake.admission.examination import mapping_digest
from crm_platform.intake.keeping.delivery_ids import delivery_id_for
from crm_platform.intake.keeping.seals import DIGESTS, allow, present_ids, refuse_lost, seal
from crm_platform.intake.keeping.tables_on_demand import TablesOnDemand
from crm_platform.intake.mapping.standard_layout import DELIVERED
from crm_platform.intake.reading.delivered_files import DeliveredFile
from crm_platform.refusals import Refused
from crm_platform.tables import Table
from crm_platform.tables.delivered import CONTACT_OVERRIDES, QUARANTINED_ROWS

_STORED: dict[str, Table] = {**DELIVERED, QUARANTINED_ROWS.name: QUARANTINED_ROWS}
_NOT_IN_EARLY_EDITIONS = frozenset({CONTACT_OVERRIDES.name})
_STAGED = ".staged-"
_READMITTED = "readmitted"
_LEADS_OUT = re.compile(r"^/|\\|\0|(^|/)\.\.(/|$)")
# The steps of a run read the same deliveries one after another; what nobody holds any more is forgotten.
_TABLES_HELD: WeakValueDictionary[tuple[Path, int, int], pa.Table] = WeakValueDictionary()
_CHECKED: set[tuple[Path, int, int]] = set()  # files whose digest agreed, by time of change and size


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
        return Admitted(_read_tables(self.folder, "admitted/"), self.receipt)

    def readmitted(self, client: Client) -> Admitted | None:
        """What `keep` stored under the client's present mapping, or None."""
        folder = self.folder / _READMITTED / mapping_digest(client)[:16]
        if folder.is_dir() and (self.folder / DIGESTS).exists() and not (folder / DIGESTS).exists():
            raise _damaged(folder / DIGESTS)
        return Admitted(_read_tables(folder, ""), _read_receipt(folder)) if folder.is_dir() else None

    def receipt_under(self, mapping: str) -> Mapping[str, Any]:
        """The receipt of what `keep` stored under a mapping (its digest); without that as the delivery came."""
        folder = self.folder / _READMITTED / mapping[:16]
        return _read_receipt(folder) if folder.is_dir() else self.receipt

    def mappings(self) -> set[str]:
        """The mappings that the delivery was read under, as the first digits of their digests."""
        again = (self.folder / _READMITTED).glob("[!.]*")
        return {str(self.receipt["mapping_sha256"])[:16], *(path.name for path in again if path.is_dir())}

    def keep(self, admitted: Admitted) -> None:
        """Store the delivery as examined again under a later mapping, beside what it was; whole or not at all."""
        folder = self.folder / _READMITTED / str(admitted.receipt["mapping_sha256"])[:16]
        folder.parent.mkdir(exist_ok=True)
        with _alone(folder.parent):
            if not folder.is_dir():  # another process may have stored the same before
                with _whole_or_not_at_all(folder) as staged:
                    _write_admitted(staged, staged, admitted)

    def files(self) -> list[DeliveredFile]:
        """The delivered files, without columns that were cut out."""
        names = [item["name"] for item in self.receipt["files"]]
        return [DeliveredFile(name, _read(self.folder, f"files/{name}")) for name in sorted(names)]


def read_inbox(inbox: Path, client_id: str, before: str | None = None) -> list[StoredDelivery]:
    """The client's deliveries in the order of arrival, or those that came `before` one; Refused where one is lost."""
    refuse_lost(inbox, client_id, before)
    return [one for one in present(inbox, client_id) if before is None or one.delivery_id < before]


def present(inbox: Path, client_id: str) -> list[StoredDelivery]:
    """The deliveries that are there, whatever was lost: for who delivers it again."""
    return [_stored(client_folder(inbox, client_id, name)) for name in present_ids(inbox, client_id)]


def put_in_inbox(inbox: Path, client_id: str, files: Sequence[DeliveredFile], admitted: Admitted) -> Path:
    """Store a delivery and return its folder; the same content twice adds nothing.

    Refused where another delivery took the place meanwhile.
    """
    folder = client_folder(inbox, client_id)
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder):
        receipt = admitted.receipt
        expected = delivery_id_for(inbox, client_id, files, receipt["declared_to"], again="again" in receipt)
        if (folder / expected).is_dir():
            return folder / expected
        if admitted.delivery_id != expected:
            raise Refused(
                f"the delivery was examined as {admitted.delivery_id}, but {expected} is the next of '{client_id}'.",
                "Another delivery arrived meanwhile; deliver again.",
            )
        with _whole_or_not_at_all(folder / expected, lambda digests: allow(inbox, client_id, expected, digests)) as new:
            _fill(new, admitted)
        seal(inbox, client_id)
    return folder / expected


def _fill(folder: Path, admitted: Admitted) -> None:
    for file in admitted.files:
        _write(folder / "files" / file.name, file.content)
    _write_admitted(folder / "admitted", folder, admitted)


def _write_admitted(folder: Path, receipt_folder: Path, admitted: Admitted) -> None:
    for name in _STORED:
        buffer = io.BytesIO()
        pq.write_table(admitted.tables[name], buffer, compression="zstd")
        _write(folder / f"{name}.parquet", buffer.getvalue())
    receipt = json.dumps(admitted.receipt, sort_keys=True, ensure_ascii=False, indent=1, allow_nan=False)
    _write(receipt_folder / "receipt.json", receipt.encode())


def _read_tables(folder: Path, place: str) -> Mapping[str, pa.Table]:
    """The stored tables, each read when it is asked for; Refused at once where a file is lost or not as it was."""
    for name, table in _STORED.items():
        if not _was_unknown(folder, f"{place}{name}.parquet", table):
            _check(folder, f"{place}{name}.parquet", table)
    return TablesOnDemand(
        {name: partial(_read_table, folder, f"{place}{name}.parquet", table) for name, table in _STORED.items()}
    )


def _check(folder: Path, name: str, table: Table) -> None:
    """Read the file through, where it was not read as it is now; early editions stored no digest to hold it against."""
    try:
        state = (folder / name).stat()
    except OSError as error:
        raise _damaged(folder / name) from error
    key = (folder / name, state.st_mtime_ns, state.st_size)
    if key not in _CHECKED:
        if (folder / DIGESTS).exists():
            _read(folder, name)
        else:
            _read_table(folder, name, table)
        _CHECKED.add(key)


def _was_unknown(folder: Path, name: str, table: Table) -> bool:
    """Whether the edition that stored the delivery did not know the table: it has no file, and no row."""
    return table.name in _NOT_IN_EARLY_EDITIONS and not _is_named(folder, name)


def _read_table(folder: Path, name: str, table: Table) -> pa.Table:
    """The stored table; the very one that somebody in this process still holds, where the file is as it was then."""
    if _was_unknown(folder, name, table):
        return table.empty()
    try:
        state = (folder / name).stat()
        key = (folder / name, state.st_mtime_ns, state.st_size)
        held = _TABLES_HELD.get(key)
        if held is None:
            held = pq.read_table(pa.BufferReader(_read(folder, name)), schema=table.arrow_schema)
            _TABLES_HELD[key] = held
    except (OSError, pa.ArrowException) as error:
        raise _damaged(folder / name) from error
    return held


def _is_named(folder: Path, name: str) -> bool:
    """Whether the delivery was stored with this file."""
    digests = folder / DIGESTS
    return (folder / name).exists() or (digests.exists() and f"  {name}\n".encode() in digests.read_bytes())


def _read(folder: Path, name: str) -> bytes:
    """A file of a stored delivery; Refused where it is lost or not as it was stored.

    Deliveries of early editions have no digests; of these only what cannot be read at all is refused.
    """
    digests = folder / DIGESTS
    if _LEADS_OUT.search(name):  # as a receipt that was tampered with may name one
        raise _damaged(folder / "receipt.json")
    try:
        content = (folder / name).read_bytes()
        stated = digests.read_bytes().splitlines(keepends=True) if digests.exists() else None
    except OSError as error:
        raise _damaged(folder / name) from error
    if stated is not None and _digest_line(name, content) not in stated:
        raise _damaged(folder / name)
    return content


def _digest_line(name: str, content: bytes) -> bytes:
    """As sha256sum writes it, so that a stored delivery can be checked without the platform."""
    return f"{hashlib.sha256(content).hexdigest()}  {name}\n".encode()


def _damaged(path: Path) -> Refused:
    return Refused(
        "this file of the inbox is missing or damaged.",
        "Restore the delivery's folder from the backup; where there is none, remove it and deliver again.",
        file=str(path),
    )


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(exist_ok=True)
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


@contextlib.contextmanager
def _whole_or_not_at_all(folder: Path, announce: Callable[[bytes], None] = lambda _: None) -> Iterator[Path]:
    """A hidden folder to be filled beside `folder`, which it becomes in one rename once everything is on the disk.

    `announce` is told the digests before the rename.
    """
    staged = Path(tempfile.mkdtemp(prefix=_STAGED, dir=folder.parent))
    try:
        yield staged
        names = sorted(path.relative_to(staged).as_posix() for path in staged.rglob("*") if path.is_file())
        _write(staged / DIGESTS, b"".join(_digest_line(name, (staged / name).read_bytes()) for name in names))
        staged.chmod(0o755)
        for inner in [*(path for path in staged.iterdir() if path.is_dir()), staged]:
            _flush(inner)
        announce((staged / DIGESTS).read_bytes())
        staged.rename(folder)
    except BaseException:
        shutil.rmtree(staged, ignore_errors=True)
        raise
    _flush(folder.parent)


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
        return dict(json.loads(_read(folder, "receipt.json")))
    except (ValueError, TypeError) as error:
        raise _damaged(folder / "receipt.json") from error
