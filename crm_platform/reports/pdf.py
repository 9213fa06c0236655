"""Pages as PDF: Typst in this process, from in-memory inputs only; client text is JSON data, never source.

The compiler itself enforces PDF/A-2a (archiving) and PDF/UA-1 (accessibility).
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from string import printable
from tempfile import TemporaryDirectory
from typing import Any

import typst

from crm_platform.reports import theme
from crm_platform.reports.glyphs import broken
from crm_platform.reports.grids import column_widths
from crm_platform.reports.pages import Chapter, Grid, Picture, Report, Section, Tile
from crm_platform.reports.paper_fonts import put_fonts

STANDARDS: list[Any] = ["a-2a", "ua-1"]
TALL = 1.6 * theme.CHART_HEIGHT  # a chart that may part from its comment, lest both leave most of a page empty
_REPORT, _LETTER, _PARTS = (Path(__file__).with_name(f"{name}.typ") for name in ("report", "letter", "parts"))


def write_pdf(report: Report) -> bytes:
    """The report as PDF; equal reports give equal bytes."""
    template = _LETTER if report.is_letter else _REPORT
    files = {"main.typ": template.read_bytes(), "parts.typ": _PARTS.read_bytes()}
    files |= {"report.json": json.dumps(typeset(report)).encode()}
    charts = {f"{key}.svg": svg.encode() for key, svg in report.drawings.items()}
    return compiled({**files, **charts}, report.as_of)


def compiled(files: Mapping[str, bytes], as_of: str) -> bytes:
    """`main.typ` among files in memory as PDF, with our fonts only; `as_of` is its ISO day."""
    sources: Any = dict(files)  # the compiler takes files in memory, which its type stubs do not know
    with TemporaryDirectory() as fonts:
        put_fonts(_letters(files), Path(fonts))
        made = typst.compile(
            sources,
            format="pdf",
            font_paths=[fonts],
            ignore_system_fonts=True,
            timestamp=int(_midnight(as_of).timestamp()),
            pdf_standards=STANDARDS,
        )
    if not isinstance(made, bytes):
        raise TypeError(f"the compiler gave {type(made).__name__} instead of one PDF")
    return made


def _letters(files: Mapping[str, bytes]) -> set[str]:
    """Every letter that the files can show, and those of numbers, dots and hyphens that the compiler writes itself."""
    texts = {name: content.decode() for name, content in files.items()}
    data = [json.dumps(json.loads(text), ensure_ascii=False) for name, text in texts.items() if name.endswith(".json")]
    return set(printable).union(*texts.values(), *data)


def _midnight(as_of: str) -> dt.datetime:
    return dt.datetime.combine(dt.date.fromisoformat(as_of), dt.time(), dt.UTC)


def typeset(report: Report) -> dict[str, Any]:
    """The report as plain JSON for the template, headings broken into lines between phrases."""
    day = dt.date.fromisoformat(report.as_of)
    return {
        "client": report.client,
        "title": report.title,
        "language": report.language,
        "as_of": report.as_of,
        "watermark": report.watermark,
        "date": [day.year, day.month, day.day],
        "cover_title": broken(report.title, 30, theme.TITLE_WIDTH),
        "cover_client": broken(report.wording.text("report.for_client", client=report.client), 16, theme.TITLE_WIDTH),
        "cover_lines": list(report.cover_lines),
        "front": _front(report) if report.front else None,
        "summary": {
            **asdict(report.summary),
            "picture": _exhibit(report.summary.picture) if report.summary.picture else None,
            "overview": _exhibit(report.summary.overview) if report.summary.overview else None,
            "further": [_exhibit(grid) for grid in report.summary.further],
            "why": _exhibit(report.summary.why) if report.summary.why else None,
            "tiles": [_tile(tile) for tile in report.summary.tiles],
            "lines": _heading(report.summary.title, theme.CHAPTER_SIZE),
        },
        "chapters": [_chapter(chapter, report) for chapter in report.chapters],
        "actions": {
            "lines": _heading(report.actions.title, theme.CHAPTER_SIZE),
            "title": report.actions.title,
            "table": _exhibit(report.actions.table) if report.actions.table else None,
            "further": [_exhibit(grid) for grid in report.actions.further],
        },
        "appendix": {
            "reading": report.appendix.reading,
            "forecast": report.appendix.forecast,
            "tables": [_exhibit(table) for table in report.appendix.tables],
        },
        "words": _words(report),
        "theme": {
            name.lower(): value for name, value in vars(theme).items() if isinstance(value, str) and name.isupper()
        },
    }


def _front(report: Report) -> dict[str, Any]:
    """The first page's answer, its lists under their names; an empty list is left out."""
    front, text = report.front, report.wording.text
    if front is None:
        raise ValueError("this report has no first page")
    lists = {"further": front.further_issues, "healthy": front.healthy, "undetermined": front.undetermined}
    return {
        "lines": broken(front.conclusion, theme.CHAPTER_SIZE, theme.TITLE_WIDTH),
        "answers": [asdict(each) for each in front.answers],
        "counts": [{"kind": kind, "name": name, "count": count} for kind, name, count in front.counts],
        "issues": [asdict(point) for point in front.issues],
        "issues_name": text("front.issues"),
        "lists": [{"name": text(f"front.{key}"), "names": names} for key, names in lists.items() if names],
        "first_name": text("front.first"),
        "first_action": front.first_action,
        "first_facts": front.first_facts,
    }


