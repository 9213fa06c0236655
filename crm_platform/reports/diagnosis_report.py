"""From a diagnosis to the pages of its report (診断レポート, R68)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from crm_platform.diagnosis.finding import Diagnosis, Exhibit, Scalar, by_yen_effect
from crm_platform.reports.legibility import legible_diagnosis
from crm_platform.reports.pages import SIGNS, Actions, Appendix, Chapter, Comment, Grid, Picture, Report, Summary, Tile
from crm_platform.reports.sections import action_of, chapters_of, grid_of, picture_of
from crm_platform.reports.wording import Wording

TILES = 4


def diagnosis_report(diagnosis: Diagnosis, language: str, wording: Wording | None = None) -> Report:
    """The report of a diagnosis in `language` (`ja`, `en`); MissingWordingError names a missing text or number.

    `wording` replaces the platform's own texts of that language.
    """
    words = wording or Wording.of(language, _value_classes(diagnosis))
    shown, replaced = legible_diagnosis(diagnosis)
    chapters = tuple(chapters_of(shown, words))
    return Report(
        client=shown.client,
        title=words.text("report.diagnosis"),
        as_of=shown.as_of,
        cover_lines=(
            words.text("report.period", first=shown.first_month, last=shown.month),
            words.text("report.as_of", as_of=shown.as_of),
        ),
        summary=_summary(shown, chapters, words),
        chapters=chapters,
        actions=_actions(shown, words),
        appendix=_appendix(shown, replaced, words),
        wording=words,
        replaced_characters=replaced,
    )


def _value_classes(diagnosis: Diagnosis) -> int:
    """How many value classes the client has, where the diagnosis says so."""
    classes = diagnosis.method.get("value_classes", 10)
    return classes if isinstance(classes, int) else 10


def _summary(diagnosis: Diagnosis, chapters: Sequence[Chapter], words: Wording) -> Summary:
    count = {verdict: sum(f.verdict == verdict for f in diagnosis.findings) for verdict in ("healthy", "issue")}
    key = "this_month_title" if count["issue"] else "this_month_all_healthy" if count["healthy"] else "this_month_none"
    title = words.text(f"report.{key}", month=diagnosis.month, issues=count["issue"], healthy=count["healthy"])
    return Summary(
        title=title,
        tiles=_tiles(diagnosis, words),
        picture=_effects(diagnosis, words),
        comment=_points(diagnosis, chapters, words),
        overview=_overview(chapters, words),
    )


def _overview(chapters: Sequence[Chapter], words: Wording) -> Grid | None:
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


def _tiles(diagnosis: Diagnosis, words: Wording) -> tuple[Tile, ...]:
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


def _effects(diagnosis: Diagnosis, words: Wording) -> Picture | None:
    """The findings with a yen effect as bars, the largest in rust; None where no finding has one."""
    found = [f for f in by_yen_effect(diagnosis.findings) if f.yen_effect_jpy]
    if not found:
        return None
    rows = tuple({"finding": words.text(f"{f.key}.name"), "jpy": abs(f.yen_effect_jpy or 0)} for f in found)
    exhibit = Exhibit("effects", "bar", rows, x="finding", y="jpy", y_unit="jpy", highlight=rows[0]["finding"])  # type: ignore[arg-type]
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
        return Comment(words.text("report.this_month_claim_healthy"), words.text("report.this_month_healthy"))
    return Comment(words.text("report.this_month_claim"), words.text("report.sentence_end").join([*found, ""]).strip())


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
        _forecast_notes(diagnosis, words),
        _two_columns("terms", ("term", "meaning"), definitions, words),
        replace(_two_columns("method", ("item", "value"), tuple(method), words), numeric=(False, True)),
    )


def _forecast_notes(diagnosis: Diagnosis, words: Wording) -> Grid | None:
    """What took over where a model had too little (注記), in the client's language; None where nothing did."""
    rows = tuple(
        (words.text(f"forecast_note.{note['key']}.part"), words.filled(f"forecast_note.{note['key']}.text", note))
        for note in diagnosis.forecast_notes
    )
    return _two_columns("notes", ("note_part", "note"), rows, words) if rows else None


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
