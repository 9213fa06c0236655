"""From a number of the monthly letter or of the preview, which ask nothing themselves, to where it came from (来歴)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from crm_platform.diagnosis.lineage import Delivered, Lineage, ToldNumbers, lineage_of_told
from crm_platform.diagnosis.preview import told_in_preview
from crm_platform.letter import Letter
from crm_platform.letter.lineage import told_in_letter
from crm_platform.orchestration.assets.drawn_reports import counts_shown, words_of
from crm_platform.orchestration.assets.study_gate import study_waits_because
from crm_platform.orchestration.client_month import ClientMonth
from crm_platform.orchestration.explaining import StoredOrigin, findings_told, lineage_in_lake, stored_origin
from crm_platform.refusals import Refused
from crm_platform.reports import published_manifest
from crm_platform.reports.monthly_letter import with_room_for, without_left_out

WithoutFindings = Literal["letter", "preview"]
DOCUMENTS: dict[WithoutFindings, str] = {"letter": "monthly_letter", "preview": "preview_counts"}


def numbers_told(at: ClientMonth, report: WithoutFindings) -> tuple[ToldNumbers, ...]:
    """Every number of the month's letter or preview as it is shown; Refused where the month has none yet.

    Like the letter itself, they leave out what is not among the deliverables, as a study that waits for its gate.
    """
    if at.data.lake.provenance(at.client.id, DOCUMENTS[report], at.month) is None:
        raise Refused(
            f"'{at.client.id}' has no {report} of {at.month}.",
            f"Make it first: crm-platform refresh --client {at.client.id} --month {at.month}",
        )
    if report == "preview":
        return told_in_preview(counts_shown(at, study_waits_because(at)), at.month)
    letter = Letter.from_json(at.document(DOCUMENTS["letter"]))
    published = published_manifest(at.data.platform.outbox, at.client.id, at.month)
    delivered = letter if published is None else without_left_out(letter, published["files"])
    return told_in_letter(with_room_for(delivered, words_of(at)))


def numbers_asked_for(
    told: Sequence[ToldNumbers], asked: str, names: Mapping[str, str], report: WithoutFindings
) -> list[ToldNumbers]:
    """All numbers with this key or name, since a letter may tell of one finding twice; Refused where none has it."""
    found = [one for one in told if asked in (one.key, names[one.key])]
    if not found:
        raise Refused(f"no number of the {report} is called '{asked}'.", "Leave it out to see all of them.")
    return found


def lineage_of_numbers(at: ClientMonth, told: ToldNumbers) -> tuple[Lineage, list[StoredOrigin]]:
    """Tables as stored and deliveries; those of the finding where the numbers are taken from one."""
    if told.finding is not None:
        report, key = told.finding
        return lineage_in_lake(at, next(one for one in findings_told(at, [report]) if one.finding.key == key))
    deliveries = [Delivered.from_receipt(delivery.receipt) for delivery in at.data.deliveries]
    lineage = lineage_of_told(told, at.month, deliveries)
    return lineage, [stored_origin(at, origin) for origin in lineage.origins]
