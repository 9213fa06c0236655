"""F2 conversion (F2転換, R120-R122): how many new customers buy a second time, and how soon."""

from __future__ import annotations

import datetime as dt
from typing import Any

import ibis
from ibis import _

from crm_platform.diagnosis.finding import Exhibit, Finding, Scalar, Verdict
from crm_platform.diagnosis.inputs import WARM_UP_MONTHS, DiagnosisInputs
from crm_platform.diagnosis.new_customers.cohorts import quarters, quarters_back
from crm_platform.diagnosis.rows import one_row, rows
from crm_platform.diagnosis.trends import share

WINDOWS_DAYS = (30, 60, 90, 180)
JUDGED_DAYS = 180
BENCHMARK_LOW_RATE, BENCHMARK_HIGH_RATE = 0.30, 0.40  # EC as a whole, context only (CPM.md §6)
_SHOWN_COHORTS = 12
_YEAR_DAYS = 365


def f2_conversion(inputs: DiagnosisInputs) -> Finding | None:
    """The share of new customers who bought again within 180 days, beside that of the year before.

    Judged are the customers of the last 365 days who have 180 days behind them; healthy where their rate is not below
    that of the 365 days before (R61), which must lie beyond the first year of data. At stake: the second purchases
    missing in half a year × the mean order value. None where no customer is new.
    """
    now = conversion(inputs, JUDGED_DAYS)
    if not one_row(inputs.new_customers.agg(customers=_.count()))["customers"]:
        return None
    before = conversion(inputs, JUDGED_DAYS + _YEAR_DAYS)
    rate, former_rate = share(now["second"], now["first"]), share(before["second"], before["first"])
    verdict: Verdict = "undetermined"
    effect_jpy = None
    if rate is not None and former_rate is not None:
        verdict = "issue" if rate < former_rate else "healthy"
        effect_jpy = round(max(former_rate - rate, 0.0) * now["first"] / 2 * inputs.order_value_jpy) or None
    kinds = kind_rows(inputs)
    numbers: dict[str, Scalar] = {
        **inputs.period,
        "f2_rate": rate,
        "f2_rate_before": former_rate,
        "change_points": rate - former_rate if rate is not None and former_rate is not None else None,
        "first_buyers": now["first"],
        "second_buyers": now["second"],
        "lost_buyers": now["first"] - now["second"],
        "median_days": now["median_days"],
        "window_days": JUDGED_DAYS,
        "benchmark_low_rate": BENCHMARK_LOW_RATE,
        "benchmark_high_rate": BENCHMARK_HIGH_RATE,
        "pull_up_rate": next((row["pull_up_rate"] for row in kinds if row["kind"] == "@order_kind.one_off"), None),
        "order_value_jpy": inputs.order_value_jpy,
        "effect_jpy": effect_jpy,
    }
    return Finding(
        key="f2_conversion",
        chapter="new_customers",
        verdict=verdict,
        numbers=numbers,
        exhibits=_exhibits(cohort_rows(inputs), kinds),
        threshold=former_rate,
        yen_effect_jpy=effect_jpy,
        concerned_customers=now["first"] - now["second"],
    )


def _days_to_second(table: ibis.Table) -> ibis.Value:
    return table.second_purchased_on.delta(table.first_purchased_on, unit="day")


def conversion(inputs: DiagnosisInputs, days_ago: int) -> dict[str, Any]:
    """Of those who first bought in the 365 days up to `days_ago`: `first`, `second` within 180 days, median days."""
    last = inputs.as_of - dt.timedelta(days=days_ago)
    since = last - dt.timedelta(days=_YEAR_DAYS - 1)
    cohort = inputs.new_customers.filter(_.first_purchased_on.between(since, last))
    days = _days_to_second(cohort)
    within = days <= JUDGED_DAYS
    sums = cohort.agg(first=_.count(), second=within.sum().fill_null(0), median_days=days.median(where=within))
    found = one_row(sums)
    enough = days_ago == JUDGED_DAYS or since >= inputs.months[0].plus(WARM_UP_MONTHS).first_day
    return found if enough else {"first": 0, "second": 0, "median_days": None}


