"""Do term plans pay (3ヶ月・1年まとめて予約のアップセル, R111, 002:139-147)? To whom should they be offered?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import ibis
from ibis import _

from crm_platform.diagnosis.estimates import Estimate, proportion
from crm_platform.diagnosis.finding import Action, Exhibit, Finding, Row, Scalar, Unit, Verdict, client_word
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.rows import one_row, rows, yen_sum
from crm_platform.diagnosis.spans import YEAR_MONTHS, index_column, month_of
from crm_platform.diagnosis.trends import trend_of
from crm_platform.diagnosis.verdicts import LEAST_CUSTOMERS, measured_against, verdict_on_change
from crm_platform.two_track.contact_dates.term_values import (
    Matched,
    course_plans,
    deliveries_with_term,
    matched_values,
    value_cells,
    weighted_means,
    year_values,
)

OFFER_AFTER_DELIVERIES = 3  # 3回続いてから: so many deliveries without a skip before a term plan is offered
LATEST_ENTRY = 6  # later ones are one row of the table
_SHOWN_COURSES = 10
_SHOWN_HALF_YEARS = 10


def term_plans(inputs: DiagnosisInputs) -> Finding | None:
    """売上 of a subscription in the year after it took a term plan, against as old ones that went on monthly.

    Matched by half-year and number of deliveries before (`term_values`); whoever chose a term plan may still be more
    loyal by nature, which only a test with a control group would tell. At stake where it sells less: so much less ×
    the entries of half a year. None where no course is a term plan.
    """
    if inputs.subscriptions is None or inputs.subscription_deliveries is None:
        return None
    courses = course_rows(inputs)
    if not any(row["is_term"] for row in courses):
        return None
    stated = inputs.client.settings.term_courses
    placed = deliveries_with_term(inputs.subscription_deliveries, inputs.subscriptions, stated).cache()
    values = year_values(placed, inputs.as_of).cache()
    cells = value_cells(values)
    matched, starts = matched_values(values, cells), start_rows(inputs, placed)
    verdict, worth = _verdict(matched), _worth(inputs, courses, matched, placed)
    issue_jpy = worth["effect_jpy"] if verdict == "issue" else None
    return Finding(
        key="term_plans",
        chapter="contact_dates",
        verdict=verdict,
        numbers={
            **inputs.period,
            **uptake(courses, starts),
            **discount_rates(placed, inputs),
            **_sold(matched),
            **worth,
            "effect_jpy": issue_jpy,
        },
        exhibits=_exhibits(cells, courses),
        threshold=matched.monthly_jpy if matched else None,
        yen_effect_jpy=issue_jpy,
        concerned_customers=worth["offered_customers"],
        measured=_measured(matched),
        trend=trend_of([(row["month"], row["estimate"]) for row in starts], "rate"),
        action=Action(
            "@action_segment.steady_subscribers",
            worth["offered_customers"],
            "@action_channel.insert_phone",
            worth["expected_jpy"],
        ),
        sources=("subscriptions", "subscription_deliveries"),
    )


def _verdict(matched: Matched | None) -> Verdict:
    if matched is None or matched.entries < LEAST_CUSTOMERS:
        return "undetermined"
    return verdict_on_change(matched.difference_jpy, matched.monthly_jpy)


def uptake(courses: Sequence[Mapping[str, Any]], starts: Sequence[Mapping[str, Any]]) -> dict[str, Scalar]:
    """Running subscriptions, those on a term plan, their share, and the latest half-year's share of starts."""
    running = sum(row["plan_running"] for row in courses)
    term_running = sum(row["plan_running"] for row in courses if row["is_term"])
    return {
        "running": running,
        "term_running": term_running,
        "uptake_rate": term_running / running if running else None,
        "start_rate": starts[-1]["plan_start_rate"] if starts else None,
    }


def _sold(matched: Matched | None) -> dict[str, Scalar]:
    """What both tracks sold in a year."""
    return {
        "entries": matched.entries if matched else 0,
        "term_value_jpy": round(matched.term_jpy) if matched else None,
        "monthly_value_jpy": round(matched.monthly_jpy) if matched else None,
        "difference_jpy": round(matched.difference_jpy.value) if matched else None,
    }


def _worth(
    inputs: DiagnosisInputs, courses: Sequence[Mapping[str, Any]], matched: Matched | None, placed: ibis.Table
) -> dict[str, Any]:
    """Whom to offer a term plan, what half a year of it brings, and what half a year of entries lost."""
    offered, difference_jpy = offered_customers(inputs, courses), matched.difference_jpy.value if matched else 0.0
    return {
        "offer_after": OFFER_AFTER_DELIVERIES,
        "offered_customers": offered,
        "response_rate": inputs.response_rate,
        "expected_jpy": round(offered * inputs.response_rate * max(difference_jpy, 0.0) / 2),
        "effect_jpy": round(-difference_jpy * entered_last_half(inputs, placed)),
    }


