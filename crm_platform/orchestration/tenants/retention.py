"""What a client's contract lets go: delivered files, deliverables and runs that are older than its `[retention]` says.

Never removed: admitted rows, tables, books, campaigns, projects, and the latest month of deliverables, which the next
refresh would write again.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg

from crm_platform.clients import Client, client_folder
from crm_platform.intake import read_inbox
from crm_platform.intake.keeping.removed_files import remove_files
from crm_platform.lake import digest_of, store_of
from crm_platform.orchestration.platform import Platform
from crm_platform.orchestration.tenants.dagster_storage import compact
from crm_platform.orchestration.tenants.places import RETENTION, Size, remove, size_of
from crm_platform.orchestration.tenants.receipts import receipt_name, write_receipt
from crm_platform.orchestration.tenants.run_history import ended_runs, forget_runs, refuse_under_way
from crm_platform.periods import Month
from crm_platform.periods.term import plus_months
from crm_platform.reports import Wording
from crm_platform.reports.client_index import INDEX_NAME, index_of_outbox
from crm_platform.reports.client_index_html import write_client_index

DELIVERED_FILES, DELIVERABLES, RUN_LOG = "delivered files", "deliverables", "run log"


@dataclass(frozen=True)
class PastTime:
    """One thing whose time is over: of which kind, its name, the day that began its time, how much it is."""

    kind: str
    name: str
    since: dt.date
    size: Size
    place: Path | None = None  # None for a run


def past_retention(
    platform: Platform, client_id: str, instance: dg.DagsterInstance, today: dt.date
) -> tuple[PastTime, ...]:
    """All that is past its time on `today`, by kind and name; nothing where the client's file sets no period."""
    client = platform.catalogue.load(client_id)
    periods = client.retention
    kinds: tuple[tuple[int | None, Callable[[], Iterator[PastTime]]], ...] = (
        (periods.delivered_files_months, lambda: _delivered(platform, client)),
        (periods.deliverables_months, lambda: _deliverables(platform, client)),
        (periods.run_log_months, lambda: _runs(instance, client)),
    )
    return tuple(
        one
        for months, candidates in kinds
        if months is not None
        for one in candidates()
        if plus_months(one.since, months) < today
    )


def let_go(
    platform: Platform, client_id: str, instance: dg.DagsterInstance, today: dt.date
) -> tuple[tuple[PastTime, ...], Path | None]:
    """Remove what is past its time, and write a receipt (`data/retention/<client>/`); None where nothing was.

    Refused while a run of the client is under way.
    """
    refuse_under_way(instance, client_id)
    past = past_retention(platform, client_id, instance, today)
    if not past:
        return past, None
    told = _told(past, today)
    receipts = client_folder(platform.data / RETENTION, client_id)
    receipt = write_receipt(receipts, receipt_name(today.isoformat(), digest_of(told)), told)
    with platform.lake.alone(client_id):
        for one in past:
            if one.kind == DELIVERED_FILES and one.place is not None:
                remove_files(one.place, today)
            elif one.place is not None:
                remove(one.place)
    if any(one.kind == DELIVERABLES for one in past):
        _write_index(platform, platform.catalogue.load(client_id))
    runs = [one.name for one in past if one.kind == RUN_LOG]
    if runs:
        forget_runs(instance, runs)
        compact(instance)
    return past, receipt


# --- inside -----------------------------------------------------------------------------------------------------------


def _delivered(platform: Platform, client: Client) -> Iterator[PastTime]:
    """Deliveries whose files are still there, from the day on which they were examined."""
    for stored in read_inbox(platform.inbox, client.id):
        if (stored.folder / "files").exists():
            came = dt.date.fromisoformat(stored.receipt["examined_on"])
            yield PastTime(DELIVERED_FILES, stored.delivery_id, came, size_of(stored.folder / "files"), stored.folder)


def _deliverables(platform: Platform, client: Client) -> Iterator[PastTime]:
    """Months of the outbox but the latest, from their last day; lists of alerts and of calls, from their own."""
    outbox = client_folder(platform.outbox, client.id)
    months = [(day, path) for path, day in _dated(outbox, lambda name: Month.parse(name).last_day)]
    found = [(f"outbox/{path.name}", day, path) for day, path in sorted(months)[:-1]]
    for name in ("alerts", "contacts"):
        folder = client_folder(platform.data / name, client.id)
        found += [(f"{name}/{path.name}", day, path) for path, day in _dated(folder, dt.date.fromisoformat)]
    for name, day, path in found:
        yield PastTime(DELIVERABLES, name, day, size_of(path), path)


def _dated(folder: Path, day_of: Callable[[str], dt.date]) -> Iterator[tuple[Path, dt.date]]:
    """What lies in the folder under the name of a day or month; other names are not the platform's, and stay."""
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        try:
            day = day_of(path.name.removesuffix(".csv"))
        except ValueError:
            continue
        yield path, day


def _runs(instance: dg.DagsterInstance, client: Client) -> Iterator[PastTime]:
    for run_id, ended in ended_runs(instance, client.id):
        yield PastTime(RUN_LOG, run_id, ended, Size(1))


def _told(past: tuple[PastTime, ...], today: dt.date) -> dict[str, Any]:
    removed = [
        {"kind": one.kind, "name": one.name, "since": one.since.isoformat(), "bytes": one.size.bytes} for one in past
    ]
    return {"removed_on": today.isoformat(), "removed": removed}


def _write_index(platform: Platform, client: Client) -> None:
    """The page beside the months, without those that are gone."""
    path = client_folder(platform.outbox, client.id) / INDEX_NAME
    page = write_client_index(index_of_outbox(platform.outbox, client.id, client.name, Wording.of(client.language)))
    if path.is_file():
        store_of(path).write_whole(path, page)