def cohort_rows(inputs: DiagnosisInputs) -> list[dict[str, Any]]:
    """Per quarter: new customers, share converted within 30/60/90/180 days, median days; None while a cohort is open.

    `state` says whether every window is closed for every member (R122: immature cohorts are marked).
    """
    new = inputs.new_customers
    days = _days_to_second(new)
    grouped = new.mutate(back=quarters_back(inputs, new.cohort), days=days).filter(_.back >= 0).group_by("back")
    within = {f"within_{window}": (_.days <= window).sum().fill_null(0) for window in WINDOWS_DAYS}
    sums = grouped.agg(customers=_.count(), median_days=_.days.median(where=_.days <= JUDGED_DAYS), **within)
    found = {row["back"]: row for row in rows(sums.order_by("back"))}
    spans = quarters(inputs)
    cohorts = []
    for back in range(len(spans) - 1, -1, -1):
        if back in found:
            row, known_days = found[back], (inputs.as_of - spans[len(spans) - 1 - back].last.last_day).days
            cohorts.append(
                {
                    "quarter": str(spans[len(spans) - 1 - back].last),
                    "customers": row["customers"],
                    **{
                        f"rate_{window}": row[f"within_{window}"] / row["customers"] if known_days >= window else None
                        for window in WINDOWS_DAYS
                    },
                    "median_days": row["median_days"] if known_days >= JUDGED_DAYS else None,
                    "state": "@cohort.closed" if known_days >= JUDGED_DAYS else "@cohort.open",
                }
            )
    return cohorts


def kind_rows(inputs: DiagnosisInputs) -> list[dict[str, Any]]:
    """F2 in two kinds (R121), by kind of the first order, of customers with 180 days behind them.

    `f2_rate`: a second purchase of any kind within 180 days. `pull_up_rate`: any subscription order since (定期引上げ);
    None for those who began with one.
    """
    closed = inputs.new_customers.filter(_.first_purchased_on <= inputs.as_of - dt.timedelta(days=JUDGED_DAYS))
    grouped = closed.mutate(days=_days_to_second(closed)).group_by("first_order_kind")
    sums = grouped.agg(
        customers=_.count(),
        second=(_.days <= JUDGED_DAYS).sum().fill_null(0),
        pulled_up=(_.subscription_orders > 0).sum().fill_null(0),
    )
    return [
        {
            "kind": f"@order_kind.{row['first_order_kind']}",
            "customers": row["customers"],
            "f2_rate": row["second"] / row["customers"],
            "pull_up_rate": None if row["first_order_kind"] == "subscription" else row["pulled_up"] / row["customers"],
        }
        for row in rows(sums.order_by("first_order_kind"))
        if row["first_order_kind"] is not None
    ]


def _exhibits(cohorts: list[dict[str, Any]], kinds: list[dict[str, Any]]) -> tuple[Exhibit, ...]:
    lines = [
        {"quarter": row["quarter"], "window": f"@f2_window.{window}", "rate": row[f"rate_{window}"]}
        for window in WINDOWS_DAYS
        for row in cohorts
        if row[f"rate_{window}"] is not None
    ]
    exhibits = []
    if len({line["quarter"] for line in lines}) >= 2:
        exhibits.append(
            Exhibit(
                "cohorts", "line", tuple(lines), x="quarter", y="rate", x_unit="month", y_unit="rate", series="window"
            )
        )
    exhibits.append(
        Exhibit(
            "cohort_table",
            "table",
            tuple(cohorts[-_SHOWN_COHORTS:]),
            columns=(
                ("quarter", "month"),
                ("customers", "count"),
                *((f"rate_{window}", "rate") for window in WINDOWS_DAYS),
                ("median_days", "days"),
                ("state", "text"),
            ),
        )
    )
    if kinds:
        exhibits.append(
            Exhibit(
                "kinds",
                "table",
                tuple(kinds),
                columns=(("kind", "text"), ("customers", "count"), ("f2_rate", "rate"), ("pull_up_rate", "rate")),
            )
        )
    return tuple(exhibits)
