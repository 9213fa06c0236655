"""What the diagnosis says: findings, each a question answered by numbers, with a verdict, a yen effect and an action.

A finding holds numbers and keys only; words belong to `reports/wording`. A title is written from the same `numbers`
that its exhibit shows, so that the two cannot disagree (R66, R67).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Scalar = str | int | float | None
Row = Mapping[str, Scalar]
Verdict = Literal["healthy", "issue", "undetermined"]
ReportKind = Literal["diagnosis", "alert"]  # whose questions they are: 診断, ショッピングアラート
Unit = Literal["jpy", "rate", "count", "days", "index", "text", "month"]
ExhibitKind = Literal[
    "line", "bar", "stacked_bar", "stacked_area", "heatmap", "scatter", "calibration", "waterfall", "lorenz", "table"
]


@dataclass(frozen=True)
class Exhibit:
    """Data to be shown, without a look: a chart or a table.

    `rows` hold the columns named by `x`, `y`, `series` (charts) or by `columns` (tables). A text value that begins with
    `@` is a wording key (`@cpm.first_active`); any other text is the client's own and is shown as it is.
    """

    key: str
    kind: ExhibitKind
    rows: tuple[Row, ...]
    x: str = ""
    y: str = ""
    x_unit: Unit = "text"
    y_unit: Unit = "count"
    series: str | None = None
    highlight: str | None = None  # the one x or series value to notice
    columns: tuple[tuple[str, Unit], ...] = ()


@dataclass(frozen=True)
class Finding:
    """One question of the diagnosis and its answer.

    `key` selects the wording (title, comment, action per verdict); `numbers` fill it. `threshold` is the line between
    healthy and issue, shown beside the verdict. `yen_effect_jpy` is the sales at stake in six months; findings sort by
    it.
    """

    key: str
    chapter: str
    verdict: Verdict
    numbers: Mapping[str, Scalar]
    exhibits: tuple[Exhibit, ...] = ()
    threshold: float | None = None
    yen_effect_jpy: int | None = None
    concerned_customers: int | None = None


@dataclass(frozen=True)
class Diagnosis:
    """All that a report of one client and month shows; `report` says which one."""

    client: str
    month: str
    as_of: str
    first_month: str
    headline: Mapping[str, Scalar]  # the figures of the KPI tiles and the cover
    findings: tuple[Finding, ...]
    method: Mapping[str, Scalar] = field(default_factory=dict)  # model parameters, sizes, data quality: the appendix
    forecast_notes: tuple[Row, ...] = ()  # what took over where there was too little (注記): `key` and its numbers
    report: ReportKind = "diagnosis"

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Diagnosis:
        """Read what `to_json` wrote."""
        findings = tuple(_finding(item) for item in value["findings"])
        return cls(**{**value, "findings": findings, "forecast_notes": tuple(value.get("forecast_notes", ()))})


def by_yen_effect(findings: Sequence[Finding]) -> list[Finding]:
    """Findings with the largest yen effect first; those without one last, in their order."""
    return sorted(findings, key=lambda finding: -abs(finding.yen_effect_jpy or 0))


def _finding(value: Mapping[str, Any]) -> Finding:
    exhibits = tuple(
        Exhibit(**{**item, "rows": tuple(item["rows"]), "columns": tuple((c[0], c[1]) for c in item["columns"])})
        for item in value["exhibits"]
    )
    return Finding(**{**value, "exhibits": exhibits})
