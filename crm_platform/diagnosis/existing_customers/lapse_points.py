"""Lapse points (離脱ポイント, R123): after which purchase and which silence customers stop, by the way they began."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from crm_platform.diagnosis.estimates import Estimate, errors_for, rivals_of, shown_errors_for
from crm_platform.diagnosis.existing_customers.lapse_hazards import (
    EVERYONE,
    Bump,
    bumps,
    hazard_rows,
    top_points,
)
from crm_platform.diagnosis.existing_customers.purchase_counts import purchase_counts
from crm_platform.diagnosis.existing_customers.silences import (
    BEGINNERS,
    REPEATERS,
    back_rates,
    gone_days,
    silence_rows,
    window_rows,
)
from crm_platform.diagnosis.finding import Action, Exhibit, Finding, Measured, Scalar, Verdict
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.verdicts import LEAST_CUSTOMERS, verdict_on_change


def lapse_points(inputs: DiagnosisInputs) -> Finding | None:
    """The share who never came back after their n-th purchase; where it stands out most is the point.

    Held against is the mean of the purchases before and after; beyond chance as the largest of all looked at (everyone,
    and by kind of first order, product group and channel of the first purchase) is an issue. Stopped is who has been
    silent for settings.lapse_silent_days or more. At stake: the customers of the last six months who stop there in
    excess × the mean order value. There is no trend: the point is one of all years. None where nobody ever bought.
    """
    counts = purchase_counts(inputs)
    silent_days = inputs.client.settings.lapse_silent_days
    hazards = hazard_rows(counts, silent_days)
    if not hazards:
        return None
    found = bumps(hazards)
    errors = errors_for(len(found))
    point = _point(found, errors)
    verdict: Verdict = _verdict(point, errors)
    is_issue = verdict == "issue"
    recent = point.row["recent"] if point else hazards[0]["recent"]
    excess = point.excess.value if point and is_issue else hazards[0]["hazard_rate"]
    expected_jpy = round(excess * recent * inputs.order_value_jpy) if is_issue else 0
    numbers = _numbers(inputs, counts, hazards, point, errors) | {
        "effect_jpy": expected_jpy if is_issue else None,
        "recent_customers": recent,
        "looks": len(found),
        "silent_days": silent_days,
        "least_customers": LEAST_CUSTOMERS,
    }
    return Finding(
        key="lapse_points",
        chapter="existing_customers",
        verdict=verdict,
        numbers=numbers,
        exhibits=_exhibits(counts, hazards, point if is_issue else None, top_points(found, errors)),
        threshold=errors * point.excess.error if point else None,
        yen_effect_jpy=expected_jpy or None,
        concerned_customers=recent if is_issue else None,
        measured=_measured(point, found, errors),
        action=_action(inputs, point if is_issue else None, hazards[0]),
        sources=("customer_months", "customer_history", "products", "media"),
    )


def _point(found: Sequence[Bump], errors: float) -> Bump | None:
    """What stands out most by standard errors; where nothing does, what does of everyone together."""
    largest = max(found, key=lambda bump: bump.errors, default=None)
    if largest is not None and largest.errors > errors:
        return largest
    return max((bump for bump in found if bump.row["group"] == EVERYONE), key=lambda bump: bump.errors, default=None)


def _verdict(point: Bump | None, errors: float) -> Verdict:
    """A larger share who stop is a smaller share who go on."""
    if point is None:
        return "undetermined"
    return verdict_on_change(_fallen(point), 1 - point.neighbour_rate, errors=errors)


def _fallen(point: Bump) -> Estimate:
    return Estimate(-point.excess.value, point.excess.error)


def _measured(point: Bump | None, found: Sequence[Bump], errors: float) -> Measured | None:
    """The excess; its interval counts that it was chosen of the points that chance might have put in its place."""
    if point is None:
        return None
    rivals = rivals_of(_fallen(point), map(_fallen, found), errors)
    reach = shown_errors_for(rivals) * point.excess.error
    return Measured(
        value=point.excess.value,
        unit="rate",
        low=point.excess.value - reach,
        high=point.excess.value + reach,
        compared=0.0,
        noticeable=errors * point.excess.error,
    )


def _numbers(
    inputs: DiagnosisInputs,
    counts: pd.DataFrame,
    hazards: Sequence[dict[str, Any]],
    point: Bump | None,
    errors: float,
) -> dict[str, Scalar]:
    everyone = [row for row in hazards if row["group"] == EVERYONE]
    gone = gone_days(counts, REPEATERS)
    back, at_once = back_rates(counts, REPEATERS), back_rates(counts, BEGINNERS)
    return {
        **inputs.period,
        "first_hazard_rate": everyone[0]["hazard_rate"],
        "first_customers": everyone[0]["reached"],
        "last_hazard_rate": everyone[-1]["hazard_rate"],
        "last_purchase": everyone[-1]["purchase"],
        "point_dimension": point.row["dimension"] if point else None,
        "point_group": point.row["group"] if point else None,
        "point_purchase": point.row["purchase"] if point else None,
        "point_hazard_rate": point.row["hazard_rate"] if point else None,
        "neighbour_hazard_rate": point.neighbour_rate if point else None,
        "excess_points": point.excess.value if point else None,
        "error_points": errors * point.excess.error if point else None,
        "point_stopped": point.row["stopped"] if point else None,
        "shown_group": point.row["group"] if point else EVERYONE,
        "gone_days": gone,
        "back_rate": back[0] if back else None,
        "first_back_rate": at_once[0] if at_once else None,
        "response_rate": inputs.response_rate,
        "first_recent": everyone[0]["recent"],
        "first_expected_jpy": round(everyone[0]["recent"] * inputs.response_rate * inputs.order_value_jpy),
    }


def _action(inputs: DiagnosisInputs, point: Bump | None, first: dict[str, Any]) -> Action:
    """With whom: those who reached the point in the last six months; without a point, those who bought first."""
    people = point.row["recent"] if point else first["recent"]
    share = point.excess.value if point else inputs.response_rate
    return Action(
        "@action_segment.before_the_point" if point else "@action_segment.after_the_first",
        people,
        "@action_channel.insert_phone",
        round(people * share * inputs.order_value_jpy),
    )


def _exhibits(
    counts: pd.DataFrame, hazards: list[dict[str, Any]], point: Bump | None, points: list[dict[str, Any]]
) -> tuple[Exhibit, ...]:
    group = (point.row["dimension"], point.row["group"]) if point else ("@lapse_dimension.all", EVERYONE)
    shown = tuple(row for row in hazards if (row["dimension"], row["group"]) == group)
    highlight = point.row["number"] if point else None
    bar = Exhibit("hazard", "bar", shown, x="number", y="hazard_rate", y_unit="rate", highlight=highlight)
    table = Exhibit(
        "groups",
        "table",
        tuple(points),
        columns=(
            ("lapse_dimension", "text"),
            ("lapse_group", "text"),
            ("lapse_number", "count"),
            ("neighbour_hazard_rate", "rate"),
            ("hazard_rate", "rate"),
            ("lapse_reached", "count"),
            ("stands_out", "text"),
        ),
    )
    heat = Exhibit(
        "windows",
        "heatmap",
        tuple(window_rows(counts)),
        x="window",
        y="return_rate",
        y_unit="rate",
        series="lapse_number",
    )
    line = Exhibit(
        "silence",
        "line",
        tuple(silence_rows(counts)),
        x="silent",
        y="back_rate",
        x_unit="days",
        y_unit="rate",
        series="after",
    )
    return tuple(exhibit for exhibit in (bar, table, heat, line) if exhibit.rows)
