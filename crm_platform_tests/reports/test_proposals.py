"""The two proposals: the client's own numbers, each with its source, the same in both media, two pages at most."""

from __future__ import annotations

import io
import re
import subprocess
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import docx
import pytest
from docx.oxml.ns import qn

from crm_platform.alerts.campaigns.simulation import simulate_campaign
from crm_platform.diagnosis.finding import Action, Diagnosis, Finding
from crm_platform.diagnosis.shopping_alert import alert_diagnosis
from crm_platform.reports import Wording
from crm_platform.reports.grids import column_widths
from crm_platform.reports.pages import Grid
from crm_platform.reports.proposals import Proposal, alert_test_plan, internal_approval, write_docx, write_proposal_pdf
from crm_platform.reports.proposals.document import Points, Said
from crm_platform.reports.proposals.docx_file import SHORT_COLUMN
from crm_platform_tests.diagnosis.planted_alerts import alert_inputs
from crm_platform_tests.reports.invented import HOSTILE_NAMES

QUOTE: dict[str, Any] = {
    "lines": [{"name": "A", "amount_jpy": 678_000}, {"name": "B", "amount_jpy": -200_000}],
    "total_jpy": 478_000,
    "rule": {"sentence": "50億円まで"},
    "provisional": [{"sentence": "12ヶ月のうち5ヶ月分です。"}],
}
ALERT = alert_diagnosis(alert_inputs())
NOBODY = alert_diagnosis(alert_inputs(alerted=0))
LANGUAGES = ("ja", "en")
ASKED = re.compile(r"{(\w+):(\w+)}")


def second_opinion(*findings: Finding) -> Diagnosis:
    return Diagnosis("株式会社 <サンプル>", "2025-06", "2025-06-30", "2020-07", {}, findings)


RETENTION = Finding(
    "retention_power", "current_state", "healthy", {"repeat_rate": 0.506, "change_points": 0.0167}, yen_effect_jpy=9
)
ISSUES = tuple(
    Finding(
        "alerts",
        "existing_customers",
        "issue",
        {**dict.fromkeys(("contact_cost_jpy", "response_rate", "break_even_rate", "mean_loss_jpy"), 0.05), **told},
        yen_effect_jpy=1_234_567,
        action=Action("x", 60, "@action_channel.mail", 1),
    )
    for told in (
        {
            "alerted_customers": 60,
            "expected_loss_jpy": 1_234_567,
            "treated_customers": 31,
            "control_customers": 29,
            "prevented_jpy": 61_728,
        },
    )
)


def both(language: str) -> list[Proposal]:
    words = Wording.of(language)
    filled = second_opinion(RETENTION, *ISSUES)
    return [alert_test_plan(ALERT, QUOTE, words), internal_approval(filled, (ALERT,), QUOTE, words)]


@pytest.fixture(scope="module")
def proposals() -> list[Proposal]:
    return [proposal for language in LANGUAGES for proposal in both(language)]


@pytest.fixture(scope="module")
def pdfs(proposals: list[Proposal]) -> list[bytes]:
    return [write_proposal_pdf(proposal) for proposal in proposals]


def statements(proposal: Proposal) -> Iterator[Said]:
    for part in proposal.parts:
        for block in part.blocks:
            yield from block.items if isinstance(block, Points) else [block] if isinstance(block, Said) else []


def grids(proposal: Proposal) -> dict[str, Grid]:
    return {block.key: block for part in proposal.parts for block in part.blocks if isinstance(block, Grid)}


def squeezed(text: str) -> str:
    return re.sub(r"\s", "", text)


def test_the_sums_are_those_of_the_published_sample() -> None:
    sample = simulate_campaign(7000, 0.05, 10_000, 100, 0, 0)  # 003:133-135
    numbers = {**vars(sample), "order_value_jpy": 10_000, "unit_cost_jpy": 100, "gain_jpy": sample.sales_minus_cost_jpy}
    numbers |= {"break_even_rate": 0.01, "careful_ltv_jpy": None}
    planned = Finding("alert_simulation", "alert_measures", "healthy", numbers)
    plan = alert_test_plan(replace(ALERT, findings=(planned,)), QUOTE, Wording.of("ja"))
    assert [squeezed(result) for _, result in grids(plan)["sums"].rows] == [
        "約350人の優良客が継続する",
        "売上3,500,000円が生まれる",
        "施策経費700,000円を投下する",
        "差引2,800,000円",
    ]
    assert "LTV" not in next(one.text for one in statements(plan) if one.lead.startswith("レス率"))


