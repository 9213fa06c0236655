"""The deletion of a client: nothing of it is left below the data folder or in Dagster's memory, and a receipt says so.

What is removed is counted before, and the count is kept until the receipt is written: whoever kills a deletion in the
middle finds the client's rest where it was, and the next call finishes.
"""

from __future__ import annotations

import datetime as dt
import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import dagster as dg

from crm_platform.clients import valid_client_id
from crm_platform.lake.files import STAGED, write_whole
from crm_platform.orchestration.platform import Platform
from crm_platform.orchestration.tenants.dagster_storage import compact
from crm_platform.orchestration.tenants.message_lines import messages_of, remove_messages
from crm_platform.orchestration.tenants.places import catalogue_files, folders_of, is_there, remove, size_of
from crm_platform.orchestration.tenants.receipts import (
    DELETIONS,
    as_json,
    digest_of_id,
    has_receipt,
    receipt_name,
    write_receipt,
)
from crm_platform.orchestration.tenants.run_history import forget_runs_of, refuse_under_way, run_traces
from crm_platform.orchestration.tenants.scheduler_memory import forget_ticks_of, tick_traces
from crm_platform.refusals import Refused

_MESSAGES = "messages"
NOT_REACHED = (
    "backups",
    "files written elsewhere by --out and --faults",
    "the history of a version control that holds data/clients",
    "former versions that a bucket keeps",
    "aggregate parameters lent to other clients, until their next refresh",
)


@dataclass(frozen=True)
class Deleted:
    """What was removed, by place and by kind, and where that is written down."""

    receipt: Path
    told: dict[str, Any]


def delete_client(
    platform: Platform, client_id: str, confirmed: str, instance: dg.DagsterInstance, today: dt.date
) -> Deleted:
    """Remove every file and every trace of the client, and write the receipt `data/deletions/<day>_<digest>.json`.

    The receipt tells the digest of the id, not the id: it would be the last byte of the client. Raises Refused, with
    nothing removed, where `confirmed` is not the id, nothing is known of it, or a run of it is under way; and after the
    removal where another process brought something back or holds a database open: the next call finishes.
    """
    _refuse_unconfirmed(client_id, confirmed)
    refuse_under_way(instance, client_id)
    begun = platform.data / DELETIONS / f".{digest_of_id(client_id)}.begun"
    found = _counted_at_first(begun) or what_is_there(platform, client_id, instance)
    if not begun.exists():
        if not _was_a_client(platform, client_id, found):
            raise Refused(f"nothing is known of a client '{client_id}'.", "See them all: crm-platform clients list")
        write_whole(begun, as_json(found))
    _remove_files(platform, client_id)
    forget_runs_of(instance, client_id)
    forget_ticks_of(instance, client_id)
    compact(instance)
    _refuse_left(what_is_there(platform, client_id, instance))
    told = {"deleted_on": today.isoformat(), "client_sha256": digest_of_id(client_id), **found}
    told |= {"left": 0, "not_reached": list(NOT_REACHED)}
    receipt = write_receipt(platform.data / DELETIONS, receipt_name(today.isoformat(), digest_of_id(client_id)), told)
    for left in (begun, *begun.parent.glob(f".*{digest_of_id(client_id)[:12]}*{STAGED}")):
        left.unlink()
    return Deleted(receipt, told)


def what_is_there(platform: Platform, client_id: str, instance: dg.DagsterInstance) -> dict[str, Any]:
    """Files and bytes by place, messages, and what Dagster remembers; what holds nothing is left out."""
    places = {name: folder for name, folder in folders_of(platform, client_id).items() if is_there(folder)}
    files = {name: asdict(size_of(folder)) for name, folder in places.items()}
    own = catalogue_files(platform, client_id)
    if own:
        files["clients"] = {"files": len(own), "bytes": sum(path.lstat().st_size for path in own)}
    traces = {**run_traces(instance, client_id), **tick_traces(instance, client_id)}
    remembered = {kind: count for kind, count in traces.items() if count}
    return {"files": files, "messages": messages_of(platform.data / _MESSAGES, client_id), "dagster": remembered}


# --- inside -----------------------------------------------------------------------------------------------------------


def _refuse_unconfirmed(client_id: str, confirmed: str) -> None:
    if valid_client_id(client_id) != confirmed:
        problem = f"the deletion of '{client_id}' cannot be undone and was not confirmed."
        raise Refused(problem, f"Type the id again: crm-platform clients delete {client_id} --confirm {client_id}")


def _was_a_client(platform: Platform, client_id: str, found: dict[str, Any]) -> bool:
    """Words alone make no client, unless one of this id was deleted: a daemon at work then may write them again."""
    if found["files"] or {"runs", "partitions"} & set(found["dagster"]):
        return True
    return any(found.values()) and has_receipt(platform.data / DELETIONS, digest_of_id(client_id))


def _counted_at_first(begun: Path) -> dict[str, Any] | None:
    """What was there when a deletion began that did not end; None where none did."""
    with suppress(FileNotFoundError):
        counted: dict[str, Any] = json.loads(begun.read_bytes())
        return counted
    return None


def _remove_files(platform: Platform, client_id: str) -> None:
    """The catalogue's files first: a client that is not in it begins nothing new. All while no step can write."""
    with platform.lake.alone(client_id):
        for place in (*catalogue_files(platform, client_id), *folders_of(platform, client_id).values()):
            remove(place)
    remove_messages(platform.data / _MESSAGES, client_id)


def _refuse_left(left: dict[str, Any]) -> None:
    if any(left.values()):
        places = ", ".join([*left["files"], *left["dagster"], *(["messages"] if left["messages"] else [])])
        problem = f"something of the client was written while it was deleted: {places}."
        raise Refused(problem, "Stop what works for it, and call again: it takes up where it was.")
