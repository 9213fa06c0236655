"""F2 conversion (F2転換, R120-R122): how many new customers buy a second time, and how soon."""

from __future__ import annotations

from typing import Any

from ibis import _

from crm_platform.diagnosis.estimates import Estimate, proportion
from crm_platform.diagnosis.finding import Action, Exhibit, Finding, Scalar
from crm_platform.diagnosis.groundwork.cohorts import (
    F2_DAYS,
    Cohorts,
    Sums,
    by_cohort,
    last_aged,
    last_with_months,
    over,
    year_on_year,
    year_to,
)
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.new_customers.quarters import quarters, quarters_back
from crm_platform.diagnosis.rows import one_row, rows, yen_sum
from crm_platform.diagnosis.spans import HALF_YEAR_MONTHS

WINDOWS_DAYS = (30, 60, 90, 180)
BENCHMARK_LOW_RATE, BENCHMARK_HIGH_RATE = 0.30, 0.40  # EC as a whole, context only (CPM.md §6)
SUBSCRIPTION = "subscription"
_SHOWN_COHORTS = 12


def f2_conversion(inputs: DiagnosisInputs) -> Finding | None:
    """The share of new customers who bought again within 180 days, beside that of the year before (R120).

    Judged is the last year of cohort months that have 180 days behind them, against the year before and over
    half-years (R61). At stake: the second purchases missing in half a year × the mean order value. None where no
    customer is new.
    """
    monthly = by_cohort(inputs, second=yen_sum(_.days_to_second <= F2_DAYS))
    if not monthly:
        return None
    last = last_aged(inputs, F2_DAYS)
    judged = year_on_year(inputs, monthly, last, f2_rate, "rate")
    now = over(monthly, year_to(inputs, last)) or {"customers": 0, "second": 0}
    first, second = round(now["customers"]), round(now["second"])
    effect_jpy = round(judged.shortfall * first / 2 * inputs.order_value_jpy) or None
    waiting, kinds = waiting_customers(inputs, last), kind_rows(inputs, year_to(inputs, last))
    expected_jpy = round(waiting * inputs.response_rate * inputs.order_value_jpy)
    numbers: dict[str, Scalar] = {
        **inputs.period,
        "f2_rate": judged.now.value if judged.now else None,
        "f2_rate_before": judged.before_value,
        "change_points": judged.change_value,
        "first_buyers": first,
        "second_buyers": second,
        "lost_buyers": first - second,
        "median_days": median_days(inputs, year_to(inputs, last)),
        "window_days": F2_DAYS,
        "benchmark_low_rate": BENCHMARK_LOW_RATE,
        "benchmark_high_rate": BENCHMARK_HIGH_RATE,
        **_kind_numbers(kinds),
        "order_value_jpy": inputs.order_value_jpy,
        "waiting_customers": waiting,
        "response_rate": inputs.response_rate,
        "expected_jpy": expected_jpy,
        "effect_jpy": effect_jpy,
    }
    return Finding(
        key="f2_conversion",
        chapter="new_customers",
        verdict=judged.verdict,
        numbers=numbers,
        exhibits=_exhibits(cohort_rows(inputs), kinds),
        threshold=judged.before_value,
        yen_effect_jpy=effect_jpy,
        concerned_customers=waiting,
        measured=judged.measured("rate"),
        trend=judged.trend,
        action=Action("@action_segment.without_second_purchase", waiting, "@action_channel.insert_mail", expected_jpy),
        sources=("customer_history", "customer_months"),
    )


def f2_rate(sums: Sums) -> Estimate | None:
    """F2 = second-time buyers ÷ first-time buyers of the same cohorts (R120)."""
    return proportion(sums["second"], sums["customers"])


def waiting_customers(inputs: DiagnosisInputs, last: int) -> int:
    """New customers who came after the cohort month `last` and have not bought a second time: those still to be won."""
    waiting = inputs.beginnings.filter((_.cohort > last) & _.days_to_second.isnull())
    return int(one_row(waiting.agg(customers=_.count()))["customers"])


def median_days(inputs: DiagnosisInputs, span: Cohorts) -> float | None:
    """Median days to the second purchase, of those who made it within 180 days (R122)."""
    inside = inputs.beginnings.filter(span.holds(_.cohort) & (_.days_to_second <= F2_DAYS))
    found: float | None = one_row(inside.agg(days=_.days_to_second.median()))["days"]
    return found


