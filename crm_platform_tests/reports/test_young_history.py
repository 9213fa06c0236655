"""Whatever tells of a client whose history is under a year names the months that there are, and never twelve."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import crm_platform
from crm_platform.diagnosis.shopping_alert import alert_diagnosis
from crm_platform.orchestration.assets import drawn_reports
from crm_platform.periods import Month, months_between
from crm_platform.reports import (
    Report,
    Wording,
    alert_report,
    diagnosis_report,
    letter_report,
    portfolio_report,
    two_track_report,
)
from crm_platform_tests.diagnosis.planted_alerts import alert_inputs
from crm_platform_tests.reports import invented
from crm_platform_tests.reports.test_letter_report import FILES, smallest

LANGUAGES = pytest.mark.parametrize("language", ["ja", "en"])
FIRST, MONTH = Month(2024, 10), Month(2025, 6)
TWELVE = re.compile(r"(?<!の)12ヶ月|\b12 months|twelve")


@pytest.mark.parametrize(
    ("first", "as_of", "months"),
    [
        ("2024-10", "2025-06-30", 9),
        ("2024-10", "2025-06-14", 8),
        ("2025-06", "2025-06-30", 1),
        ("2025-06", "2025-06-14", 1),  # the days so far of the first month: nothing is told of no month
        ("2024-07", "2025-06-30", 12),
        ("2020-07", "2025-06-14", 12),
    ],
)
def test_a_year_has_as_many_months_as_are_closed_and_at_least_one(first: str, as_of: str, months: int) -> None:
    words = Wording.of_data("ja", first_month=first, month="2025-06", as_of=as_of)
    assert words.text("kpi.sales_12m_jpy.label") == f"{months}ヶ月の売上"


def reports(language: str) -> list[Report]:
    young = dataclasses.replace(invented.of_one_finding(), first_month=str(FIRST), findings=())
    nobody = alert_diagnosis(alert_inputs(alerted=0, first_month=FIRST, month=MONTH))
    kinds: list[tuple[Any, Any]] = [
        (diagnosis_report, young),
        (portfolio_report, dataclasses.replace(young, report="portfolio")),
        (two_track_report, dataclasses.replace(young, report="two_track")),
        (alert_report, nobody),
    ]
    letter = dataclasses.replace(smallest(), first_month=str(FIRST), month=str(MONTH), as_of="2025-06-30")
    return [*(make(told, language) for make, told in kinds), letter_report(letter, language, FILES)]


@LANGUAGES
def test_every_report_and_the_letter_speak_of_the_months_that_there_are(language: str) -> None:
    assert [report.wording.year_months for report in reports(language)] == [9] * 5


@LANGUAGES
def test_the_alert_of_a_young_client_tells_upper_customers_by_the_months_that_there_are(language: str) -> None:
    told = reports(language)[3]
    (whom,) = [one for chapter in told.chapters for one in chapter.sections if one.key == "alert_whom"]
    assert {"ja": "9ヶ月の売上", "en": "sales of 9 months"}[language] in whom.comment.evidence
    assert not TWELVE.search(whom.comment.evidence)


def test_proposals_lists_and_explain_share_the_words_of_the_months_that_there_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        drawn_reports, "as_booked", lambda _: SimpleNamespace(settings=SimpleNamespace(value_classes=4))
    )
    client = SimpleNamespace(language="en")
    at: Any = SimpleNamespace(
        client=client, month=MONTH, as_of=dt.date(2025, 6, 30), history_months=months_between(FIRST, MONTH)
    )
    words = drawn_reports.words_of(at)
    assert (words.year_months, words.value_classes) == (9, 4)


def test_whoever_tells_of_findings_takes_words_that_know_the_months() -> None:
    """`Wording.of` is for what names no span of data: lists, quotes, the outbox' index, pictures of the UI."""
    tells = re.compile(r"\.measure\b|\.name\"|title_of|action_of|short_measure|def \w+_report\(")
    package = Path(crm_platform.__file__).parent
    texts = {path: path.read_text("utf-8") for path in sorted(package.rglob("*.py"))}
    wrong = [path.name for path, text in texts.items() if re.search(r"\bWording\.of\(", text) and tells.search(text)]
    assert wrong == []
