"""What the deliverables hold back while the study (可能性検討) waits for the gate before it, and why (R38)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from crm_platform.lake import digest_of
from crm_platform.orchestration.client_month import ClientMonth
from crm_platform.orchestration.gates import blocked_because, ledger_of, project_record
from crm_platform.orchestration.since_passed import Publishing, parts_of
from crm_platform.projects import Stage
from crm_platform.reports import Report
from crm_platform.reports.left_out import TWO_TRACK

Shown = TypeVar("Shown", bytes, Report)


def study_waits_because(at: ClientMonth, publishing: Publishing | None = None) -> str | None:
    """Why the study waits; None where it may be shown. `publishing`: see `changes_since`."""
    return blocked_because(at.data, Stage.STUDY, publishing)


def of_the_study(files: Mapping[str, Shown], reason: str | None) -> dict[str, Shown]:
    """`files` by path, without those of the study where there is a reason for it to wait."""
    return {path: content for path, content in files.items() if reason is None or not path.startswith(TWO_TRACK)}


def about_to_publish(at: ClientMonth, files: Mapping[str, bytes]) -> Publishing:
    """The month and what of `files` is confirmed: a confirmation of other files than these holds no longer."""
    return at.month, parts_of(files)


def project_digest(at: ClientMonth) -> dict[str, str]:
    """What the manifest says of the project, and what is withheld, as far as the month's own files do not decide it."""
    confirmed = ledger_of(at.data.platform, at.client).latest(Stage.PRODUCTION)
    as_confirmed = (at.month, confirmed.seen) if confirmed else None
    said = [project_record(at.data, at.month, as_confirmed), study_waits_because(at, as_confirmed)]
    return {"project": digest_of(said)}


def study_digest(at: ClientMonth) -> dict[str, str]:
    """Why the study waits, as the preview of the month shows it."""
    return {"study": digest_of(study_waits_because(at))}
