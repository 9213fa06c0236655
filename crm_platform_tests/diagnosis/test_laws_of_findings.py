"""What every finding owes its reader: a question, a number in each sentence, an action, and where it comes from."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import ibis
import pytest

from crm_platform.diagnosis import Finding
from crm_platform.diagnosis.diagnose import QUESTIONS
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.portfolio import PORTFOLIO_QUESTIONS, TAKEN_OVER
from crm_platform.reports.wording import Wording
from crm_platform.tables import TABLES
from crm_platform.two_track.contact_dates import contact_dates
from crm_platform.two_track.two_track_diagnosis import TWO_TRACK_QUESTIONS
from crm_platform_tests.diagnosis.test_diagnosis import house
from crm_platform_tests.diagnosis.test_stop_reasons import STEADY, planted
from crm_platform_tests.oracles.house_inputs import portfolio_tables

ALL = (*QUESTIONS, *PORTFOLIO_QUESTIONS)
KEYS = sorted(question.__name__ for question in (*ALL, contact_dates, *TWO_TRACK_QUESTIONS))
DOCUMENTS = {"backtest", "forecast_model", "segment_book"}
FIELDS = {field.name for field in dataclasses.fields(DiagnosisInputs) if field.init}
TABLE_OF = {"history": "customer_history"}
FIELD_OF = {table: name for name, table in TABLE_OF.items()}
UNANSWERED = {
    "forecast_accuracy",
    "kpi_targets",
    "kpi_measures",
    "channel_effects",
    "regular_buyers",
}  # `shop` lacks their data
NOT_TABLES = {"client", "month", "as_of", "months"}
SENTENCE_ENDS = {"ja": re.compile(r"(?<=。)"), "en": re.compile(r"(?<=[.!?])\s+")}


class Recording(DiagnosisInputs):
    """Inputs that remember which of their tables were asked for."""

    def __getattribute__(self, name: str) -> Any:
        if name in FIELDS - NOT_TABLES:
            self.__dict__.setdefault("asked", set()).add(TABLE_OF.get(name, name))
        return super().__getattribute__(name)


@pytest.fixture(scope="module")
def shop() -> DiagnosisInputs:
    """A shop that answers every question of the second opinion, with what only the portfolio reads."""
    inputs = house(48)
    made = {name: ibis.memtable(table) for name, table in portfolio_tables(inputs).items()}
    subscribed = planted(STEADY, per_month=5)
    made |= {name: getattr(subscribed, name) for name in ("subscriptions", "known_subscription_events")}
    return replace(inputs, **made)


def recorded(question: Callable[[DiagnosisInputs], Finding | None], inputs: DiagnosisInputs) -> tuple[Any, set[str]]:
    """The answer, and the tables that were asked for."""
    recording = Recording(**{name: getattr(inputs, name) for name in FIELDS})
    recording.__dict__.pop("asked", None)
    return question(recording), recording.__dict__.get("asked", set())


@pytest.mark.parametrize("question", ALL, ids=lambda question: question.__name__)
def test_a_finding_names_the_tables_it_reads_and_no_other(
    question: Callable[[DiagnosisInputs], Finding | None], shop: DiagnosisInputs
) -> None:
    finding, asked = recorded(question, shop)
    given = {name for name in asked if getattr(shop, FIELD_OF.get(name, name)) is not None}
    if finding is None:
        assert question.__name__ in UNANSWERED
        return
    assert given <= set(finding.sources) <= TABLES.keys() | DOCUMENTS
    assert {name for name in finding.sources if getattr(shop, FIELD_OF.get(name, name)) is not None} <= given
    assert finding.key == question.__name__


def test_no_question_is_asked_twice_and_what_is_taken_over_was_asked() -> None:
    assert len(KEYS) == len(set(KEYS))
    assert TAKEN_OVER.keys() <= {question.__name__ for question in QUESTIONS}


@pytest.mark.parametrize("language", ["ja", "en"])
@pytest.mark.parametrize("key", KEYS)
def test_no_sentence_is_without_its_number(key: str, language: str) -> None:
    texts = Wording.of(language).texts
    assert f"{key}.question" in texts
    assert f"{key}.measure" in texts
    told = {name: text for name, text in texts.items() if re.match(rf"{key}\.(title|comment|action)\.", name)}
    sentences = [
        (name, sentence)
        for name, text in told.items()
        for sentence in SENTENCE_ENDS[language].split(text)
        if sentence.strip()
    ]
    assert [(name, sentence) for name, sentence in sentences if "{" not in sentence] == []