def _tile(tile: Tile) -> dict[str, Any]:
    return {**asdict(tile), "changes": [{**asdict(change), "look": change.look} for change in tile.changes]}


def _heading(text: str, size: float = theme.TITLE_SIZE) -> list[str]:
    return broken(text, size, theme.TITLE_WIDTH)


def _chapter(chapter: Chapter, report: Report) -> dict[str, Any]:
    return {
        "anchor": chapter.anchor,
        "label": chapter.label,
        "name": chapter.name,
        "sections": [_section(section, report) for section in chapter.sections],
    }


def _section(section: Section, report: Report) -> dict[str, Any]:
    plain = {name: value for name, value in vars(section).items() if isinstance(value, str)}
    return {
        **plain,
        "threshold": report.wording.text("report.threshold", threshold=section.threshold) if section.threshold else "",
        "question": report.wording.text("report.question", question=section.question) if section.question else "",
        "lines": _heading(section.title),
        "facts": list(section.facts),
        "exhibits": [_exhibit(exhibit) for exhibit in section.exhibits],
        "comment": asdict(section.comment),
    }


def _exhibit(exhibit: Picture | Grid) -> dict[str, Any]:
    width = theme.HALF_WIDTH if exhibit.half else theme.TITLE_WIDTH
    title = {"title": exhibit.title, "lines": broken(exhibit.title, theme.CHART_TITLE_SIZE, width)}
    if isinstance(exhibit, Picture):
        image = {"image": f"{exhibit.key}.svg", "alt": exhibit.alt, "half": exhibit.half}
        image["is_tall"] = exhibit.spec.get("height", 0) > TALL
        return {**title, "source": exhibit.source, **image}
    return {**asdict(exhibit), **title, "widths": column_widths(exhibit)}


def _words(report: Report) -> dict[str, str]:
    """The furniture of the pages."""
    keys = ("comment", "action", "contents", "this_month", "confidential", "subtitle", "no_findings")
    words = {key: report.wording.text(f"report.{key}") for key in keys}
    running = report.wording.text("report.running", client=report.client, title=report.title)
    return words | {
        "running": running,
        "actions": report.wording.text("actions.title"),
        "appendix": report.wording.text("appendix.title"),
        "reading": report.wording.text("appendix.reading"),
        "forecast": report.wording.text("appendix.forecast"),
    }
