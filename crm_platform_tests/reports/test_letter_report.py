from __future__ import annotations

import dataclasses
import re
import subprocess
from functools import cache
from html import unescape

import pytest

from crm_platform.diagnosis.finding import Diagnosis
from crm_platform.letter import Figure, Letter, Shared
from crm_platform.letter.monthly_letter import monthly_letter
from crm_platform.periods import Month
from crm_platform.reports import Report, letter_report, write_html, write_pdf
from crm_platform.reports.monthly_letter import without_left_out
from crm_platform_tests.letter.invented_month import MONTH, diagnosis, house, inputs, no_lists
from crm_platform_tests.reports import invented

LANGUAGES = ("ja", "en")
LISTS = ("second_opinion/segments.csv", "shopping_alert/alert_customers.csv", "portfolio/dormant_customers.csv")
FILES = (*LISTS, "two_track/targets.csv")


@cache
def full_letter() -> Letter:
    """Every verdict turned, every issue with an action for customers of a hostile name, in two reports."""
    now, lists = invented.diagnosis(), no_lists(targets=[{"customer_id": "A"}], lapse_alerts=[{"customer_id": "B"}])
    former = dataclasses.replace(now, findings=tuple(dataclasses.replace(f, verdict="healthy") for f in now.findings))
    half = len(now.findings) // 2

    def reports(of: Diagnosis) -> dict[str, Diagnosis]:
        parts = {"diagnosis": of.findings[:half], "two_track": of.findings[half:]}
        return {name: dataclasses.replace(of, findings=found) for name, found in parts.items()}

    alert = diagnosis([], alerted_customers=3)
    made = monthly_letter(inputs(house(), now={**reports(now), "alert": alert}, former=reports(former), lists=lists))
    return dataclasses.replace(made, client=now.client)


@cache
def letter(language: str) -> Report:
    return letter_report(full_letter(), language, FILES, invented.wording(language))


def smallest() -> Letter:
    """One order on the fifth of the first month."""
    bought = [one for one in house(0) if one.month == MONTH][:1]
    return monthly_letter(inputs(bought, months=[MONTH], as_of=MONTH.first_day.replace(day=5)))


def lacking(month: Month) -> Letter:
    """A letter of a house of which the orders of one month are not there."""
    bought = [one for one in house() if one.month != month]
    return monthly_letter(dataclasses.replace(inputs(bought), gaps=[(month.first_day, month.last_day)]))


def pages(pdf: bytes) -> int:
    return len(re.findall(rb"/Type\s*/Page\b", pdf))


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_letter_has_two_pages_whether_it_has_much_to_tell_or_little(language: str) -> None:
    crowded = letter(language)
    assert crowded.summary.overview is not None
    assert crowded.actions.table is not None
    grown = dataclasses.replace(crowded.actions.table, rows=crowded.actions.table.rows * 7)
    longer = dataclasses.replace(crowded, actions=dataclasses.replace(crowded.actions, table=grown))
    little = letter_report(smallest(), language, LISTS)
    assert [pages(write_pdf(report)) for report in (crowded, longer, little)] == [2, 2, 2]


@pytest.mark.needs_program("pdftotext", "poppler-utils")
@pytest.mark.parametrize("language", LANGUAGES)
def test_paper_and_screen_say_the_same(language: str) -> None:
    report = letter(language)
    read = subprocess.run(["pdftotext", "-raw", "-", "-"], input=write_pdf(report), capture_output=True, check=True)
    paper = re.sub(r"\s", "", read.stdout.decode())
    screen = re.sub(r"\s", "", unescape(re.sub(r"<[^>]*>", "", write_html(report).decode())))
    grids = [grid for grid in (report.summary.overview, *report.actions.further) if grid]
    said = [
        report.summary.title,
        report.actions.title,
        report.summary.comment.claim,
        report.appendix.forecast,
        *(picture.title for picture in report.pictures),
        *(grid.title for grid in grids),
        *(change.base for tile in report.summary.tiles for change in tile.changes),
    ]
    missing = [text for text in said for read in (paper, screen) if re.sub(r"\s", "", text) not in read]
    assert missing == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_titles_tell_the_numbers_that_their_charts_show(language: str) -> None:
    report, told = letter(language), full_letter()
    course, bridge = report.pictures
    sales = report.wording.formatted(told.factors["now_jpy"], "yen")
    assert sales in report.summary.title
    assert sales in course.title
    assert course.data.rows[-1][-1] == bridge.data.rows[-1][-1] == f"¥{told.factors['now_jpy']:,}"
    steps = [int(re.sub(r"[¥,]", "", row[-1]).replace("−", "-")) for row in bridge.data.rows]
    assert sum(steps[:-1]) == steps[-1]
    assert all(row[-1].lstrip("−") in bridge.source for row in bridge.data.rows)
    assert report.actions.table is not None
    assert report.actions.table.rows[0][-1] in report.actions.title


