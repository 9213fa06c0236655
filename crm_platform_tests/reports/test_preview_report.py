from __future__ import annotations

from dataclasses import replace

from crm_platform.diagnosis.finding import Verdict
from crm_platform.reports import Report, preview_report
from crm_platform.reports.pages import Grid
from crm_platform_tests.reports import invented

PATHS = ("second_opinion/diagnosis_report", "shopping_alert/alert_report", "portfolio/portfolio_report")


def preview(report: Report, ordered: tuple[str, ...]) -> Report:
    """Of three reports that differ in their title alone."""
    by_path = {path: replace(report, title=path.split("/")[1]) for path in PATHS}
    language = report.wording.language
    return preview_report(by_path, [], invented.wording(language), ordered)


def questions(made: Report) -> list[Grid]:
    return [grid for grid in made.summary.further if grid.key == "overview"]


def test_a_service_that_is_not_ordered_is_previewed_as_a_trial_and_named_as_not_ordered(report: Report) -> None:
    made = preview(report, ("shopping_alert",))
    (diagnosis, alert, portfolio), words = questions(made), made.wording
    for grid, name in ((diagnosis, "diagnosis_report"), (portfolio, "portfolio_report")):
        told = words.text("preview.questions_not_ordered", report=name, questions=len(grid.rows))
        assert grid.title == told
        assert name in made.summary.comment.evidence
    assert alert.title == words.text("preview.questions", report="alert_report", questions=len(alert.rows))
    assert "alert_report" not in made.summary.comment.evidence
    assert made.actions.table is not None
    where = dict(made.actions.table.rows)
    for key in ("segments", "alerts", "cpm", "targets"):
        place = words.text(f"preview.full.{key}.where")
        told = place if key == "alerts" else words.text("preview.full_not_ordered", where=place)
        assert where[words.text(f"preview.full.{key}.what")] == told


def test_a_client_who_orders_everything_is_told_nothing_of_orders(report: Report) -> None:
    made = preview(report, ("second_opinion", "shopping_alert", "portfolio", "two_track"))
    texts = [made.summary.comment.evidence, *(grid.title for grid in questions(made))]
    mark = {"ja": "発注", "en": "order"}[made.wording.language]
    assert [text for text in texts if mark in text] == []


def with_keys(report: Report, keys: list[str], verdict: Verdict) -> Report:
    """The report with its first questions only, under these keys, all of this verdict."""
    sections = [section for chapter in report.chapters for section in chapter.sections][: len(keys)]
    asked = tuple(replace(section, key=key, verdict=verdict) for section, key in zip(sections, keys, strict=True))
    return replace(report, chapters=(replace(report.chapters[0], sections=asked),), front=None)


def test_a_question_that_two_reports_show_counts_once_on_the_first_page_and_the_second_report_says_so(
    report: Report,
) -> None:
    reports = (
        with_keys(report, ["f2", "dormancy", "sales"], "healthy"),
        with_keys(report, ["alerted"], "issue"),
        with_keys(report, ["f2", "kpis", "alerted"], "issue"),
    )
    made = preview_report(dict(zip(PATHS, reports, strict=True)), [], report.wording)
    words = made.wording
    assert made.front is not None
    assert made.front.conclusion == words.text("preview.conclusion", questions=5, issues=2)
    assert [number for _, _, number in made.front.counts] == ["3", "2", "0"]
    assert made.front.further_issues == words.text("preview.further", withheld=2)
    told = [grid.source for grid in questions(made)]
    assert told == ["", "", words.text("preview.repeated", repeated=2)]
    assert [len(grid.rows) for grid in questions(made)] == [3, 1, 3]
