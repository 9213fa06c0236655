"""LTV on both tracks (定期＋都度のLTV, R35): what customers who begin with a subscription become worth, and by what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import ibis
from ibis import _

from crm_platform.diagnosis.estimates import Estimate, mean
from crm_platform.diagnosis.finding import Action, Exhibit, Finding, Scalar, Unit
from crm_platform.diagnosis.groundwork.cohorts import (
    Cohorts,
    Sums,
    last_with_months,
    over,
    sum_and_squares,
    year_on_year,
    year_to,
)
from crm_platform.diagnosis.inputs import VALUE_MONTHS, DiagnosisInputs
from crm_platform.diagnosis.rows import rows, yen_sum
from crm_platform.diagnosis.spans import HALF_YEAR_MONTHS, YEAR_MONTHS, index_column
from crm_platform.tables.two_track import TRACK_STATES

_SHOWN_HALF_YEARS = 10
_TRACKS = ("subscription", "one_off")
_KIND_SUMS = {
    "subscription_sales_jpy": "subscription_jpy",
    "one_off_sales_jpy": "one_off_jpy",
    "foreseen_subscription_sales_jpy": "expected_subscription_jpy",
    "foreseen_one_off_sales_jpy": "expected_one_off_jpy",
    "two_track_ltv_jpy": "two_track_ltv_jpy",
    "bulk_sales_jpy": "bulk_jpy",
}


def two_track_ltv(inputs: DiagnosisInputs) -> Finding | None:
    """LTV of customers who began with a subscription: subscription part + one-off part; bulk sales are in neither.

    Judged is the value after twelve months, of the last year of cohorts that has them behind it, against the year
    before and over half-years (R61). At stake: half a year's share of what the year's customers brought less. None
    without `two_track_values`, or where no new customer began with a subscription.
    """
    monthly = subscriber_cohorts(inputs)
    if inputs.two_track_values is None or not monthly:
        return None
    last = last_with_months(inputs, YEAR_MONTHS)
    judged = year_on_year(inputs, monthly, last, value_after_a_year, "jpy")
    customers = round((over(monthly, year_to(inputs, last)) or {"customers": 0})["customers"])
    effect_jpy = round(judged.shortfall * customers / 2) or None
    kinds = kind_rows(inputs.two_track_values)
    single = sum(row["customers"] for row in kinds if row["track_kind"] == "@track_kind.continuing_subscription_only")
    expected_jpy = round(single * inputs.response_rate * inputs.order_value_jpy)
    numbers: dict[str, Scalar] = {
        **inputs.period,
        "last_cohort": year_to(inputs, last).month,
        "customers": customers,
        "ltv_before_jpy": judged.before_value,
        "change_jpy": judged.change_value,
        **horizons(inputs, monthly),
        **_both_and_one(kinds),
        "single_track_customers": single,
        "response_rate": inputs.response_rate,
        "expected_jpy": expected_jpy,
        "effect_jpy": effect_jpy,
    }
    return Finding(
        key="two_track_ltv",
        chapter="business",
        verdict=judged.verdict,
        numbers=numbers,
        exhibits=_exhibits(cohort_rows(inputs, monthly), kinds),
        threshold=judged.before_value,
        yen_effect_jpy=effect_jpy,
        concerned_customers=customers,
        measured=judged.measured("jpy"),
        trend=judged.trend,
        action=Action(
            "@action_segment.continuing_subscription_only", single, "@action_channel.insert_mail", expected_jpy
        ),
        sources=("customer_months", "customer_history", "two_track_values"),
    )


def subscriber_cohorts(inputs: DiagnosisInputs) -> list[dict[str, Any]]:
    """By month of the first purchase, of customers whose first order was a subscription: sums over VALUE_MONTHS.

    `subscription_<n>m`, `one_off_<n>m` and `both_<n>m` are 売上 of the first n months; `both_<n>m_squares` Σ of squares
    over customers.
    """
    begun = inputs.new_customers.filter(_.first_order_kind == "subscription").select("customer_id", "cohort")
    joined = inputs.customer_months.inner_join(begun, "customer_id")
    aged = joined.mutate(age=index_column(joined.month) - joined.cohort)
    aged = aged.filter(aged.age.between(0, max(VALUE_MONTHS) - 1))
    each = aged.group_by("customer_id", "cohort").agg(
        **{
            f"{track}_{n}m": yen_sum(aged[f"{track}_sales_jpy"], aged.age < n)
            for track in _TRACKS
            for n in VALUE_MONTHS
        }
    )
    each = each.mutate(**{f"both_{n}m": each[f"subscription_{n}m"] + each[f"one_off_{n}m"] for n in VALUE_MONTHS})
    sums: dict[str, ibis.Deferred] = {}
    for n in VALUE_MONTHS:
        sums |= {f"{track}_{n}m": yen_sum(_[f"{track}_{n}m"]) for track in _TRACKS}
        sums |= sum_and_squares(f"both_{n}m", _[f"both_{n}m"])
    return rows(each.group_by("cohort").agg(customers=_.count(), **sums).order_by("cohort"))


def value_after_a_year(sums: Sums) -> Estimate | None:
    """Two-track LTV per customer after twelve months."""
    return mean(sums["both_12m"], sums["both_12m_squares"], sums["customers"])


def horizons(inputs: DiagnosisInputs, monthly: Sequence[Mapping[str, Any]]) -> dict[str, Scalar]:
    """LTV and its two parts per customer after each of VALUE_MONTHS, of the last cohorts that have them behind them."""
    found: dict[str, Scalar] = {}
    for n in VALUE_MONTHS:
        sums = over(monthly, year_to(inputs, last_with_months(inputs, n)))
        for name in ("both", *_TRACKS):
            found[f"{name}_{n}m_jpy"] = sums[f"{name}_{n}m"] / sums["customers"] if sums else None
    return found


def cohort_rows(inputs: DiagnosisInputs, monthly: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Per half-year of first purchase with a year behind it: customers, both parts and their sum after it."""
    last = last_with_months(inputs, YEAR_MONTHS)
    found = []
    for back in reversed(range(_SHOWN_HALF_YEARS)):
        span = Cohorts(last - (back + 1) * HALF_YEAR_MONTHS + 1, last - back * HALF_YEAR_MONTHS)
        sums = over(monthly, span)
        value = value_after_a_year(sums) if sums else None
        if sums is None or value is None:
            continue
        parts = {f"{track}_12m_jpy": sums[f"{track}_12m"] / sums["customers"] for track in _TRACKS}
        row = {"cohort_month": span.month, "customers": round(sums["customers"]), **parts, "both_12m_jpy": value.value}
        found.append({**row, "both_12m_low_jpy": value.low_amount, "both_12m_high_jpy": value.high})
    return found


