"""From findings to chapters and sections: title, verdict, exhibits, comment and action of each."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import groupby
from math import ceil

from crm_platform.diagnosis.finding import Diagnosis, Exhibit, Finding, Measured, Scalar, Trend
from crm_platform.diagnosis.lineage import Delivered, Lineage, lineage_of
from crm_platform.reports import theme
from crm_platform.reports.actions import action_facts, action_of
from crm_platform.reports.exhibits import chart_spec, data_columns, is_drawable, with_told
from crm_platform.reports.glyphs import width_of
from crm_platform.reports.grids import column_widths, grid_of, told_of
from crm_platform.reports.pages import Chapter, Comment, Grid, Picture, Section
from crm_platform.reports.side_by_side import FEW_COLUMNS, halves, in_pairs
from crm_platform.reports.wording import Wording

WIDEST_HALF_TABLE = 1.15 * theme.HALF_WIDTH  # it is set smaller by as much
TALLEST_BESIDE = 1.4 * theme.CHART_HEIGHT  # of a comment beside a chart, its title and source
COMMENT_MARGIN = 12.0  # left and right of a comment's text, twice that of an action's
SIGNED_UNITS = ("points", "yen_change", "index")  # of numbers that can fall below nothing, as can their intervals
_BRACKET = re.compile(r"（| ?\(")
_FIRST_SENTENCE = re.compile(r"(.+?(?:。|[.!?](?=\s)))\s*(.*)", re.DOTALL)


def numbered(findings: Iterable[Finding], chapters: Sequence[str]) -> list[tuple[str, Finding]]:
    """The findings in the order of `chapters`, each with its number in the report: `1-1`, `1-2`, …, `2-1`, …."""
    ordered = sorted(findings, key=lambda finding: chapters.index(finding.chapter))
    return [
        (f"{number}-{place}", finding)
        for number, (_, within) in enumerate(groupby(ordered, key=lambda finding: finding.chapter), start=1)
        for place, finding in enumerate(within, start=1)
    ]


def chapters_of(
    diagnosis: Diagnosis, chapters: Sequence[str], words: Wording, deliveries: Sequence[Delivered] = ()
) -> Iterable[Chapter]:
    """The findings in `chapters`, in their order and with numbers; a chapter without a finding is left out."""
    found = numbered(diagnosis.findings, chapters)
    for key, within in groupby(found, key=lambda pair: pair[1].chapter):
        sections = tuple(
            _section(finding, number, words, lineage_of(finding, diagnosis, deliveries)) for number, finding in within
        )
        number = sections[0].number.split("-")[0]
        label = words.text("report.chapter_number", number=number)
        yield Chapter(f"chapter-{number}", label, words.text(f"chapter.{key}"), sections)


def _section(finding: Finding, number: str, words: Wording, lineage: Lineage) -> Section:
    return Section(
        key=finding.key,
        anchor=f"finding-{number}",
        number=number,
        name=words.text(f"{finding.key}.name"),
        question=words.text(f"{finding.key}.question") if words.has(f"{finding.key}.question") else "",
        title=title_of(finding, words),
        verdict=finding.verdict,
        verdict_label=words.text(f"verdict.{finding.verdict}"),
        threshold=_threshold(finding, words),
        facts=tuple(_facts(finding, words)),
        exhibits=tuple(_shown_exhibits(finding, words)),
        comment=_comment(words.known_sentences(f"{finding.key}.comment.{finding.verdict}", finding.numbers)),
        action=action_of(finding, words),
        action_facts=action_facts(finding, words),
        measure=short_measure(finding.key, words) if finding.measured else "",
        figure=words.formatted(finding.measured.value, unit_of(finding, words)) if finding.measured else "",
        direction=words.text(f"direction.{finding.trend.direction}") if finding.trend else "",
        at_stake=words.formatted(finding.yen_effect_jpy, "yen") if finding.yen_effect_jpy else "",
        lineage=lineage_lines(lineage, words),
    )


def title_of(finding: Finding, words: Wording) -> str:
    """The conclusion; the wording's own for data that do not give its number (`title.unknown`), where it has one."""
    key, unknown = f"{finding.key}.title.{finding.verdict}", f"{finding.key}.title.unknown"
    is_unknown = words.has(unknown) and not words.knows(key, finding.numbers)
    return words.filled(unknown if is_unknown else key, finding.numbers)


