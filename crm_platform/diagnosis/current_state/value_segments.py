"""The value classes (Another-Sky-like segments, R50): how many customers, and what they will bring in six months."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import ibis
from ibis import _

from crm_platform.diagnosis.current_state.half_years import Existing, past_of_buyers
from crm_platform.diagnosis.estimates import Estimate, difference, total
from crm_platform.diagnosis.finding import Action, Exhibit, Finding, Row, Scalar, Verdict
from crm_platform.diagnosis.groundwork.season_ahead import season_ahead
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.rows import exact_sum, one_row, rows, yen_products
from crm_platform.diagnosis.trends import share, trend_of
from crm_platform.diagnosis.verdicts import measured_against, verdict_on_change


def value_segments(inputs: DiagnosisInputs) -> Finding | None:
    """What today's customers are expected to buy in six months, beside what their like bought of late.

    Compared are customers who had bought in the twelve months before: older ones are unknown where history is short.
    The two halves of the last year are averaged, and brought to the season of the coming term where the forecast holds
    one: a house of gifts must not be told of a decline every December. The error of the expectation is
    that over customers and that of former forecasts (how far their totals were off, `backtest`); without such a record
    there is no verdict. The course over five years is that of the yearly sales of existing customers, halved. At stake:
    the difference. The action expects one more mean order of 5 % of the three top classes. None where there is no
    customer.
    """
    classes = class_rows(inputs)
    if not classes:
        return None
    expected_jpy = round(sum(row["expected_jpy"] for row in classes))
    existing = past_of_buyers(inputs)[1]
    season = season_ahead(inputs.forecast_model, inputs.as_of)
    lately = existing.lately_jpy
    before = lately.times(season) if lately and season is not None else lately
    now, off_rate = expected_of_recent_buyers(inputs), former_error_rate(inputs.backtest)
    change = difference(_as_far_off(now, off_rate), before) if before and off_rate is not None else None
    trend = trend_of(existing.points, "jpy")
    verdict: Verdict = verdict_on_change(change, before.value, trend) if change and before else "undetermined"
    effect_jpy = round(max(-change.value, 0.0)) or None if change and verdict == "issue" else None
    three = classes[:3]
    action_jpy = round(sum(row["customers"] for row in three) * inputs.response_rate * inputs.order_value_jpy)
    numbers: dict[str, Scalar] = {
        **inputs.period,
        "customers": sum(row["customers"] for row in classes),
        "expected_sales_jpy": expected_jpy,
        "recent_expected_jpy": round(now.value),
        "former_sales_jpy": round(before.value) if before else None,
        "season_rate": season,
        "last_year_jpy": round(existing.points[-1][1].value) if existing.points else None,
        "change_rate": share(now.value - before.value, before.value) if before else None,
        "forecast_off_rate": off_rate,
        "effect_jpy": effect_jpy,
        **_of_the_top(classes),
        "response_rate": inputs.response_rate,
        "order_value_jpy": inputs.order_value_jpy,
        "action_jpy": action_jpy,
    }
    return Finding(
        key="value_segments",
        chapter="current_state",
        verdict=verdict,
        numbers=numbers,
        exhibits=_exhibits(classes, existing),
        threshold=before.value if before else None,
        yen_effect_jpy=effect_jpy,
        concerned_customers=classes[0]["customers"],
        measured=measured_against(_as_far_off(now, off_rate), "jpy", before.value if before else None, change),
        trend=trend,
        action=Action(
            "@action_segment.three_top_classes",
            sum(row["customers"] for row in three),
            "@action_channel.post_phone",
            action_jpy,
        ),
        sources=("customer_months", "customer_history", "segments", "backtest", "forecast_model"),
    )


def _of_the_top(classes: Sequence[dict[str, Any]]) -> dict[str, Scalar]:
    top, three = classes[0], classes[:3]
    return {
        "top_customers": top["customers"],
        "top_customers_rate": top["customers_rate"],
        "top_share_rate": top["expected_share_rate"],
        "top_mean_jpy": round(top["mean_expected_jpy"]),
        "top_classes": len(three),
        "top_three_share_rate": sum(row["expected_share_rate"] or 0.0 for row in three),
        "top_three_customers": sum(row["customers"] for row in three),
    }


def former_error_rate(backtest: Mapping[str, Any] | None) -> float | None:
    """By what share the totals of former forecasts were off (root of the mean square); None without a record."""
    biases = [origin["bias"] for origin in (backtest or {}).get("origins", ()) if origin["bias"] is not None]
    return math.sqrt(sum((bias - 1) ** 2 for bias in biases) / len(biases)) if biases else None


def _as_far_off(expected: Estimate, off_rate: float | None) -> Estimate:
    """The expectation with the error of former ones besides its own over customers."""
    return Estimate(expected.value, math.hypot(expected.error, expected.value * (off_rate or 0.0)))


def class_rows(inputs: DiagnosisInputs) -> list[dict[str, Any]]:
    """Each value class in force, 1 first, customers new within the term last: customers, expected sales, shares."""
    grouped = inputs.segments.group_by("value_class")
    sums = grouped.agg(customers=_.count(), expected_jpy=exact_sum(_.expected_sales_jpy))
    found = rows(sums.order_by(ibis.asc("value_class", nulls_first=False)))
    customers, expected_jpy = sum(row["customers"] for row in found), sum(row["expected_jpy"] for row in found)
    return [
        {
            "value_class": "@value_class.new_in_term"
            if row["value_class"] is None
            else f"@value_class.{row['value_class']}",
            "customers": row["customers"],
            "customers_rate": row["customers"] / customers,
            "mean_expected_jpy": row["expected_jpy"] / row["customers"],
            "expected_jpy": row["expected_jpy"],
            "expected_share_rate": share(row["expected_jpy"], expected_jpy),
        }
        for row in found
    ]


def expected_of_recent_buyers(inputs: DiagnosisInputs) -> Estimate:
    """What the buyers of the last twelve months are expected to buy in the next six, with the error over customers."""
    recent = inputs.history.filter(_.purchase_days_12m > 0).select("customer_id")
    known = inputs.segments.semi_join(recent, "customer_id")
    sums = one_row(known.agg(expected_jpy=exact_sum(known.expected_sales_jpy), squares=_squares(known)))
    return total(sums["expected_jpy"], sums["squares"])


def _squares(known: ibis.Table) -> ibis.Value:
    whole_jpy = known.expected_sales_jpy.round().cast("int64")
    return yen_products(whole_jpy, whole_jpy)


def _exhibits(classes: list[dict[str, Any]], existing: Existing) -> tuple[Exhibit, ...]:
    years: tuple[Row, ...] = tuple({"month": month, "sales_jpy": estimate.value} for month, estimate in existing.points)
    found = [
        Exhibit("expected", "bar", tuple(classes), x="value_class", y="expected_jpy", y_unit="jpy"),
        Exhibit(
            "classes",
            "table",
            tuple(classes),
            columns=(
                ("value_class", "text"),
                ("customers", "count"),
                ("customers_rate", "rate"),
                ("mean_expected_jpy", "jpy"),
                ("expected_jpy", "jpy"),
                ("expected_share_rate", "rate"),
            ),
        ),
    ]
    if len(years) >= 2:
        found.append(Exhibit("years", "line", years, x="month", y="sales_jpy", x_unit="month", y_unit="jpy"))
    return tuple(found)