def test_the_groups_are_as_large_as_the_test_that_the_alert_designed(proposals: list[Proposal]) -> None:
    design = next(one.numbers for one in ALERT.findings if one.key == "alert_test_design")
    sizes = [row[-1] for row in grids(proposals[0])["groups"].rows]
    assert sizes == [f"{design[f'{group}_customers']:,}人" for group in ("treated", "control")]


def test_every_statement_with_a_number_names_its_finding(proposals: list[Proposal]) -> None:
    for proposal in proposals:
        told = [
            one
            for one in statements(proposal)
            if re.search(r"\d", one.text) and QUOTE["rule"]["sentence"] not in one.text
        ]
        assert len(told) >= 2
        assert [one.text for one in told if not one.source] == []
        assert all(
            grid.source or "出どころ" in grid.headers or "From" in grid.headers for grid in grids(proposal).values()
        )


@pytest.mark.parametrize("language", LANGUAGES)
def test_where_nobody_is_alerted_a_line_says_so_in_the_place_of_each_number(language: str) -> None:
    words = Wording.of(language)
    plan = alert_test_plan(NOBODY, QUOTE, words)
    nobody = words.text("proposal.nobody")
    assert grids(plan).keys() == {"fee"}
    assert [one.text for one in statements(plan)].count(nobody) == 6
    assert {one.text for one in statements(plan) if not one.source} >= {nobody}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_second_opinion_without_answers_says_so_and_has_no_issue(language: str) -> None:
    words = Wording.of(language)
    approval = internal_approval(second_opinion(), (NOBODY,), {**QUOTE, "total_jpy": None, "lines": []}, words)
    assert {row[1] for row in grids(approval)["state"].rows} == {words.text("proposal.too_little")}
    texts = list(approval.texts)
    assert words.text("actions.heading_none") in texts
    assert words.text("proposal.internal_approval.no_rank") in texts
    assert words.text("quote.individual") in texts
    assert "fee" not in grids(approval)


def test_the_approval_shows_the_issue_with_its_action_and_what_is_at_stake(proposals: list[Proposal]) -> None:
    (row,) = grids(proposals[1])["issues"].rows
    assert row[2] == "123万円"
    assert all("60" in text or "31" in text for text in row[:2])


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_approval_says_how_many_issues_it_leaves_to_the_reports(language: str) -> None:
    words, (issue,) = Wording.of(language), ISSUES
    keys = ("alerts", "retention_power", "purchasing_power", "segment_stability", "cohort_break")
    asked = [found for key, text in words.texts.items() if key.startswith(keys) for found in ASKED.findall(text)]
    numbers: dict[str, Any] = {name: {"month": "2025-06", "text": "x"}.get(kind, 1) for name, kind in asked}
    numbers |= issue.numbers
    for shown in (3, 4, 5):
        found = [replace(issue, key=key, numbers=numbers) for key in keys[:shown]]
        approval = internal_approval(second_opinion(*found), (ALERT,), QUOTE, words)
        grid = grids(approval)["issues"]
        assert len(grid.rows) == 3
        told = re.search(r"ほかに(\d)件|portfolio: (\d)", grid.source)
        assert (told and next(filter(None, told.groups()))) == (str(shown - 3) if shown > 3 else None)


def docx_texts(content: bytes) -> str:
    """Paragraphs and cells in the order of the document, squeezed."""
    body = docx.Document(io.BytesIO(content)).element.body
    return squeezed("".join(text.text or "" for text in body.iter(qn("w:t"))))


def test_the_docx_holds_exactly_the_declared_texts(proposals: list[Proposal]) -> None:
    for proposal in proposals:
        assert docx_texts(write_docx(proposal)) == squeezed("".join(proposal.texts))


