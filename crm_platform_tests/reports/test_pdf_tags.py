"""What a screen reader is given: the tag tree of the PDF, read from its bytes by rules of our own."""

import re
from itertools import pairwise

import pytest

from crm_platform.reports.pages import Grid, Picture, Report
from crm_platform.reports.pdf import write_pdf
from crm_platform_tests.reports import hostile
from crm_platform_tests.reports.parsed_tags import Tag, tag_tree


@pytest.fixture(scope="module", params=["ja", "en"])
def made(request, japanese_report, japanese_pdf) -> tuple[Report, bytes]:
    if request.param == "ja":
        return japanese_report, japanese_pdf
    report = hostile.report("en")
    return report, write_pdf(report)


@pytest.fixture
def report(made) -> Report:
    return made[0]


@pytest.fixture
def tags(made) -> list[Tag]:
    return list(tag_tree(made[1]).walk())


def test_headings_follow_one_another_without_a_level_left_out(report: Report, tags: list[Tag]) -> None:
    levels = [int(tag.kind[1:]) for tag in tags if re.fullmatch(r"H\d", tag.kind)]
    assert levels[0] == 1
    assert all(deeper <= higher + 1 for higher, deeper in pairwise(levels))
    assert levels.count(1) == 4 + len(report.chapters)  # contents, points, actions, appendix


def test_every_title_is_a_heading_in_the_order_of_the_report(report: Report, tags: list[Tag]) -> None:
    said = [_squeezed(tag.title) for tag in tags if tag.kind == "H2"]
    titles = [_squeezed(section.title) for chapter in report.chapters for section in chapter.sections]
    assert [title for title in said if title in titles] == titles


def test_every_chart_is_a_figure_that_says_what_it_shows(report: Report, tags: list[Tag]) -> None:
    figures = [tag.alt for tag in tags if tag.kind == "Figure"]
    assert figures == [picture.alt for picture in report.pictures]
    assert all(len(alt) > 20 for alt in figures)


def test_every_table_has_a_header_cell_over_each_column_and_no_row_is_lost(report: Report, tags: list[Tag]) -> None:
    tables, told = [tag for tag in tags if tag.kind == "Table"], 0
    for table in tables:
        parts = list(table.walk())
        headers = [tag for tag in parts if tag.kind == "TH"]
        rows = [tag for tag in parts if tag.kind == "TR"]
        assert headers and all(tag.scope == "Column" for tag in headers)
        sources = [row for row in rows if [cell.columns for cell in row.kids] == [len(headers)] and len(headers) > 1]
        assert sources in ([], rows[-1:]), "one cell across all columns is the source of a table that may break"
        assert [len(row.kids) for row in rows if row not in sources] == [len(headers)] * (len(rows) - len(sources))
        told += len(sources)
    rows = sum(tag.kind == "TR" for tag in tags) - sum(1 for _ in tables) - told
    assert rows == sum(len(grid.rows) for grid in _grids(report))


def test_the_document_names_its_language_and_shows_its_title(report: Report, made) -> None:
    assert f"/Lang({report.language}".encode() in made[1]
    assert b"/DisplayDocTitle true" in made[1]
    assert b"/Marked true" in made[1]


def _grids(report: Report) -> list[Grid]:
    summary = report.summary
    exhibits = [one for chapter in report.chapters for section in chapter.sections for one in section.exhibits]
    tables = [exhibit for exhibit in exhibits if not isinstance(exhibit, Picture)]
    more = (summary.overview, *summary.further, report.actions.table, *report.appendix.tables)
    return [*tables, *(grid for grid in more if grid)]


def _squeezed(text: str) -> str:
    return re.sub(r"\s", "", text)
