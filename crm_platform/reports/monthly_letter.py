"""From the letter's numbers to its two pages (月次レター): what changed and why, what to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import replace

from crm_platform.diagnosis.finding import Diagnosis, Exhibit, Finding, Row, Scalar
from crm_platform.letter import Figure, Letter, Turned
from crm_platform.periods import Month
from crm_platform.reports.actions import action_of
from crm_platform.reports.exhibits.bars import COMPARED
from crm_platform.reports.grids import grid_of
from crm_platform.reports.left_out import TWO_TRACK
from crm_platform.reports.legibility import legible_diagnosis
from crm_platform.reports.letter_ends import closing_of, contacts_grid
from crm_platform.reports.pages import SIGNS, Actions, Change, Comment, Grid, Picture, Report, Summary, Tile
from crm_platform.reports.sections import picture_of, short_measure, unit_of
from crm_platform.reports.wording import NOTHING, Wording

SHOWN_ACTIONS, SHOWN_TURNED = 5, 5
LEAST_MONTHS = 2  # of a course
_FOLDERS = {  # report → where its files lie
    "diagnosis": "second_opinion/",
    "alert": "shopping_alert/",
    "portfolio": "portfolio/",
    "two_track": TWO_TRACK,
}


def letter_report(letter: Letter, language: str, files: Collection[str], wording: Wording | None = None) -> Report:
    """The letter in `language` (`ja`, `en`), two pages in PDF.

    `files` are the month's deliverables: a list that is none of them is not named, and of a report without a file among
    them nothing is told, as of a study that waits (R38) or of a service that is not ordered (R42). `wording` replaces
    the platform's own texts. MissingWordingError for a missing text.
    """
    words = (wording or _words_for(letter, language)).of_report("letter")
    shown, replaced = legible_letter(without_left_out(letter, files))
    numbers = numbers_of(shown)
    grid, told = _turned(shown, words)
    return Report(
        client=shown.client,
        title=f"{words.text('report.title')} {words.formatted(shown.month, 'month')}",
        as_of=shown.as_of,
        cover_lines=(
            words.text("report.period", first=shown.first_month, last=shown.month),
            words.text("report.as_of", as_of=shown.as_of),
        ),
        front=None,
        summary=Summary(
            title=words.filled(f"letter.title.{_story(shown, numbers)}", numbers),
            tiles=tuple(_tile(figure, words) for figure in shown.figures),
            picture=_course(shown, numbers, words),
            comment=_why(shown, numbers, words),
            overview=grid,
            why=_bridge(shown, numbers, words),
            told=told,
        ),
        chapters=(),
        actions=_actions(shown, words),
        appendix=closing_of(shown, words),
        wording=words,
        replaced_characters=replaced,
        is_letter=True,
    )


def _words_for(letter: Letter, language: str) -> Wording:
    """The platform's words in `language`, with as many classes and months as the client has."""
    return Wording.of_data(
        language,
        first_month=letter.first_month,
        month=letter.month,
        as_of=letter.as_of,
        value_classes=letter.value_classes,
    )


def without_left_out(letter: Letter, files: Collection[str]) -> Letter:
    """The letter without lists that are not among `files`, and without the reports of which none of `files` is.

    A question that another report shows, too, is told as of that.
    """
    told = {report for report, folder in _FOLDERS.items() if any(path.startswith(folder) for path in files)}
    given = {one.key: next((report for report in one.reports if report in told), "") for one in letter.shared}
    turned = [replace(one, report=given.get(one.finding.key, one.report)) for one in letter.turned or ()]
    actions = [(given.get(finding.key, report), finding) for report, finding in letter.actions]
    compared = Counter(letter.questions_compared)
    compared.update(given[one.key] for one in letter.shared if one.is_compared)
    compared.subtract(one.reports[0] for one in letter.shared if one.is_compared)
    return replace(
        letter,
        figures=tuple(one for one in letter.figures if one.key != "alerted_customers" or "alert" in told),
        contacts=tuple(contact for contact in letter.contacts if contact.file in files),
        actions=tuple(one for one in actions if one[0] in told),
        turned=None if letter.turned is None else tuple(one for one in turned if one.report in told),
        questions_compared={report: compared[report] for report in _FOLDERS if report in told and compared[report]},
    )


def with_room_for(letter: Letter, words: Wording) -> Letter:
    """The letter with those turned verdicts and actions alone that its two pages show."""
    actions = tuple(one for one in letter.actions if action_of(one[1], words))[:SHOWN_ACTIONS]
    return replace(letter, actions=actions, turned=letter.turned and letter.turned[:SHOWN_TURNED])


