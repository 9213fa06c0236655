from __future__ import annotations

import html
import itertools
from dataclasses import replace
from typing import Any

import pytest

from crm_platform.clients import Client
from crm_platform.diagnosis.shopping_alert import alert_diagnosis
from crm_platform.reports import Report, Wording, alert_report, write_html, write_pdf
from crm_platform.reports.pages import Grid, Picture
from crm_platform_tests.diagnosis.planted_alerts import (
    alert_inputs,
    planted_alerts,
    planted_backtest,
    planted_campaign,
    planted_falls,
    planted_groups,
    planted_months,
)
from crm_platform_tests.diagnosis.test_diagnosis import placeholders, said
from crm_platform_tests.reports.invented import HOSTILE_NAMES

CASES: dict[str, dict[str, Any]] = {
    "everything": {"campaigns": (planted_campaign(),)},
    "nobody alerted": {"alerted": 0},
    "no history": {"alerted": 0, "backtest": None, "falls": None, "alert_months": planted_months().head(0)},
    "a fall back": {
        "backtest": planted_backtest(0.1),
        "alert_months": planted_months(-4),
        "campaigns": (planted_campaign(-0.04),),
        "lapse_alerts": planted_alerts(400).assign(expected_sales_jpy=1e6, expected_profit_jpy=float("nan")),
    },
    "little known": {
        "backtest": planted_backtest(None, 0),
        "falls": planted_falls(3),
        "alert_months": planted_months().tail(1),
        "campaigns": (planted_campaign(0.02, 0.02),),
        "test_groups": planted_groups(planted_alerts(400), treated=400),
        "upper": alert_inputs().upper.assign(lapse_risk=0.9),
    },
}
DIAGNOSES = {name: alert_diagnosis(alert_inputs(**changes)) for name, changes in CASES.items()}


_PARTS = ("title", "comment")


@pytest.fixture(scope="module")
def japanese() -> Report:
    return alert_report(DIAGNOSES["everything"], "ja")


@pytest.mark.parametrize("language", ["ja", "en"])
@pytest.mark.parametrize("case", CASES)
def test_every_verdict_and_exhibit_has_its_words_in_both_languages(case: str, language: str) -> None:
    words = Wording.of(language).of_report("alert")
    for finding in DIAGNOSES[case].findings:
        said(words, finding)
        title, _ = (words.filled(f"{finding.key}.{part}.{finding.verdict}", finding.numbers) for part in _PARTS)
        assert language == "en" or len(title) <= 60
        assert words.text(f"{finding.key}.name")
        if finding.threshold is not None:
            words.filled(f"{finding.key}.threshold", {**finding.numbers, "threshold": finding.threshold})
        action = f"{finding.key}.action.{finding.verdict}"
        assert finding.verdict != "issue" or words.has(action)
        assert not words.has(action) or words.filled(action, finding.numbers)


@pytest.mark.parametrize("language", ["ja", "en"])
def test_the_words_of_every_verdict_ask_only_for_numbers_of_the_finding(language: str) -> None:
    words = Wording.of(language)
    own = {"threshold", "year_months"}  # the wording itself answers the last
    known = {finding.key: {*finding.numbers, *own} for one in DIAGNOSES.values() for finding in one.findings}
    for key, numbers in known.items():
        for part, verdict in itertools.product((*_PARTS, "action"), ("healthy", "issue", "undetermined")):
            text = words.texts.get(f"{key}.{part}.{verdict}", "")
            assert placeholders(text) <= numbers, (key, part, verdict)


def test_the_alert_has_its_own_title_tiles_definitions_and_reading_text(japanese: Report) -> None:
    alert, other = japanese, Wording.of("ja")
    assert alert.title == "ショッピングアラート 解析結果レポート"
    assert [tile.label for tile in alert.summary.tiles][:2] == ["今月の対象者", "6ヶ月の見込損失"]
    assert alert.appendix.reading != other.text("appendix.reading_text")
    assert "自然低下率" in [term for term, _ in alert.appendix.definitions.rows]
    assert [row[0] for row in alert.appendix.notes.rows] == ["効果測定"] if alert.appendix.notes else False


