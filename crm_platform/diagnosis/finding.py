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
ReportKind = Literal["diagnosis", "alert", "portfolio", "two_track"]  # 診断, アラート, ポートフォリオ, 定期もTudomo
Direction = Literal["rising", "level", "falling"]  # 上昇傾向, 横ばい, 下降傾向 (R61)
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
    series_unit: Unit = "text"
    highlight: str | None = None  # the one x or series value to notice
    columns: tuple[tuple[str, Unit], ...] = ()


@dataclass(frozen=True)
class Measured:
    """The one number that a finding is about.

    `low` and `high` are its 95 % interval, None where no chance is in it; `compared` is what it is held against;
    `noticeable` the smallest change that this much data tells from chance. All in `unit`.
    """

    value: float
    unit: Unit
    low: float | None = None
    high: float | None = None
    compared: float | None = None
    noticeable: float | None = None


@dataclass(frozen=True)
class Trend:
    """Where a number stands and where it is going, over the five years to the last closed month or all there are (R61).

    `points` are (last month of a span, value), the earliest first; `level` is the last. The slope is a year's rise of
    the least-squares line, in `unit`, with its 95 % interval.
    """

    unit: Unit
    points: tuple[tuple[str, float], ...]
    level: float
    slope_per_year: float
    slope_low: float
    slope_high: float
    direction: Direction


@dataclass(frozen=True)
class Action:
    """What to do (対策, R67): with whom, how many, through which channel, and what it should bring.

    `segment` and `channel` are wording keys (`@action_segment.…`, `@action_channel.…`) or the client's own text.
    `expected_jpy` is 売上 of six months; the action's sentence names what it assumes.
    """

    segment: str
    customers: int
    channel: str
    expected_jpy: int


@dataclass(frozen=True)
class Finding:
    """One question of the diagnosis and its answer.

    `key` selects the wording (question, title, comment, action per verdict); `numbers` fill it. `measured` is the
    number that the verdict is on, `threshold` the line between healthy and issue. `yen_effect_jpy` is the sales at
    stake in six months; findings sort by it. `sources` names the tables that the numbers come from.
    """

    key: str
    chapter: str
    verdict: Verdict
    numbers: Mapping[str, Scalar]
    exhibits: tuple[Exhibit, ...] = ()
    threshold: float | None = None
    yen_effect_jpy: int | None = None
    concerned_customers: int | None = None
    measured: Measured | None = None
    trend: Trend | None = None
    action: Action | None = None
    sources: tuple[str, ...] = ()


@dataclass(frozen=True)
class Diagnosis:
    """All that a report of one client and month shows; `report` says which one.

    `for_portfolio` are findings that the second opinion hands on to the portfolio and does not show itself.
    """

    client: str
    month: str
    as_of: str
    first_month: str
    headline: Mapping[str, Scalar]  # the figures of the KPI tiles and the cover
    findings: tuple[Finding, ...]
    method: Mapping[str, Scalar] = field(default_factory=dict)  # model parameters, sizes, data quality: the appendix
    forecast_notes: tuple[Row, ...] = ()  # what took over where there was too little (注記): `key` and its numbers
    report: ReportKind = "diagnosis"
    for_portfolio: tuple[Finding, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Diagnosis:
        """Read what `to_json` wrote."""
        told = {name: tuple(map(finding_of, value.get(name, ()))) for name in ("findings", "for_portfolio")}
        return cls(**{**value, **told, "forecast_notes": tuple(value.get("forecast_notes", ()))})


def client_word(text: str) -> str:
    """A client's own word for an exhibit: a leading `@` would read as a wording key and becomes `＠`."""
    return f"＠{text[1:]}" if text.startswith("@") else text


def figures(findings: Sequence[Finding], wanted: Mapping[str, tuple[str, str]]) -> dict[str, Scalar]:
    """The figures of a cover, by name the number of a finding; those of a question that was left out are None."""
    numbers = {finding.key: finding.numbers for finding in findings}
    return {name: numbers[key][number] if key in numbers else None for name, (key, number) in wanted.items()}


def by_yen_effect(findings: Sequence[Finding]) -> list[Finding]:
    """Findings with the largest yen effect first; those without one last, in their order."""
    return sorted(findings, key=lambda finding: -abs(finding.yen_effect_jpy or 0))


def finding_of(value: Mapping[str, Any]) -> Finding:
    """A finding read from its plain JSON values."""
    exhibits = tuple(
        Exhibit(**{**item, "rows": tuple(item["rows"]), "columns": tuple((c[0], c[1]) for c in item["columns"])})
        for item in value["exhibits"]
    )
    return Finding(
        **{
            **value,
            "exhibits": exhibits,
            "measured": Measured(**value["measured"]) if value.get("measured") else None,
            "trend": _trend(value["trend"]) if value.get("trend") else None,
            "action": Action(**value["action"]) if value.get("action") else None,
            "sources": tuple(value.get("sources", ())),
        }
    )


def _trend(value: Mapping[str, Any]) -> Trend:
    return Trend(**{**value, "points": tuple((month, level) for month, level in value["points"])})
