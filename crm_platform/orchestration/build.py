"""The definitions that workspace.yaml loads."""

from __future__ import annotations

import dagster as dg

from crm_platform.orchestration.assets import EVERY_MONTH, MONTHS_ASKED_FOR, PREVIEW
from crm_platform.orchestration.jobs import JOBS
from crm_platform.orchestration.platform import Platform
from crm_platform.orchestration.schedules import SCHEDULES, SENSORS


def build_definitions(platform: Platform | None = None) -> dg.Definitions:
    """Every asset, check, job, schedule and sensor on `platform`, by default the one of this installation."""
    return dg.Definitions(
        assets=[asset.definition for asset in (*EVERY_MONTH, *MONTHS_ASKED_FOR, PREVIEW)],
        jobs=JOBS,
        schedules=SCHEDULES,
        sensors=SENSORS,
        resources={"platform": platform or Platform.here()},
        executor=dg.in_process_executor,
    )
