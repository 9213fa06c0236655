"""The definitions that workspace.yaml loads."""

from __future__ import annotations

import dagster as dg

from crm_platform.orchestration.assets import EVERY_MONTH, MONTHS_ASKED_FOR, PREVIEW
from crm_platform.orchestration.automation.arrivals_complete import arrivals_complete
from crm_platform.orchestration.automation.client_schedules import client_schedules
from crm_platform.orchestration.automation.deliveries_arrived import deliveries_arrived
from crm_platform.orchestration.automation.messages import Messages
from crm_platform.orchestration.automation.refresh_client import refresh_client
from crm_platform.orchestration.automation.take_delivery import take_delivery
from crm_platform.orchestration.automation.watches import overdue, run_failed
from crm_platform.orchestration.jobs import JOBS
from crm_platform.orchestration.platform import Platform

SENSORS = (arrivals_complete, deliveries_arrived, run_failed, overdue)


def build_definitions(platform: Platform | None = None, *, automated: bool = True) -> dg.Definitions:
    """Every asset, check and job on `platform`, by default the one of this installation.

    `automated`: the sensors too, and two schedules for each client that the catalogue has now.
    """
    here = platform or Platform.here()
    return dg.Definitions(
        assets=[asset.definition for asset in (*EVERY_MONTH, *MONTHS_ASKED_FOR, PREVIEW)],
        jobs=(*JOBS, take_delivery, refresh_client),
        schedules=client_schedules(here) if automated else (),
        sensors=SENSORS if automated else (),
        resources={"platform": here, "messages": Messages.of(here)},
        executor=dg.in_process_executor,
    )
