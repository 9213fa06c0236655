"""What the month's findings say for a proposal, each with the place in the reports where it is found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from crm_platform.diagnosis.finding import Diagnosis, Finding, ReportKind, by_yen_effect
from crm_platform.reports.actions import action_of
from crm_platform.reports.alert_report import CHAPTERS as OF_ALERT
from crm_platform.reports.diagnosis_report import CHAPTERS as OF_DIAGNOSIS
from crm_platform.reports.legibility import legible_diagnosis
from crm_platform.reports.pages import Grid
from crm_platform.reports.portfolio_report import CHAPTERS as OF_PORTFOLIO
from crm_platform.reports.proposals.document import Block, Form, Part, Points, Proposal, Said
from crm_platform.reports.sections import numbered, title_of
from crm_platform.reports.wording import NOTHING, Wording

_CHAPTERS: Mapping[ReportKind, Sequence[str]] = {
    "diagnosis": OF_DIAGNOSIS,
    "alert": OF_ALERT,
    "portfolio": OF_PORTFOLIO,
}
Quote = Mapping[str, Any]  # one of the quotes in `quote.json`


@dataclass(frozen=True)
class Evidence:
    """The findings by key, the place of each in its report, and the words of the document `kind`."""

    kind: str
    client: str
    as_of: str
    findings: Mapping[str, Finding]
    places: Mapping[str, str]
    words: Wording

    @classmethod
    def of(cls, kind: str, diagnoses: Sequence[Diagnosis], words: Wording) -> Evidence:
        """The evidence of several reports; a finding that two of them show counts for the first."""
        findings: dict[str, Finding] = {}
        places: dict[str, str] = {}
        for diagnosis in (legible_diagnosis(each)[0] for each in diagnoses):
            report = words.of_report(diagnosis.report).text("report.title")
            for number, finding in numbered(diagnosis.findings, _CHAPTERS[diagnosis.report]):
                name = words.text(f"{finding.key}.name")
                findings.setdefault(finding.key, finding)
                places.setdefault(finding.key, words.text("proposal.place", report=report, number=number, name=name))
        first = legible_diagnosis(diagnoses[0])[0]
        return cls(kind, first.client, first.as_of, findings, places, words)

    def text(self, key: str) -> str:
        """A text of this document, or one that all proposals share."""
        own = f"proposal.{self.kind}.{key}"
        return self.words.text(own if self.words.has(own) else f"proposal.{key}")

    def source(self, key: str) -> str:
        """Where the numbers of a finding come from, as a line of its own."""
        return self.words.text("proposal.source", place=self.places[key])

    def said(self, key: str, finding: str, unknown: str = "too_little") -> Said:
        """The statement `key` with what the finding says to it; one line in its place where it says nothing."""
        lead, found, numbers = self.text(f"{key}.lead"), self.findings.get(finding), f"proposal.{self.kind}.{key}.text"
        if found is None or not self.words.tells(numbers, found.numbers):
            return Said(lead, self.text(unknown))
        return Said(lead, self.words.known_sentences(numbers, found.numbers), self.source(finding))

    def concluded(self, key: str, finding: str, unknown: str = "too_little") -> Said:
        """The statement `key` with the conclusion of the finding, as its report has it for a title."""
        found = self.findings.get(finding)
        if found is None:
            return Said(self.text(f"{key}.lead"), self.text(unknown))
        return Said(self.text(f"{key}.lead"), self.title(found), self.source(finding))

    def title(self, finding: Finding) -> str:
        """The conclusion of a finding."""
        return title_of(finding, self.words)

    def issues(self) -> list[Finding]:
        """課題 that have something to do about them, the largest effect first."""
        found = [one for one in self.findings.values() if one.verdict == "issue" and action_of(one, self.words)]
        return by_yen_effect(found)

    def points(self, *keys: str) -> Points:
        """Statements that need no number."""
        return Points(tuple(Said(self.text(f"{key}.lead"), self.text(f"{key}.text")) for key in keys))

    def form(self, key: str) -> Form:
        """Lines for the client to fill in, by the labels under `key`."""
        return Form(tuple(label.strip() for label in self.text(key).split("/")), self.text("to_fill_in"))

    def grid(self, key: str, rows: Sequence[tuple[str, ...]], numeric: tuple[bool, ...], source: str = "") -> Grid:
        """A table of this document."""
        headers = tuple(header.strip() for header in self.text(f"{key}.headers").split("/"))
        return Grid(key, self.text(f"{key}.title"), source, headers, tuple(rows), numeric)

    def proposal(self, parts: Sequence[Part]) -> Proposal:
        """The whole document."""
        return Proposal(
            kind=self.text("kind"),
            name_label=self.text("name_label"),
            name=self.text("name"),
            addressed_to=self.words.text("report.for_client", client=self.client),
            dated=self.words.text("report.as_of", as_of=self.as_of),
            client=self.client,
            as_of=self.as_of,
            language=self.words.language,
            confidential=self.words.text("report.confidential"),
            form=self.form("form"),
            parts=tuple(parts),
        )


def fee_of(quote: Quote, evidence: Evidence) -> tuple[Block, ...]:
    """What the service costs (利用料金): the lines of the quote, its total, and the rule that gave it."""
    words, sentences = evidence.words, [quote["rule"]["sentence"], *(one["sentence"] for one in quote["provisional"])]
    because = words.text("quote.between").join(sentences)
    if quote["total_jpy"] is None:
        return (Said(words.text("quote.individual"), because, evidence.text("fee_source")),)
    lines = [(line["name"], words.in_table(line["amount_jpy"], "jpy")) for line in quote["lines"]]
    total = (words.text("quote.total"), words.in_table(quote["total_jpy"], "jpy"))
    grid = evidence.grid("fee", [*lines, total], (False, True), evidence.text("fee_source"))
    return grid, Said("", because)


def at_stake(finding: Finding, words: Wording) -> str:
    """What an issue moves in six months, in yen."""
    return words.formatted(finding.yen_effect_jpy, "yen") if finding.yen_effect_jpy else NOTHING
