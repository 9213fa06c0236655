"""From a number in a report to the table, month and delivery that it came from (来歴): what `explain` tells."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from crm_platform.diagnosis import Diagnosis, Finding
from crm_platform.diagnosis.lineage import Delivered, Lineage, Origin, lineage_of
from crm_platform.orchestration.client_month import ClientMonth
from crm_platform.periods import Month, months_between
from crm_platform.refusals import Refused
from crm_platform.reports.alert_report import CHAPTERS as ALERT_CHAPTERS
from crm_platform.reports.diagnosis_report import CHAPTERS as DIAGNOSIS_CHAPTERS
from crm_platform.reports.portfolio_report import CHAPTERS as PORTFOLIO_CHAPTERS
from crm_platform.reports.sections import numbered
from crm_platform.reports.two_track_report import CHAPTERS as TWO_TRACK_CHAPTERS
from crm_platform.reports.wording import Wording
from crm_platform.two_track.left_out import left_out_of

REPORTS = {  # the stored document, and the chapters of the report made of it
    "diagnosis": ("diagnosis", DIAGNOSIS_CHAPTERS),
    "alert": ("alert_diagnosis", ALERT_CHAPTERS),
    "portfolio": ("portfolio_diagnosis", PORTFOLIO_CHAPTERS),
    "two_track": ("two_track_diagnosis", TWO_TRACK_CHAPTERS),
}


@dataclass(frozen=True)
class Told:
    """A finding as a report shows it: which report, under which number."""

    report: str
    number: str
    finding: Finding
    diagnosis: Diagnosis


@dataclass(frozen=True)
class StoredOrigin:
    """A table that numbers come from, as it lies in the lake: rows over its months, digest and inputs of the last.

    Without a digest where it is not there, since the numbers are read from the deliveries.
    """

    origin: Origin
    rows: int
    sha256: str
    inputs: tuple[str, ...]


def findings_told(at: ClientMonth, reports: Sequence[str] = tuple(REPORTS)) -> list[Told]:
    """Every finding of the month in the order of the reports; Refused where the month has no diagnosis yet.

    A client without the data for two tracks has none of their findings; Refused where they alone are asked for.
    """
    told = []
    for report in reports:
        name, chapters = REPORTS[report]
        if at.data.lake.provenance(at.client.id, name, at.month) is None:
            raise Refused(
                f"'{at.client.id}' has no diagnosis of {at.month}.",
                f"Make it first: crm-platform refresh --client {at.client.id} --month {at.month}",
            )
        document = at.document(name)
        left_out = left_out_of(document)
        if left_out is not None and len(reports) == 1:
            why = Wording.of("en").filled(f"left_out.{left_out.reason}", left_out.numbers)
            raise Refused(f"'{at.client.id}' has no report '{report}' of {at.month}.", why)
        if left_out is not None:
            continue
        diagnosis = Diagnosis.from_json(document)
        told += [Told(report, number, finding, diagnosis) for number, finding in numbered(diagnosis.findings, chapters)]
    return told


def asked_for(told: Iterable[Told], asked: str, names: dict[str, str]) -> Told:
    """The finding with this key, name or number (`1-2`); Refused where none or several have it.

    `names` gives each key's name in the client's language.
    """
    found = [one for one in told if asked in (one.finding.key, names[one.finding.key], one.number)]
    kinds = {one.finding.key for one in found}
    if not found:
        raise Refused(f"no finding is called '{asked}'.", "Leave it out to see all of them.")
    if len(kinds) > 1:
        where = ", ".join(f"--report {one.report} ({names[one.finding.key]})" for one in found)
        raise Refused(f"several reports have a finding {asked}.", f"Say which: {where}.")
    return found[0]


def lineage_in_lake(at: ClientMonth, told: Told) -> tuple[Lineage, list[StoredOrigin]]:
    """The finding's lineage, and each of its tables as stored."""
    deliveries = [Delivered.from_receipt(delivery.receipt) for delivery in at.data.deliveries]
    lineage = lineage_of(told.finding, told.diagnosis, deliveries)
    return lineage, [stored_origin(at, origin) for origin in lineage.origins]


def stored_origin(at: ClientMonth, origin: Origin) -> StoredOrigin:
    """The table over its months as it lies in the lake."""
    months = months_between(Month.parse(origin.first_month), Month.parse(origin.last_month))
    records = [at.data.lake.provenance(at.client.id, origin.table, month) for month in months]
    known = [record for record in records if record is not None]
    latest = records[-1]
    inputs = tuple(name for name in latest.made_from.inputs if name != "as_of") if latest else ()
    return StoredOrigin(origin, sum(record.rows for record in known), latest.sha256 if latest else "", inputs)
