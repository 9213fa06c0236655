"""From findings to chapters and sections: title, verdict, exhibits, comment and action of each."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from itertools import groupby

from crm_platform.diagnosis.finding import Diagnosis, Exhibit, Finding, Unit
from crm_platform.reports import theme
from crm_platform.reports.exhibits import chart_spec, data_columns, distinct, is_drawable
from crm_platform.reports.glyphs import width_of
from crm_platform.reports.pages import Chapter, Comment, Grid, Picture, Section
from crm_platform.reports.wording import Wording

SHOWN_ROWS = 40
BESIDE = ("bar", "line", "lorenz", "calibration", "heatmap")
SQUARE = ("lorenz", "calibration")
FEW_COLUMNS = 12
FEW_CELLS = 6  # columns of a heatmap in half the width
_FIRST_SENTENCE = re.compile(r"(.+?(?:。|[.!?](?=\s)))\s*(.*)", re.DOTALL)


def chapters_of(diagnosis: Diagnosis, chapters: Sequence[str], words: Wording) -> Iterable[Chapter]:
    """The findings in `chapters`, in their order and with numbers; a chapter without a finding is left out."""
    ordered = sorted(diagnosis.findings, key=lambda finding: chapters.index(finding.chapter))
    for number, (key, findings) in enumerate(groupby(ordered, key=lambda finding: finding.chapter), start=1):
        sections = tuple(
            _section(finding, f"{number}-{place}", words) for place, finding in enumerate(findings, start=1)
        )
        label = words.text("report.chapter_number", number=str(number))
        yield Chapter(f"chapter-{number}", label, words.text(f"chapter.{key}"), sections)


def _section(finding: Finding, number: str, words: Wording) -> Section:
    return Section(
        anchor=f"finding-{number}",
        number=number,
        name=words.text(f"{finding.key}.name"),
        title=words.filled(f"{finding.key}.title.{finding.verdict}", finding.numbers),
        verdict=finding.verdict,
        verdict_label=words.text(f"verdict.{finding.verdict}"),
        threshold=_threshold(finding, words),
        facts=tuple(_facts(finding, words)),
        exhibits=tuple(_shown_exhibits(finding, words)),
        comment=_comment(words.filled(f"{finding.key}.comment.{finding.verdict}", finding.numbers)),
        action=action_of(finding, words),
    )


def _threshold(finding: Finding, words: Wording) -> str:
    """The line between healthy and issue in words, in the finding's own unit."""
    if finding.threshold is None:
        return ""
    return words.filled(f"{finding.key}.threshold", {**finding.numbers, "threshold": finding.threshold})


def _facts(finding: Finding, words: Wording) -> Iterable[str]:
    if finding.concerned_customers is not None:
        yield words.text("report.concerned", customers=finding.concerned_customers)
    if finding.yen_effect_jpy is not None:
        yield words.text("report.at_stake", **{"yen": finding.yen_effect_jpy})


def action_of(finding: Finding, words: Wording) -> str:
    """対策: what to do about the finding; empty where its verdict asks for nothing."""
    key = f"{finding.key}.action.{finding.verdict}"
    return words.filled(key, finding.numbers) if words.has(key) else ""


def _comment(text: str) -> Comment:
    """The first sentence is the claim, the rest its evidence."""
    found = _FIRST_SENTENCE.fullmatch(text.strip())
    return Comment(found[1], found[2]) if found else Comment(text.strip(), "")


# --- exhibits ---------------------------------------------------------------------------------------------------------


def halves(exhibits: Sequence[Exhibit], narrow: Collection[int] = ()) -> list[bool]:
    """Which exhibits take half the width: the square ones, and two that need little width stand side by side.

    `narrow` names the places of tables that fit into half the width.
    """
    found = [exhibit.kind in SQUARE and is_drawable(exhibit) for exhibit in exhibits]
    place = 1
    while place < len(exhibits):
        fits = place in narrow or _is_plain(exhibits[place])
        if fits and (found[place - 1] or _is_plain(exhibits[place - 1])):
            found[place - 1] = found[place] = True
            place += 1
        place += 1
    return found


def _is_plain(exhibit: Exhibit) -> bool:
    """Whether half the width is enough for a chart: few columns, one series."""
    if exhibit.kind not in BESIDE or not is_drawable(exhibit):
        return False
    few = len(distinct(exhibit.rows, exhibit.x)) <= (FEW_CELLS if exhibit.kind == "heatmap" else FEW_COLUMNS)
    return few and (exhibit.series is None or exhibit.kind == "heatmap")


def column_widths(grid: Grid) -> list[float]:
    """Width in points that each column of a table needs on one line."""
    columns = zip(grid.headers, *grid.rows, strict=True)
    return [theme.CELL_MARGIN + max(width_of(cell, theme.TABLE_SIZE) for cell in column) for column in columns]


