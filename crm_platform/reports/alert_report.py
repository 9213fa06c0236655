"""From the alert's diagnosis to the pages of its report (ショッピングアラート 解析結果レポート, R93)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from crm_platform.diagnosis.finding import Diagnosis, Exhibit
from crm_platform.reports.assembly import assembled, overview_of, tiles_of, words_for
from crm_platform.reports.grids import grid_of
from crm_platform.reports.pages import Chapter, Comment, Picture, Report, Summary
from crm_platform.reports.sections import picture_of
from crm_platform.reports.wording import Wording

CHAPTERS = ("alert_whom", "alert_stakes", "alert_measures", "alert_results")


def alert_report(diagnosis: Diagnosis, language: str, wording: Wording | None = None) -> Report:
    """The report of an alert's diagnosis in `language` (`ja`, `en`).

    `wording` replaces the platform's own texts of that language. ValueError for another report's diagnosis,
    MissingWordingError for a missing text or number.
    """
    if diagnosis.report != "alert":
        raise ValueError(f"a diagnosis of the kind '{diagnosis.report}' is no shopping alert")
    words = wording or words_for(diagnosis, language)
    return assembled(diagnosis, CHAPTERS, _summary, words.of_report("alert"))


def _summary(diagnosis: Diagnosis, chapters: Sequence[Chapter], words: Wording) -> Summary:
    """What a reader takes away: how many, what is at stake, what to do; another story where nobody is alerted."""
    story = "alerted" if diagnosis.headline["alerted_customers"] else "nobody"
    numbers = {**diagnosis.headline, "month": diagnosis.month}
    title, claim, evidence = (words.filled(f"story.{story}.{part}", numbers) for part in ("title", "claim", "evidence"))
    return Summary(
        title=title,
        tiles=tiles_of(diagnosis, words),
        picture=_bridge(diagnosis, words),
        comment=Comment(claim, evidence),
        overview=overview_of(chapters, words),
    )


def _bridge(diagnosis: Diagnosis, words: Wording) -> Picture | None:
    """From the last six months' sales of the alerted to the next: the falls, and what else moves."""
    found: Any = diagnosis.headline
    if found["sales_6m_jpy"] is None:
        return None
    steps = {
        "last": found["sales_6m_jpy"],
        "falls": -found["expected_loss_jpy"],
        "others": found["other_change_jpy"],
        "next": found["expected_sales_jpy"],
    }
    rows = tuple({"step": words.text(f"bridge.steps.{step}"), "jpy": jpy} for step, jpy in steps.items())
    exhibit = Exhibit("bridge", "waterfall", rows, x="step", y="jpy", y_unit="jpy")
    labels = (words.text("bridge.x"), words.text("bridge.y"))
    title, source = (words.filled(f"bridge.{part}", found) for part in ("title", "note"))
    return picture_of("bridge", exhibit, grid_of("bridge", title, source, exhibit, labels, words), labels, words)
