"""Dagster's event log in SQLite, with its databases held open while a command runs.

Dagster opens, checkpoints and closes a database for each of some 3,000 questions and events of a run: a fifth of what a
small client's run costs. Files and rows are the same: the UI, or Dagster without this, reads and writes them beside it.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.instance import InstanceRef
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from dagster._serdes import ConfigurableClassData
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import OperationalError

from crm_platform.lake.files import write_whole
from crm_platform.orchestration.dagster_home import FILE_NAME
from crm_platform.refusals import Refused

_INDEX, _MADE = "index", ".made"
_BUSY_TIMEOUT_SECONDS = 60  # another process may write


class OpenEventLog(SqliteEventLogStorage):
    """The event log of Dagster; each database is opened once, and closed by `dispose`."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        self._engines: dict[str, Engine] = {}
        self._known_tables: set[str] = set()
        super().__init__(*arguments, **named)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._db_lock:
            engine = self._engine(shard)
            if shard not in self._initialized_dbs:
                self._initdb(engine)
                self._initialized_dbs.add(shard)
            with engine.begin() as connection:
                yield connection

    def has_table(self, table_name: str) -> bool:
        """Whether the index has the table; one that was there is there."""
        if table_name not in self._known_tables and super().has_table(table_name):
            self._known_tables.add(table_name)
        return table_name in self._known_tables

    def dispose(self) -> None:
        """Close every database."""
        super().dispose()
        for engine in self._engines.values():
            engine.dispose()
        self._engines.clear()

    def _engine(self, shard: str) -> Engine:
        if shard not in self._engines:
            for other in self._engines.keys() - {_INDEX}:  # a run is written at a time
                self._engines.pop(other).dispose()
            waits = {"timeout": _BUSY_TIMEOUT_SECONDS}
            self._engines[shard] = create_engine(self.conn_string_for_shard(shard), connect_args=waits)
            event.listen(self._engines[shard], "connect", _sync_at_checkpoints)
        return self._engines[shard]


class OpenStorage(DagsterSqliteStorage):
    """Dagster's storage in SQLite with the event log above."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__(base_dir, inst_data)
        self._event_log_storage = OpenEventLog(self._event_log_storage._base_dir)
        for storage in (self._run_storage, self._schedule_storage):
            storage._conn_string += f"?timeout={_BUSY_TIMEOUT_SECONDS}"

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData, config_value: Any) -> OpenStorage:
        """As Dagster makes it from dagster.yaml."""
        return cls.from_local(inst_data=inst_data, **config_value)


def open_instance(home: Path) -> dg.DagsterInstance:
    """The instance that `home`/dagster.yaml describes, its databases held open where it keeps them in SQLite.

    Refused where it asks the environment for what is not set, or its database does not answer.
    """
    try:
        instance = _made_of(home)
        instance.compute_log_manager  # noqa: B018  read here, so that its settings are missed here, not by a run
    except dg.DagsterInvalidConfigError as error:
        unset = re.findall(r'environment variable "(\w+)" which is not set', str(error))
        said = f"ask the environment for {unset[0]}, which is not set" if unset else f"cannot be followed: {error}"
        problem, remedy = f"the settings of the Dagster instance {said}.", "docs/production.md says what belongs there."
        raise Refused(problem, remedy, file=_file(home)) from error
    except Exception as error:
        if not isinstance(error.__cause__, OperationalError):
            raise
        remedy = "Start the database, or mend address, user and password in the environment: docs/production.md"
        said = f"{error.__cause__.orig}".strip()
        raise Refused(f"the database of the runs does not answer: {said}", remedy, file=_file(home)) from error
    return instance


@contextmanager
def refused_by_database() -> Iterator[None]:
    """What the database of the runs says no to is told in a sentence: a full disk, say, or another who writes long."""
    try:
        yield
    except OperationalError as error:
        problem = f"the database of the runs says no: {error.orig}."
        raise Refused(problem, "Free some disk, or let others end; then call again: what was made is kept.") from error


def _file(home: Path) -> str:
    return str(home / FILE_NAME)


def _made_of(home: Path) -> dg.DagsterInstance:
    ref = InstanceRef.from_dir(str(home))
    kept = ref.storage_data
    if kept is None or kept.class_name != DagsterSqliteStorage.__name__:
        return dg.DagsterInstance.from_ref(ref)
    ref = ref._replace(storage_data=ConfigurableClassData(__name__, OpenStorage.__name__, kept.config_yaml))
    instance, made = dg.DagsterInstance.from_ref(ref), home / _MADE
    if not made.exists():  # whoever made the databases first may have been killed before they had all their tables
        if not instance.get_runs_count():
            with redirect_stdout(io.StringIO()):
                instance.upgrade()
        write_whole(made, b"")
    return instance


def _sync_at_checkpoints(connection: Any, _: Any) -> None:
    """With a write-ahead log this loses no consistency; a power cut may lose the last events, never a table."""
    connection.execute("PRAGMA synchronous=NORMAL")
