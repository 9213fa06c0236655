"""The lake of all clients: `<root>/<client>/<table>/<month>.json` names the Parquet file that holds the month.

The record is replaced in one rename, after its file is whole; so a table-month is the old one or the new one, a copy
that breaks off leaves the old, and a scan never meets a half-written file. What is read is held against its digest.
The root is a folder or a place in a bucket (`storage`).
"""

from __future__ import annotations

import hashlib
import io
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from crm_platform.clients import client_folder
from crm_platform.lake.provenance import MadeFrom, Provenance, digest_of
from crm_platform.lake.storage import Store, store_of
from crm_platform.periods import Month
from crm_platform.refusals import Refused
from crm_platform.tables import Table

if TYPE_CHECKING:  # loaded only where expressions run: who draws a report or writes a file need not
    import ibis

_FORMER, _SEALS = "former", "sealed"


@dataclass(frozen=True)
class Written:
    """What a write left in the lake."""

    path: Path
    rows: int
    sha256: str


@dataclass(frozen=True)
class Lake:
    """Tables at rest. `root` holds a folder per client; `copies`: where what is read of a bucket is copied to."""

    root: Path
    copies: Path | None = None

    @cached_property
    def store(self) -> Store:
        """What keeps the files."""
        return store_of(self.root, self.copies)

    @cached_property
    def connection(self) -> ibis.BaseBackend:
        """The embedded DuckDB on which expressions over the lake run."""
        import ibis  # noqa: PLC0415  see above

        return ibis.duckdb.connect()

    def alone(self, client: str) -> AbstractContextManager[None]:
        """Wait for every other run that makes tables of the client; whoever writes holds this."""
        return self.store.alone(client_folder(self.root, client))

    # --- tables -------------------------------------------------------------------------------------------------------

    def write(
        self,
        client: str,
        table: Table,
        month: Month,
        rows: pa.Table | ibis.Table,
        made_from: MadeFrom,
        remarks: Mapping[str, str] | None = None,
    ) -> Written:
        """Store `rows` as the table's month, whole, cast and sorted as declared; replaces the former month.

        `remarks` are kept in the record, which the same rename puts in force.
        """
        arrow = rows if isinstance(rows, pa.Table) else rows.to_pyarrow()
        buffer = io.BytesIO()
        pq.write_table(table.cast(arrow), buffer, compression="zstd", row_group_size=122_880)
        return self._store(client, table.name, month, "parquet", buffer.getvalue(), arrow.num_rows, made_from, remarks)

    def read(self, client: str, table: Table, month: Month, columns: Sequence[str] | None = None) -> pa.Table:
        """The stored month, or these columns of it; Refused where there is none."""
        path, _record = self._stored(client, table.name, month)
        return pq.read_table(path, schema=table.arrow_schema, columns=None if columns is None else list(columns))

    def read_recorded(self, client: str, table: Table, month: Month) -> tuple[pa.Table, Provenance]:
        """The stored month and its record; Refused where there is none."""
        path, record = self._stored(client, table.name, month)
        return pq.read_table(path, schema=table.arrow_schema), record

    def scan(self, client: str, table: Table, months: Sequence[Month]) -> ibis.Table:
        """An expression over these months; Refused names those not there: a gap is never taken for no sales."""
        records = {month: self.provenance(client, table.name, month) for month in months}
        missing = [month for month, record in records.items() if record is None]
        if missing or not months:
            raise Refused(
                f"the lake of '{client}' has no {table.name} for {_spelled(missing) or 'any month asked for'}.",
                f"Make it first: crm-platform onboard --client {client}",
            )
        files = [self._at_hand(client, table.name, month, record) for month, record in records.items() if record]
        return self.connection.read_parquet([str(file) for file in files])

    # --- what must not be lost when a month is written again ----------------------------------------------------------

    def keep_former(self, client: str, name: str, month: Month) -> None:
        """Copy the stored month and its record into `former/`, where nothing is ever replaced or removed."""
        file, record = self._file(client, name, month), self._folder(client, name) / f"{month}.json"
        said = record.read_bytes()
        kept = self._folder(client, name) / _FORMER
        for path, content in (
            (kept / file.name, file.read_bytes()),
            (kept / f"{month}.{digest_of(said)[:16]}.json", said),
        ):
            if not path.exists():
                self.store.write_whole(path, content)

    def former(self, client: str, name: str) -> list[tuple[Month, Provenance]]:
        """The records that `keep_former` kept, by month."""
        found = sorted((self._folder(client, name) / _FORMER).glob("????-??.*.json"))
        return [(Month.parse(path.name[:7]), Provenance.from_json(self.store.read(path).decode())) for path in found]

    def read_former(self, client: str, table: Table, record: Provenance) -> pa.Table:
        """The rows of such a record; Refused where its file is not as it was."""
        path = self._folder(client, table.name) / _FORMER / record.file
        found = self.store.at_hand(path, record.sha256)
        if found is None:
            raise Refused(
                f"this former {table.name} in the lake is missing or damaged.",
                "Restore it from the backup.",
                file=str(path),
            )
        return pq.read_table(found, schema=table.arrow_schema)

    # --- documents: fitted models, findings ---------------------------------------------------------------------------

    def write_document(self, client: str, name: str, month: Month, document: Any, made_from: MadeFrom) -> Written:
        """Store a JSON document as the month's `name`."""
        content = json.dumps(document, sort_keys=True, ensure_ascii=False, indent=1, allow_nan=False).encode()
        return self._store(client, name, month, "document.json", content, 1, made_from)

    def read_document(self, client: str, name: str, month: Month) -> Any:
        """The stored document; Refused where there is none."""
        return json.loads(self._file(client, name, month).read_bytes())

    # --- what is there ------------------------------------------------------------------------------------------------

    def provenance(self, client: str, name: str, month: Month) -> Provenance | None:
        """The record of a stored month, or None; Refused where it cannot be read."""
        record = self._folder(client, name) / f"{month}.json"
        try:
            return Provenance.from_json(self.store.read(record).decode())
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError) as error:
            raise _damaged(client, name, month, record) from error

    def months(self, client: str, name: str) -> list[Month]:
        """The stored months, in order."""
        folder = self._folder(client, name)
        return sorted(Month.parse(record.stem) for record in folder.glob("????-??.json")) if folder.is_dir() else []

    def is_current(self, client: str, name: str, month: Month, made_from: MadeFrom) -> bool:
        """Whether the stored month was made from exactly this and is whole, so that nothing need be done."""
        return not self.why_stale(client, name, month, made_from)

    def why_stale(self, client: str, name: str, month: Month, made_from: MadeFrom) -> tuple[str, ...]:
        """Why the month must be made, in words; nothing where it is current."""
        try:
            provenance = self.provenance(client, name, month)
        except Refused:
            return ("its record was damaged",)
        if provenance is None:
            return ("never made",)
        if provenance.made_from.fingerprint != made_from.fingerprint:
            return made_from.changes_since(provenance.made_from)
        is_whole = self.store.is_whole(self._folder(client, name) / provenance.file, provenance.sha256)
        return () if is_whole else (f"its file {provenance.file} was lost or damaged",)

    def digest(self, client: str, name: str, months: Iterable[Month]) -> str:
        """One digest over the stored content of these months; without a record, or with a damaged one, it is absent."""
        return digest_of({str(month): self._content_digest(client, name, month) for month in months})

    # --- what was issued for good, what was left ----------------------------------------------------------------------

    def seal(self, client: str, name: str) -> None:
        """Note of each stored month that it was issued for good, and with which record, so that its loss is found."""
        for month in self.months(client, name):
            record = self.provenance(client, name, month)
            seal = self._folder(client, name) / _SEALS / record.file if record else None
            if seal and not seal.exists():
                said = self.store.read(self._folder(client, name) / f"{month}.json")
                self.store.write_whole(seal, f"{digest_of(said)}\n".encode())

    def refuse_lost(self, client: str, name: str) -> None:
        """Refused where what was sealed is there no more as it was, neither in force nor among the former."""
        folder = self._folder(client, name)
        seals = sorted((folder / _SEALS).glob("????-??.*"))
        former = {path.name for path in (folder / _FORMER).glob("*")} if seals else set()
        for seal in (seal for seal in seals if seal.name not in former):
            file, record = folder / seal.name, folder / f"{seal.name[:7]}.json"
            is_whole = record.exists() and digest_of(self.store.read(record)) == self.store.read(seal).decode().strip()
            if not is_whole or not file.exists():
                raise Refused(
                    f"this file of {name} in the lake, issued for good, is missing or damaged.",
                    f"Restore the folder {name} from the backup; where there is none, remove {_SEALS}/{seal.name} in "
                    "it as well: from then on it counts as never issued.",
                    file=str(file if is_whole else record),
                )

    def clear_left(self, client: str, *names: str) -> None:
        """Remove former files that a writer left who was killed between its record and its end; the caller is `alone`.

        `names`: of tables, by default every one of the client.
        """
        folder = client_folder(self.root, client)
        tables = sorted(path.name for path in folder.iterdir() if path.name[0] != ".") if folder.exists() else []
        for place in (folder / name for name in names or tables):
            found = Counter(path.name[:7] for path in place.glob("????-??.*.*"))
            for month, how_many in found.items():
                if how_many > 1 and (record := self._readable(client, place.name, Month.parse(month))):
                    self.store.sweep(place, f"{month}.", {record.file, f"{month}.json"})

    # --- inside -------------------------------------------------------------------------------------------------------

    def _store(
        self,
        client: str,
        name: str,
        month: Month,
        suffix: str,
        content: bytes,
        rows: int,
        made_from: MadeFrom,
        remarks: Mapping[str, str] | None = None,
    ) -> Written:
        sha256 = hashlib.sha256(content).hexdigest()
        folder = self._folder(client, name)
        path, record = folder / f"{month}.{sha256[:16]}.{suffix}", folder / f"{month}.json"
        self.store.write_whole(path, content)
        said = Provenance(path.name, sha256, rows, made_from, remarks or {})
        self.store.write_whole(record, said.to_json().encode())
        self.store.sweep(folder, f"{month}.", {path.name, record.name})  # the former file, and what a killed run left
        return Written(path, rows, sha256)

    def _content_digest(self, client: str, name: str, month: Month) -> str | None:
        record = self._readable(client, name, month)
        return record.sha256 if record else None

    def _readable(self, client: str, name: str, month: Month) -> Provenance | None:
        try:
            return self.provenance(client, name, month)
        except Refused:  # whoever reads the month is told; what is made from it is stale
            return None

    def _file(self, client: str, name: str, month: Month) -> Path:
        return self._stored(client, name, month)[0]

    def _stored(self, client: str, name: str, month: Month) -> tuple[Path, Provenance]:
        provenance = self.provenance(client, name, month)
        if provenance is None:
            raise Refused(
                f"the lake of '{client}' has no {name} for {month}.",
                f"Make it first: crm-platform refresh --client {client} --month {month}",
            )
        return self._at_hand(client, name, month, provenance), provenance

    def _at_hand(self, client: str, name: str, month: Month, record: Provenance) -> Path:
        path = self._folder(client, name) / record.file
        found = self.store.at_hand(path, record.sha256)
        if found is None:
            raise _damaged(client, name, month, path)
        return found

    def _folder(self, client: str, name: str) -> Path:
        return client_folder(self.root, client, name)


def _damaged(client: str, name: str, month: Month, path: Path) -> Refused:
    return Refused(
        f"this file of {name} in the lake is missing or damaged.",
        f"Restore it from the backup; where there is none, remove {month}.json there and run: "
        f"crm-platform refresh --client {client} --month {month}",
        file=str(path),
    )


def _spelled(months: Sequence[Month]) -> str:
    head = ", ".join(str(month) for month in months[:3])
    return f"{head} and {len(months) - 3} more months" if len(months) > 3 else head