@pytest.mark.parametrize("language", ["ja", "en"])
def test_where_nobody_is_alerted_no_sentence_has_a_dash_for_a_number(language: str) -> None:
    report = alert_report(DIAGNOSES["nobody alerted"], language)
    told = [section.comment.evidence for chapter in report.chapters for section in chapter.sections]
    assert [text for text in told if "—" in text] == []


def test_a_report_is_made_only_of_its_own_diagnosis() -> None:
    with pytest.raises(ValueError, match="no shopping alert"):
        alert_report(replace(DIAGNOSES["everything"], report="diagnosis"), "ja")
    assert Wording.of("ja").text("report.title") == "CRM診断レポート"


def test_the_numbers_of_titles_are_those_of_the_exhibits(japanese: Report) -> None:
    report = japanese
    found = {section.name: section for chapter in report.chapters for section in chapter.sections}
    rows = {
        exhibit.key: exhibit.rows if isinstance(exhibit, Grid) else exhibit.data.rows
        for section in found.values()
        for exhibit in section.exhibits
    }
    named = found["買わなくなる兆候のある顧客"].title
    assert f"{sum(int(row[1]) for row in rows['alert_whom-classes'])}人に" in named
    assert f"30日以内が{rows['alert_no_action-days_left'][0][1]}人" in found["何もしない場合の6ヶ月"].exhibits[0].title
    sizes = [row[2] for row in rows["alert_test_design-groups"]]
    assert sizes == ["150", "50", "200"]
    assert "①200人と②200人" in found["テストの設計"].title
    assert rows["alert_track_record-rates"][0][1] in found["過去のアラートの答え合わせ"].title
    assert rows["alert_months-months"][-1][4] in found["上位顧客の出入りと休眠化率"].title
    rates = [
        exhibit for exhibit in found["上位顧客の出入りと休眠化率"].exhibits if exhibit.key == "alert_months-dormancy"
    ]
    assert rows["alert_months-dormancy"][-1][1] in rates[0].title
    assert found["施策の効果測定"].title.endswith("4.0ポイント増やした")
    assert rows["alert_campaigns-rates"][0][5] == "4.0%"


def test_the_summary_leads_from_last_to_next_six_months_or_says_that_nobody_is_alerted(japanese: Report) -> None:
    summary = japanese.summary
    head = DIAGNOSES["everything"].headline
    assert isinstance(summary.picture, Picture)
    amounts = [row[1] for row in summary.picture.data.rows]
    assert amounts[0] == f"¥{head['sales_6m_jpy']:,}"
    assert amounts[-1] == f"¥{head['expected_sales_jpy']:,}"
    quiet = alert_report(DIAGNOSES["no history"], "ja").summary
    assert quiet.title == "2025年6月末は、案内すべき上位顧客がいない"
    assert quiet.picture is None


def test_hostile_names_of_client_channels_and_campaigns_become_text_of_pdf_and_page() -> None:
    inputs = alert_inputs(campaigns=({**planted_campaign(), "campaign_id": HOSTILE_NAMES[2]},))
    names = itertools.cycle(HOSTILE_NAMES)
    hostile = replace(
        inputs,
        client=Client("planted", "".join(HOSTILE_NAMES[:6])),
        test_groups=inputs.test_groups.assign(
            channel=[None if channel is None else next(names) for channel in inputs.test_groups["channel"]]
        ),
    )
    told = alert_diagnosis(hostile)
    shown = tuple(one for one in told.findings if one.key in ("alert_test_design", "alert_campaigns"))
    report = alert_report(replace(told, findings=shown), "en")
    page = write_html(report).decode()
    assert page.count("<script") == 1  # its own
    assert "\u202e" not in page
    assert html.escape(HOSTILE_NAMES[2]) in page.replace("<wbr>", "")
    assert write_pdf(report).startswith(b"%PDF")
