"""The end of the letter: whom to contact by which file, how the former forecast came true, what the data say."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from crm_platform.letter import Figure, Letter, due_month
from crm_platform.periods import Month
from crm_platform.reports.pages import Appendix, Grid
from crm_platform.reports.wording import Wording


def contacts_grid(letter: Letter, words: Wording) -> Grid | None:
    """The lists of the month: how many each holds, how to use it, in which file it is; None where nobody is on one."""
    filled = [contact for contact in letter.contacts if contact.customers]
    if not filled:
        return None
    until = str(due_month(dt.date.fromisoformat(letter.as_of)))
    rows = tuple(
        (
            words.text(f"letter.contact.{contact.key}"),
            words.formatted(contact.customers, "count"),
            words.text(f"letter.contact_how.{contact.key}", until=until),
            contact.file,
        )
        for contact in letter.contacts
    )
    columns = ("list", "customers", "how", "file")
    headers = tuple(words.text(f"letter.contacts.{column}") for column in columns)
    numeric = tuple(column == "customers" for column in columns)
    largest = max(filled, key=lambda contact: contact.customers)
    name = words.text(f"letter.contact.{largest.key}")
    title = words.text("letter.contacts.title", lists=len(filled), largest=name, customers=largest.customers)
    return Grid("contacts", title, "", headers, rows, numeric)


def closing_of(letter: Letter, words: Wording) -> Appendix:
    """How the former forecast came true, notes on the data, how to read the letter."""
    headers = (words.text("appendix.note_part"), words.text("appendix.note"))
    notes = Grid("notes", words.text("appendix.notes"), "", headers, tuple(_notes(letter, words)), (False, False))
    return Appendix(words.text("appendix.reading_text"), _forecast(letter, words), notes, None, None)


def _forecast(letter: Letter, words: Wording) -> str:
    """Whether the forecast of half a year ago came true, by the same tolerance as the finding `forecast_accuracy`."""
    found = letter.former_forecast
    bias, largest = (found.get(name) if found else None for name in ("bias_rate", "largest_bias_rate"))
    if found is None or not isinstance(bias, float) or not isinstance(largest, float):
        return words.text("letter.forecast.unknown", months=Month.parse(letter.month).minus(_first(letter)) + 1)
    parts = ["told", "inside" if abs(bias) <= largest else "outside"]
    parts += ["above"] if found.get("above_p90_rate") is not None else []
    return words.text("letter.forecast.join").join(words.filled(f"letter.forecast.{part}", found) for part in parts)


def _first(letter: Letter) -> Month:
    return Month.parse(letter.first_month)


def _notes(letter: Letter, words: Wording) -> Iterator[tuple[str, str]]:
    if not any(contact.customers for contact in letter.contacts):
        yield words.text("letter.note.lists"), words.text("letter.note.lists_text")
    yield words.text("letter.note.delivery"), words.filled("letter.note.delivery_text", letter.delivery)
    if letter.figures_month != letter.month:
        told = {"month": letter.month, "as_of": letter.as_of}
        yield words.text("letter.note.unfinished"), words.filled("letter.note.unfinished_text", told)
    if letter.gaps:
        gaps = [words.text("letter.note.of_gap", first=first, last=last) for first, last in letter.gaps]
        spans = words.text("letter.note.comma").join(gaps)
        yield words.text("letter.note.gaps"), words.text("letter.note.gaps_text", spans=spans)
    if revised := [_revised(figure, words) for figure in letter.figures if figure.last_month_told is not None]:
        figures = words.text("letter.note.comma").join(revised)
        yield words.text("letter.note.revised"), words.text("letter.note.revised_text", figures=figures)
    missing = [name for figure in letter.figures if (name := _not_compared(figure, words))]
    if missing:
        figures = words.text("letter.note.comma").join(missing)
        text = words.text("letter.note.not_compared_text", figures=figures, count=len(missing))
        yield words.text("letter.note.not_compared"), text


def _revised(figure: Figure, words: Wording) -> str:
    """The figure's name with last month's value in last month's letter and now."""
    was, now = (words.in_table(value, figure.unit) for value in (figure.last_month_told, figure.last_month))
    return words.text("letter.note.of_revised", figure=words.text(f"letter.figure.{figure.key}"), was=was, now=now)


def _not_compared(figure: Figure, words: Wording) -> str:
    """The figure's name with the month that it is not held against; empty where it is held against both."""
    lacks = {"last": figure.last_month is None, "year": figure.year_ago is None}
    if not any(lacks.values()):
        return ""
    key = "both" if all(lacks.values()) else next(base for base, is_lacking in lacks.items() if is_lacking)
    return words.text(f"letter.note.of_{key}", figure=words.text(f"letter.figure.{figure.key}"))