def _shown_exhibits(finding: Finding, words: Wording) -> Iterable[Picture | Grid]:
    """The exhibits that have something to show."""
    exhibits = [exhibit for exhibit in finding.exhibits if exhibit.rows]
    grids = [_grid(finding, exhibit, words) for exhibit in exhibits]
    narrow = {
        place
        for place, (exhibit, grid) in enumerate(zip(exhibits, grids, strict=True))
        if exhibit.kind == "table" and len(grid.rows) <= FEW_COLUMNS and sum(column_widths(grid)) <= theme.HALF_WIDTH
    }
    for exhibit, grid, half in zip(exhibits, grids, halves(exhibits, narrow), strict=True):
        if is_drawable(exhibit):
            yield picture_of(grid.key, exhibit, grid, _labels(finding, exhibit, words), words, half)
        else:
            yield replace(grid, half=half)


def _labels(finding: Finding, exhibit: Exhibit, words: Wording) -> tuple[str, str]:
    """The names of both axes, empty where the wording has none."""
    prefix = f"{finding.key}.exhibits.{exhibit.key}"
    x, y = (
        words.filled(f"{prefix}.{axis}", finding.numbers) if words.has(f"{prefix}.{axis}") else ""
        for axis in ("x", "y")
    )
    return x, y


def _grid(finding: Finding, exhibit: Exhibit, words: Wording) -> Grid:
    """The exhibit's data as a table, with its title and source."""
    prefix = f"{finding.key}.exhibits.{exhibit.key}"
    key = f"{finding.key}-{exhibit.key}"
    title = words.filled(f"{prefix}.title", finding.numbers)
    source = words.filled(f"{prefix}.note", finding.numbers)
    headers = _headers(prefix, exhibit, _labels(finding, exhibit, words), words)
    return grid_of(key, title, source, exhibit, headers, words)


def picture_of(
    key: str, exhibit: Exhibit, grid: Grid, labels: tuple[str, str], words: Wording, half: bool = False
) -> Picture:
    """The chart of `exhibit` with the title and source of `grid`, which holds its data."""
    spec = chart_spec(exhibit, words, labels, theme.HALF_WIDTH if half else theme.CHART_WIDTH)
    return Picture(key, grid.title, grid.source, _alt(exhibit, grid, words), spec, grid, half)


def _headers(prefix: str, exhibit: Exhibit, labels: tuple[str, str], words: Wording) -> tuple[str, ...]:
    """Column names: the finding's own, else the axis' label, else the platform's name of the column."""
    own = dict(zip((exhibit.x, exhibit.y), labels, strict=True))
    found = []
    for column, _ in data_columns(exhibit):
        keys = (f"{prefix}.columns.{column}", f"{prefix}.series" if column == exhibit.series else "")
        key = next((key for key in keys if words.has(key)), None)
        found.append(words.text(key) if key else own.get(column) or words.text(f"columns.{column}"))
    return tuple(found)


def grid_of(key: str, title: str, source: str, exhibit: Exhibit, headers: tuple[str, ...], words: Wording) -> Grid:
    """The exhibit's rows as a table of final text; a table exhibit shows its first 40 rows."""
    columns = data_columns(exhibit)
    is_table = exhibit.kind == "table"
    rows = exhibit.rows[:SHOWN_ROWS] if is_table else exhibit.rows
    left_out = len(exhibit.rows) - len(rows)
    return Grid(
        key=key,
        title=title,
        source=source,
        headers=headers,
        rows=tuple(tuple(words.in_table(row[column], unit) for column, unit in columns) for row in rows),
        numeric=tuple(_is_numeric(unit) for _, unit in columns),
        remark=words.text("report.rows_left_out", rows=left_out) if left_out else "",
    )


def _is_numeric(unit: Unit) -> bool:
    return unit not in ("text", "month")


def _alt(exhibit: Exhibit, grid: Grid, words: Wording) -> str:
    """A description of the chart: kind, message, range and largest value."""
    rows = [row for row in exhibit.rows if isinstance(row[exhibit.y], (int, float))]
    largest = max(rows, key=lambda row: float(row[exhibit.y] or 0))
    named = {"first": rows[0], "last": rows[-1], "largest_at": largest}
    places = {name: words.in_table(row[exhibit.x], exhibit.x_unit) for name, row in named.items()}
    return words.text(
        "report.alt",
        kind=words.text(f"kind.{exhibit.kind}"),
        title=grid.title,
        points=len(rows),
        largest=words.in_table(largest[exhibit.y], exhibit.y_unit),
        **places,
    )
