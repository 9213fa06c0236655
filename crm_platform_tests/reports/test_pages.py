import dataclasses
import datetime as dt

import pytest

from crm_platform.diagnosis import diagnose
from crm_platform.diagnosis.finding import Diagnosis, Exhibit, Finding
from crm_platform.reports import MissingWordingError, diagnosis_report, write_html, write_pdf
from crm_platform.reports.pages import Grid, Picture
from crm_platform.reports.sections import halves
from crm_platform_tests.diagnosis.planted import planted_inputs, random_orders
from crm_platform_tests.reports import invented

JA = invented.wording("ja")


def _one(finding: Finding) -> Diagnosis:
    return dataclasses.replace(invented.diagnosis(), findings=(finding,))


def test_every_finding_has_a_section_in_the_order_of_the_chapters(report):
    sections = [section for chapter in report.chapters for section in chapter.sections]
    assert len(sections) == len(invented.diagnosis().findings)
    assert [section.number for section in sections][:4] == ["1-1", "1-2", "1-3", "2-1"]
    assert len({section.anchor for section in sections}) == len(sections)


def test_the_number_in_a_title_is_the_number_of_its_chart():
    finding = next(finding for finding in invented.diagnosis().findings if finding.key == "invented_f2")
    for rate in (0.4, 0.1234):
        rows = ({"order": 1, "hazard": rate},)
        exhibit = dataclasses.replace(finding.exhibits[0], rows=rows)
        changed = dataclasses.replace(finding, numbers={**finding.numbers, "rate": rate}, exhibits=(exhibit,))
        section = diagnosis_report(_one(changed), "ja", JA).chapters[0].sections[0]
        picture = section.exhibits[0]
        written = f"{rate:.1%}"
        assert written in section.title
        assert isinstance(picture, Picture)
        assert picture.data.rows == (("1", written),)
        assert written in str(picture.spec)


def test_actions_are_sorted_by_yen_effect_and_only_issues_have_one(japanese_report):
    table = japanese_report.actions.table
    assert [row[0] for row in table.rows] == ["f2", "portfolio", "classes", "lapse", "products"]
    assert [row[3] for row in table.rows] == ["1.20億円", "6,600万円", "4,100万円", "2,300万円", "900万円"]


def test_the_summary_counts_verdicts_and_shows_four_figures_with_their_change(japanese_report):
    summary = japanese_report.summary
    assert summary.title == "2025年6月末の診断：5項目が課題、5項目は健全"
    assert [tile.value for tile in summary.tiles] == ["13.1億円", "29,144", "41.8%", "6.90億円"]
    assert [(tile.direction, tile.change) for tile in summary.tiles[:2]] == [("up", "+1.7%"), ("down", "−2.3%")]


def test_the_threshold_stands_beside_the_verdict(japanese_report):
    section = japanese_report.chapters[0].sections[0]
    assert (section.verdict_label, section.threshold) == ("健全", "50.0% 以上")


def test_characters_that_cannot_be_shown_are_counted_in_the_appendix(japanese_report):
    emoji = str(invented.diagnosis().to_json()).count("👍")
    assert japanese_report.replaced_characters == emoji
    assert (f"{emoji}文字") in [row[1] for row in japanese_report.appendix.method.rows]


def test_what_took_over_in_the_forecast_is_told_in_the_appendix():
    notes = ({"key": "few_repeaters", "repeaters": 12, "fewest": 50}, {"key": "no_trees", "fewest": 200})
    told = dataclasses.replace(invented.diagnosis(), forecast_notes=notes)
    assert Diagnosis.from_json(told.to_json()).forecast_notes == notes
    report = diagnosis_report(told, "ja", JA)
    assert [row[0] for row in report.appendix.notes.rows] == ["購入の間隔", "決定木"]
    assert "12人で、50人に足りません" in report.appendix.notes.rows[0][1]
    assert report.appendix.tables[0] == report.appendix.notes
    assert "12人で、50人に足りません" in write_html(report).decode()
    assert diagnosis_report(invented.diagnosis(), "ja", JA).appendix.notes is None


def test_a_finding_without_wording_is_an_error_that_names_the_key():
    finding = Finding("unheard_of", "cpm", "issue", {})
    with pytest.raises(MissingWordingError, match=r"unheard_of\.name"):
        diagnosis_report(_one(finding), "ja")


def test_long_tables_say_how_many_rows_they_leave_out():
    rows = tuple({"class": "甲", "customers": n, "share": 0.1, "ltv": 1, "cycle": 1} for n in range(55))
    finding = next(finding for finding in invented.diagnosis().findings if finding.key == "invented_classes")
    table = dataclasses.replace(finding.exhibits[1], rows=rows)
    changed = dataclasses.replace(finding, exhibits=(table,))
    grid = diagnosis_report(_one(changed), "ja", JA).chapters[0].sections[0].exhibits[0]
    assert isinstance(grid, Grid)
    assert (len(grid.rows), grid.remark) == (40, "ほか15件は省略しました。")


def test_a_lorenz_curve_and_a_plain_bar_share_their_rows_with_what_needs_little_width():
    square = Exhibit("a", "lorenz", ({"x": 0.2, "y": 0.8},), x="x", y="y")
    bar = Exhibit("b", "bar", ({"x": 1, "y": 0.8},), x="x", y="y")
    assert halves((square, bar, bar)) == [True, True, False]
    assert halves((square, dataclasses.replace(bar, series="x"))) == [True, False]
    assert halves((bar, square)) == [True, True]
    table = Exhibit("c", "table", ({"x": 1},), columns=(("x", "count"),))
    assert halves((bar, table, bar), narrow={1}) == [True, True, False]
    assert halves((bar, table)) == [False, False]


@pytest.mark.parametrize(
    ("language", "exhibits"), [("ja", ()), ("en", (Exhibit("media", "scatter", (), x="cpo", y="ltv"),))]
)
def test_a_client_of_whom_nothing_is_known_still_gets_a_report(language, exhibits):
    report = diagnosis_report(invented.of_one_finding(exhibits), language, invented.wording(language))
    assert write_pdf(report).startswith(b"%PDF")
    assert "—" in report.chapters[0].sections[0].title
    assert report.summary.comment.claim == report.wording.text("report.no_findings")
    assert write_html(report).startswith(b"<!doctype html>")


def test_a_diagnosis_without_findings_says_so():
    empty = dataclasses.replace(invented.of_one_finding(), findings=())
    report = diagnosis_report(empty, "ja", JA)
    assert report.summary.comment.claim == JA.text("report.no_findings")
    assert write_pdf(report).startswith(b"%PDF")


def test_the_overview_lists_the_verdict_of_every_finding_with_its_threshold(japanese_report):
    overview = japanese_report.summary.overview
    assert overview is not None
    assert overview.rows[0] == ("1-1", "retention", "○ 健全", "50.0% 以上")
    assert [row[2] for row in overview.rows].count("▲ 課題") == 5


def test_a_real_diagnosis_has_all_its_words_in_both_languages_and_becomes_a_report():
    findings = planted_inputs(random_orders(120, 30, seed=3), dt.date(2022, 6, 30), alerts=True)
    diagnosis = diagnose(findings)
    for language in ("ja", "en"):
        report = diagnosis_report(diagnosis, language)
        shown = [section for chapter in report.chapters for section in chapter.sections]
        assert len(shown) == len(diagnosis.findings)
        assert len(list(report.pictures)) >= 6