def kind_rows(values: ibis.Table) -> list[dict[str, Any]]:
    """Per kind of customer (subscription state × one-off or not): how many, and the parts of the LTV per customer."""
    grouped = values.group_by("subscription_state", "has_bought_one_off")
    sums = {short: yen_sum(values[name]) for name, short in _KIND_SUMS.items() if not name.startswith("foreseen_one")}
    one_off = values.foreseen_one_off_sales_jpy
    counted = rows(
        grouped.agg(
            customers=values.count(), foretold=one_off.count(), expected_one_off_jpy=yen_sum(one_off), **sums
        ).order_by("subscription_state", "has_bought_one_off")
    )
    return [_kind_row(row) for state in TRACK_STATES for row in counted if row["subscription_state"] == state]


def _kind_row(row: Mapping[str, Any]) -> dict[str, Any]:
    state, has_bought = row["subscription_state"], row["has_bought_one_off"]
    tracks = (
        ("one_off" if has_bought else "neither") if state == "never" else "both" if has_bought else "subscription_only"
    )
    means: dict[str, Any] = {short: row[short] / row["customers"] for short in _KIND_SUMS.values()}
    if not row["foretold"]:
        means["expected_one_off_jpy"] = None  # inferred: no figure of a model (R36)
    return {"track_kind": f"@track_kind.{state}_{tracks}", "customers": row["customers"], **means}


def _both_and_one(kinds: Sequence[Mapping[str, Any]]) -> dict[str, Scalar]:
    """Continuing subscribers with and without one-off purchases: how many, and what they are worth so far."""
    found: dict[str, Scalar] = {}
    for name, tracks in (("both", "both"), ("one", "subscription_only")):
        row = next((each for each in kinds if each["track_kind"] == f"@track_kind.continuing_{tracks}"), None)
        found[f"{name}_tracks_customers"] = row["customers"] if row else 0
        found[f"{name}_tracks_ltv_jpy"] = row["two_track_ltv_jpy"] if row else None
    return found


def _exhibits(cohorts: list[dict[str, Any]], kinds: list[dict[str, Any]]) -> tuple[Exhibit, ...]:
    layers = tuple(
        {"cohort_month": row["cohort_month"], "track": f"@order_kind.{track}", "ltv_jpy": row[f"{track}_12m_jpy"]}
        for track in _TRACKS
        for row in cohorts
    )
    parts: tuple[tuple[str, Unit], ...] = tuple((f"{track}_12m_jpy", "jpy") for track in _TRACKS)
    ends: tuple[tuple[str, Unit], ...] = tuple((f"both_12m{end}_jpy", "jpy") for end in ("", "_low", "_high"))
    columns: tuple[tuple[str, Unit], ...] = tuple((short, "jpy") for short in _KIND_SUMS.values())
    stacked = Exhibit(
        "cohorts", "stacked_bar", layers, x="cohort_month", y="ltv_jpy", x_unit="month", y_unit="jpy", series="track"
    )
    named: tuple[tuple[str, Unit], ...] = (("cohort_month", "month"), ("customers", "count"))
    table = Exhibit("cohort_table", "table", tuple(cohorts), columns=(*named, *parts, *ends))
    by_kind = Exhibit(
        "kinds", "table", tuple(kinds), columns=(("track_kind", "text"), ("customers", "count"), *columns)
    )
    return tuple(exhibit for exhibit in (stacked, table, by_kind) if exhibit.rows)
