"""The month's reports as documents and as files, and last the preview that is drawn from them (R40, R68, R93)."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from crm_platform.diagnosis import Diagnosis
from crm_platform.diagnosis.finding import Row
from crm_platform.diagnosis.lineage import Delivered
from crm_platform.diagnosis.preview import without_targets
from crm_platform.lake import digest_of
from crm_platform.letter import Letter
from crm_platform.orchestration.assets.segments import as_booked
from crm_platform.orchestration.assets.study_gate import of_the_study
from crm_platform.orchestration.client_month import ClientMonth
from crm_platform.reports import (
    Report,
    Wording,
    alert_report,
    diagnosis_report,
    letter_report,
    portfolio_report,
    preview_counts_csv,
    preview_report,
    two_track_report,
    write_html,
    write_htmls,
    write_pdf,
)
from crm_platform.reports.left_out import TWO_TRACK
from crm_platform.two_track.left_out import left_out_of

_PREVIEW, _LETTER = "preview/preview_report", "letter/monthly_letter"


def specification(at: ClientMonth) -> dict[str, str]:
    """What the deliveries say of themselves: how each was read, what was admitted."""
    return {"deliveries": digest_of([delivery.receipt for delivery in at.data.deliveries])}


def services_digest(at: ClientMonth) -> dict[str, str]:
    """Which services are ordered: it decides what is handed over, and what the preview shows as a trial (R42)."""
    return {"services": digest_of(at.client.ordered_services)}


def words_of(at: ClientMonth) -> Wording:
    """The client's words, with names for as many value classes as the book in force has, and its months of data."""
    return Wording.of_data(
        at.client.language,
        first_month=str(at.history_months[0]),
        month=str(at.month),
        as_of=at.as_of.isoformat(),
        value_classes=as_booked(at).settings.value_classes,
    )


def reports_of(at: ClientMonth) -> dict[str, Report]:
    """The month's reports by path (R68, R93), the second opinion first."""
    language = at.client.language
    deliveries = [Delivered.from_receipt(delivery.receipt) for delivery in at.data.deliveries]
    reports = {
        "second_opinion/diagnosis_report": diagnosis_report(
            Diagnosis.from_json(at.document("diagnosis")), language, deliveries=deliveries
        ),
        "shopping_alert/alert_report": alert_report(Diagnosis.from_json(at.document("alert_diagnosis")), language),
        "portfolio/portfolio_report": portfolio_report(
            Diagnosis.from_json(at.document("portfolio_diagnosis")), language, deliveries=deliveries
        ),
    }
    two_tracks = at.document("two_track_diagnosis")
    if left_out_of(two_tracks) is None:
        reports[f"{TWO_TRACK}two_track_report"] = two_track_report(
            Diagnosis.from_json(two_tracks), language, deliveries=deliveries
        )
    return reports


def printed(reports: Mapping[str, Report]) -> dict[str, bytes]:
    """Each report as PDF."""
    return {f"{path}.pdf": write_pdf(report) for path, report in reports.items()}


def counts_shown(at: ClientMonth, withheld: str | None) -> list[Row]:
    """How many customers each analysis found, without the targets where there is a reason to withhold the study."""
    counts: list[Row] = at.document("preview_counts")
    return counts if withheld is None else without_targets(counts)


def pages_and_preview(at: ClientMonth, reports: Mapping[str, Report], withheld: str | None) -> dict[str, bytes]:
    """Each report as HTML, and the preview of them, without the study where there is a reason to withhold it (R38).

    All are drawn at once, since all pages share the letters of their fonts.
    """
    shown, counts, words = of_the_study(reports, withheld), counts_shown(at, withheld), words_of(at)
    preview = {_PREVIEW: preview_report(shown, counts, words, at.client.ordered_services)}
    pages = write_htmls([*reports.values(), *preview.values()])
    return {
        **{f"{path}.html": page for path, page in zip([*reports, *preview], pages, strict=True)},
        **printed(preview),
        "preview/counts.csv": preview_counts_csv(counts, words, at.client.csv_encoding),
    }


def month_letter(at: ClientMonth, files: Collection[str]) -> dict[str, bytes]:
    """The monthly letter, which tells of no list and no study that is not among `files` (R38)."""
    letter = letter_report(Letter.from_json(at.document("monthly_letter")), at.client.language, files)
    return {f"{_LETTER}.html": write_html(letter), **printed({_LETTER: letter})}
