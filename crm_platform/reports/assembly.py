"""From findings to a report: the parts that all reports share, in the order of the pages.

Belongs here: what a diagnosis becomes whatever it asks. Does not: a report's own chapters and its summary's story.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from crm_platform.diagnosis.finding import Diagnosis, Finding, Row, Scalar, by_yen_effect
from crm_platform.diagnosis.lineage import Delivered
from crm_platform.reports.actions import action_of
from crm_platform.reports.legibility import legible_diagnosis
from crm_platform.reports.pages import (
    SIGNS,
    Actions,
    Appendix,
    Chapter,
    Front,
    Grid,
    Point,
    Report,
    Section,
    Summary,
    Tile,
)
from crm_platform.reports.sections import chapters_of
from crm_platform.reports.wording import NOTHING, Wording

TILES = 4
TEN_CLASSES = 10
FRONT_ISSUES = 5
_WITHOUT_PLAN = ("finding", "action", "customers", "yen")
Summarise = Callable[[Diagnosis, Sequence[Chapter], Wording], Summary]


def assembled(
    diagnosis: Diagnosis,
    chapters: Sequence[str],
    summarise: Summarise,
    words: Wording,
    deliveries: Sequence[Delivered] = (),
) -> Report:
    """The report of a diagnosis: `chapters` in this order, before them what `summarise` makes of it.

    `words` are those of this report (`Wording.of_report`); MissingWordingError names a missing text or number.
    `deliveries` are all of the client's, for the lineage of the numbers.
    """
    shown, replaced = legible_diagnosis(diagnosis)
    found = tuple(chapters_of(shown, chapters, words, deliveries))
    return Report(
        client=shown.client,
        title=words.text("report.title"),
        as_of=shown.as_of,
        cover_lines=(
            words.text("report.period", first=shown.first_month, last=shown.month),
            words.text("report.as_of", as_of=shown.as_of),
        ),
        front=front_of(shown, found, words),
        summary=summarise(shown, found, words),
        chapters=found,
        actions=_actions(shown, words),
        appendix=_appendix(shown, replaced, words),
        wording=words,
        replaced_characters=replaced,
    )


def value_classes(diagnosis: Diagnosis) -> int:
    """How many value classes the client has, where the diagnosis says so."""
    classes = diagnosis.method.get("value_classes", TEN_CLASSES)
    return classes if isinstance(classes, int) else TEN_CLASSES


def words_for(diagnosis: Diagnosis, language: str) -> Wording:
    """The platform's words in `language` for a report of the diagnosis, with as many classes and months as it has."""
    return Wording.of_data(
        language,
        first_month=diagnosis.first_month,
        month=diagnosis.month,
        as_of=diagnosis.as_of,
        value_classes=value_classes(diagnosis),
    )


def overview_of(chapters: Sequence[Chapter], words: Wording) -> Grid | None:
    """All verdicts at a glance (健診の一覧); with figures and their course where the findings have them."""
    sections = [section for chapter in chapters for section in chapter.sections]
    if not sections:
        return None
    is_measured = any(section.figure for section in sections)
    columns = ("measure", "figure", "direction", "at_stake") if is_measured else ("threshold",)
    rows = tuple(
        (
            section.number,
            section.name,
            f"{SIGNS[section.verdict]} {section.verdict_label}",
            *(getattr(section, column) or (NOTHING if column != "threshold" else "") for column in columns),
        )
        for section in sections
    )
    headers = tuple(words.text(f"overview.{column}") for column in ("number", "finding", "verdict", *columns))
    numeric = tuple(column in ("figure", "at_stake") for column in ("number", "finding", "verdict", *columns))
    return Grid("overview", words.text("overview.title"), "", headers, rows, numeric)


def front_of(diagnosis: Diagnosis, chapters: Sequence[Chapter], words: Wording) -> Front | None:
    """The first page's answer: verdicts counted, issues by yen, what is healthy, what to do first; None without one."""
    sections = {section.name: section for chapter in chapters for section in chapter.sections}
    if not any(section.figure for section in sections.values()):
        return None
    ordered = [sections[words.text(f"{finding.key}.name")] for finding in by_yen_effect(diagnosis.findings)]
    of = {verdict: [one for one in ordered if one.verdict == verdict] for verdict in SIGNS}
    first = next((one for one in of["issue"] if one.action), None)
    points = tuple(
        Point(
            one.anchor,
            one.number,
            one.title,
            words.text("front.worth", worth=one.at_stake) if one.at_stake else "",
            "" if one is first else one.action,  # it stands above, as what to do first
        )
        for one in of["issue"]
    )
    return Front(
        conclusion=conclusion_of(diagnosis, words),
        counts=tuple((verdict, words.text(f"verdict.{verdict}"), str(len(found))) for verdict, found in of.items()),
        issues=points[:FRONT_ISSUES],
        further_issues=_names(of["issue"][FRONT_ISSUES:], words),
        healthy=_names(of["healthy"], words),
        undetermined=_names(of["undetermined"], words),
        first_action=first.action if first else "",
        first_facts=first.action_facts if first else "",
    )


def conclusion_of(diagnosis: Diagnosis, words: Wording) -> str:
    """How many questions are issues, healthy and undetermined, in a sentence."""
    count = {verdict: sum(finding.verdict == verdict for finding in diagnosis.findings) for verdict in SIGNS}
    judged = "title" if count["issue"] else "all_healthy" if count["healthy"] else "none"
    key = f"{judged}_but_open" if judged != "none" and count["undetermined"] else judged
    return words.text(
        f"report.this_month_{key}",
        month=diagnosis.month,
        issues=count["issue"],
        healthy=count["healthy"],
        undetermined=count["undetermined"],
    )


