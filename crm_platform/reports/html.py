"""Pages as one HTML file that opens offline: one script of our own, no reference to anything outside, strict policy."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property
from html import escape
from pathlib import Path

from crm_platform.reports.html_front import front_html
from crm_platform.reports.html_tables import table_html
from crm_platform.reports.html_text import broken, shown
from crm_platform.reports.pages import SIGNS, Change, Chapter, Comment, Grid, Picture, Report, Section, Summary, Tile
from crm_platform.reports.side_by_side import lone_half
from crm_platform.reports.web_page import style_of, web_page

_SCRIPT = Path(__file__).with_name("report.js")
_ARROWS = {"up": "▲", "down": "▼", "level": "→"}
_SVG_ROOT = re.compile(r"""<svg\b[^>]*?(viewBox="[^"]*")[^>]*>""")
_ROLES = re.compile(r' (?:role="graphics-[a-z]*"|aria-roledescription="[^"]*")')  # English words for a drawing's parts
_ID = re.compile(r"""\b(id="|url\(#|href="#)""")


def write_html(report: Report) -> bytes:
    """The report as one self-contained page; equal reports give equal bytes."""
    return _Page(report).document().encode()


def write_htmls(reports: Sequence[Report]) -> list[bytes]:
    """Several reports, each as `write_html` writes it; fonts are cut once, to the letters of all of them."""
    pages = [_Page(report) for report in reports]
    letters = "".join(sorted(set("".join(page.body for page in pages))))
    return [page.document(letters).encode() for page in pages]