def legible_letter(letter: Letter) -> tuple[Letter, int]:
    """The letter as it can be shown, and how many characters were replaced by 〓; see `legible_diagnosis`."""
    findings = (*(one.finding for one in letter.turned or ()), *(finding for _, finding in letter.actions))
    told = Diagnosis(letter.client, letter.month, letter.as_of, letter.first_month, {}, tuple(findings))
    shown, replaced = legible_diagnosis(told)
    turned = letter.turned
    if turned is not None:
        turned = tuple(replace(one, finding=found) for one, found in zip(turned, shown.findings, strict=False))
    rest = shown.findings[len(turned or ()) :]
    actions = tuple((report, found) for (report, _), found in zip(letter.actions, rest, strict=True))
    return replace(letter, client=shown.client, turned=turned, actions=actions), replaced


def numbers_of(letter: Letter) -> dict[str, Scalar]:
    """What the sentences of the first page ask for; None where it is not known."""
    sales = next(figure for figure in letter.figures if figure.key == "sales_jpy")
    before, now = letter.factors.get("before_jpy"), letter.factors["now_jpy"]
    change_jpy = now - before if isinstance(now, int) and isinstance(before, int) else None
    return {
        **letter.factors,
        **{f"{step.factor}_jpy": step.jpy for step in letter.bridge},
        "month": letter.figures_month or letter.month,
        "as_of": letter.as_of,
        "first": letter.course[0][0],
        "change_jpy": change_jpy,
        "last_rate": change_rate(sales.now, sales.last_month),
        "year_rate": change_rate(sales.now, sales.year_ago),
    }


def change_rate(now: int, before: int | None) -> float | None:
    """The change in relation to `before`; None where there was nothing, or nothing that compares."""
    return now / before - 1 if before is not None and before > 0 else None


def _story(letter: Letter, numbers: dict[str, Scalar]) -> str:
    if letter.figures_month is None:
        return "begun"
    if letter.lacks_its_month:
        return "not_delivered"
    last, year = numbers["last_rate"] is not None, numbers["year_rate"] is not None
    return "both" if last and year else "last_month" if last else "year_ago" if year else "alone"


def _tile(figure: Figure, words: Wording) -> Tile:
    value = words.formatted(figure.now, "yen" if figure.unit == "jpy" else "customers")
    label = words.text(f"letter.figure.{figure.key}")
    bases = {"last_month": figure.last_month, "year_ago": figure.year_ago}
    if all(before is None for before in bases.values()):
        return Tile(label, value, changes=(Change("", "level", words.text("letter.base.nothing")),))
    changes = tuple(_change(figure, before, words.text(f"letter.base.{base}"), words) for base, before in bases.items())
    return Tile(label, value, changes=changes)


def _change(figure: Figure, before: int | None, base: str, words: Wording) -> Change:
    """In per cent; as an amount where there was nothing before."""
    if before is None:
        return Change("", "level", f"{base} {words.text('letter.base.nothing')}")
    rate, moved = change_rate(figure.now, before), figure.now - before
    text = words.formatted(rate, "change") if rate is not None else words.signed(moved, figure.unit)
    direction = "up" if moved > 0 else "down" if moved < 0 else "level"
    return Change(text, direction, base, (moved > 0) == figure.is_more_better)  # type: ignore[arg-type]


def _course(letter: Letter, numbers: dict[str, Scalar], words: Wording) -> Picture | None:
    """Sales of up to thirteen months: the month in rust, the same month a year ago in navy; None for one month."""
    if len(letter.course) < LEAST_MONTHS:
        return None
    compared = letter.course[0][0] if letter.bridge_base == "year_ago" else None
    rows: tuple[Row, ...] = tuple(
        {"month": month, "jpy": jpy, COMPARED: month == compared} for month, jpy in letter.course
    )
    month = str(numbers["month"])
    exhibit = Exhibit("course", "bar", rows, x="month", y="jpy", x_unit="month", y_unit="jpy", highlight=month)
    labels = (words.text("letter.course.x"), words.text("letter.course.y"))
    kind = "not_delivered" if letter.lacks_its_month else "year_ago" if compared else "alone"
    title = words.filled(f"letter.course.{kind}", numbers)
    note = words.filled(f"letter.course.{'note' if compared else 'note_alone'}", numbers)
    return picture_of("course", exhibit, grid_of("course", title, note, exhibit, labels, words), labels, words)


