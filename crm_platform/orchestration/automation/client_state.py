"""What can be known of a client without reading its data: a tick asks this of every client."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from functools import lru_cache
from itertools import takewhile
from pathlib import Path

import dagster as dg

from crm_platform.clients import client_folder
from crm_platform.intake import present_ids, sealed_ids
from crm_platform.lake import digest_of
from crm_platform.orchestration.partitions import CLIENT_TAG, PARTITION_CLIENT_TAG
from crm_platform.orchestration.platform import Platform
from crm_platform.orchestration.since_passed import projects_folder
from crm_platform.refusals import Refused

_REASON_TAG, _FAILED_STEP = "dagster/failure_reason", "STEP_FAILURE"
_FAILURE = dg.DagsterRunStatus.FAILURE
MOST_BROKEN_OFF = 8  # then something kills them: a memory that is too small, say
_UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def deliveries_in(platform: Platform, client_id: str) -> list[str]:
    """The names of the client's deliveries, lost ones too, in the order of arrival; nothing of them is read."""
    return sorted({*present_ids(platform.inbox, client_id), *sealed_ids(platform.inbox, client_id)})


def fingerprint(platform: Platform, client_id: str) -> str:
    """A digest of what a client brings: deliveries, its file and definition, its project.

    The code, what other clients share and what became of the lake are not in it, so that an upgrade does not start
    every client at once: its schedule, or its next delivery, looks at these, too.
    """
    clients = platform.catalogue.folder
    files = (
        clients / f"{client_id}.toml",
        clients / f"{client_id}.definition.tsv",
        client_folder(projects_folder(platform), client_id) / "ledger.jsonl",
    )
    return digest_of([present_ids(platform.inbox, client_id), [_content_digest(file) for file in files]])


def delivered_to(platform: Platform, client_id: str) -> dt.date | None:
    """The last day that the client's deliveries cover; None where none holds an order. Refused where one is damaged."""
    folder = client_folder(platform.inbox, client_id)
    receipts = [folder / name / "receipt.json" for name in deliveries_in(platform, client_id)]
    try:
        days = [_reaches(receipt, receipt.stat().st_mtime_ns) for receipt in receipts]
    except (OSError, ValueError, LookupError, TypeError) as error:
        problem = f"a receipt in the inbox of '{client_id}' is missing or damaged."
        raise Refused(problem, f"See which: crm-platform deliveries --client {client_id}") from error
    return max((day for day in days if day), default=None)


def client_of(tags: Mapping[str, str]) -> str | None:
    """The client of a run, as whoever launched it says, else as its partition does."""
    return tags.get(CLIENT_TAG) or tags.get(PARTITION_CLIENT_TAG)


def clients_under_way(instance: dg.DagsterInstance) -> set[str]:
    """Clients of which a run waits or works, by one question to the instance."""
    found = (client_of(run.tags) for run in instance.get_runs(dg.RunsFilter(statuses=_UNFINISHED)))
    return {client for client in found if client}


def last_success(instance: dg.DagsterInstance, client_id: str) -> str:
    """The client's last run that ended well, by its id; what was asked for before it may be asked for again."""
    ended_well = dg.RunsFilter(tags={CLIENT_TAG: client_id}, statuses=[dg.DagsterRunStatus.SUCCESS])
    runs = instance.get_runs(ended_well, limit=1)
    return runs[0].run_id if runs else "none"


def broken_off(instance: dg.DagsterInstance, client_id: str) -> int:
    """How many of the client's runs since its last success were killed or never began, at most MOST_BROKEN_OFF.

    They say nothing against what was asked for, as a failed step does: it may be asked for again.
    """
    ended = dg.RunsFilter(tags={CLIENT_TAG: client_id}, statuses=[dg.DagsterRunStatus.SUCCESS, _FAILURE])
    latest = instance.get_runs(ended, limit=2 * MOST_BROKEN_OFF)
    since = list(takewhile(lambda run: run.status is _FAILURE, latest))
    return min(sum(run.tags.get(_REASON_TAG) != _FAILED_STEP for run in since), MOST_BROKEN_OFF)


@lru_cache(maxsize=65_536)
def _reaches(receipt: Path, _changed_ns: int) -> dt.date | None:
    """The last day that one delivery covers; read again only where its receipt has changed."""
    day = json.loads(receipt.read_bytes())["data_to"]
    return dt.date.fromisoformat(day) if day else None


def _content_digest(file: Path) -> str | None:
    try:
        return digest_of(file.read_bytes())
    except FileNotFoundError:
        return None
