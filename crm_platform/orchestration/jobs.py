"""What an engineer launches by name; the command line runs the same assets."""

from __future__ import annotations

import dagster as dg

from crm_platform.orchestration.assets import EVERY_MONTH, FORECASTS, MONTHS_ASKED_FOR, PREVIEW, PREVIEWED
from crm_platform.orchestration.reissue import reissue_segments

backfill_facts = dg.define_asset_job(
    "backfill_facts",
    selection=dg.AssetSelection.assets(*(asset.definition for asset in EVERY_MONTH)),
    description="Order lines and monthly facts of one client, every month of the history in one run. Sensors and "
    'schedules launch it; by hand launch its assets in the lineage (filter group:"facts" or key:"order_lines").',
)
analyse_month = dg.define_asset_job(
    "analyse_month",
    selection=dg.AssetSelection.assets(*(asset.definition for asset in MONTHS_ASKED_FOR)),
    description="Everything after the facts, to the deliverables, as known at the end of one month of one client.",
)
forecast_month = dg.define_asset_job(
    "forecast_month",
    selection=dg.AssetSelection.assets(FORECASTS.definition).upstream()
    & dg.AssetSelection.assets(*(asset.definition for asset in MONTHS_ASKED_FOR)),
    description="The forecasts of one client and month and what they are made from: enough to reissue its segments.",
)
preview_month = dg.define_asset_job(
    "preview_month",
    selection=dg.AssetSelection.assets(*(asset.definition for asset in (*PREVIEWED, PREVIEW))),
    description="The preview plan of one client and month: every analysis, but no deliverable with a customer number.",
)
JOBS = (backfill_facts, analyse_month, forecast_month, preview_month, reissue_segments)
