"""The 3S of subscriptions (定期の3S: スキップ・スイッチ・ストップ, R33): how often, whether more, and where most."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ibis import _

from crm_platform.diagnosis.estimates import SURE_ERRORS, errors_for
from crm_platform.diagnosis.finding import Action, Direction, Exhibit, Finding, Row, Scalar, Trend, Unit
from crm_platform.diagnosis.groundwork.cohorts import Cohorts, year_before, year_to
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.rows import one_row
from crm_platform.diagnosis.spans import YEAR_MONTHS, month_of
from crm_platform.diagnosis.trends import share
from crm_platform.diagnosis.verdicts import LEAST_CUSTOMERS
from crm_platform.diagnosis.year_on_year import YearOnYear
from crm_platform.two_track.three_s.group_names import Names, group_names
from crm_platform.two_track.three_s.rates import (
    COUNTS,
    EVENTS,
    ThreeS,
    group_rows,
    heat_rows,
    kept,
    sums_of,
    three_s_rows,
    year_on_year_of,
)

_GROUPS_SHOWN = 12
_LINE_MONTHS = 36
_TURNED: Mapping[Direction, Direction] = {"rising": "falling", "falling": "rising", "level": "level"}


def three_s(inputs: DiagnosisInputs) -> Finding | None:
    """The share of deliveries after which the subscription stops; skips and switches beside it (R33).

    Judged is the stop rate of the last year whose cycles are over, against the year before and over half-years (R61),
    all at the judged year's mix of cycles. Named is the course, product or medium that stops most beyond what the same
    deliveries of all say, if that is more than chance among so many groups. At stake: the stops too many in half a year
    × the deliveries of six months that each takes away. None where no cycle is over.
    """
    known = three_s_rows(inputs)
    if known is None:
        return None
    span = year_to(inputs, known.last)
    judged = {kind: year_on_year_of(inputs, known, kind) for kind in EVENTS}
    stop = judged["stop"]
    going_on = YearOnYear(kept(stop.now), kept(stop.before), _turned(stop.trend))
    now, before = sums_of(known, span), sums_of(known, year_before(inputs, known.last))
    groups = group_rows(inputs, known)
    names = group_names(inputs, groups)
    worst = _worst(groups, names)
    skipping = _skipping(inputs)
    lost_jpy = _value_of_a_stop(inputs)
    effect_jpy = round(going_on.shortfall * (now or {"at_risk": 0})["at_risk"] / 2 * lost_jpy) or None
    expected_jpy = round(skipping * inputs.response_rate * inputs.order_value_jpy)
    numbers: dict[str, Scalar] = {
        **inputs.period,
        "last_judged": span.month,
        "at_risk": now["at_risk"] if now else 0,
        **{name: now[name] if now else 0 for name in COUNTS.values()},
        **{f"{kind}_rate": found.now.value if found.now else None for kind, found in judged.items()},
        **{f"{kind}_rate_before": found.before_value for kind, found in judged.items()},
        **{f"{kind}_points": found.change_value for kind, found in judged.items()},
        "resume_rate": share(now["resumes"], now["stops"]) if now else None,
        "worst_group": worst["shown"] if worst else None,
        "worst_rate": worst["stop_rate"] if worst else None,
        "worst_expected_rate": worst["expected_rate"] if worst else None,
        "groups": len(groups),
        "waiting_customers": skipping,
        "response_rate": inputs.response_rate,
        "expected_jpy": expected_jpy,
        "effect_jpy": effect_jpy,
    }
    return Finding(
        key="three_s",
        chapter="three_s",
        verdict=going_on.verdict,
        numbers=numbers,
        exhibits=_exhibits(known, judged, (now, before), _group_table(groups, names)),
        threshold=stop.before_value,
        yen_effect_jpy=effect_jpy,
        concerned_customers=skipping,
        measured=stop.measured("rate"),
        trend=stop.trend,
        action=Action("@action_segment.skipped_next_delivery", skipping, "@action_channel.mail_phone", expected_jpy),
        sources=(
            "three_s_months",
            "three_s_design_effects",
            "continuation_curves",
            "subscriptions",
            "customer_history",
            "products",
            "media",
        ),
    )


def _turned(trend: Trend | None) -> Trend | None:
    """The course of the share that goes on, of which more is better."""
    if trend is None:
        return None
    return replace(trend, slope_per_year=-trend.slope_per_year, direction=_TURNED[trend.direction])


def _worst(groups: list[dict[str, Any]], names: Names) -> dict[str, Any] | None:
    """The group that lies above what is expected by most errors; None where chance among so many covers it."""
    large = [row for row in groups if row["at_risk"] >= LEAST_CUSTOMERS]
    worst = max(large, key=lambda row: (row["errors"], row["of"], row["name"]), default=None)
    if worst is None or worst["errors"] <= errors_for(len(large)):
        return None
    return {**worst, "shown": names[worst["of"], worst["name"]]}


def _skipping(inputs: DiagnosisInputs) -> int:
    """Customers with a continuing subscription whose next delivery is skipped or missed."""
    if inputs.subscriptions is None:
        return 0
    there = inputs.subscriptions.filter((_.state == "continuing") & _.skipped_before_next)
    return int(one_row(there.agg(customers=_.customer_id.nunique()))["customers"])


def _value_of_a_stop(inputs: DiagnosisInputs) -> float:
    """売上 of the deliveries that a subscription which goes on still has in six months."""
    every = inputs.continuation_curves["groups"][0] if inputs.continuation_curves else None
    if every is None:
        return float(inputs.order_value_jpy)
    weights = {row["cycle_no"]: row["stopped"] for row in every["cycles"]}
    whole = sum(weights.values())
    left = sum(every["left_half_year"][number - 1] * stops for number, stops in weights.items())
    return float(every["delivery_jpy"] * left / whole) if whole else 0.0


def _exhibits(
    known: ThreeS, judged: dict[str, YearOnYear], sums: tuple[dict[str, int] | None, dict[str, int] | None],
    groups: list[Row],
) -> tuple[Exhibit, ...]:  # fmt: skip
    columns: tuple[tuple[str, Unit], ...] = (
        ("three_s_event", "text"), ("three_s_count", "count"), ("three_s_count_before", "count"),
        ("three_s_rate", "rate"), ("three_s_rate_before", "rate"), ("three_s_beyond_chance", "text"),
    )  # fmt: skip
    group_columns: tuple[tuple[str, Unit], ...] = (
        ("three_s_of", "text"), ("three_s_group", "text"), ("three_s_at_risk", "count"), ("three_s_stops", "count"),
        ("three_s_rate", "rate"), ("three_s_expected_rate", "rate"), ("three_s_beyond_chance", "text"),
    )  # fmt: skip
    exhibits = (
        Exhibit("counts", "table", tuple(_table(judged, sums)), columns=columns),
        Exhibit("course", "line", tuple(_line(known)), x="month", y="three_s_rate", x_unit="month", y_unit="rate",
                series="three_s_event"),
        Exhibit("heat", "heatmap", tuple(_heat(known)), x="cycle", y="stop_rate", y_unit="rate", series="month",
                series_unit="month"),
        Exhibit("groups", "table", tuple(groups), columns=group_columns),
    )  # fmt: skip
    return tuple(exhibit for exhibit in exhibits if exhibit.rows)


def _table(judged: dict[str, YearOnYear], sums: tuple[dict[str, int] | None, dict[str, int] | None]) -> list[Row]:
    now, before = sums
    found: list[Row] = []
    for kind, column in COUNTS.items():
        year = judged.get(kind)
        change = year.change if year else None
        found.append(
            {
                "three_s_event": f"@three_s_event.{kind}",
                "three_s_count": now[column] if now else None,
                "three_s_count_before": before[column] if before else None,
                "three_s_rate": year.now.value if year and year.now else None,
                "three_s_rate_before": year.before_value if year else None,
                "three_s_beyond_chance": _beyond(change.value / change.error) if change and change.error else None,
            }
        )
    return found


def _beyond(errors: float, least: float = SURE_ERRORS) -> str:
    return f"@three_s_chance.{'more' if errors > least else 'less' if errors < -least else 'none'}"


def _line(known: ThreeS) -> list[Row]:
    """Monthly rates of the three, of the last three judged years."""
    found: list[Row] = []
    for month in range(known.last - _LINE_MONTHS + 1, known.last + 1):
        sums = sums_of(known, Cohorts(month, month))
        if sums and sums["at_risk"] >= LEAST_CUSTOMERS:
            found += [
                {"month": str(month_of(month)), "three_s_event": f"@three_s_event.{kind}",
                 "three_s_rate": sums[column] / sums["at_risk"]}
                for kind, column in EVENTS.items()
            ]  # fmt: skip
    return found


def _heat(known: ThreeS) -> list[Row]:
    return [
        {"month": str(month_of(month)), "cycle": cycle_no, "stop_rate": rate}
        for month, cycle_no, rate in heat_rows(known, YEAR_MONTHS)
    ]


def _group_table(groups: list[dict[str, Any]], names: Names) -> list[Row]:
    large = [row for row in groups if row["at_risk"] >= LEAST_CUSTOMERS]
    least = errors_for(len(large))
    shown = sorted(large, key=lambda row: (-row["errors"], row["of"], row["name"]))[:_GROUPS_SHOWN]
    return [
        {
            "three_s_of": f"@three_s_of.{row['of']}",
            "three_s_group": names[row["of"], row["name"]],
            "three_s_at_risk": row["at_risk"],
            "three_s_stops": row["stops"],
            "three_s_rate": row["stop_rate"],
            "three_s_expected_rate": row["expected_rate"],
            "three_s_beyond_chance": _beyond(row["errors"], least),
        }
        for row in shown
    ]