def _threshold(finding: Finding, words: Wording) -> str:
    """The line between healthy and issue in words, in the finding's own unit."""
    if finding.threshold is None:
        return ""
    return words.filled(f"{finding.key}.threshold", {**finding.numbers, "threshold": finding.threshold})


def _facts(finding: Finding, words: Wording) -> Iterable[str]:
    """Beneath the title: the number with its interval, its course, whom it concerns, what is at stake."""
    if finding.measured is not None:
        yield _measured(finding.measured, words.text(f"{finding.key}.measure"), unit_of(finding, words), words)
    if finding.trend is not None:
        yield _course(finding, finding.trend, words)
    if finding.concerned_customers:
        yield words.text("report.concerned", customers=finding.concerned_customers)
    if finding.yen_effect_jpy is not None:
        yield words.text("report.at_stake", **{"yen": finding.yen_effect_jpy})


def unit_of(finding: Finding, words: Wording) -> str:
    """The format of the finding's number: the wording's own (`measured_in`: customers, points, …), else its unit."""
    key = f"{finding.key}.measured_in"
    return words.text(key) if words.has(key) else finding.measured.unit if finding.measured else ""


def short_measure(key: str, words: Wording) -> str:
    """The name of the finding's number without the explanation in brackets."""
    return _BRACKET.split(words.text(f"{key}.measure"), maxsplit=1)[0]


def _measured(measured: Measured, name: str, unit: str, words: Wording) -> str:
    value = words.formatted(measured.value, unit)
    if measured.low is None or measured.high is None:
        return words.text("report.measured_exactly", measure=name, value=value)
    is_amount = measured.value >= 0 and unit not in SIGNED_UNITS
    low = words.formatted(max(measured.low, 0.0) if is_amount else measured.low, unit)
    is_share = unit == "rate" and measured.value <= 1  # no part is more than the whole
    high = words.formatted(min(measured.high, 1.0) if is_share else measured.high, unit)
    return words.text("report.measured", measure=name, value=value, low=low, high=high)


def _course(finding: Finding, trend: Trend, words: Wording) -> str:
    """A course of something else than the finding's number is named (`course`)."""
    unit = unit_of(finding, words) if finding.measured and trend.unit == finding.measured.unit else trend.unit
    slope, low, high = (
        words.signed(value, unit) for value in (trend.slope_per_year, trend.slope_low, trend.slope_high)
    )
    own = f"{finding.key}.course"
    what = words.text("report.course_of", name=words.text(own)) if words.has(own) else words.text("report.course_of_it")
    direction = words.text(f"direction.{trend.direction}")
    first, last = trend.points[0][0], trend.points[-1][0]
    is_unsure = trend.direction == "level" and not trend.slope_low <= 0 <= trend.slope_high  # a verdict asks for more
    key = "report.course_unsure" if is_unsure else "report.course"
    return words.text(key, first=first, last=last, what=what, slope=slope, low=low, high=high, direction=direction)


def lineage_lines(lineage: Lineage, words: Wording) -> tuple[str, ...]:
    """A line per table, and one that names the deliveries; none for a finding that names no table."""
    if not lineage.origins:
        return ()
    tables = tuple(
        words.text(
            "lineage.table" if origin.first_month != origin.last_month else "lineage.table_of_month",
            table=origin.table,
            first=origin.first_month,
            last=origin.last_month,
        )
        for origin in lineage.origins
    )
    names = words.text("lineage.comma").join(
        words.text("lineage.delivery", id=one.delivery_id, first=one.data_from, last=one.data_to)
        for one in lineage.deliveries
    )
    return (*tables, words.text("lineage.deliveries", deliveries=names)) if names else tables


def _comment(text: str) -> Comment:
    """The first sentence is the claim, the rest its evidence."""
    found = _FIRST_SENTENCE.fullmatch(text.strip())
    return Comment(found[1], found[2]) if found else Comment(text.strip(), "")


