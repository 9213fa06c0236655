"""Where a page ends: parts of a report are set at every height near a foot, so that what must not part would part."""

from __future__ import annotations

import copy
import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from crm_platform.reports import Report, pdf
from crm_platform.reports.pages import Grid

pytestmark = pytest.mark.needs_program("pdftotext", "poppler-utils")

PARTS = Path(pdf.__file__).with_name("parts.typ")
HEIGHTS = range(430, 700, 15)  # of a page of 709 points between its margins
DRAWN = """
#import "parts.typ": *
#show: sheet
#for each in report.probes {
  pagebreak(weak: true)
  heading(level: 1, "Before")
  block(height: each.height * 1pt, below: 0pt, "what stands above")
  if each.kind == "table" { exhibit(each.item, level: 2) }
  if each.kind == "finding" { section(each.item) }
  if each.kind == "chapter" {
    titled(1, each.item.lines, each.item.title)
    exhibit((..each.item.exhibits.first(), title: ""), level: 2)
  }
}
"""
Probe = dict[str, Any]


def _grid(rows: int, first_row: str = "") -> Grid:
    cells = tuple((f"first row {first_row}" if n == 0 else f"row {n}", "1") for n in range(rows))
    return Grid("names", "", "Source", ("name", "count"), cells, (False, True))


def _typeset(report: Report, grid: Grid) -> dict[str, Any]:
    """The report's first finding with this table alone, as the template reads it."""
    chapter = report.chapters[0]
    section = replace(chapter.sections[0], exhibits=(replace(grid, title="of a table"),))
    made: dict[str, Any] = pdf.typeset(replace(report, chapters=(replace(chapter, sections=(section,)),)))
    return made


def _probes(kind: str, item: dict[str, Any]) -> Iterator[Probe]:
    for height in HEIGHTS:
        probe = copy.deepcopy(item)
        probe |= {"title": f"title at {height}", "lines": [f"title at {height}"], "anchor": f"at-{height}"}
        yield {"kind": kind, "height": height, "item": probe}


def _pages(report: Report, kind: str, grid: Grid) -> dict[int, str]:
    """What stands on the page with the title, by the height at which it was set."""
    return {int(found[1]): page for page in _drawn(report, kind, grid) if (found := re.search(r"title at (\d+)", page))}


def _drawn(report: Report, kind: str, grid: Grid) -> list[str]:
    """The text of every page."""
    data = _typeset(report, grid)
    section = data["chapters"][0]["sections"][0]
    item = section["exhibits"][0] if kind == "table" else section
    data |= {"probes": list(_probes(kind, item)), "watermark": ""}
    files = {"main.typ": DRAWN.encode(), "parts.typ": PARTS.read_bytes(), "report.json": json.dumps(data).encode()}
    drawn = pdf.compiled(files, report.as_of)
    read = subprocess.run(["pdftotext", "-raw", "-", "-"], input=drawn, capture_output=True, check=True)
    return read.stdout.decode().split("\f")


@pytest.mark.parametrize("kind", ["table", "finding", "chapter"])
def test_a_title_stands_above_its_table_with_the_head_and_three_rows_at_least(
    kind: str, japanese_report: Report
) -> None:
    pages = _pages(japanese_report, kind, _grid(30))
    assert list(pages) == list(HEIGHTS)
    for height, page in pages.items():
        assert all(text in page for text in ("name", "first row", "row 1", "row 2")), height
    assert any("row 29" not in page for page in pages.values()), "and tables do break here"


@pytest.mark.parametrize("kind", ["table", "finding", "chapter"])
def test_the_title_of_a_table_goes_to_the_next_page_with_a_first_row_too_tall_for_this_one(
    kind: str, japanese_report: Report
) -> None:
    pages = _pages(japanese_report, kind, _grid(9, first_row="tall " * 500))
    assert list(pages) == list(HEIGHTS)
    assert [height for height, page in pages.items() if "first row" not in page] == []


def test_the_last_two_rows_of_a_table_and_its_source_stand_on_one_page(japanese_report: Report) -> None:
    ends = [page for page in _drawn(japanese_report, "table", _grid(12)) if "Source" in page]
    assert len(ends) == len(HEIGHTS)
    assert [page for page in ends if "row 10" not in page or "row 11" not in page] == []
    assert any("row 9" not in page for page in ends), "and some tables do break just there"
