"""From a diagnosis to the pages of its report (診断レポート, R68)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from crm_platform.diagnosis.finding import Diagnosis, Exhibit, by_yen_effect
from crm_platform.diagnosis.lineage import Delivered
from crm_platform.reports.assembly import assembled, conclusion_of, overview_of, tiles_of, words_for
from crm_platform.reports.grids import grid_of
from crm_platform.reports.pages import Chapter, Comment, Picture, Report, Summary
from crm_platform.reports.sections import picture_of
from crm_platform.reports.wording import Wording

CHAPTERS = ("current_state", "new_customers", "existing_customers", "integrated", "products", "accuracy")


def diagnosis_report(
    diagnosis: Diagnosis, language: str, wording: Wording | None = None, deliveries: Sequence[Delivered] = ()
) -> Report:
    """The report of a diagnosis in `language` (`ja`, `en`); MissingWordingError names a missing text or number.

    `wording` replaces the platform's own texts of that language; `deliveries` are told in the lineage of the numbers.
    """
    words = wording or words_for(diagnosis, language)
    return assembled(diagnosis, CHAPTERS, priorities, words, deliveries)


def priorities(diagnosis: Diagnosis, chapters: Sequence[Chapter], words: Wording) -> Summary:
    """What a reader takes away: how many questions are healthy, which issues move most yen."""
    return Summary(
        title=_largest(diagnosis, words),
        tiles=tiles_of(diagnosis, words),
        picture=_effects(diagnosis, words),
        comment=_points(diagnosis, chapters, words),
        overview=overview_of(chapters, words),
    )


def _largest(diagnosis: Diagnosis, words: Wording) -> str:
    """The issue that moves most yen; where none has an effect, how many issues there are."""
    issues = [f for f in by_yen_effect(diagnosis.findings) if f.verdict == "issue" and f.yen_effect_jpy]
    if not issues:
        return conclusion_of(diagnosis, words)
    name = words.text(f"{issues[0].key}.name")
    return words.text("report.largest_effect", name=name, jpy=issues[0].yen_effect_jpy)


def _effects(diagnosis: Diagnosis, words: Wording) -> Picture | None:
    """The findings with a yen effect as bars; None for fewer than two: one compares nothing.

    In rust is the issue that the title names; where none is an issue, the largest.
    """
    found = [f for f in by_yen_effect(diagnosis.findings) if f.yen_effect_jpy]
    if len(found) < 2:
        return None
    rows = tuple({"finding": words.text(f"{f.key}.name"), "jpy": abs(f.yen_effect_jpy or 0)} for f in found)
    named = words.text(f"{next((f for f in found if f.verdict == 'issue'), found[0]).key}.name")
    exhibit = Exhibit("effects", "bar", rows, x="finding", y="jpy", y_unit="jpy", highlight=named)  # type: ignore[arg-type]
    labels = (words.text("actions.finding"), words.text("report.this_month_chart_y"))
    source = words.text("actions.note")
    grid = grid_of("effects", words.text("report.this_month_chart"), source, exhibit, labels, words)
    return picture_of("effects", exhibit, grid, labels, words)


def _points(diagnosis: Diagnosis, chapters: Sequence[Chapter], words: Wording) -> Comment:
    """The titles of the three largest issues; they are the month's story."""
    titles = {section.title for chapter in chapters for section in chapter.sections if section.verdict == "issue"}
    issues = [f for f in by_yen_effect(diagnosis.findings) if f.verdict == "issue"]
    found = [words.filled(f"{f.key}.title.issue", f.numbers) for f in issues][:3]
    if all(finding.verdict == "undetermined" for finding in diagnosis.findings):
        return Comment(words.text("report.no_findings"), "")
    if not titles:
        count = Counter(str(finding.verdict) for finding in diagnosis.findings)
        kind = "open" if count["undetermined"] else "healthy"
        return Comment(words.text(f"report.this_month_claim_{kind}"), words.filled(f"report.this_month_{kind}", count))
    return Comment(words.text("report.this_month_claim"), words.text("report.sentence_end").join([*found, ""]).strip())