# --- exhibits ---------------------------------------------------------------------------------------------------------


def _shown_exhibits(finding: Finding, words: Wording) -> Iterable[Picture | Grid]:
    """The exhibits that have something to show, and whose conclusion is known."""
    exhibits = in_pairs(
        [
            exhibit
            for exhibit in finding.exhibits
            if exhibit.rows and words.knows(f"{finding.key}.exhibits.{exhibit.key}.title", finding.numbers)
        ]
    )
    grids = [_grid(finding, exhibit, words) for exhibit in exhibits]
    narrow = {
        place
        for place, (exhibit, grid) in enumerate(zip(exhibits, grids, strict=True))
        if exhibit.kind == "table" and len(grid.rows) <= FEW_COLUMNS and sum(column_widths(grid)) <= WIDEST_HALF_TABLE
    }
    is_short = _comment_height(finding, words) <= TALLEST_BESIDE
    for exhibit, grid, half in zip(exhibits, grids, halves(exhibits, narrow, is_short), strict=True):
        if is_drawable(exhibit):
            yield picture_of(grid.key, exhibit, grid, _axis_names(finding, exhibit, words), words, half)
        else:
            yield replace(grid, half=half)


def _comment_height(finding: Finding, words: Wording) -> float:
    """About how many points the finding's comment and action take in half the width."""
    comment = words.known_sentences(f"{finding.key}.comment.{finding.verdict}", finding.numbers)
    lines = sum(
        ceil(width_of(text, theme.BODY_SIZE) / (theme.HALF_WIDTH - margin))
        for text, margin in ((comment, 2 * COMMENT_MARGIN), (action_of(finding, words), 4 * COMMENT_MARGIN))
    )
    return lines * 1.82 * theme.BODY_SIZE


def _labels(finding: Finding, exhibit: Exhibit, words: Wording) -> tuple[str, str]:
    """The names of both axes, empty where the wording has none."""
    prefix = f"{finding.key}.exhibits.{exhibit.key}"
    x, y = (
        words.filled(f"{prefix}.{axis}", finding.numbers) if words.has(f"{prefix}.{axis}") else ""
        for axis in ("x", "y")
    )
    return x, y


def _axis_names(finding: Finding, exhibit: Exhibit, words: Wording) -> tuple[str, str]:
    """The names of both axes as the chart shows them: a heatmap's also says what stands down its side."""
    x, y = _labels(finding, exhibit, words)
    down = f"{finding.key}.exhibits.{exhibit.key}.series"
    return (f"{words.text(down)} ↓　{x}", y) if exhibit.kind == "heatmap" and x and words.has(down) else (x, y)


def _grid(finding: Finding, exhibit: Exhibit, words: Wording) -> Grid:
    """The exhibit's data as a table, with its title and source."""
    prefix = f"{finding.key}.exhibits.{exhibit.key}"
    key = f"{finding.key}-{exhibit.key}"
    title = words.filled(f"{prefix}.title", finding.numbers)
    source = words.filled(f"{prefix}.note", finding.numbers)
    headers = _headers(prefix, exhibit, _labels(finding, exhibit, words), words)
    return grid_of(key, title, source, _worded(finding, exhibit, words), headers, words)


def _worded(finding: Finding, exhibit: Exhibit, words: Wording) -> Exhibit:
    """The exhibit with texts in the place of wording keys, filled from the finding's numbers where they ask for it."""

    def worded(value: Scalar) -> Scalar:
        is_key = isinstance(value, str) and value.startswith("@") and words.has(value[1:])
        return words.filled(str(value)[1:], finding.numbers) if is_key else value

    return replace(exhibit, rows=tuple({name: worded(value) for name, value in row.items()} for row in exhibit.rows))


def picture_of(
    key: str, exhibit: Exhibit, grid: Grid, labels: tuple[str, str], words: Wording, half: bool = False
) -> Picture:
    """The chart of `exhibit` with the title and source of `grid`, which holds its data."""
    told = replace(exhibit, rows=with_told(exhibit.rows, told_of(grid, words)))
    spec = chart_spec(told, words, labels, theme.HALF_WIDTH if half else theme.CHART_WIDTH)
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
