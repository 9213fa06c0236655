"""How every client stands, on one screen: what was delivered, what was analysed, what is late, what ran last.

Read from records alone, so that two hundred clients take a moment; `due_runs` looks at one client's data themselves.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import dagster as dg
import pyarrow.compute as pc

from crm_platform.clients import Client
from crm_platform.intake import StoredDelivery, mapping_digest, read_inbox
from crm_platform.lake import Provenance, digest_of
from crm_platform.orchestration.automation.client_state import delivered_to
from crm_platform.orchestration.code_digest import code_digest
from crm_platform.orchestration.partitions import CLIENT_TAG
from crm_platform.orchestration.platform import Platform
from crm_platform.orchestration.recipe import everything
from crm_platform.orchestration.segment_books import BOOK
from crm_platform.periods import Month
from crm_platform.refusals import Refused
from crm_platform.tables.analyses import SEGMENT_BOOK

CURRENT, NOTHING, NOT_YET, MORE, OTHER_CODE, CHANGED = (
    "current",
    "nothing delivered",
    "not analysed yet",
    "delivered since",
    "made by other code",
    "settings changed since",
)
_DELIVERABLES = "deliverables"


@dataclass(frozen=True)
class LastRun:
    """The client's latest run: its job, how it stands, and when that was last told."""

    job: str
    state: str
    at: dt.datetime


@dataclass(frozen=True)
class ClientStatus:
    """One client. `state` is one of the words above, or what its file or its deliveries are refused for."""

    client: str
    state: str
    delivered_to: dt.date | None = None
    analysed: Month | None = None
    book_to: dt.date | None = None
    last_run: LastRun | None = None

    @property
    def is_sound(self) -> bool:
        """Whether nobody need do anything."""
        return self.state in (CURRENT, NOTHING)


def status_of(platform: Platform, client_id: str, instance: dg.DagsterInstance) -> ClientStatus:
    """How one client stands; a refusal is its state, so that others are shown beside it."""
    last_run = _last_run(instance, client_id)
    try:
        client = platform.catalogue.load(client_id)
        reached = delivered_to(platform, client_id)
        months = platform.lake.months(client_id, _DELIVERABLES)
        latest = months[-1] if months else None
        record = platform.lake.provenance(client_id, _DELIVERABLES, latest) if latest else None
        state = NOTHING if reached is None else _state(platform, client, Month.of(reached), latest, record)
        return ClientStatus(client_id, state, reached, latest, _book_to(platform, client_id), last_run)
    except Refused as refused:
        return ClientStatus(client_id, f"refused: {refused}", last_run=last_run)


def silent_daemons(instance: dg.DagsterInstance) -> list[str]:
    """The daemons that did not tell of themselves lately: schedules, sensors and queued runs wait for them."""
    known = instance.get_daemon_statuses()
    return sorted(name for name, daemon in known.items() if daemon.required and not daemon.healthy)


def _state(platform: Platform, client: Client, reached: Month, latest: Month | None, record: Provenance | None) -> str:
    if latest is None or record is None:
        return NOT_YET
    deliveries, mapping = read_inbox(platform.inbox, client.id), mapping_digest(client)
    read_so = _receipts(deliveries, mapping) == record.made_from.inputs.get("deliveries")
    if latest < reached or not (read_so or _were_all_there(deliveries, record)):
        return MORE
    if record.made_from.code != code_digest("reports"):
        return OTHER_CODE
    is_read_so = read_so and all(mapping[:16] in delivery.mappings() for delivery in deliveries)
    services = record.made_from.inputs.get("services", digest_of(client.ordered_services))
    says_so = record.made_from.settings == digest_of(everything(client))
    return CURRENT if is_read_so and says_so and services == digest_of(client.ordered_services) else CHANGED


def _receipts(deliveries: Sequence[StoredDelivery], mapping: str) -> str:
    return digest_of([delivery.receipt_under(mapping) for delivery in deliveries])


def _were_all_there(deliveries: Sequence[StoredDelivery], record: Provenance) -> bool:
    """Whether what was analysed rests on these deliveries, as another mapping read them."""
    mappings = sorted({mapping for delivery in deliveries for mapping in delivery.mappings()})
    return record.made_from.inputs.get("deliveries") in {_receipts(deliveries, mapping) for mapping in mappings}


def _book_to(platform: Platform, client_id: str) -> dt.date | None:
    issued = platform.lake.months(client_id, BOOK)
    if not issued:
        return None
    last: dt.date | None = pc.max(
        platform.lake.read(client_id, SEGMENT_BOOK, issued[-1], ["valid_to"])["valid_to"]
    ).as_py()
    return last


def _last_run(instance: dg.DagsterInstance, client_id: str) -> LastRun | None:
    found = instance.get_run_records(dg.RunsFilter(tags={CLIENT_TAG: client_id}), limit=1)
    if not found:
        return None
    run = found[0].dagster_run
    return LastRun(run.job_name, run.status.value.lower(), found[0].update_timestamp.astimezone(dt.UTC))