def test_a_short_column_of_the_docx_holds_its_words_and_no_row_is_parted(proposals: list[Proposal]) -> None:
    for proposal in proposals:
        document = docx.Document(io.BytesIO(write_docx(proposal)))
        grids = [block for part in proposal.parts for block in part.blocks if isinstance(block, Grid)]
        tables = [
            table for table in document.tables if table.rows[0].cells[0].text in {grid.headers[0] for grid in grids}
        ]
        assert len(tables) == len(grids)
        for grid, table in zip(grids, tables, strict=True):
            widths = [column.width.pt for column in table.columns]
            assert sum(widths) == pytest.approx(470.6, abs=1)
            for needed, width in zip(column_widths(grid), widths, strict=True):
                assert width >= needed or needed > SHORT_COLUMN
            assert all(
                row._tr.trPr is not None and row._tr.trPr.find(qn("w:cantSplit")) is not None for row in table.rows
            )


@pytest.mark.needs_program("pdftotext", "poppler-utils")
def test_the_pdf_holds_every_text_of_the_docx_in_the_same_order(proposals: list[Proposal], pdfs: list[bytes]) -> None:
    for proposal, pdf in zip(proposals, pdfs, strict=True):
        read = subprocess.run(["pdftotext", "-raw", "-", "-"], input=pdf, capture_output=True, check=True)
        pages = read.stdout.decode().removesuffix("\f").split("\f")
        assert len(pages) <= 2
        foot = squeezed(f"{proposal.confidential}{proposal.kind}")
        shown = "".join(squeezed(page) for page in pages).replace("•", "")
        for number in range(1, len(pages) + 1):
            shown = shown.replace(f"{foot}{number}/{len(pages)}", "", 1)
        assert shown == docx_texts(write_docx(proposal))


def test_the_pdf_declares_the_standards_and_the_same_proposal_gives_the_same_bytes(
    proposals: list[Proposal], pdfs: list[bytes]
) -> None:
    for mark in (b"<pdfaid:part>2", b"<pdfaid:conformance>A", b"<pdfuaid:part>1", b"/Lang"):
        assert all(mark in pdf for pdf in pdfs)
    assert write_proposal_pdf(both("ja")[0]) == pdfs[0]
    assert write_docx(both("en")[1]) == write_docx(proposals[3])


def test_no_clock_is_in_the_docx(proposals: list[Proposal]) -> None:
    content = write_docx(proposals[0])
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        assert {part.date_time for part in package.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    properties = docx.Document(io.BytesIO(content)).core_properties
    for moment in (properties.created, properties.modified):
        assert moment is not None
        assert moment.date().isoformat() == ALERT.as_of


def test_the_docx_marks_headings_header_rows_language_and_a_font_that_office_has(proposals: list[Proposal]) -> None:
    for proposal in proposals:
        made = docx.Document(io.BytesIO(write_docx(proposal)))
        styles = [paragraph.style.name for paragraph in made.paragraphs if paragraph.style]
        assert (styles.count("Heading 1"), styles.count("Heading 2")) == (1, len(proposal.parts))
        headed = [table for table in made.tables if table._tbl.findall(f".//{qn('w:tblHeader')}")]
        assert len(headed) == len(grids(proposal))
        (said,) = made.styles.element.iter(qn("w:lang"))
        assert (said.get(qn("w:val")), said.get(qn("w:eastAsia"))) == (
            {"ja": "ja-JP", "en": "en-GB"}[proposal.language],
            "ja-JP",
        )
        for name in ("Normal", "Heading 1", "Heading 2", "List Bullet"):
            fonts = made.styles[name].element.rPr.rFonts.attrib  # type: ignore[attr-defined]
            assert fonts[qn("w:eastAsia")] == fonts[qn("w:ascii")] == "Yu Gothic"
            assert not [attribute for attribute in fonts if attribute.endswith("Theme")]


def test_a_hostile_client_is_shown_as_text_in_both_media() -> None:
    for name in HOSTILE_NAMES:
        plan = alert_test_plan(replace(NOBODY, client=f"{name}\x00\x07"), QUOTE, Wording.of("ja"))
        assert squeezed(plan.addressed_to) in docx_texts(write_docx(plan))
        assert not set(plan.client) & {"\u202e", "\x00", "👍"}
        assert len(plan.client) <= 40
    assert write_proposal_pdf(plan).startswith(b"%PDF")


def test_what_only_the_client_knows_is_left_to_fill_in(proposals: list[Proposal]) -> None:
    for proposal in proposals:
        marks = list(proposal.texts).count(proposal.form.mark)
        assert marks >= len(proposal.form.labels) >= 5