def _names(sections: Sequence[Section], words: Wording) -> str:
    """What was measured and its figure; the name of a finding without one."""
    named = (f"{section.measure} {section.figure}" if section.figure else section.name for section in sections)
    return words.text("front.comma").join(named)


def tiles_of(diagnosis: Diagnosis, words: Wording) -> tuple[Tile, ...]:
    """The first four key figures, in the order of the wording, that the headline holds."""
    keys = [key for key in words.text("kpi.order").split() if diagnosis.headline.get(key) is not None]
    return tuple(_tile(key, diagnosis, words) for key in keys[:TILES])


def _tile(key: str, diagnosis: Diagnosis, words: Wording) -> Tile:
    label = words.text(f"kpi.{key}.label")
    value = words.formatted(diagnosis.headline[key], words.text(f"kpi.{key}.format"))
    change_key = words.text(f"kpi.{key}.change") if words.has(f"kpi.{key}.change") else ""
    change = diagnosis.headline.get(change_key)
    if not isinstance(change, (int, float)):
        return Tile(label, value)
    text = words.formatted(change, words.text(f"kpi.{key}.change_format"))
    direction = "up" if change > 0 else "down" if change < 0 else "level"
    return Tile(label, value, text, direction, words.text(f"kpi.{key}.base"))  # type: ignore[arg-type]


def _actions(diagnosis: Diagnosis, words: Wording) -> Actions:
    issues = [finding for finding in by_yen_effect(diagnosis.findings) if finding.verdict == "issue"]
    found = [(finding, action) for finding in issues if (action := action_of(finding, words))]
    if not found:
        return Actions(words.text("actions.heading_none"), None)
    has_plan = any(finding.action for finding, _ in found)
    rows = tuple(_action_row(finding, action, has_plan, words) for finding, action in found)
    columns = ("finding", "action", "channel", "customers", "expected", "yen") if has_plan else _WITHOUT_PLAN
    headers = tuple(words.text(f"actions.{column}") for column in columns)
    numeric = tuple(column in ("customers", "expected", "yen") for column in columns)
    table = Grid("plan" if has_plan else "actions", "", words.text("actions.note"), headers, rows, numeric)
    return Actions(words.text("actions.heading", actions=len(rows)), table)


def _action_row(finding: Finding, action: str, has_plan: bool, words: Wording) -> tuple[str, ...]:
    """What is wrong, what to do, through which channel, with how many, what it should bring, what is at stake."""
    name, at_stake = words.text(f"{finding.key}.name"), words.formatted(finding.yen_effect_jpy, "yen")
    if not has_plan:
        return name, action, words.formatted(finding.concerned_customers, "count"), at_stake
    plan = finding.action
    if plan is None:
        return name, action, NOTHING, NOTHING, NOTHING, at_stake
    channel = words.word(plan.channel)
    customers, expected = words.formatted(plan.customers, "count"), words.formatted(plan.expected_jpy, "yen")
    return name, action, channel, customers, expected, at_stake


def _appendix(diagnosis: Diagnosis, replaced: int, words: Wording) -> Appendix:
    terms = words.text("glossary.order").split()
    definitions = tuple((words.text(f"glossary.{key}.term"), words.text(f"glossary.{key}.meaning")) for key in terms)
    method = [_method_row(key, diagnosis.method[key], words) for key in _in_order_of_wording(diagnosis, words)]
    method.append((words.text("appendix.replaced"), words.text("appendix.replaced_value", count=replaced)))
    return Appendix(
        words.text("appendix.reading_text"),
        words.text("appendix.forecast_text"),
        _notes(diagnosis, words),
        _two_columns("terms", ("term", "meaning"), definitions, words),
        replace(_two_columns("method", ("item", "value"), tuple(method), words), numeric=(False, True)),
    )


def _notes(diagnosis: Diagnosis, words: Wording) -> Grid | None:
    """What a reader should know of forecast and measurements (注記), in the client's language; None without one."""
    rows = tuple(_note(note, words) for note in diagnosis.forecast_notes)
    return _two_columns("notes", ("note_part", "note"), rows, words) if rows else None


def _note(note: Row, words: Wording) -> tuple[str, str]:
    """The part that a note is `about` (the forecast where it does not say), and its text."""
    key = f"{note.get('about', 'forecast_note')}.{note['key']}"
    return words.text(f"{key}.part"), words.filled(f"{key}.text", note)


def _in_order_of_wording(diagnosis: Diagnosis, words: Wording) -> list[str]:
    """The keys of the method in the order of the wording files; one without wording comes last, and then fails."""
    order = [key.split(".")[1] for key in words.texts if key.startswith("method.") and key.endswith(".label")]
    return sorted(diagnosis.method, key=lambda key: order.index(key) if key in order else len(order))


def _method_row(key: str, value: Scalar, words: Wording) -> tuple[str, str]:
    """A figure of the method under its name."""
    return words.text(f"method.{key}.label"), words.formatted(value, words.text(f"method.{key}.format"))


def _two_columns(key: str, headers: tuple[str, str], rows: tuple[tuple[str, str], ...], words: Wording) -> Grid:
    names = tuple(words.text(f"appendix.{header}") for header in headers)
    return Grid(key, words.text(f"appendix.{key}"), "", names, rows, (False, False))