def _bridge(letter: Letter, numbers: dict[str, Scalar], words: Wording) -> Picture | None:
    """From the sales of the month compared to the month's, over customers, frequency, value and credits."""
    if not letter.bridge:
        return None
    shown = [(step.factor, step.jpy) for step in letter.bridge if step.jpy or step.factor != "credits"]
    totals = [("before", numbers["before_jpy"]), *shown, ("now", numbers["now_jpy"])]
    rows: tuple[Row, ...] = tuple({"step": words.text(f"letter.factor.{key}"), "jpy": jpy} for key, jpy in totals)
    exhibit = Exhibit("bridge", "waterfall", rows, x="step", y="jpy", y_unit="jpy")
    labels = (words.text("letter.bridge.x"), words.text("letter.bridge.y"))
    largest, largest_jpy = max(shown, key=lambda step: abs(step[1]))
    told = {**numbers, "factor": words.text(f"letter.factor.{largest}"), "factor_jpy": largest_jpy}
    steps = "".join(f" {'−' if jpy < 0 else '+'} {words.in_table(abs(jpy), 'jpy')}" for _, jpy in shown)
    before, now = (words.in_table(numbers[key], "jpy") for key in ("before_jpy", "now_jpy"))
    source = words.text("letter.bridge.sum", before=before, steps=steps, now=now)
    grid = grid_of("bridge", words.filled("letter.bridge.title", told), source, exhibit, labels, words)
    return picture_of("bridge", exhibit, grid, labels, words, half=True)


def _why(letter: Letter, numbers: dict[str, Scalar], words: Wording) -> Comment:
    if letter.bridge:
        return Comment(*(words.filled(f"letter.bridge.{part}", numbers) for part in ("claim", "evidence")))
    months = {"months": len(letter.course) if letter.figures_month else 0}
    return Comment(*(words.filled(f"letter.bridge.none_{part}", months) for part in ("claim", "evidence")))


def _turned(letter: Letter, words: Wording) -> tuple[Grid | None, tuple[str, ...]]:
    """Whose verdict turned, as a table; a sentence where none did, or where nobody can know yet."""
    if letter.turned is None:
        return None, (words.text("letter.turned.unknown", next=str(Month.parse(letter.month).plus(1))),)
    counts = {"compared": sum(letter.questions_compared.values()), "turned": len(letter.turned)}
    if not letter.turned:
        return None, (words.filled("letter.turned.none", counts),)
    headers = tuple(words.text(f"letter.turned.{column}") for column in ("question", "was", "now", "figure", "report"))
    rows = tuple(_turned_row(one, words) for one in letter.turned[:SHOWN_TURNED])
    left_out = len(letter.turned) - len(rows)
    remark = words.text("report.rows_left_out", rows=left_out) if left_out else ""
    title = words.filled("letter.turned.title", counts)
    return Grid("turned", title, "", headers, rows, (False,) * len(headers), remark), ()


def _turned_row(one: Turned, words: Wording) -> tuple[str, ...]:
    finding = one.finding
    was, now = (words.text(f"verdict.{each}") for each in (one.was, finding.verdict))
    name, report = words.text(f"{finding.key}.name"), words.text(f"letter.report_name.{one.report}")
    return name, was, f"{SIGNS[finding.verdict]} {now}", _figure_of(finding, one.former_value, words), report


def _figure_of(finding: Finding, former: float | None, words: Wording) -> str:
    if finding.measured is None:
        return NOTHING
    unit = unit_of(finding, words)
    was, now = (words.formatted(value, unit) for value in (former, finding.measured.value))
    return words.text("letter.turned.figure_of", measure=short_measure(finding.key, words), was=was, now=now)


def _actions(letter: Letter, words: Wording) -> Actions:
    """At most five, issues first, then what should bring most; beneath them the lists.

    Without an issue the title says as the reports do that nothing is urgent.
    """
    found = [(finding, text) for _, finding in letter.actions if (text := action_of(finding, words))][:SHOWN_ACTIONS]
    further = tuple(filter(None, [contacts_grid(letter, words)]))
    if not found or found[0][0].action is None:
        return Actions(words.text("letter.actions.none"), None, further)
    first = found[0][0]
    plan = found[0][0].action
    title = words.text(
        "letter.actions.title" if first.verdict == "issue" else "letter.actions.title_without_issue",
        name=words.text(f"{first.key}.name"),
        customers=plan.customers,
        expected_jpy=plan.expected_jpy,
    )
    columns = ("finding", "action", "segment", "channel", "customers", "expected")
    headers = tuple(words.text(f"letter.actions.{column}") for column in columns)
    numeric = tuple(column in ("customers", "expected") for column in columns)
    rows = tuple(_action_row(finding, text, words) for finding, text in found)
    return Actions(title, Grid("todo", "", words.text("letter.actions.note"), headers, rows, numeric), further)


def _action_row(finding: Finding, text: str, words: Wording) -> tuple[str, ...]:
    plan = finding.action
    if plan is None:
        raise ValueError(f"the finding '{finding.key}' has no action, but the letter lists it")
    name = words.text(f"{finding.key}.name")
    return (
        f"{SIGNS['issue']} {name}" if finding.verdict == "issue" else name,
        text,
        words.word(plan.segment),
        words.word(plan.channel),
        words.formatted(plan.customers, "count"),
        words.formatted(plan.expected_jpy, "yen"),
    )
