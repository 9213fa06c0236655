"""Where each number of the letter comes from (来歴): tables and their months, or the finding that it is taken from."""

from __future__ import annotations

from collections.abc import Iterator

from crm_platform.diagnosis.finding import Finding, Scalar
from crm_platform.diagnosis.lineage import Origin, ToldNumbers, origin_of
from crm_platform.letter.contacts import TABLES_OF
from crm_platform.letter.letter import Figure, Letter
from crm_platform.periods import Month

DIAGNOSES = {  # report → the document of its diagnosis
    "diagnosis": "diagnosis",
    "alert": "alert_diagnosis",
    "portfolio": "portfolio_diagnosis",
    "two_track": "two_track_diagnosis",
}
_FROM_HISTORY = ("new_customers", "second_purchases")


def told_in_letter(letter: Letter) -> tuple[ToldNumbers, ...]:
    """Every number of the letter in its order: figures, course, bridge, turned verdicts, actions, lists, notes."""
    return (
        *(_figure(figure, letter) for figure in letter.figures),
        *_course_and_bridge(letter),
        *_turned(letter),
        *(ToldNumbers("actions", one.key, _planned(one), finding=(report, one.key)) for report, one in letter.actions),
        *_contacts(letter),
        *_notes(letter),
    )


def _figure(figure: Figure, letter: Letter) -> ToldNumbers:
    values = {"now": figure.now, "last_month": figure.last_month, "year_ago": figure.year_ago}
    if figure.last_month_told is not None:
        values["last_month_told"] = figure.last_month_told
    if figure.key == "active_customers":
        return ToldNumbers("figures", figure.key, values, finding=("diagnosis", "dormancy"))
    return ToldNumbers("figures", figure.key, values, (_origin_of_figure(figure, letter),))


def _origin_of_figure(figure: Figure, letter: Letter) -> Origin:
    """A month's history knows all firsts and seconds; what is a month's own is read of each month compared."""
    month, told = Month.parse(letter.month), _told_month(letter)
    if figure.key in _FROM_HISTORY:
        return origin_of("customer_history", month, month)
    back = 12 if figure.year_ago is not None else 1 if figure.last_month is not None else 0
    return origin_of("lapse_alerts" if figure.key == "alerted_customers" else "customer_months", told.plus(-back), told)


def _course_and_bridge(letter: Letter) -> Iterator[ToldNumbers]:
    first, told = Month.parse(letter.course[0][0]), _told_month(letter)
    yield ToldNumbers("course", "course", dict(letter.course), (origin_of("customer_months", first, told),))
    if letter.bridge:
        steps = {f"{step.factor}_jpy": step.jpy for step in letter.bridge}
        before = Month.parse(str(letter.factors["before_month"]))
        origins = tuple(origin_of("customer_months", month, month) for month in (before, told))
        yield ToldNumbers("bridge", "bridge", {**letter.factors, **steps}, origins)


def _turned(letter: Letter) -> Iterator[ToldNumbers]:
    if letter.turned is not None:
        month, compared = Month.parse(letter.month), letter.questions_compared
        documents = tuple(origin_of(DIAGNOSES[report], month.plus(-1), month) for report in compared)
        yield ToldNumbers("compared", "questions_compared", dict(compared), documents)
    for one in letter.turned or ():
        now = one.finding.measured.value if one.finding.measured else None
        values: dict[str, Scalar] = {
            "was": one.was,
            "now": one.finding.verdict,
            "former_value": one.former_value,
            "value": now,
        }
        yield ToldNumbers("turned", one.finding.key, values, finding=(one.report, one.finding.key))


def _planned(finding: Finding) -> dict[str, Scalar]:
    plan = finding.action
    planned: dict[str, Scalar] = {"customers": plan.customers, "expected_jpy": plan.expected_jpy} if plan else {}
    return {**planned, "yen_effect_jpy": finding.yen_effect_jpy}


def _contacts(letter: Letter) -> Iterator[ToldNumbers]:
    month = Month.parse(letter.month)
    for one in letter.contacts:
        values: dict[str, Scalar] = {"customers": one.customers, "file": one.file}
        first = month.plus(-1) if one.key == "regular_new" else month
        yield ToldNumbers("contacts", one.key, values, (origin_of(TABLES_OF[one.key], first, month),))


def _notes(letter: Letter) -> Iterator[ToldNumbers]:
    if letter.former_forecast is not None:
        accuracy = ("diagnosis", "forecast_accuracy")
        yield ToldNumbers("forecast", "former_forecast", letter.former_forecast, finding=accuracy)
    yield ToldNumbers("delivery", "delivery", letter.delivery, delivery_id=str(letter.delivery["delivery_id"]))


def _told_month(letter: Letter) -> Month:
    return Month.parse(letter.figures_month or letter.month)
