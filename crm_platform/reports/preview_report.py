"""The preview of a month's reports (プレビュープラン, R40): counts, verdicts and questions, watermarked.

Shown: how many customers each analysis found, every question with its verdict, the largest issues in a sentence each.
Withheld: customer numbers, figures of the other findings, exhibits, actions, and all lists.
A trial is of what one has not bought: services that are not ordered (R42) are in it, and named as such.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import compress

from crm_platform.clients.ordered_services import SERVICES
from crm_platform.diagnosis.finding import Row, Verdict
from crm_platform.reports.csv_cells import DEFAULT_ENCODING, csv_file
from crm_platform.reports.pages import SIGNS, Actions, Comment, Front, Grid, Report, Section, Summary
from crm_platform.reports.wording import Wording

_SHOWN_ISSUES = 3
_SERVICE_OF = {"segments": "second_opinion", "alerts": "shopping_alert", "cpm": "portfolio", "targets": "two_track"}


def preview_report(
    by_path: Mapping[str, Report], counts: Sequence[Row], wording: Wording, ordered: Collection[str] = SERVICES
) -> Report:
    """The preview of reports by path, the second opinion first, with the rows of `preview_counts`, watermarked.

    A path begins with its service; those not among `ordered` are shown as what can be ordered.
    ValueError without a report; MissingWordingError for a missing text.
    """
    if not by_path:
        raise ValueError("a preview needs the reports that it previews")
    reports = list(by_path.values())
    words, first = wording.of_report("preview"), reports[0]
    further = [path.split("/")[0] not in ordered for path in by_path]
    verdicts = Counter(section.verdict for section in _asked_once(reports))
    conclusion = words.text("preview.conclusion", questions=verdicts.total(), issues=verdicts["issue"])
    claim, evidence = (
        words.text(f"preview.{part}", withheld=_withheld_issues(reports)) for part in ("claim", "evidence")
    )
    if any(further):
        names = words.text("lineage.comma").join(report.title for report in compress(reports, further))
        evidence = words.text("preview.evidence_join").join(
            (evidence, words.text("preview.not_ordered", reports=names))
        )
    return Report(
        client=first.client,
        title=words.text("report.title"),
        as_of=first.as_of,
        cover_lines=first.cover_lines,
        front=_front(reports, verdicts, conclusion, words),
        summary=Summary(
            title=words.text("preview.counted"),
            tiles=first.summary.tiles,
            picture=None,
            comment=Comment(claim, evidence),
            overview=None,
            further=(
                _counts(counts, words),
                *_questions_of_all(reports, further, words),
            ),
        ),
        chapters=(),
        actions=Actions(words.text("preview.full_title"), _withheld(ordered, words)),
        appendix=replace(
            first.appendix,
            reading=words.text("appendix.reading_text"),
            forecast=words.text("appendix.forecast_text"),
            notes=None,
            method=None,
        ),
        wording=words,
        replaced_characters=first.replaced_characters,
        watermark=words.text("preview.watermark"),
    )


def preview_counts_csv(counts: Sequence[Row], wording: Wording, encoding: str = DEFAULT_ENCODING) -> bytes:
    """`分析,区分,人数`: how many customers each analysis found, from the rows of `preview_counts`; none withheld."""
    rows = [(*_named(row, wording), "" if row["customers"] is None else str(row["customers"])) for row in counts]
    return csv_file(("preview_analysis", "preview_group", "preview_customers"), rows, wording, encoding)


def _sections(report: Report) -> list[Section]:
    return [section for chapter in report.chapters for section in chapter.sections]


def _asked_once(reports: Sequence[Report]) -> list[Section]:
    """Every question, that which several reports show by the first of them, as the letter counts them."""
    asked: dict[str, Section] = {}
    for report in reports:
        for section in _sections(report):
            asked.setdefault(section.key, section)
    return list(asked.values())


def _withheld_issues(reports: Sequence[Report]) -> int:
    issues = sum(section.verdict == "issue" for section in _asked_once(reports))
    return issues - len(_headlines(reports[0]))


def _headlines(report: Report) -> tuple[Section, ...]:
    """The issues that move most yen, in the order of the report's own first page."""
    named = {section.number: section for section in _sections(report)}
    issues = report.front.issues[:_SHOWN_ISSUES] if report.front else ()
    return tuple(named[point.number] for point in issues)


def _front(reports: Sequence[Report], verdicts: Counter[Verdict], conclusion: str, words: Wording) -> Front:
    """The first page: verdicts counted over all questions, and the largest issues without what to do about them."""
    shown = {section.number for section in _headlines(reports[0])}
    points = reports[0].front.issues if reports[0].front else ()
    left = _withheld_issues(reports)
    return Front(
        conclusion=conclusion,
        counts=tuple((verdict, words.text(f"verdict.{verdict}"), str(verdicts[verdict])) for verdict in SIGNS),
        issues=tuple(replace(one, anchor="this-month", action="") for one in points if one.number in shown),
        further_issues=words.text("preview.further", withheld=left) if left else "",
        healthy="",
        undetermined="",
        first_action="",
        first_facts="",
    )


def _counts(counts: Sequence[Row], words: Wording) -> Grid:
    rows = tuple((*_named(row, words), words.formatted(row["customers"], "count")) for row in counts)
    headers = tuple(words.text(f"csv.preview_{column}").capitalize() for column in ("analysis", "group", "customers"))
    return Grid(
        "counts", words.text("preview.counts"), words.text("preview.counts_note"), headers, rows, (False, False, True)
    )


def _named(row: Row, words: Wording) -> tuple[str, str]:
    return words.text(f"preview.analysis.{row['analysis']}"), words.word(row["group"])


def _questions_of_all(reports: Sequence[Report], further: Sequence[bool], words: Wording) -> Iterator[Grid]:
    """The questions of each report; where one shows questions of those before it, how many, for they count once."""
    before: set[str] = set()
    for report, is_further in zip(reports, further, strict=True):
        keys = {section.key for section in _sections(report)}
        repeated = len(keys & before)
        note = words.text("preview.repeated", repeated=repeated) if repeated else ""
        yield replace(_questions(report, is_further, words), source=note)
        before |= keys


def _questions(report: Report, is_further: bool, words: Wording) -> Grid:
    """Every question of a report with its verdict: what the full report answers, or would where it is ordered."""
    rows = tuple(
        (one.number, one.name, f"{SIGNS[one.verdict]} {one.verdict_label}", one.question or one.name)
        for one in _sections(report)
    )
    columns = ("overview.number", "overview.finding", "overview.verdict", "preview.question")
    key = "preview.questions_not_ordered" if is_further else "preview.questions"
    title = words.text(key, report=report.title, questions=len(rows))
    return Grid("overview", title, "", tuple(map(words.text, columns)), rows, (False,) * len(columns))


def _withheld(ordered: Collection[str], words: Wording) -> Grid:
    """What the preview leaves out, and what the full delivery holds instead, or would if its service were ordered."""
    keys = words.text("preview.full_order").split()
    rows = tuple((words.text(f"preview.full.{key}.what"), _where(key, ordered, words)) for key in keys)
    headers = (words.text("preview.full_what"), words.text("preview.full_where"))
    return Grid("terms", "", "", headers, rows, (False, False))


def _where(key: str, ordered: Collection[str], words: Wording) -> str:
    where = words.text(f"preview.full.{key}.where")
    service = _SERVICE_OF.get(key)
    return where if service is None or service in ordered else words.text("preview.full_not_ordered", where=where)