class _Page:
    """The parts of one report's page."""

    def __init__(self, report: Report) -> None:
        self.report = report
        self.text = report.wording.text

    def document(self, letters: str = "") -> str:
        """The whole page; its fonts hold `letters`, too."""
        body = self.body
        said = {"sorted-up": "report.sorted_up", "sorted-down": "report.sorted_down"}
        return web_page(
            self.report.language,
            f"{self.report.title} {self.report.client}",
            self.style(body + letters),
            body,
            _SCRIPT.read_text("utf-8"),
            {name: self.text(key) for name, key in said.items()},
        )

    # --- style --------------------------------------------------------------------------------------------------------

    def style(self, letters: str) -> str:
        """The style sheet with the theme's colours, and fonts cut to the wording's letters and to `letters`.

        The wording's letters are the same for every client and month, so that a font once cut mostly does again.
        """
        return style_of(letters + "".join(self.report.wording.texts.values()))

    # --- body ---------------------------------------------------------------------------------------------------------

    @cached_property
    def body(self) -> str:
        report = self.report
        mark = f'<div class="watermark" aria-hidden="true">{escape(report.watermark)}</div>'
        parts = [
            mark if report.watermark else "",
            f'<a class="skip" href="#text">{escape(self.text("report.skip_to_text"))}</a>',
            self.cover(),
            front_html(report.front, self.text) if report.front else "",
            f'<div class="columns">{self.contents()}<main id="text">',
            self.summary(),
            *(self.chapter(chapter) for chapter in report.chapters),
            self.actions(),
            self.appendix(),
            f"</main></div><footer>{escape(self.text('report.confidential'))}</footer>",
        ]
        return "\n".join(parts)

    def cover(self) -> str:
        report = self.report
        lines = "".join(f"<li>{shown(line)}</li>" for line in report.cover_lines)
        client = broken(self.text("report.for_client", client=report.client))
        return (
            f'<header class="cover"><p class="client">{client}</p>'
            f'<h1>{broken(report.title)}</h1><p class="subtitle">{broken(self.text("report.subtitle"))}</p>'
            f"<ul>{lines}</ul></header>"
        )

    def contents(self) -> str:
        chapters = "".join(
            f'<li><a href="#{chapter.anchor}">{escape(chapter.label)} {escape(chapter.name)}</a><ol>'
            + "".join(
                f'<li><a href="#{section.anchor}"><span class="dot {section.verdict}" aria-hidden="true">'
                f"{SIGNS[section.verdict]}</span> {broken(section.title)}</a></li>"
                for section in chapter.sections
            )
            + "</ol></li>"
            for chapter in self.report.chapters
        )
        name = escape(self.text("report.contents"))
        first = f'<li><a href="#this-month">{escape(self.text("report.this_month"))}</a></li>'
        last = "".join(
            f'<li><a href="#{key}">{escape(self.text(f"{key}.title"))}</a></li>' for key in ("actions", "appendix")
        )
        return f'<nav aria-label="{name}"><h2>{name}</h2><ol>{first}{chapters}{last}</ol></nav>'

    def summary(self) -> str:
        summary = self.report.summary
        tiles = "".join(self.tile(tile) for tile in summary.tiles)
        return (
            f'<section id="this-month"><p class="tag">{escape(self.text("report.this_month"))}</p>'
            f'<h2 class="title">{broken(summary.title)}</h2>'
            + (f'<dl class="tiles{" three" if self.report.is_letter else ""}">{tiles}</dl>' if tiles else "")
            + (self.picture(summary.picture, 3) if summary.picture else "")
            + self.story(summary)
            + (self.grid(summary.overview, 3) if summary.overview else "")
            + "".join(f"<p>{shown(line)}</p>" for line in summary.told)
            + "".join(self.grid(grid, 3) for grid in summary.further)
            + "</section>"
        )

    def story(self, summary: Summary) -> str:
        """The comment, beside the chart of its reasons where there is one."""
        comment = self.comment(summary.comment, "")
        if summary.why is None:
            return comment
        return f'<div class="exhibits">{self.picture(summary.why, 3)}<div class="half">{comment}</div></div>'

    def tile(self, tile: Tile) -> str:
        change = (
            f'<dd class="change"><strong class="{tile.direction}">{_ARROWS[tile.direction]} {escape(tile.change)}'
            "</strong> "
            f"{escape(tile.base)}</dd>"
            if tile.change
            else "".join(map(_change, tile.changes))
        )
        return f'<div><dt>{escape(tile.label)}</dt><dd class="value">{escape(tile.value)}</dd>{change}</div>'

    def chapter(self, chapter: Chapter) -> str:
        sections = "\n".join(self.section(section) for section in chapter.sections)
        return (
            f'<section class="chapter" id="{chapter.anchor}"><p class="tag">{escape(chapter.label)}</p>'
            f"<h2>{broken(chapter.name)}</h2>\n{sections}</section>"
        )

    def section(self, section: Section) -> str:
        facts = "".join(f"<li>{shown(fact)}</li>" for fact in section.facts)
        line = self.text("report.threshold", threshold=section.threshold) if section.threshold else ""
        threshold = f'<span class="threshold">{shown(line)}</span>' if line else ""
        return (
            f'<article id="{section.anchor}" aria-labelledby="{section.anchor}-title">'
            f'<div class="verdict"><span class="tag">{section.number}</span>{threshold}<strong class="chip '
            f'{section.verdict}">{SIGNS[section.verdict]} {escape(section.verdict_label)}</strong></div>'
            + (
                f'<p class="question">{escape(self.text("report.question", question=section.question))}</p>'
                if section.question
                else ""
            )
            + f'<h3 id="{section.anchor}-title">{broken(section.title)}</h3>'
            + (f'<ul class="facts">{facts}</ul>' if facts else "")
            + f"{self.evidence(section)}{self.lineage(section)}</article>"
        )

    def lineage(self, section: Section) -> str:
        """From which tables, months and deliveries the numbers come, to unfold (来歴)."""
        if not section.lineage:
            return ""
        lines = "".join(f"<li>{shown(line)}</li>" for line in section.lineage)
        name = escape(self.text("report.lineage"))
        return f'<details class="lineage"><summary>{name}</summary><ul>{lines}</ul></details>'

    def evidence(self, section: Section) -> str:
        """Exhibits and comment; the comment stands beside the first exhibit of half the width that has no neighbour."""
        comment = self.comment(section.comment, section.action, section.action_facts)
        exhibits, place = section.exhibits, lone_half([exhibit.half for exhibit in section.exhibits])
        parts = [self.exhibit(exhibit) for exhibit in exhibits]
        if place is None:
            return f'<div class="exhibits">{"".join(parts)}</div>{comment}'
        parts.insert(place + 1, f'<div class="half">{comment}</div>')
        return f'<div class="exhibits">{"".join(parts)}</div>'

    def exhibit(self, exhibit: Picture | Grid) -> str:
        return self.picture(exhibit) if isinstance(exhibit, Picture) else self.grid(exhibit)

    def picture(self, picture: Picture, level: int = 4) -> str:
        """The chart, scrolled sideways on a small screen, with its numbers as a table to unfold."""
        summary = escape(self.text("report.data_table"))
        half = " half" if picture.half else ""
        return (
            f'<figure class="chart{half}"><figcaption>{_titled(picture.title, level)}</figcaption>'
            f'<div class="scroll" role="group" tabindex="0" aria-label="{escape(picture.title)}">'
            f"{self.drawing(picture)}</div>"
            f'<p class="source">{escape(picture.source)}</p>'
            f"<details><summary>{summary}</summary>{table_html(picture.data, self.report.wording)}</details></figure>"
        )

    def drawing(self, picture: Picture) -> str:
        """The SVG with ids of its own and a description instead of its inner labels."""
        plain = _ROLES.sub("", self.report.drawings[picture.key])
        svg = _ID.sub(lambda found: f"{found[1]}{picture.key}-", plain)
        root = _SVG_ROOT.match(svg)
        if root is None:
            raise ValueError(f"the drawing of '{picture.key}' does not begin with an SVG root that has a viewBox")
        return f'<svg role="img" aria-label="{escape(picture.alt)}" {root[1]}>{svg[root.end() :]}'

    def grid(self, grid: Grid, level: int = 4) -> str:
        title = _titled(grid.title, level) if grid.title else ""
        source = f'<p class="source">{escape(grid.source)}</p>' if grid.source else ""
        kind = (
            " half" if grid.half else f" {grid.key}" if grid.key in ("overview", "plan", "turned", "contacts") else ""
        )
        return f'<div class="table{kind}">{title}{table_html(grid, self.report.wording)}{source}</div>'

    def comment(self, comment: Comment, action: str, facts: str = "") -> str:
        evidence = f"<p>{shown(comment.evidence)}</p>" if comment.evidence else ""
        act = (
            f'<p class="action"><strong>{escape(self.text("report.action"))}</strong> {shown(action)}</p>'
            if action
            else ""
        )
        act += f'<p class="plan">{shown(facts)}</p>' if facts else ""
        return (
            f'<div class="comment"><p class="tag">{escape(self.text("report.comment"))}</p>'
            f"<p><strong>{shown(comment.claim)}</strong></p>{evidence}{act}</div>"
        )

    def actions(self) -> str:
        actions = self.report.actions
        table = "".join(self.grid(grid, 3) for grid in (actions.table, *actions.further) if grid)
        return (
            f'<section id="actions"><p class="tag">{escape(self.text("actions.title"))}</p>'
            f'<h2 class="title">{broken(actions.title)}</h2>{table}</section>'
        )

    def appendix(self) -> str:
        appendix = self.report.appendix
        return (
            f'<section id="appendix"><h2 class="title">{escape(self.text("appendix.title"))}</h2>'
            f"{_titled(self.text('appendix.reading'), 3)}<p>{escape(appendix.reading)}</p>"
            f"{_titled(self.text('appendix.forecast'), 3)}<p>{escape(appendix.forecast)}</p>"
            f"{''.join(self.grid(table, 3) for table in appendix.tables)}</section>"
        )


def _change(change: Change) -> str:
    sign = f"{_ARROWS[change.direction]} {escape(change.text)}" if change.text else ""
    return f'<dd class="change"><strong class="{change.look}">{sign}</strong> {escape(change.base)}</dd>'


def _titled(title: str, level: int) -> str:
    """The title of an exhibit as a heading of the level that fits its place."""
    return f'<h{level} class="exhibit">{broken(title)}</h{level}>'
