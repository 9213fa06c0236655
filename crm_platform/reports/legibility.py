"""A diagnosis whose every client text can be shown: controls removed, missing glyphs as 〓, overlong names cut."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from crm_platform.diagnosis.finding import Diagnosis, Exhibit, Finding, Scalar
from crm_platform.reports.glyphs import ELLIPSIS, legible

LONGEST_TEXT = 40


@dataclass
class _Reader:
    """Reads texts and counts the characters that had to be replaced."""

    replaced: int = 0

    def text(self, text: str) -> str:
        shown, missing = legible(text)
        self.replaced += missing
        return shown if len(shown) <= LONGEST_TEXT or shown.startswith("@") else shown[: LONGEST_TEXT - 1] + ELLIPSIS

    def scalars(self, values: Mapping[str, Scalar]) -> dict[str, Scalar]:
        return {name: self.text(value) if isinstance(value, str) else value for name, value in values.items()}

    def exhibit(self, exhibit: Exhibit) -> Exhibit:
        highlight = self.text(exhibit.highlight) if exhibit.highlight is not None else None
        return replace(exhibit, rows=tuple(self.scalars(row) for row in exhibit.rows), highlight=highlight)

    def finding(self, finding: Finding) -> Finding:
        exhibits = tuple(self.exhibit(exhibit) for exhibit in finding.exhibits)
        action = replace(finding.action, segment=self.text(finding.action.segment)) if finding.action else None
        return replace(finding, numbers=self.scalars(finding.numbers), exhibits=exhibits, action=action)


def legible_diagnosis(diagnosis: Diagnosis) -> tuple[Diagnosis, int]:
    """The diagnosis as it can be shown, and how many characters were replaced by 〓.

    Texts longer than 40 characters are cut with an ellipsis: they are names, and a page has only so much room.
    """
    reader = _Reader()
    shown = replace(
        diagnosis,
        client=reader.text(diagnosis.client),
        headline=reader.scalars(diagnosis.headline),
        method=reader.scalars(diagnosis.method),
        forecast_notes=tuple(reader.scalars(note) for note in diagnosis.forecast_notes),
        findings=tuple(reader.finding(finding) for finding in diagnosis.findings),
    )
    return shown, reader.replaced
