"""A client's runs in Dagster's memory, with events and logs, backfills and its partition: found and removed.

Dagster removes a run and its events, and keeps the last event of each asset and its checks: these are set right here by
Dagster's own declared tables, in SQLite and Postgres alike.
"""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.execution.backfill import BulkActionStatus
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.event_log.schema import (
    AssetCheckExecutionsTable,
    AssetKeyTable,
    ConcurrencySlotsTable,
    PendingStepsTable,
    SqlEventLogStorageTable,
)
from dagster._core.storage.runs.schema import BackfillTagsTable, BulkActionsTable
from dagster._serdes import deserialize_value, serialize_value
from sqlalchemy import Connection, delete, func, select, update

from crm_platform.orchestration.dead_runs import end_dead_runs
from crm_platform.orchestration.partitions import clients, partition_prefix
from crm_platform.orchestration.tenants.dagster_storage import event_log_of, run_storage_of
from crm_platform.orchestration.tenants.naming import naming
from crm_platform.refusals import Refused

UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
_TAGS = ("client", "dagster/partition/client")
_UNFINISHED_BACKFILLS = (BulkActionStatus.REQUESTED, BulkActionStatus.CANCELING, BulkActionStatus.FAILING)
_MATERIALIZED = dg.DagsterEventType.ASSET_MATERIALIZATION.value
_BUSY_TIMEOUT_SECONDS = 60


def run_ids_of(instance: dg.DagsterInstance, client_id: str) -> list[str]:
    """Every run that worked on the client, alone or among others: by its tags, and by the partitions of its events."""
    tagged = {
        run.run_id for key in _TAGS for run in instance.get_runs(dg.RunsFilter(tags={key: client_id}))
    }  # `get_runs` without a limit gives all
    events = SqlEventLogStorageTable.c
    of_client = events.partition.startswith(partition_prefix(client_id), autoescape=True)
    with event_log_of(instance).index_connection() as connection:
        found = connection.execute(select(events.run_id).where(of_client).distinct()).scalars()
        return sorted(tagged | {run_id for run_id in found if run_id})


def ended_runs(instance: dg.DagsterInstance, client_id: str) -> list[tuple[str, dt.date]]:
    """Runs of the client that ended, each with the day (UTC) of its end; the earliest first."""
    tagged = [record for key in _TAGS for record in instance.get_run_records(dg.RunsFilter(tags={key: client_id}))]
    ended = {
        record.dagster_run.run_id: dt.datetime.fromtimestamp(record.end_time, dt.UTC).date()
        for record in tagged
        if record.end_time is not None and record.dagster_run.status not in UNFINISHED
    }
    return sorted(ended.items(), key=lambda run: (run[1], run[0]))


def refuse_under_way(instance: dg.DagsterInstance, client_id: str) -> None:
    """Refused while a run or backfill of the client waits or works."""
    end_dead_runs(instance)
    for key in _TAGS:
        working = instance.get_runs(dg.RunsFilter(tags={key: client_id}, statuses=UNFINISHED), limit=1)
        if working:
            raise Refused(
                f"run {working[0].run_id} of '{client_id}' is under way.",
                "Wait for its end, or terminate it in the UI (Runs). Where its machine is no more, remove it: "
                f"dagster run delete {working[0].run_id}",
            )
    for backfill in _backfills(instance, client_id):
        if backfill.status in _UNFINISHED_BACKFILLS:
            problem = f"backfill {backfill.backfill_id} of '{client_id}' is under way."
            raise Refused(problem, "Wait for its end, or cancel it in the UI (Runs, Backfills).")


