import io
import re
import subprocess
from base64 import b64decode

import pytest
from fontTools.ttLib import TTFont

from crm_platform.reports import Report, write_html, write_pdf
from crm_platform.reports.glyphs import GETA
from crm_platform.reports.legibility import LONGEST_TEXT
from crm_platform_tests.reports import hostile
from crm_platform_tests.reports.parsed_page import ParsedPage

SHOWN = (
    "=cmd|' /C calc'!A0",
    "<script>alert(1)</script>",
    '#eval("1+1") *b* $x$ @ref',
    "返品ecilA",
    "青汁〓お試し",
    "𠮷野の髙級パック",
    "</text></svg><image href='secret.png'/>",
    "長い名前" * 9 + "長い名…",
    "W" * 39 + "…",
)


@pytest.fixture(scope="module")
def report() -> Report:
    return hostile.report("ja")


@pytest.fixture(scope="module")
def page(report: Report) -> str:
    return write_html(report).decode()


def test_every_name_is_text_in_titles_cells_and_tooltips_of_the_page(report, page):
    parsed = ParsedPage(page)
    text = "".join(parsed.texts)
    titles = [section.title for chapter in report.chapters for section in chapter.sections]
    for name in SHOWN:
        assert len(name) <= LONGEST_TEXT
        assert any(title.startswith(name) for title in titles)
        assert all(title in text for title in titles)
        assert name in parsed.texts  # a cell of its own
        assert sum(f"：{name}\n" in f"{told}\n" for told in parsed.told) == 1 + 1 + 3 + 3  # bar, point, line, heatmap
    assert {tag for tag, _ in parsed.tags} & {"image", "img", "iframe"} == set()
    assert sum(tag == "script" for tag, _ in parsed.tags) == 1


def test_what_cannot_be_shown_is_replaced_counted_and_told_with_the_quality_of_the_data(report, page):
    written = str(hostile.diagnosis().to_json())
    assert report.replaced_characters == written.count("👍") > 5
    assert report.appendix.method.rows[-1][1] == f"{report.replaced_characters}文字"
    assert "👍" not in page
    assert GETA in page
    assert not {"\u202e", "ﾊ", "\x00"} & set(page)


def test_the_fonts_hold_every_letter_that_the_page_and_its_tooltips_show(page):
    parsed = ParsedPage(page)
    shown = set("".join([*parsed.texts, *parsed.told])) - {"\n"}
    for face in re.findall(r"base64,([^)]*)\)", page):
        assert {ord(letter) for letter in shown} <= set(TTFont(io.BytesIO(b64decode(face))).getBestCmap())


@pytest.mark.needs_program("pdftotext", "poppler-utils")
def test_every_name_is_text_in_the_pdf_too(report):
    read = subprocess.run(["pdftotext", "-raw", "-", "-"], input=write_pdf(report), capture_output=True, check=True)
    text = re.sub(r"\s", "", read.stdout.decode())
    for name in SHOWN:
        assert re.sub(r"\s", "", name) in text, name
    assert not {"\u202e", "👍", "ﾊ"} & set(text)