def course_rows(inputs: DiagnosisInputs) -> list[dict[str, Any]]:
    """Present courses: deliveries they bind to, units of one, subscriptions that continue, discount, longest first."""
    if inputs.subscriptions is None or inputs.subscription_deliveries is None:
        return []
    stated = inputs.client.settings.term_courses
    plans = {row["course"]: row for row in course_plans(inputs.subscription_deliveries, inputs.subscriptions, stated)}
    named = inputs.subscriptions.filter(_.course.notnull())
    sums = named.group_by("course").agg(
        plan_term=_.term_deliveries.max(),
        plan_running=_.count(where=_.state == "continuing"),
        plan_subscriptions=_.count(),
        sales_jpy=yen_sum(_.sales_jpy),
        discount_jpy=yen_sum(_.discount_jpy),
    )
    in_order = sums.order_by(sums.plan_term.desc(), sums.plan_subscriptions.desc(), sums.course)
    return [
        {
            "course": row["course"],
            "is_term": plans[row["course"]]["is_term"],
            "plan_course": client_word(row["course"]),
            **{name: row[name] for name in ("plan_term", "plan_running", "plan_subscriptions")},
            "plan_units": plans[row["course"]]["units"],
            "plan_discount_rate": _discount_rate(row["discount_jpy"], row["sales_jpy"]),
        }
        for row in rows(in_order)
    ]


def start_rows(inputs: DiagnosisInputs, placed: Any) -> list[dict[str, Any]]:
    """Per half-year counted back from the last closed month: first deliveries, and the share on a term plan."""
    back = ((inputs.closed_index - index_column(placed.ordered_on)) / (YEAR_MONTHS // 2)).floor().cast("int64")
    firsts = placed.filter(placed.place == 1).mutate(back=back).filter(_.back.between(0, _SHOWN_HALF_YEARS - 1))
    sums = firsts.group_by("back").agg(starts=_.count(), on_term=_.count(where=_.is_term)).order_by(_.back.desc())
    found = []
    for row in rows(sums):
        estimate = proportion(row["on_term"], row["starts"])
        if estimate is not None:
            month = str(month_of(inputs.closed_index - row["back"] * (YEAR_MONTHS // 2)))
            found.append({"month": month, "plan_start_rate": estimate.value, "estimate": estimate})
    return found


def offered_customers(inputs: DiagnosisInputs, courses: Sequence[Mapping[str, Any]]) -> int:
    """Customers whose subscription continues month by month after three deliveries and more, without a skip."""
    on_term = [row["course"] for row in courses if row["is_term"]]
    if inputs.subscriptions is None:
        return 0
    steady = inputs.subscriptions.filter(
        (_.state == "continuing")
        & ~_.course.isin(on_term).fill_null(False)
        & (_.deliveries >= OFFER_AFTER_DELIVERIES)
        & (_.skips == 0)
        & ~_.skipped_before_next
    )
    return int(one_row(steady.agg(customers=_.customer_id.nunique()))["customers"])


def discount_rates(placed: Any, inputs: DiagnosisInputs) -> dict[str, Scalar]:
    """Discount ÷ (売上 + discount) of the last twelve closed months, on term plans and month by month."""
    year = placed.filter(inputs.closed_index - index_column(placed.ordered_on) < YEAR_MONTHS)
    sums = year.group_by("is_term").agg(sales_jpy=yen_sum(_.sales_jpy), discount_jpy=yen_sum(_.discount_jpy))
    found = {
        row["is_term"]: _discount_rate(row["discount_jpy"], row["sales_jpy"]) for row in rows(sums.order_by("is_term"))
    }
    return {"term_discount_rate": found.get(True), "monthly_discount_rate": found.get(False)}


def entered_last_half(inputs: DiagnosisInputs, placed: Any) -> int:
    """Subscriptions whose first delivery on a term plan lies in the last six closed months."""
    entered = placed.filter(_.is_term).group_by("subscription_id").agg(on=_.ordered_on.min())
    recent = entered.filter(inputs.closed_index - index_column(entered.on) < YEAR_MONTHS // 2)
    return int(one_row(recent.agg(number=_.count()))["number"])


def _discount_rate(discount_jpy: int, sales_jpy: int) -> float | None:
    return discount_jpy / (sales_jpy + discount_jpy) if sales_jpy + discount_jpy > 0 else None


def _measured(matched: Matched | None) -> Any:
    if matched is None:
        return None
    term = Estimate(matched.term_jpy, matched.difference_jpy.error)
    return measured_against(term, "jpy", matched.monthly_jpy, matched.difference_jpy)


def _exhibits(cells: Sequence[dict[str, Any]], courses: Sequence[Row]) -> tuple[Exhibit, ...]:
    plans: tuple[tuple[str, Unit], ...] = (
        ("plan_course", "text"),
        ("plan_term", "count"),
        ("plan_units", "count"),
        ("plan_running", "count"),
        ("plan_subscriptions", "count"),
        ("plan_discount_rate", "rate"),
    )
    entries: tuple[tuple[str, Unit], ...] = (
        ("plan_entry", "text"),
        ("plan_term_subscriptions", "count"),
        ("plan_term_jpy", "jpy"),
        ("plan_monthly_jpy", "jpy"),
    )
    by_entry = tuple(row for number in range(1, LATEST_ENTRY + 1) if (row := _entry_row(cells, number)))
    shown = [{name: row[name] for name, _unit in plans} for row in courses[:_SHOWN_COURSES]]
    tables = (Exhibit("courses", "table", tuple(shown), columns=plans),)
    return (*tables, Exhibit("entries", "table", by_entry, columns=entries)) if by_entry else tables


def _entry_row(cells: Sequence[dict[str, Any]], number: int) -> Row | None:
    here = [cell for cell in cells if min(cell["place"], LATEST_ENTRY) == number]
    if not here:
        return None
    entries, term_jpy, monthly_jpy = weighted_means(here)
    return {
        "plan_entry": f"@plan_entry.{number}",
        "plan_term_subscriptions": entries,
        "plan_term_jpy": round(term_jpy),
        "plan_monthly_jpy": round(monthly_jpy),
    }