def forget_runs(instance: dg.DagsterInstance, run_ids: Iterable[str]) -> None:
    """Remove runs with all their events and logs; killed in the middle, the next call finishes.

    The row of the run goes last, for by it the run is found again.
    """
    storage = event_log_of(instance)
    for run_id in run_ids:
        with storage.index_connection() as connection:
            storage.delete_events_for_run(connection, run_id)
            for table in (AssetCheckExecutionsTable, ConcurrencySlotsTable, PendingStepsTable):
                connection.execute(delete(table).where(table.c.run_id == run_id))
        if isinstance(storage, SqliteEventLogStorage):  # a database per run
            for ending in ("", "-wal", "-shm"):
                Path(f"{storage.path_for_shard(run_id)}{ending}").unlink(missing_ok=True)
        instance.compute_log_manager.delete_logs(prefix=[run_id])
        shutil.rmtree(Path(instance.storage_directory()) / run_id, ignore_errors=True)
        instance.run_storage.delete_run(run_id)
    with storage.index_connection() as connection:
        _tell_last_events_anew(connection)


def forget_runs_of(instance: dg.DagsterInstance, client_id: str) -> None:
    """Remove the client's runs, backfills and partition; other clients lose what runs and backfills they shared."""
    forget_runs(instance, run_ids_of(instance, client_id))
    for name in instance.get_dynamic_partitions(str(clients.name)):
        if name == client_id:
            instance.delete_dynamic_partition(str(clients.name), client_id)
    with run_storage_of(instance).connect() as connection:
        for backfill in _backfills(instance, client_id):
            connection.execute(delete(BackfillTagsTable).where(BackfillTagsTable.c.backfill_id == backfill.backfill_id))
            connection.execute(delete(BulkActionsTable).where(BulkActionsTable.c.key == backfill.backfill_id))


def run_traces(instance: dg.DagsterInstance, client_id: str) -> dict[str, int]:
    """How many runs, backfills and partitions of the client Dagster remembers."""
    return {
        "runs": len(run_ids_of(instance, client_id)),
        "backfills": len(_backfills(instance, client_id)),
        "partitions": instance.get_dynamic_partitions(str(clients.name)).count(client_id),
    }


# --- inside -----------------------------------------------------------------------------------------------------------


def _tell_last_events_anew(connection: Connection) -> None:
    """Each asset's last event, as the events that are left tell it, and no summary of its partitions."""
    events, assets = SqlEventLogStorageTable.c, AssetKeyTable.c
    of_assets = select(events.asset_key, func.max(events.id)).where(events.asset_key.is_not(None))
    last_made = dict(
        connection.execute(of_assets.where(events.dagster_event_type == _MATERIALIZED).group_by(events.asset_key)).all()
    )
    last_run = {
        key: connection.execute(select(events.run_id).where(events.id == last)).scalar()
        for key, last in connection.execute(of_assets.group_by(events.asset_key)).all()
    }
    for key in connection.execute(select(assets.asset_key)).scalars().all():
        if key not in last_run:
            connection.execute(delete(AssetKeyTable).where(assets.asset_key == key))
            continue
        made = _event_told(connection, last_made[key]) if key in last_made else None
        said = {"last_materialization": made, "last_run_id": last_run[key], "tags": None, "cached_status_data": None}
        connection.execute(update(AssetKeyTable).where(assets.asset_key == key).values(said))


def _event_told(connection: Connection, event_id: int) -> str:
    """An event as Dagster keeps an asset's last one."""
    event = connection.execute(
        select(SqlEventLogStorageTable.c.event).where(SqlEventLogStorageTable.c.id == event_id)
    ).scalar_one()
    return serialize_value(dg.EventLogRecord(event_id, deserialize_value(event, dg.EventLogEntry)))


def _backfills(instance: dg.DagsterInstance, client_id: str) -> list[Any]:
    """Backfills of the client, alone or among others, as far as Dagster can read them."""
    named = naming(client_id)
    with run_storage_of(instance).connect() as connection:
        found = connection.execute(select(BulkActionsTable.c.key, BulkActionsTable.c.body)).all()
    keys = {key for key, body in found if body and named(body)}
    return [backfill for backfill in instance.get_backfills() if backfill.backfill_id in keys]
