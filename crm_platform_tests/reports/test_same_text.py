"""Whoever reads the PDF reads what the page of HTML says: every text of the page model stands in both."""

import re
import subprocess
from collections.abc import Iterator

import pytest

from crm_platform.reports import Report, write_html, write_pdf
from crm_platform.reports.pages import Comment, Grid, Picture, Section
from crm_platform_tests.reports import hostile
from crm_platform_tests.reports.parsed_page import ParsedPage

pytestmark = pytest.mark.needs_program("pdftotext", "poppler-utils")


def test_every_text_of_the_model_stands_in_the_japanese_pdf_and_page(japanese_report, japanese_pdf, japanese_html):
    assert _missing(japanese_report, _of_pdf(japanese_report, japanese_pdf), _of_page(japanese_html)) == []


def test_every_text_of_the_model_stands_in_the_english_pdf_and_page() -> None:
    report = hostile.report("en")
    pdf, page = _of_pdf(report, write_pdf(report)), _of_page(write_html(report).decode())
    assert _missing(report, pdf, page) == []


def _missing(report: Report, pdf: str, page: str) -> list[tuple[str, str]]:
    texts = list(_texts(report))
    assert len(texts) > 150
    both = [("pdf", pdf), ("page", page)]
    missing = [(where, text) for where, whole in both for text in texts if _squeezed(text) not in whole]
    beneath_charts = [cell for picture in report.pictures for row in picture.data.rows for cell in row]
    return missing + [("page", cell) for cell in beneath_charts if _squeezed(cell) not in page]


def _texts(report: Report) -> Iterator[str]:
    """What both say; the numbers of a chart stand as a table on the page only."""
    summary, front, appendix = report.summary, report.front, report.appendix
    yield from (report.title, report.client, *report.cover_lines, summary.title, report.actions.title)
    if front:
        yield from (front.conclusion, front.first_action, front.first_facts, front.healthy, front.undetermined)
        yield from (part for point in front.issues for part in (point.title, point.worth, point.action))
    yield from (part for tile in summary.tiles for part in (tile.label, tile.value, tile.change, tile.base))
    yield from _comment(summary.comment)
    yield from _exhibit(summary.picture)
    yield from (appendix.reading, appendix.forecast)
    for grid in (summary.overview, *summary.further, report.actions.table, *appendix.tables):
        yield from _exhibit(grid)
    for chapter in report.chapters:
        yield from (chapter.label, chapter.name)
        for section in chapter.sections:
            yield from _section(section)


def _section(section: Section) -> Iterator[str]:
    yield from (section.number, section.question, section.title, section.verdict_label, section.threshold)
    yield from (*section.facts, section.action, section.action_facts)
    yield from _comment(section.comment)
    for exhibit in section.exhibits:
        yield from _exhibit(exhibit)


def _comment(comment: Comment) -> Iterator[str]:
    yield from (comment.claim, comment.evidence)


def _exhibit(exhibit: Picture | Grid | None) -> Iterator[str]:
    if exhibit is None:
        return
    yield from (exhibit.title, exhibit.source)
    if isinstance(exhibit, Grid):
        yield from (*exhibit.headers, exhibit.remark)
        yield from (cell for row in exhibit.rows for cell in row)


def _squeezed(text: str) -> str:
    return re.sub(r"\s", "", text)


def _of_page(page: str) -> str:
    return _squeezed("".join(ParsedPage(page).texts))


def _of_pdf(report: Report, pdf: bytes) -> str:
    """The text in reading order, without what runs along the edges of the pages."""
    read = subprocess.run(["pdftotext", "-raw", "-", "-"], input=pdf, capture_output=True, check=True)
    running = report.wording.text("report.running", client=report.client, title=report.title)
    furniture = (_squeezed(running), _squeezed(report.wording.text("report.confidential")))
    lines = [_squeezed(line) for line in read.stdout.decode().replace("\f", "\n").splitlines()]
    return "".join(line for line in lines if not line.startswith(furniture))
