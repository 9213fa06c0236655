"""From the two tracks' diagnosis to the pages of its report (定期もTudomo)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from crm_platform.diagnosis.finding import Diagnosis
from crm_platform.diagnosis.lineage import Delivered
from crm_platform.reports.assembly import assembled, words_for
from crm_platform.reports.diagnosis_report import priorities
from crm_platform.reports.legibility import legible_diagnosis
from crm_platform.reports.pages import Answer, Report
from crm_platform.reports.wording import Wording

CHAPTERS = ("three_s", "targets", "business", "contact_dates")
_ANY_STATUS = "any"


def two_track_report(
    diagnosis: Diagnosis, language: str, wording: Wording | None = None, deliveries: Sequence[Delivered] = ()
) -> Report:
    """The report of a two-track diagnosis in `language` (`ja`, `en`); its first page answers who, what, whether.

    `wording` replaces the platform's own texts of that language; `deliveries` are told in the lineage of the numbers.
    ValueError for another report's diagnosis, MissingWordingError for a missing text or number.
    """
    if diagnosis.report != "two_track":
        raise ValueError(f"a diagnosis of the kind '{diagnosis.report}' is none of two tracks")
    words = (wording or words_for(diagnosis, language)).of_report("two_track")
    report = assembled(diagnosis, CHAPTERS, priorities, words, deliveries)
    if report.front is None:
        return report
    shown, _ = legible_diagnosis(diagnosis)
    conclusion = report.front.conclusion
    if words.knows("front.conclusion", shown.headline):
        conclusion = words.filled("front.conclusion", shown.headline)
    return replace(report, front=replace(report.front, conclusion=conclusion, answers=answers_of(shown, words)))


def answers_of(diagnosis: Diagnosis, words: Wording) -> tuple[Answer, ...]:
    """Who will buy one by one, how many, how much, what to offer, is it a business: each as far as the numbers tell.

    An answer from own data and one inferred (推論, R36) have texts of their own; an answer of which no sentence has
    its numbers is left out.
    """
    status = str(diagnosis.headline.get("status") or _ANY_STATUS)
    found = []
    for key in words.text("front.answers").split():
        text = f"front.answer.{key}.{status}"
        text = text if words.has(text) else f"front.answer.{key}.{_ANY_STATUS}"
        if words.tells(text, diagnosis.headline):
            answer = words.known_sentences(text, diagnosis.headline).strip()
            found.append(Answer(words.text(f"front.answer.{key}.question"), answer))
    return tuple(found)