def test_sign_and_colour_of_a_change_tell_its_direction_and_whether_it_is_welcome() -> None:
    risen = Figure("buyers", "count", 150, 100, 0)
    fallen = dataclasses.replace(risen, now=100, last_month=150)
    alerted = Figure("alerted_customers", "count", 150, 100, None, is_more_better=False)
    sales = full_letter().figures[0]
    made = dataclasses.replace(full_letter(), figures=(sales, risen, fallen, alerted))
    tiles = letter_report(made, "ja", FILES, invented.wording("ja")).summary.tiles[1:]
    told = [[(change.text, change.direction, change.look) for change in tile.changes] for tile in tiles]
    assert told == [
        [("+50.0%", "up", "up"), ("+150", "up", "up")],
        [("−33.3%", "down", "down"), ("+100", "up", "up")],
        [("+50.0%", "up", "down"), ("", "level", "level")],
    ]


@pytest.mark.parametrize("language", LANGUAGES)
def test_without_a_file_of_the_two_tracks_the_letter_tells_nothing_of_them(language: str) -> None:
    held_back = letter_report(full_letter(), language, LISTS, invented.wording(language))
    page = write_html(held_back).decode()
    assert "two_track/" not in page
    name = held_back.wording.text("letter.report_name.two_track")
    assert held_back.summary.overview is not None
    assert name not in [row[-1] for row in held_back.summary.overview.rows]
    assert held_back.actions.table is not None
    assert {row[0] for row in held_back.actions.table.rows} == {"▲ f2", "▲ classes", "▲ portfolio"}
    assert any(name == row[-1] for row in letter(language).summary.overview.rows)  # type: ignore[union-attr]


def test_of_a_service_that_is_not_ordered_the_letter_tells_nothing() -> None:
    alone = letter_report(full_letter(), "ja", LISTS[1:2], invented.wording("ja"))
    everything = letter("ja")
    assert alone.summary.overview is None
    assert alone.actions.table is None
    assert [tile.label for tile in alone.summary.tiles] == [tile.label for tile in everything.summary.tiles]
    without_alert = letter_report(full_letter(), "ja", (LISTS[0], *LISTS[2:]), invented.wording("ja"))
    alerted = without_alert.wording.text("letter.figure.alerted_customers")
    assert alerted in [tile.label for tile in everything.summary.tiles]
    assert alerted not in [tile.label for tile in without_alert.summary.tiles]
    assert "shopping_alert/" not in write_html(without_alert).decode()


def test_a_question_of_two_reports_is_told_as_of_the_one_that_is_handed_over() -> None:
    def shown(letter: Letter, report: str) -> tuple[set[str], set[str], int]:
        acted = {finding.key for name, finding in letter.actions if name == report}
        turned = {one.finding.key for one in letter.turned or () if one.report == report}
        return acted, turned, letter.questions_compared.get(report, 0)

    told = full_letter()
    key = next(finding.key for report, finding in told.actions if report == "diagnosis")
    both = dataclasses.replace(told, shared=(Shared(key, ("diagnosis", "two_track"), is_compared=True),))
    second_opinion, study = ("second_opinion/segments.csv",), ("two_track/targets.csv",)
    alone = without_left_out(both, second_opinion)
    assert dataclasses.replace(alone, shared=()) == without_left_out(told, second_opinion)
    acted, turned, compared = shown(without_left_out(told, study), "two_track")
    assert key not in acted | turned
    assert shown(without_left_out(both, study), "two_track") == (acted | {key}, turned | {key}, compared + 1)
    assert shown(without_left_out(both, (*second_opinion, *study)), "two_track") == (acted, turned, compared)


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_cannot_be_told_yet_is_said_in_a_line_each(language: str) -> None:
    report = letter_report(smallest(), language, LISTS)
    assert list(report.pictures) == []
    assert report.summary.overview is None
    assert len(report.summary.told) == 1
    assert (report.actions.table, report.actions.further) == (None, ())
    assert report.appendix.notes is not None
    assert [row[0] for row in report.appendix.notes.rows] == [
        report.wording.text(f"letter.note.{key}") for key in ("lists", "delivery", "unfinished", "not_compared")
    ]


