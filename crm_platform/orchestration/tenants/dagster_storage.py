"""Dagster's own databases, SQLite or Postgres: their storages, and how the space of removed rows is given back."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import dagster as dg
from dagster._core.storage.event_log import SqlEventLogStorage
from dagster._core.storage.runs import SqlRunStorage
from dagster._core.storage.schedules import SqlScheduleStorage
from sqlalchemy import text

from crm_platform.refusals import Refused

_BUSY_TIMEOUT_SECONDS = 60


def event_log_of(instance: dg.DagsterInstance) -> SqlEventLogStorage:
    """Where events are kept; Refused where they are not kept in SQL."""
    storage = instance.event_log_storage
    if not isinstance(storage, SqlEventLogStorage):
        raise _unknown(storage)
    return storage


def run_storage_of(instance: dg.DagsterInstance) -> SqlRunStorage:
    """Where runs and backfills are kept; Refused where they are not kept in SQL."""
    storage = instance.run_storage
    if not isinstance(storage, SqlRunStorage):
        raise _unknown(storage)
    return storage


def schedule_storage_of(instance: dg.DagsterInstance) -> SqlScheduleStorage:
    """Where ticks and cursors are kept; Refused where they are not kept in SQL."""
    storage = instance.schedule_storage
    if not isinstance(storage, SqlScheduleStorage):
        raise _unknown(storage)
    return storage


def _unknown(storage: object) -> Refused:
    problem = f"Dagster keeps its memory in {type(storage).__name__} here, of which a client's part is not known."
    return Refused(problem, "Keep runs, events and schedules in SQLite or Postgres.")


def compact(instance: dg.DagsterInstance) -> None:
    """Give back the pages of what was removed, so that no byte of it stays in a database's file.

    Refused where another process reads a database of SQLite meanwhile.
    """
    runs, events, schedules = run_storage_of(instance), event_log_of(instance), schedule_storage_of(instance)
    for connect in (runs.connect, events.index_connection, schedules.connect):
        with connect() as connection:
            engine = connection.engine
        if engine.dialect.name == "sqlite":
            _compact_sqlite(Path(str(engine.url.database)))
        else:
            with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as alone:
                alone.execute(text("VACUUM FULL"))


def _compact_sqlite(path: Path) -> None:
    with closing(sqlite3.connect(path, timeout=_BUSY_TIMEOUT_SECONDS, isolation_level=None)) as database:
        try:
            database.execute("VACUUM")
            (busy, _, _) = database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except sqlite3.OperationalError as error:
            raise _in_use(path) from error
    if busy:
        raise _in_use(path)


def _in_use(path: Path) -> Refused:
    return Refused(
        "another process works with this database, which may still hold bytes of what was removed.",
        "Stop the UI and the daemon (make dev), and call again: it takes up where it was.",
        file=str(path),
    )
