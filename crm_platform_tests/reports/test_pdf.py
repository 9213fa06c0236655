import dataclasses
import re
import subprocess

import pytest

from crm_platform.reports import diagnosis_report, pdf, write_pdf
from crm_platform.reports.glyphs import BOLD_FONT, REGULAR_FONT
from crm_platform.reports.pdf import typeset
from crm_platform_tests.reports import invented

needs_pdftotext = pytest.mark.needs_program("pdftotext", "poppler-utils")


def _squeezed(text: str) -> str:
    return re.sub(r"\s", "", text)


def _text_of(pdf: bytes) -> str:
    read = subprocess.run(["pdftotext", "-", "-"], input=pdf, capture_output=True, check=True)
    return _squeezed(read.stdout.decode())


@needs_pdftotext
def test_the_pdf_holds_every_title_and_every_exhibit_title(japanese_report, japanese_pdf):
    text = _text_of(japanese_pdf)
    for chapter in japanese_report.chapters:
        for section in chapter.sections:
            assert _squeezed(section.title) in text
            assert section.verdict_label in text
            assert all(_squeezed(exhibit.title) in text for exhibit in section.exhibits)
    assert _squeezed(japanese_report.summary.title) in text


@needs_pdftotext
@pytest.mark.parametrize("lines", (0, 12, 24))
def test_no_title_stands_alone_at_the_foot_of_a_page(lines, japanese_report):
    """A longer comment moves all that follows, so that other titles come near a foot."""
    chapter, *others = japanese_report.chapters
    first, *further = chapter.sections
    longer = dataclasses.replace(first, comment=dataclasses.replace(first.comment, evidence="長" * 48 * lines))
    chapters = (dataclasses.replace(chapter, sections=(longer, *further)), *others)
    moved = dataclasses.replace(japanese_report, chapters=chapters)
    moved.__dict__["drawings"] = japanese_report.drawings
    read = subprocess.run(["pdftotext", "-raw", "-", "-"], input=write_pdf(moved), capture_output=True, check=True)
    confidential = _squeezed(japanese_report.wording.text("report.confidential"))
    sections = [section for chapter in japanese_report.chapters for section in chapter.sections]
    exhibits = [exhibit for section in sections for exhibit in section.exhibits]
    titles = [_squeezed(one.title) for one in (*sections, *exhibits, *japanese_report.appendix.tables)]
    titles += [_squeezed(fact) for section in sections for fact in section.facts]
    pages = [list(map(_squeezed, page.splitlines())) for page in read.stdout.decode().split("\f") if page.strip()]
    assert len(pages) > 4
    for page in pages[1:]:
        feet = [line for line in page if line and confidential not in line and not re.fullmatch(r"\d+/\d+", line)]
        assert not any(title.endswith(feet[-1]) for title in titles if len(feet[-1]) > 3), feet[-1]


@needs_pdftotext
@pytest.mark.parametrize("language", ["ja", "en"])
def test_a_finding_without_data_takes_few_lines_and_says_all_it_would(language):
    words = invented.wording(language)
    finding = next(one for one in invented.diagnosis().findings if one.verdict == "undetermined")
    bare = dataclasses.replace(invented.diagnosis(), findings=(dataclasses.replace(finding, exhibits=()),))
    report = diagnosis_report(bare, language, words)
    (section,) = report.chapters[0].sections
    text = _text_of(write_pdf(report))
    for said in (section.title, section.comment.claim, section.comment.evidence, section.action, *section.facts):
        assert _squeezed(said) in text
    assert text.count(_squeezed(words.text("report.comment"))) == 1, "the box of the comment is the summary's alone"


@needs_pdftotext
def test_client_text_is_shown_as_it_is_and_never_computed(japanese_pdf):
    text = _text_of(japanese_pdf)
    for name in (
        "=cmd|'/CcalcA0",
        '#eval("1+1")*b*$x$@ref',
        "<script>alert(1)</script>",
        "返品ecilA",
        "𠮷野の髙級パック",
    ):
        assert _squeezed(name) in text.replace("'!A0", "A0")
    assert "\u202e" not in text


def test_headings_are_broken_into_lines_that_hold_the_whole_title(report):
    for chapter in typeset(report)["chapters"]:
        for section in chapter["sections"]:
            assert _squeezed("".join(section["lines"])) == _squeezed(section["title"])


def test_the_pdf_declares_pdf_a_2a_pdf_ua_1_its_language_and_its_title(japanese_pdf):
    for mark in (b"<pdfaid:part>2", b"<pdfaid:conformance>A", b"<pdfuaid:part>1", b"/Lang"):
        assert mark in japanese_pdf
    assert "CRM診断レポート 株式会社 &lt;サンプル&gt; 商店".encode() in japanese_pdf


def test_the_report_has_at_least_eight_pages_and_six_charts(japanese_report, japanese_pdf):
    assert len(re.findall(rb"/Type\s*/Page\b", japanese_pdf)) >= 8 or japanese_pdf.count(b"/Type/ObjStm") > 0
    assert len(list(japanese_report.pictures)) >= 6


def test_the_same_diagnosis_gives_the_same_bytes(report_read_back, japanese_pdf):
    assert write_pdf(report_read_back) == japanese_pdf


@needs_pdftotext
def test_a_page_set_in_cut_fonts_stands_as_in_the_whole_ones(japanese_report, japanese_pdf, monkeypatch):
    def put_whole(_letters, folder):
        for file in (REGULAR_FONT, BOLD_FONT):
            (folder / file.name).symlink_to(file)

    monkeypatch.setattr(pdf, "put_fonts", put_whole)
    assert _places(write_pdf(japanese_report)) == _places(japanese_pdf)


def _places(content: bytes) -> bytes:
    """Every word with the place where it stands."""
    read = subprocess.run(["pdftotext", "-bbox", "-", "-"], input=content, capture_output=True, check=True)
    return read.stdout
