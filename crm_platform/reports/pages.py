"""The page model: what a report says, in reading order, in final words. PDF and HTML draw the same model.

Belongs here: the parts of a report. Does not: where a finding's words come from (`diagnosis_report`), or their look.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from crm_platform.diagnosis.finding import Verdict
from crm_platform.reports.exhibits.drawing import svg_of
from crm_platform.reports.wording import Wording

SIGNS: Mapping[Verdict, str] = {"healthy": "○", "issue": "▲", "undetermined": "―"}


@dataclass(frozen=True)
class Grid:
    """A table: headers, rows of final text, and which columns hold numbers (set right, in tabular figures)."""

    key: str
    title: str
    source: str
    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: tuple[bool, ...]
    remark: str = ""  # what was left out
    half: bool = False  # set in half the width, to stand beside its neighbour


@dataclass(frozen=True)
class Picture:
    """A chart: its specification, its conclusion as title, a description for those who do not see it, and its data."""

    key: str
    title: str
    source: str
    alt: str
    spec: Mapping[str, Any]
    data: Grid
    half: bool = False  # drawn in half the width, to stand beside its neighbour


@dataclass(frozen=True)
class Comment:
    """診断コメント: the claim, and the evidence for it."""

    claim: str
    evidence: str


@dataclass(frozen=True)
class Change:
    """A signed change, what it is measured against, and whether it is welcome: sign and colour tell two things."""

    text: str
    direction: Literal["up", "down", "level"]
    base: str
    is_welcome: bool = True

    @property
    def look(self) -> Literal["up", "down", "level"]:
        """Whose colour it is drawn in: that of a rise where it is welcome."""
        return "level" if self.direction == "level" else "up" if self.is_welcome else "down"


@dataclass(frozen=True)
class Tile:
    """A key figure with its change against an earlier time; colour and symbol both tell whether it is welcome."""

    label: str
    value: str
    change: str = ""
    direction: Literal["up", "down", "level"] = "level"
    base: str = ""
    changes: tuple[Change, ...] = ()  # in the place of `change`, where it is held against several times


@dataclass(frozen=True)
class Section:
    """A finding: question, title, verdict with its threshold, figures, exhibits, comment, action, lineage."""

    key: str  # of the question: the same in every report that shows it
    anchor: str
    number: str
    name: str
    question: str  # empty where the wording has none
    title: str
    verdict: Verdict
    verdict_label: str
    threshold: str  # empty where the verdict has none
    facts: tuple[str, ...]
    exhibits: tuple[Picture | Grid, ...]
    comment: Comment
    action: str
    action_facts: str  # with whom, how many, through which channel, what it should bring
    measure: str  # the short name of the number that the verdict is on
    figure: str  # that number; empty where it has none
    direction: str  # of its course over the years
    at_stake: str
    lineage: tuple[str, ...]


@dataclass(frozen=True)
class Chapter:
    """Sections under one name."""

    anchor: str
    label: str
    name: str
    sections: tuple[Section, ...]


@dataclass(frozen=True)
class Summary:
    """今月の要点: tiles, one chart, one comment."""

    title: str
    tiles: tuple[Tile, ...]
    picture: Picture | None
    comment: Comment
    overview: Grid | None
    further: tuple[Grid, ...] = ()
    why: Picture | None = None  # beside the comment
    told: tuple[str, ...] = ()  # sentences in the place of what there is not to show


@dataclass(frozen=True)
class Point:
    """An issue on the first page: its number, its title, what it is worth, what to do."""

    anchor: str
    number: str
    title: str
    worth: str
    action: str


@dataclass(frozen=True)
class Answer:
    """What a reader comes to ask, and the answer, on the first page."""

    question: str
    answer: str


@dataclass(frozen=True)
class Front:
    """The first page: what is healthy, what is not, what to do first and what it is worth (R66)."""

    conclusion: str
    counts: tuple[tuple[Verdict, str, str], ...]  # verdict, its name, how many
    issues: tuple[Point, ...]
    further_issues: str
    healthy: str
    undetermined: str
    first_action: str
    first_facts: str
    answers: tuple[Answer, ...] = ()  # before the verdicts, where a report is asked the same each time


@dataclass(frozen=True)
class Actions:
    """推奨アクション: what to do, the largest effect first, and what belongs to it."""

    title: str
    table: Grid | None
    further: tuple[Grid, ...] = ()


@dataclass(frozen=True)
class Appendix:
    """How to read the report, definitions, method and data quality."""

    reading: str
    forecast: str
    notes: Grid | None  # of the forecast
    definitions: Grid | None
    method: Grid | None

    @property
    def tables(self) -> tuple[Grid, ...]:
        """The tables in the order of the pages."""
        return tuple(table for table in (self.notes, self.definitions, self.method) if table)


@dataclass(frozen=True)
class Report:
    """A whole report. `as_of` is an ISO day; `replaced_characters` counts what the fonts cannot show."""

    client: str
    title: str
    as_of: str
    cover_lines: tuple[str, ...]
    front: Front | None
    summary: Summary
    chapters: tuple[Chapter, ...]
    actions: Actions
    appendix: Appendix
    wording: Wording = field(repr=False)
    replaced_characters: int = 0
    watermark: str = ""  # across every page; empty where there is none
    is_letter: bool = False  # on two pages, without cover and contents

    @property
    def language(self) -> str:
        """`ja` or `en`."""
        return self.wording.language

    @property
    def pictures(self) -> Iterator[Picture]:
        """All charts in reading order."""
        if self.summary.picture:
            yield self.summary.picture
        if self.summary.why:
            yield self.summary.why
        for chapter in self.chapters:
            for section in chapter.sections:
                yield from (exhibit for exhibit in section.exhibits if isinstance(exhibit, Picture))

    @cached_property
    def drawings(self) -> Mapping[str, str]:
        """The SVG of each chart by its key: drawn once, shared by PDF and HTML."""
        return {picture.key: svg_of(picture.spec) for picture in self.pictures}
