"""The letter of a month, from what is stored of this month and of the one before."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import ibis

from crm_platform.diagnosis.finding import Diagnosis, Finding, Scalar
from crm_platform.diagnosis.integrated.factors import FACTORS, factor_steps
from crm_platform.letter.contacts import contacts_of
from crm_platform.letter.former_month import (
    beside_former_letter,
    planned_actions,
    questions_in_both,
    shared_questions,
    turned_verdicts,
)
from crm_platform.letter.letter import Base, Figure, Gap, Letter, Step, is_lacking
from crm_platform.letter.month_figures import (
    COURSE_MONTHS,
    active_by_month,
    comparable_from,
    figures_of,
    firsts_and_seconds,
    sales_of,
    sums_of_months,
)
from crm_platform.periods import Month

_NAMED = ("sales_jpy", "buyers")


@dataclass(frozen=True, eq=False)
class LetterInputs:
    """What a letter reads, of one client and month.

    `now` are the diagnoses of the month by report (`diagnosis`, `alert`, `portfolio`, `two_track` where there is one),
    `former` those of the month before, without those that are not stored. `customer_months` spans `months`; `history`
    is CUSTOMER_HISTORY of the month, `lists` the month's tables that `contacts_of` names, `former_regular` the
    REGULAR_BUYERS and `former_letter` the letter of the month before where they are stored. `delivery` tells of the
    latest: delivery_id, examined_on, data_from, data_to, rows, quarantined_rows, set_aside_rows. `silent_days`: after
    how many days without a purchase a customer is no longer active. `gaps`: first and last day of runs without an
    order, longer than chance explains or a whole month.
    """

    client: str
    month: Month
    as_of: dt.date
    months: Sequence[Month]
    customer_months: ibis.Table
    history: ibis.Table
    now: Mapping[str, Diagnosis]
    former: Mapping[str, Diagnosis]
    lists: Mapping[str, ibis.Table]
    delivery: Mapping[str, Scalar]
    silent_days: int
    value_classes: int = 10
    former_regular: ibis.Table | None = None
    former_letter: Letter | None = None
    gaps: Sequence[Gap] = ()

    @property
    def finished(self) -> list[Month]:
        """The months that are over: one still running would look like a fall."""
        return [month for month in self.months if month.last_day <= self.as_of]


def monthly_letter(inputs: LetterInputs) -> Letter:
    """What changed since last month, why, what to do (月次レター)."""
    finished = inputs.finished
    told = finished[-1] if finished else inputs.month
    course = (finished or list(inputs.months))[-COURSE_MONTHS:]
    sums = sums_of_months(inputs.customer_months, course)
    gaps = [(first, last) for first, last in inputs.gaps if course[0].first_day <= last and first <= told.last_day]
    lacking = {month for month in course if is_lacking(month, gaps)}
    base, before = _bridge_base(told, sums.keys() - lacking)
    steps = factor_steps(sales_of(sums[before]), sales_of(sums[told])) if before else {}
    return Letter(
        client=inputs.client,
        month=str(inputs.month),
        as_of=inputs.as_of.isoformat(),
        first_month=str(inputs.months[0]),
        figures_month=str(told) if finished else None,
        figures=beside_former_letter(
            (*_figures(inputs, told, sums, lacking), *_alerted(inputs, told, lacking)), told, inputs.former_letter
        ),
        course=tuple((str(month), each["sales_jpy"]) for month, each in sums.items()),
        bridge_base=base,
        bridge=tuple(Step(factor, steps[factor]) for factor in FACTORS if factor in steps),
        factors=_factors(sums, told, before),
        turned=turned_verdicts(inputs.now, inputs.former) if inputs.former else None,
        questions_compared=questions_in_both(inputs.now, inputs.former),
        shared=shared_questions(inputs.now, inputs.former),
        actions=planned_actions(inputs.now),
        contacts=contacts_of(inputs.lists, inputs.as_of, inputs.former_regular),
        former_forecast=_former_forecast(inputs.now["diagnosis"].findings),
        delivery=inputs.delivery,
        value_classes=inputs.value_classes,
        gaps=tuple((first.isoformat(), last.isoformat()) for first, last in gaps),
    )


def _bridge_base(told: Month, there: Collection[Month]) -> tuple[Base | None, Month | None]:
    """A year ago where its data are there, since a season would look like a change; else last month."""
    for base, back in (("year_ago", 12), ("last_month", 1)):
        if {told, told.plus(-back)} <= set(there):
            return base, told.plus(-back)  # type: ignore[return-value]
    return None, None


def _figures(
    inputs: LetterInputs, told: Month, sums: dict[Month, dict[str, int]], lacking: Collection[Month]
) -> tuple[Figure, ...]:
    known = {name: {month: each[name] for month, each in sums.items()} for name in _NAMED}
    known |= firsts_and_seconds(inputs.history, inputs.months[0])
    if active := active_by_month(inputs.now["diagnosis"]):
        known |= {"active_customers": active}
    return figures_of(told, known, comparable_from(inputs.months[0], inputs.silent_days), lacking)


def _alerted(inputs: LetterInputs, told: Month, lacking: Collection[Month]) -> tuple[Figure, ...]:
    """How many are alerted; beside last month's where both were chosen alike, at the end of a finished month."""
    now, former = (each.get("alert") for each in (inputs.now, inputs.former))
    alerted = now.headline["alerted_customers"] if now else None
    if now is None or not isinstance(alerted, int):
        return ()
    earlier = former.headline["alerted_customers"] if former and _chosen_by(former) == _chosen_by(now) else None
    ends_alike = told == inputs.month and former is not None and former.as_of == told.plus(-1).last_day.isoformat()
    is_comparable = ends_alike and not {told, told.plus(-1)} & set(lacking)
    last = earlier if is_comparable and isinstance(earlier, int) else None
    return (Figure("alerted_customers", "count", alerted, last, None, is_more_better=False),)


def _chosen_by(alert: Diagnosis) -> tuple[Scalar, ...]:
    """The settings that decide how many are alerted; the cost of a contact where no number of targets is set."""
    targets, cost_jpy = alert.method.get("alert_targets"), alert.method.get("alert_unit_cost_jpy")
    return alert.method.get("alert_top_share_rate"), targets, None if isinstance(targets, int) else cost_jpy


def _factors(sums: Mapping[Month, dict[str, int]], told: Month, before: Month | None) -> dict[str, Scalar]:
    """Sales, buyers, purchases per buyer and yen per purchase of the month and of the one it is bridged from."""
    found: dict[str, Scalar] = {}
    for prefix, month in (("before", before), ("now", told)):
        if month is not None:
            each = sales_of(sums[month])
            found |= {
                f"{prefix}_month": str(month),
                f"{prefix}_jpy": sums[month]["sales_jpy"],
                f"{prefix}_buyers": each.buyers,
                f"{prefix}_frequency": float(each.frequency),
                f"{prefix}_value_jpy": float(each.value_jpy),
                f"{prefix}_returned_jpy": each.returned_jpy,
            }
    return found


def _former_forecast(findings: Sequence[Finding]) -> dict[str, Scalar] | None:
    """How the forecast of half a year ago came true; None where history is too short for one."""
    found = next((finding for finding in findings if finding.key == "forecast_accuracy"), None)
    if found is None or found.numbers.get("backtest_month") is None:
        return None
    return dict(found.numbers)
