"""The preview plan as assets: counts of each analysis, and the folder that holds nothing else (R40)."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import dagster as dg

from crm_platform.clients import client_folder
from crm_platform.diagnosis.preview import preview_counts as counts_of
from crm_platform.orchestration.assets.drawn_reports import (
    pages_and_preview,
    reports_of,
    services_digest,
    specification,
)
from crm_platform.orchestration.assets.study_gate import study_digest, study_waits_because
from crm_platform.orchestration.client_month import ClientMonth
from crm_platform.orchestration.client_month_asset import client_month_asset
from crm_platform.orchestration.recipe import Reads, Recipe, everything
from crm_platform.reports.outbox import put_in_place

_COUNTED = (
    "customer_history",
    "segments",
    "cpm_classes",
    "lapse_alerts",
    "test_groups",
    "cross_sell",
    "dormant_customers",
    "regular_buyers",
    "contact_dates",
    "targets",
)
_PREVIEWED = ("preview_counts", "diagnosis", "alert_diagnosis", "portfolio_diagnosis", "two_track_diagnosis")
_FOLDER = "preview"


@client_month_asset(Recipe("preview_counts", "preview", dict.fromkeys(_COUNTED, Reads.SAME_MONTH)))
def preview_counts(at: ClientMonth) -> Any:
    """How many customers each analysis found, by group; no customer number."""
    return counts_of({name: at.expression(name) for name in _COUNTED})


def preview_folder(at: ClientMonth) -> Path:
    """Where the preview of a month lies."""
    return client_folder(at.data.platform.outbox, at.client.id, str(at.month), _FOLDER)


def is_there(at: ClientMonth) -> bool:
    """Whether the outbox still holds the preview as it was made."""
    listed: Any = at.document("preview")
    return bool(listed == _digests(preview_folder(at)))


def where_shown(at: ClientMonth, document: Any) -> dict[str, Any]:
    """The folder in the outbox, and the digests of its files."""
    return {"outbox": dg.MetadataValue.path(str(preview_folder(at))), "files": dg.MetadataValue.json(document)}


@client_month_asset(
    Recipe(
        "preview",
        "preview",
        dict.fromkeys(_PREVIEWED, Reads.SAME_MONTH),
        settings=everything,
        further_inputs=lambda at: {**specification(at), **services_digest(at), **study_digest(at)},
        still_there=is_there,
    ),
    describe=where_shown,
)
def preview(at: ClientMonth) -> Any:
    """The preview plan (プレビュープラン): counts and a watermarked report, without a customer number or a list."""
    drawn = pages_and_preview(at, reports_of(at), study_waits_because(at))
    files = {path.removeprefix(f"{_FOLDER}/"): page for path, page in drawn.items() if path.startswith(_FOLDER)}
    put_in_place(preview_folder(at), files)
    return _digests(preview_folder(at))


def _digests(folder: Path) -> dict[str, str]:
    files = sorted(folder.iterdir()) if folder.is_dir() else []
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files if file.is_file()}
