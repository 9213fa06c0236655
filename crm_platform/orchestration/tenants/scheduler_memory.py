"""What Dagster's schedules and sensors remember of a client: ticks, what ticks logged, cursors."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.scheduler.instigation import InstigatorState, SensorInstigatorData
from dagster._core.storage.local_compute_log_manager import LocalComputeLogManager
from dagster._core.storage.schedules.schema import JobTickTable
from sqlalchemy import Connection, delete, or_, select

from crm_platform.orchestration.tenants.dagster_storage import schedule_storage_of
from crm_platform.orchestration.tenants.naming import names_of, naming

_OF_RUNS = "compute_logs"


def forget_ticks_of(instance: dg.DagsterInstance, client_id: str) -> None:
    """Remove ticks, logs of ticks and cursors that name the client; a tick shared with others goes with it."""
    for state in _states(instance, client_id):
        _forget_state(instance, state, client_id)
    with schedule_storage_of(instance).connect() as connection:
        for number, log_key in _ticks(connection, client_id):
            if log_key:
                instance.compute_log_manager.delete_logs(log_key=log_key)
            connection.execute(delete(JobTickTable).where(JobTickTable.c.id == number))
    for log in _tick_logs(instance, client_id):
        if log.is_dir():
            shutil.rmtree(log)
        else:
            log.unlink(missing_ok=True)


def tick_traces(instance: dg.DagsterInstance, client_id: str) -> dict[str, int]:
    """How many ticks, cursors and logs of ticks name the client."""
    with schedule_storage_of(instance).connect() as connection:
        ticks = len(_ticks(connection, client_id))
    cursors, logs = len(_states(instance, client_id)), len(_tick_logs(instance, client_id))
    return {"ticks": ticks, "cursors": cursors, "logs of ticks": logs}


# --- inside -----------------------------------------------------------------------------------------------------------


def _states(instance: dg.DagsterInstance, client_id: str) -> list[InstigatorState]:
    """Schedules and sensors that remember the client: by name, in cursors, or as what was asked for last."""
    named = naming(client_id)
    return [state for state in instance.all_instigator_state() if named(f"{state.name} {_memory_of(state)}")]


def _forget_state(instance: dg.DagsterInstance, state: InstigatorState, client_id: str) -> None:
    """A schedule or sensor of the client alone is forgotten; of any other the cursor loses what names the client."""
    data, named = state.instigator_data, naming(client_id)
    if named(state.name) or not isinstance(data, SensorInstigatorData):
        instance.delete_instigator_state(state.instigator_origin_id, state.selector_id)
        return
    asked = None if data.last_run_key and named(data.last_run_key) else data.last_run_key
    cursor = None  # one that is not JSON begins anew
    with suppress(ValueError):
        cursor = json.dumps(_without(json.loads(_cursor_of(state)), named))
    instance.update_instigator_state(state.with_data(data._replace(cursor=cursor, last_run_key=asked)))


def _without(told: Any, named: Callable[[str], bool]) -> Any:
    """The JSON value without keys, and without texts in lists, that name the client; a text alone becomes empty."""
    if isinstance(told, Mapping):
        return {key: _without(value, named) for key, value in told.items() if not named(key)}
    if isinstance(told, list):
        return [_without(value, named) for value in told if not (isinstance(value, str) and named(value))]
    return "" if isinstance(told, str) and named(told) else told


def _memory_of(state: InstigatorState) -> str:
    """A sensor's cursor and the key of the run that it asked for last."""
    data = state.instigator_data
    return f"{_cursor_of(state)} {data.last_run_key or ''}" if isinstance(data, SensorInstigatorData) else ""


def _cursor_of(state: InstigatorState) -> str:
    data = state.instigator_data
    return (data.cursor or "") if isinstance(data, SensorInstigatorData) else ""


def _ticks(connection: Connection, client_id: str) -> list[tuple[int, list[str] | None]]:
    """Ticks whose requests, reasons or errors name the client: the row, and where the tick logged, if it did."""
    named, body = naming(client_id), JobTickTable.c.tick_body
    may_name = or_(*(body.contains(name, autoescape=True) for name in names_of(client_id)))
    found = connection.execute(select(JobTickTable.c.id, body).where(may_name)).all()
    return [(number, json.loads(said).get("log_key")) for number, said in found if named(said)]


def _tick_logs(instance: dg.DagsterInstance, client_id: str) -> list[Path]:
    """Files of what ticks logged that name the client, and folders of its schedules, where logs lie on this machine."""
    named, manager = naming(client_id), instance.compute_log_manager
    if not isinstance(manager, LocalComputeLogManager):
        return []
    folder = Path(manager.get_captured_local_path([_OF_RUNS], "err")).parent
    told = (path for path in folder.glob("*/*/*.err") if path.parent.name != _OF_RUNS)
    logs = [path for path in told if named(path.read_text("utf-8"))]
    own = [path for path in folder.glob("*/*") if path.is_dir() and named(path.name)]
    return sorted({*logs, *own})
