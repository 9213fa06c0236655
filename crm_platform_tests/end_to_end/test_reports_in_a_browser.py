"""The client's reports as headless Chromium shows them: alone, on a phone, with a keyboard, and as axe judges them."""

from __future__ import annotations

import importlib.resources
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from crm_platform.reports import Wording, write_html
from crm_platform.reports.client_index import index_of_outbox
from crm_platform.reports.client_index_html import write_client_index
from crm_platform_tests.browser.devtools import Page
from crm_platform_tests.end_to_end.conftest import MONTH
from crm_platform_tests.reports import hostile, two_months

pytestmark = pytest.mark.needs_program("chromium", "chromium")

REPORTS = {
    "second opinion": "second_opinion/diagnosis_report.html",
    "alert": "shopping_alert/alert_report.html",
    "portfolio": "portfolio/portfolio_report.html",
    "two tracks": "two_track/two_track_report.html",
    "letter": "letter/monthly_letter.html",
    "preview": "preview/preview_report.html",
}
ENGLISH, INDEX = "hostile names in English", "index"
PAGES = (ENGLISH, *REPORTS, INDEX)
WITH_SCRIPT, WITH_CHARTS = PAGES[:-1], PAGES[:-2]  # those without stand last, so that a page is opened once
IN_FULL = (
    "alert",
    "letter",
    INDEX,
)  # judged unfolded and with the contrast of colours, which reports share; it is slow
LONG = ("second opinion", "portfolio")  # judged without the insides of their charts, which take longest
QUIET = ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded", "Audits.issueAdded")
IN_CHART = "document.querySelector('#this-month figure svg, article figure svg')"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with Page(tmp_path_factory.mktemp("browser") / "profile") as page:
        yield page


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A report and an index with hostile names, which no client's data give in this strength."""
    folder = tmp_path_factory.mktemp("made")
    report, index = folder / "report.html", folder / "demo" / "index.html"
    report.write_bytes(write_html(hostile.report("en")))
    two_months.deliver_two_months(folder)
    shown = index_of_outbox(folder, "demo", two_months.CLIENT, Wording.of("ja"))
    index.write_bytes(write_client_index(shown))
    return {ENGLISH: report, INDEX: index}


@pytest.fixture(scope="module", params=PAGES)
def opened(
    request: pytest.FixtureRequest, browser: Page, made: dict[str, Path], data_as_onboarded: Path
) -> tuple[str, Page]:
    """Each page in turn, opened once."""
    name: str = request.param
    month = data_as_onboarded / "outbox" / "demo" / str(MONTH)
    browser.width(1440)
    browser.open(made[name] if name in made else month / REPORTS[name])
    return name, browser


with_script = pytest.mark.parametrize("opened", WITH_SCRIPT, indirect=True)
with_charts = pytest.mark.parametrize("opened", WITH_CHARTS, indirect=True)


def test_a_page_asks_for_nothing_outside_and_reports_nothing(opened: tuple[str, Page]) -> None:
    name, page = opened
    asked = [event["request"]["url"] for event in page.reported("Network.requestWillBeSent")]
    assert [url for url in asked if not url.startswith("data:")] == [page.look("location.href")]
    assert {method: page.reported(method) for method in QUIET} == {method: [] for method in QUIET}
    assert page.reported("Page.javascriptDialogOpening") == []
    assert page.look("document.documentElement.lang") == ("en" if name == ENGLISH else "ja")


def test_axe_finds_nothing_wrong(opened: tuple[str, Page]) -> None:
    name, page = opened
    in_full = name in IN_FULL
    page.look(f"document.querySelectorAll('details').forEach(one => one.open = {json.dumps(in_full)})")
    page.look(importlib.resources.files("axe_core_python").joinpath("axe.min.js").read_text("utf-8") + ";0")
    options = {"resultTypes": ["violations"], "preload": False, "rules": {"color-contrast": {"enabled": in_full}}}
    judged = {"include": [["html"]], "exclude": [["svg"]] if name in LONG else []}
    found = page.look(
        f"axe.run({json.dumps(judged)}, {json.dumps(options)}).then(found => found.violations.map(one => "
        "({rule: one.id, impact: one.impact, at: one.nodes.map(node => node.html.slice(0, 200))})))"
    )
    page.look("document.querySelectorAll('details').forEach(one => one.open = false)")
    assert found == []


