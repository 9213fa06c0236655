import base64
import hashlib
import html
import io
import re
from dataclasses import replace
from itertools import pairwise

import pytest
from fontTools.ttLib import TTFont

from crm_platform.reports import write_html, write_htmls
from crm_platform.reports.pages import Picture
from crm_platform_tests.reports import invented
from crm_platform_tests.reports.parsed_page import ParsedPage


@pytest.fixture(scope="module")
def tree(japanese_html) -> ParsedPage:
    return ParsedPage(japanese_html)


def test_nothing_refers_to_anything_outside_the_file(japanese_html, tree):
    for tag, attributes in tree.tags:
        assert tag not in {"link", "iframe", "object", "embed", "img", "image", "use", "form", "base"}
        assert not [
            name for name in attributes if name.startswith("on") or name in {"src", "srcset", "action", "style"}
        ]
        assert all((attributes.get(name) or "#").startswith("#") for name in ("href", "xlink:href"))
    style = japanese_html[japanese_html.index("<style>") : japanese_html.index("</style>")]
    assert set(re.findall(r"url\((?!data:font/woff)[^)]*\)", style)) == set()
    assert "@import" not in style


def test_the_content_policy_allows_exactly_the_one_style_and_the_one_script_of_the_file(japanese_html):
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', japanese_html)[1]
    allowed = {}
    for tag in ("style", "script"):
        [text] = re.findall(rf"<{tag}>(.*?)</{tag}>", japanese_html, re.DOTALL)
        allowed[tag] = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    assert policy == (
        f"default-src 'none'; style-src 'sha256-{allowed['style']}'; script-src 'sha256-{allowed['script']}'; "
        "font-src data:; base-uri 'none'; form-action 'none'"
    )


def test_the_script_builds_nothing_from_text(japanese_html):
    script = re.search(r"<script>(.*?)</script>", japanese_html, re.DOTALL)[1]
    assert (
        re.findall(r"\beval|Function\(|innerHTML|outerHTML|insertAdjacent|document\.write|setTimeout|fetch", script)
        == []
    )


def test_ids_are_unique_and_every_link_and_reference_has_its_target(japanese_html, tree):
    ids = [attributes["id"] for _, attributes in tree.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    targets = {attributes["href"][1:] for tag, attributes in tree.tags if tag == "a"}
    body = japanese_html[japanese_html.index("<body") :]
    assert targets | set(re.findall(r"url\(#([^)]*)\)", body)) <= set(ids)


def test_every_chart_has_a_description_and_its_numbers_as_a_table(japanese_report, tree):
    described = [attributes["aria-label"] for tag, attributes in tree.tags if tag == "svg"]
    assert described == [picture.alt for picture in japanese_report.pictures]
    assert sum(tag == "details" and not attributes for tag, attributes in tree.tags) == len(described)
    picture = next(picture for picture in japanese_report.pictures if picture.key == "invented_f2-hazard")
    assert isinstance(picture, Picture)
    assert {cell for row in picture.data.rows for cell in row} <= set(tree.texts)


def test_every_mark_of_every_chart_tells_its_row_of_the_table_beneath(japanese_report, tree):
    told = []
    for picture in japanese_report.pictures:
        marks = re.findall(r'<path aria-label="([^"]*)"', japanese_report.drawings[picture.key])
        told += (marks := [html.unescape(mark) for mark in marks])
        rows = [
            "\n".join(f"{name}：{cell}" for name, cell in zip(picture.data.headers, row, strict=True))
            for row in picture.data.rows
        ]
        assert marks == rows, picture.key  # in the order in which the chart draws its rows
    assert tree.told == told


def test_titles_are_there_and_hostile_names_are_text(japanese_report, japanese_html, tree):
    text = "".join(tree.texts)
    for chapter in japanese_report.chapters:
        assert all(section.title in text for section in chapter.sections)
    assert japanese_html.count("<script") == 1
    assert html.escape(invented.HOSTILE_NAMES[1]) in japanese_html
    assert "\u202e" not in japanese_html


def test_headings_descend_without_a_gap(tree):
    levels = [int(tag[1]) for tag, _ in tree.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_the_font_holds_just_the_letters_of_the_page(japanese_html):
    face = re.search(r"base64,([^)]*)\)", japanese_html)[1]
    letters = TTFont(io.BytesIO(base64.b64decode(face))).getBestCmap()
    assert {ord(letter) for letter in "診断𠮷髙"} <= set(letters)
    assert {ord(letter) for letter in "".join(ParsedPage(japanese_html).told)} - {ord("\n")} <= set(letters)
    assert ord("鬱") not in letters


def test_the_same_diagnosis_gives_the_same_bytes(report_read_back, japanese_html):
    assert write_html(report_read_back).decode() == japanese_html


def test_reports_written_together_say_what_each_says_alone_in_fonts_that_hold_the_letters_of_both(
    japanese_report, japanese_html
):
    other = replace(japanese_report, client="鱗鰯鱈")
    pages = [page.decode() for page in write_htmls([japanese_report, other])]
    assert "鱗鰯鱈" in pages[1]
    alone, together = (_without_style(page) for page in (japanese_html, pages[0]))
    assert alone == together
    fonts = [re.findall(r"base64,([^)]*)\)", page) for page in pages]
    assert fonts[0] == fonts[1]
    shown = TTFont(io.BytesIO(base64.b64decode(fonts[0][0]))).getBestCmap()
    assert {ord(letter) for letter in "鱗鰯鱈サンプル"} <= set(shown)


def _without_style(page: str) -> str:
    return re.sub(r"<style>.*?</style>|sha256-[^']*", "", page, flags=re.DOTALL)
