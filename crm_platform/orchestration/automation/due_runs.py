"""Which runs a client needs next: a run for each stretch of stale months; when all are current, the analyses.

The kept months between two stretches are in no run. Each step looks again at what is stale, so a run that meets another
makes nothing twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import dagster as dg

from crm_platform.orchestration.assets import MONTHS_ASKED_FOR
from crm_platform.orchestration.automation.client_state import deliveries_in
from crm_platform.orchestration.client_month import ClientData, ClientMonth
from crm_platform.orchestration.gates import refuse_blocked
from crm_platform.orchestration.jobs import analyse_month, backfill_facts
from crm_platform.orchestration.partitions import partition_key
from crm_platform.orchestration.platform import Platform
from crm_platform.orchestration.stale_months import span_tags, stale_spans
from crm_platform.projects import Stage
from crm_platform.refusals import Refused

# On runs of a client that is to be analysed though it may wait for its day: its schedule, or somebody, wants it.
WANTED: Mapping[str, str] = {"then": analyse_month.name}


@dataclass(frozen=True)
class DueRun:
    """A run of `job` over successive months of one client."""

    job: str
    months: Sequence[ClientMonth]

    def request(self, state: str, *, is_wanted: bool) -> dg.RunRequest:
        """The run as a sensor asks for it: once for each `state` of the client; `is_wanted`: what follows it, too."""
        first, last = (partition_key(at.client.id, at.month) for at in (self.months[0], self.months[-1]))
        return dg.RunRequest(
            run_key=f"{self.job}|{first}|{last}|{state}",
            job_name=self.job,
            partition_key=last if first == last else None,
            tags={**span_tags(self.months), **(WANTED if is_wanted else {})},
        )


def due_runs(data: ClientData) -> list[DueRun]:
    """What brings the client's latest month up to date next; empty where everything is current.

    Refused where the deliveries cannot be read, or a gate of the project holds what is due.
    """
    months = [data.at(month) for month in data.months()]
    if spans := stale_spans(months):
        refuse_blocked(data, Stage.TEST_TOTALS)
        return [DueRun(backfill_facts.name, span) for span in spans]
    refuse_blocked(data, Stage.PRODUCTION)
    latest = months[-1]
    is_current = all(asset.recipe.is_current(latest) for asset in MONTHS_ASKED_FOR)
    return [] if is_current else [DueRun(analyse_month.name, [latest])]


def is_refused(platform: Platform, client_id: str) -> bool:
    """Whether the client's file, its deliveries or a gate forbid now what is due of it."""
    try:
        client = platform.catalogue.load(client_id)
        if deliveries_in(platform, client_id):
            due_runs(ClientData(platform, client))
    except (Refused, OSError):
        return True
    return False
