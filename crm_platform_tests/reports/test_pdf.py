import re
import subprocess

import pytest

from crm_platform.reports import write_pdf
from crm_platform.reports.pdf import typeset

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