def cohort_rows(inputs: DiagnosisInputs) -> list[dict[str, Any]]:
    """Per quarter: new customers, share converted within 30/60/90/180 days, median days; None while a cohort is open.

    `state` says whether every window is closed for every member (R122: immature cohorts are marked).
    """
    new = inputs.beginnings
    grouped = new.mutate(back=quarters_back(inputs, new.cohort)).filter(_.back >= 0).group_by("back")
    within = {f"within_{window}": yen_sum(_.days_to_second <= window) for window in WINDOWS_DAYS}
    median = _.days_to_second.median(where=_.days_to_second <= F2_DAYS)
    found = rows(grouped.agg(customers=_.count(), median_days=median, **within).order_by(_.back.desc()))
    spans = quarters(inputs)
    cohorts = []
    for row in (row for row in found if row["back"] < len(spans)):
        span = spans[len(spans) - 1 - row["back"]]
        known_days = (inputs.as_of - span.last.last_day).days
        rates = {
            f"rate_{window}": row[f"within_{window}"] / row["customers"] if known_days >= window else None
            for window in WINDOWS_DAYS
        }
        is_closed = known_days >= F2_DAYS
        cohorts.append(
            {
                "quarter": str(span.last),
                "customers": row["customers"],
                **rates,
                "median_days": row["median_days"] if is_closed else None,
                "state": "@cohort.closed" if is_closed else "@cohort.open",
            }
        )
    return cohorts


def kind_rows(inputs: DiagnosisInputs, span: Cohorts) -> list[dict[str, Any]]:
    """F2 in two kinds (R121), by kind of the first order, of the cohorts of `span`.

    `f2_rate` with its interval: a second purchase of any kind within 180 days (2回目購入). `pull_up_rate`: a
    subscription order in months 0 to 6 (定期引上げ), None for those who began with one or have not had the months.
    """
    inside = inputs.beginnings.filter(span.holds(_.cohort)).group_by("first_order_kind")
    sums = inside.agg(
        customers=_.count(), second=yen_sum(_.days_to_second <= F2_DAYS), pulled_up=yen_sum(_.subscribed_6m)
    )
    has_months = span.last <= last_with_months(inputs, HALF_YEAR_MONTHS)
    found = []
    for row in rows(sums.filter(_.first_order_kind.notnull()).order_by("first_order_kind")):
        rate = proportion(row["second"], row["customers"])
        is_open = has_months and row["first_order_kind"] != SUBSCRIPTION
        pulled_up = proportion(row["pulled_up"], row["customers"]) if is_open else None
        found.append(
            {
                "kind": f"@order_kind.{row['first_order_kind']}",
                "customers": row["customers"],
                "f2_rate": rate.value if rate else None,
                "f2_low_rate": max(rate.low, 0.0) if rate else None,
                "f2_high_rate": min(rate.high, 1.0) if rate else None,
                "pull_up_rate": pulled_up.value if pulled_up else None,
                "pulled_up": row["pulled_up"] if is_open else None,
            }
        )
    return found


def _kind_numbers(kinds: list[dict[str, Any]]) -> dict[str, Scalar]:
    began_otherwise = [row for row in kinds if row["pulled_up"] is not None]
    people = sum(row["customers"] for row in began_otherwise)
    pulled_up = sum(row["pulled_up"] for row in began_otherwise)
    return {
        "other_first_buyers": people,
        "pulled_up": pulled_up,
        "pull_up_rate": pulled_up / people if people else None,
    }


def _exhibits(cohorts: list[dict[str, Any]], kinds: list[dict[str, Any]]) -> tuple[Exhibit, ...]:
    lines = [
        {"quarter": row["quarter"], "window": f"@f2_window.{window}", "rate": row[f"rate_{window}"]}
        for window in WINDOWS_DAYS
        for row in cohorts
        if row[f"rate_{window}"] is not None
    ]
    rates: tuple[Any, ...] = tuple((f"rate_{window}", "rate") for window in WINDOWS_DAYS)
    line = Exhibit(
        "cohorts", "line", tuple(lines), x="quarter", y="rate", x_unit="month", y_unit="rate", series="window"
    )
    table = Exhibit(
        "cohort_table",
        "table",
        tuple(cohorts[-_SHOWN_COHORTS:]),
        columns=(("quarter", "month"), ("customers", "count"), *rates, ("median_days", "days"), ("state", "text")),
    )
    of_kinds = Exhibit(
        "kinds",
        "table",
        tuple(kinds),
        columns=(
            ("kind", "text"),
            ("customers", "count"),
            ("f2_rate", "rate"),
            ("f2_low_rate", "rate"),
            ("f2_high_rate", "rate"),
            ("pull_up_rate", "rate"),
        ),
    )
    shown = [line] if len({row["quarter"] for row in lines}) >= 2 else []
    return (*shown, *(exhibit for exhibit in (table, of_kinds) if exhibit.rows))
