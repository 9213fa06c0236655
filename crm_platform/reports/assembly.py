"""From findings to a report: the parts that all reports share, in the order of the pages.

Belongs here: what a diagnosis becomes whatever it asks. Does not: a report's own chapters and its summary's story.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from crm_platform.diagnosis.finding import Diagnosis, Row, Scalar, by_yen_effect
from crm_platform.reports.legibility import legible_diagnosis
from crm_platform.reports.pages import SIGNS, Actions, Appendix, Chapter, Grid, Report, Summary, Tile
from crm_platform.reports.sections import action_of, chapters_of
from crm_platform.reports.wording import Wording

TILES = 4
TEN_CLASSES = 10
Summarise = Callable[[Diagnosis, Sequence[Chapter], Wording], Summary]


def assembled(diagnosis: Diagnosis, chapters: Sequence[str], summarise: Summarise, words: Wording) -> Report:
    """The report of a diagnosis: `chapters` in this order, before them what `summarise` makes of it.

    `words` are those of this report (`Wording.of_report`); MissingWordingError names a missing text or number.
    """
    shown, replaced = legible_diagnosis(diagnosis)
    found = tuple(chapters_of(shown, chapters, words))
    return Report(
        client=shown.client,
        title=words.text("report.title"),
        as_of=shown.as_of,
        cover_lines=(
            words.text("report.period", first=shown.first_month, last=shown.month),
            words.text("report.as_of", as_of=shown.as_of),
        ),
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


def overview_of(chapters: Sequence[Chapter], words: Wording) -> Grid | None:
    """All verdicts at a glance (健診の一覧)."""
    rows = tuple(
        (section.number, section.name, f"{SIGNS[section.verdict]} {section.verdict_label}", section.threshold)
        for chapter in chapters
        for section in chapter.sections
    )
    if not rows:
        return None
    headers = tuple(words.text(f"overview.{column}") for column in ("number", "finding", "verdict", "threshold"))
    return Grid("overview", words.text("overview.title"), "", headers, rows, (False,) * len(headers))


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
    rows = tuple(
        (
            words.text(f"{finding.key}.name"),
            action,
            words.formatted(finding.concerned_customers, "count"),
            words.formatted(finding.yen_effect_jpy, "yen"),
        )
        for finding, action in found
    )
    headers = tuple(words.text(f"actions.{column}") for column in ("finding", "action", "customers", "yen"))
    table = Grid("actions", "", words.text("actions.note"), headers, rows, (False, False, True, True))
    return Actions(words.text("actions.heading", actions=len(rows)), table)


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
