import base64
import hashlib
import html
import io
import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from fontTools.ttLib import TTFont

from crm_platform.reports import write_html, write_htmls
from crm_platform.reports.pages import Picture
from crm_platform_tests.reports import invented

_VOID = {"meta", "wbr", "br", "link", "img", "input", "hr"}


class _Tree(HTMLParser):
    """Collects tags, attributes and texts, and fails on tags that do not nest."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.texts.append(data)


@pytest.fixture(scope="module")
def tree(japanese_html) -> _Tree:
    parsed = _Tree()
    parsed.feed(japanese_html)
    assert parsed.open == []
    return parsed


def test_nothing_refers_to_anything_outside_the_file(japanese_html, tree):
    for tag, attributes in tree.tags:
        assert tag not in {"script", "link", "iframe", "object", "embed", "img", "image", "use", "form", "base"}
        assert not [
            name for name in attributes if name.startswith("on") or name in {"src", "srcset", "action", "style"}
        ]
        assert all((attributes.get(name) or "#").startswith("#") for name in ("href", "xlink:href"))
    style = japanese_html[japanese_html.index("<style>") : japanese_html.index("</style>")]
    assert set(re.findall(r"url\((?!data:font/woff2)[^)]*\)", style)) == set()
    assert "@import" not in style


def test_the_content_policy_allows_exactly_the_style_of_the_file(japanese_html):
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', japanese_html)[1]
    style = re.search(r"<style>(.*?)</style>", japanese_html, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy.startswith("default-src 'none'; ")
    assert f"style-src 'sha256-{digest}'" in policy
    assert "unsafe" not in policy
    assert "script-src" not in policy


def test_ids_are_unique_and_every_link_and_reference_has_its_target(japanese_html, tree):
    ids = [attributes["id"] for _, attributes in tree.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    targets = {attributes["href"][1:] for tag, attributes in tree.tags if tag == "a"}
    body = japanese_html[japanese_html.index("<body>") :]
    assert targets | set(re.findall(r"url\(#([^)]*)\)", body)) <= set(ids)


def test_every_chart_has_a_description_and_its_numbers_as_a_table(japanese_report, tree):
    described = [attributes["aria-label"] for tag, attributes in tree.tags if tag == "svg"]
    assert described == [picture.alt for picture in japanese_report.pictures]
    assert sum(tag == "details" and not attributes for tag, attributes in tree.tags) == len(described)
    picture = next(picture for picture in japanese_report.pictures if picture.key == "invented_f2-hazard")
    assert isinstance(picture, Picture)
    assert {cell for row in picture.data.rows for cell in row} <= set(tree.texts)


def test_titles_are_there_and_hostile_names_are_text(japanese_report, japanese_html, tree):
    text = "".join(tree.texts)
    for chapter in japanese_report.chapters:
        assert all(section.title in text for section in chapter.sections)
    assert "<script" not in japanese_html
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