@pytest.mark.parametrize("pixels", [390, 1440])
def test_a_page_never_scrolls_sideways(opened: tuple[str, Page], pixels: int) -> None:
    _, page = opened
    page.width(pixels)
    wider = page.look("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wider <= 0


def test_no_short_name_or_number_is_broken_and_no_table_is_set_in_the_grey_of_a_remark(
    opened: tuple[str, Page],
) -> None:
    _, page = opened
    page.width(390)
    rows = "[...document.querySelectorAll('tr')].filter(tr => tr.querySelectorAll('.words,.sentence').length == 0)"
    names = f"{rows}.flatMap(tr => [...tr.querySelectorAll('td.name')]), ...document.querySelectorAll('.verdict .tag')"
    height = "one.clientHeight - 2 * parseFloat(getComputedStyle(one).paddingTop)"
    lines = f"one => one.checkVisibility() && ({height}) / parseFloat(getComputedStyle(one).lineHeight)"
    assert page.look(f"Math.max(0, ...[...{names}].map({lines}))") < 2
    inks = page.look("[...new Set([...document.querySelectorAll('td')].map(td => getComputedStyle(td).color))]")
    assert len(inks) <= 1


def test_a_page_brings_its_fonts_and_its_files_are_large_enough_for_a_finger(opened: tuple[str, Page]) -> None:
    _, page = opened
    page.width(390)
    assert page.look("document.fonts.check('16px \"Noto Sans CJK JP\"')")
    assert page.look("Math.min(100, ...[...document.querySelectorAll('.links a')].map(a => a.offsetHeight))") >= 24


@with_charts
def test_a_mark_tells_its_row_of_the_table_to_mouse_finger_and_keyboard(opened: tuple[str, Page]) -> None:
    _, page = opened
    page.width(390)
    page.look(
        f"window.figure = {IN_CHART}.closest('figure'); window.marks = [...figure.querySelectorAll('svg [role=img]')];"
        "figure.querySelector('svg').scrollIntoView({block: 'center', behavior: 'instant'});"
        "window.told = mark => mark.getAttribute('aria-label')"
    )
    page.settled()
    rows = page.look(
        "(() => {const texts = row => [...row.cells].map(cell => cell.textContent),"
        "names = texts(figure.querySelector('thead tr'));"
        "return [...figure.querySelectorAll('tbody tr')].map(row => texts(row).map((text, n) => [names[n], text]))})()"
    )
    assert sorted(map(_pairs, page.look("marks.map(told)"))) == sorted(rows)
    largest = page.look(
        "(() => {const seen = marks.map(mark => mark.getBoundingClientRect()).map(at => "
        "({x: at.x, y: at.y + at.height / 2, width: Math.min(at.right, innerWidth - 30) - at.x, height: at.height}));"
        "const at = seen.reduce((best, one) => one.width * one.height > best.width * best.height ? one : best);"
        "return [at.x + at.width / 2, at.y]})()"
    )
    for reach in (page.point, page.tap):
        reach(*largest)
        assert _pairs(_shown(page)) in rows
        reach(2, 2)
        assert _shown(page) == ""
    page.look("marks[0].focus({preventScroll: true})")
    for key, place in {"End": -1, "ArrowLeft": -2, "Home": 0, "ArrowRight": 1}.items():
        page.press(key)
        reached = page.look(f"told(marks.at(Math.max({place}, -marks.length)) ?? marks.at(-1))")
        assert _shown(page) == reached == page.look("told(document.activeElement)")
    page.press("Escape")
    assert _shown(page) == ""


def _pairs(told: str) -> list[list[str]]:
    """Names and values, as a mark tells them."""
    return [re.split("：|: ", line, maxsplit=1) for line in told.split("\n")]


def _shown(page: Page) -> str:
    """What the page tells beside a mark, which stands wholly in the window; empty where it tells nothing."""
    page.settled()
    text, hidden, *edges = page.look(
        "(() => {const tip = document.querySelector('.tip'), at = tip.getBoundingClientRect();"
        "return [tip.textContent, tip.hidden, at.left, at.top, innerWidth - at.right, innerHeight - at.bottom]})()"
    )
    assert hidden or min(edges) >= 0
    return "" if hidden else str(text)


@with_script
def test_a_header_sorts_numbers_as_numbers_and_says_so(opened: tuple[str, Page]) -> None:
    _, page = opened
    page.width(1440)
    page.look(
        "window.sorted = [...document.querySelectorAll('.overview table, section .table table')]"  # amounts first
        ".find(table => table.querySelector('th.number') && table.tBodies[0].rows.length > 3);"
        "window.head = [...sorted.querySelectorAll('th.number')].at(-1);"
        "head.scrollIntoView({block: 'center', behavior: 'instant'})"
    )
    values = "[...sorted.tBodies[0].rows].map(row => row.cells[head.cellIndex].dataset.value)"
    before = page.look(values)
    known = [float(value) for value in before if value is not None]
    nothing = [None] * (len(before) - len(known))
    page.point(
        *page.look(
            "(() => {const at = head.firstChild.getBoundingClientRect(); return [at.x + at.width / 2, at.y + 5]})()"
        ),
        click=True,
    )
    assert _floats(page.look(values)) == sorted(known) + nothing
    assert page.look("head.getAttribute('aria-sort')") == "ascending"
    said = page.look("document.querySelector('[role=status]').textContent")
    page.look("head.firstChild.focus()")
    page.press("Enter")
    assert _floats(page.look(values)) == sorted(known, reverse=True) + nothing
    assert page.look("head.getAttribute('aria-sort')") == "descending"
    assert page.look("document.querySelector('[role=status]').textContent") != said
    assert page.look("document.querySelectorAll('[aria-sort]').length") == 1


def _floats(values: list[str | None]) -> list[float | None]:
    return [None if value is None else float(value) for value in values]


@with_script
def test_the_contents_show_where_one_is(opened: tuple[str, Page]) -> None:
    _, page = opened
    place = page.look(
        "([...document.querySelectorAll('main article')].at(-1) ?? document.getElementById('actions')).id"
    )
    page.look(f"document.getElementById('{place}').scrollIntoView({{behavior: 'instant'}})")
    page.settled()
    assert page.look("[...document.querySelectorAll('nav [aria-current]')].map(link => link.hash)") == [f"#{place}"]


def test_on_paper_stand_charts_and_tables_without_the_furniture_of_the_screen(opened: tuple[str, Page]) -> None:
    name, page = opened
    page.ask("Emulation.setEmulatedMedia", media="print")
    shown = page.look(
        "Object.fromEntries(['nav', '.tip', 'details', 'figure svg', 'table'].map(name =>"
        "[name, [...document.querySelectorAll(name)].some(one => one.checkVisibility())]))"
    )
    page.ask("Emulation.setEmulatedMedia", media="")
    assert shown == {"nav": False, ".tip": False, "details": False, "figure svg": name in WITH_CHARTS, "table": True}


def test_a_script_that_came_with_the_data_would_not_run(opened: tuple[str, Page]) -> None:
    _, page = opened
    ran = page.look(
        "(() => {const script = document.createElement('script'); script.textContent = 'window.ran = true';"
        "document.body.append(script); return window.ran === true})()"
    )
    assert ran is False
    assert page.reported("Log.entryAdded"), "and the browser would have reported it, above"