@pytest.mark.parametrize(("language", "days"), [("ja", "2025-05-01〜2025-05-31"), ("en", "2025-05-01 to 2025-05-31")])
def test_days_of_which_no_order_is_there_are_named_and_nothing_is_held_against_them(language: str, days: str) -> None:
    report = letter_report(lacking(MONTH.plus(-1)), language, FILES)
    notes = dict(report.appendix.notes.rows)
    assert days in notes[report.wording.text("letter.note.gaps")]
    sales = report.wording.text("letter.figure.sales_jpy")
    assert sales in notes[report.wording.text("letter.note.not_compared")]
    assert report.wording.text("letter.base.nothing") in report.summary.tiles[0].changes[0].base
    assert pages(write_pdf(report)) == 2
    assert report.wording.text("letter.note.gaps") not in [row[0] for row in letter(language).appendix.notes.rows]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_title_of_a_month_of_which_no_order_is_there_tells_no_fall_but_that(language: str) -> None:
    report = letter_report(lacking(MONTH), language, FILES)
    numbers = {"month": str(MONTH)}
    assert report.summary.title == report.wording.filled("letter.title.not_delivered", numbers)
    assert "100" not in report.summary.title
    shown = report.summary.picture.title if report.summary.picture else ""
    assert shown == report.wording.filled("letter.course.not_delivered", numbers)


@pytest.mark.parametrize(("day", "until"), [(None, "2025-07"), (8, "2025-06")])
def test_the_list_of_contact_dates_names_the_month_up_to_whose_end_it_counts(day: int | None, until: str) -> None:
    told = full_letter()
    as_of = MONTH.first_day.replace(day=day) if day else MONTH.last_day
    told = dataclasses.replace(told, as_of=as_of.isoformat())
    shown = letter_report(told, "ja", (*FILES, "portfolio/contact_dates.csv"), invented.wording("ja"))
    how = shown.wording.text("letter.contact_how.due", until=until)
    assert how in [row[2] for row in shown.actions.further[0].rows]


@pytest.mark.parametrize("language", LANGUAGES)
def test_without_an_issue_the_letter_says_as_the_reports_do_that_nothing_is_urgent(language: str) -> None:
    told = full_letter()
    calm = tuple((report, dataclasses.replace(one, verdict="healthy")) for report, one in told.actions)
    words = invented.wording(language)
    next_step = {f"{one.key}.action.healthy": words.text(f"{one.key}.action.issue") for _, one in told.actions}
    words = dataclasses.replace(words, texts={**words.texts, **next_step})
    report = letter_report(dataclasses.replace(told, actions=calm), language, FILES, words)
    urgent = letter(language).wording.text("actions.heading_none").rstrip("。.")
    assert report.actions.title.startswith(urgent)
    assert not letter(language).actions.title.startswith(urgent)
    assert report.actions.table is not None
    assert report.actions.table.rows[0][-1] in report.actions.title


@pytest.mark.parametrize(
    ("language", "part", "told"),
    [("ja", "先月のレターとの違い", "売上 ¥351,916→¥341,329"), ("en", "last month’s letter", "¥351,916 → ¥341,329")],
)
def test_a_figure_that_last_months_letter_told_otherwise_is_named_with_both_values(
    language: str, part: str, told: str
) -> None:
    made = full_letter()
    sales = dataclasses.replace(made.figures[0], last_month=341_329, last_month_told=351_916)
    revised = dataclasses.replace(made, figures=(sales, *made.figures[1:]))
    report = letter_report(revised, language, FILES, invented.wording(language))
    (note,) = (row for row in report.appendix.notes.rows if part in row[0])
    assert told in note[1]
    assert not any(part in row[0] for row in letter(language).appendix.notes.rows)
    assert pages(write_pdf(report)) == 2
