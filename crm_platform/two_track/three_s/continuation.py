"""How long subscriptions go on (継続率), by course and product, what is still to come of them, and what it is worth."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Any

from ibis import _

from crm_platform.diagnosis.estimates import SHOWN_ERRORS, Estimate, difference, errors_for
from crm_platform.diagnosis.finding import Action, Exhibit, Finding, Row, Scalar, Unit, client_word
from crm_platform.diagnosis.groundwork.cohorts import Cohorts, settled, year_before, year_to
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.rows import one_row
from crm_platform.diagnosis.spans import HALF_YEAR_MONTHS
from crm_platform.diagnosis.trends import trend_of
from crm_platform.diagnosis.year_on_year import YearOnYear
from crm_platform.two_track.three_s.delivered_cycles import NO_NAME
from crm_platform.two_track.three_s.group_names import Names, group_names
from crm_platform.two_track.three_s.life_table import survival_at
from crm_platform.two_track.three_s.rates import ThreeS, life_table_of, three_s_rows

JUDGED_CYCLE = 6
_SHOWN_CYCLES, _SHOWN_COURSES, _SHOWN_GROUPS = 24, 6, 12
_EARLY_CYCLES = 3


def continuation(inputs: DiagnosisInputs) -> Finding | None:
    """The share of subscriptions that go on beyond the sixth delivery; how many deliveries a subscription has (継続率).

    Judged is Kaplan and Meier's share from the deliveries of the last year whose cycles are over, against the year
    before and over half-years (R61). Courses are told apart where their expected deliveries differ beyond chance, the
    pairs of courses counted as so many looks. At stake: the subscriptions of half a year that are missing × a purchase.
    None where no course has thirty subscriptions at risk.
    """
    known, curves = three_s_rows(inputs), inputs.continuation_curves
    if known is None or not curves:
        return None
    groups: list[Mapping[str, Any]] = list(curves["groups"])
    every = groups[0]
    judged = _judged(inputs, known)
    ends = _ends([group for group in groups if group["of"] == "course" and group["name"] != NO_NAME])
    short = ends[0] if ends else None
    waiting = _customers(inputs, short["name"] if short else None)
    expected_jpy = round(waiting * inputs.response_rate * inputs.order_value_jpy)
    starts = life_table_of(known, year_to(inputs, known.last)).at_risk[0]
    effect_jpy = round(judged.shortfall * starts / 2 * every["delivery_jpy"]) or None
    numbers: dict[str, Scalar] = {
        **inputs.period,
        "last_judged": year_to(inputs, known.last).month,
        "judged_cycle": JUDGED_CYCLE,
        "starts": int(starts),
        "kept_rate": judged.now.value if judged.now else None,
        "kept_rate_before": judged.before_value,
        "change_points": judged.change_value,
        "lifetime": every["lifetime"][0],
        "lifetime_low": every["lifetime"][1],
        "lifetime_high": every["lifetime"][2],
        "continuing": every["continuing"],
        "left": every["left"],
        "left_jpy": every["left_jpy"][0],
        "left_low_jpy": every["left_jpy"][1],
        "left_high_jpy": every["left_jpy"][2],
        "short_course": client_word(short["name"]) if short else None,
        "short_lifetime": short["lifetime"][0] if short else None,
        "long_course": client_word(ends[1]["name"]) if ends else None,
        "long_lifetime": ends[1]["lifetime"][0] if ends else None,
        "misfits": sum(group["basis"] == "observed" for group in groups),
        "groups": len(groups),
        "waiting_customers": waiting,
        "response_rate": inputs.response_rate,
        "expected_jpy": expected_jpy,
        "effect_jpy": effect_jpy,
    }
    segment = "@action_segment.in_the_shortest_course" if short else "@action_segment.in_early_cycles"
    return Finding(
        key="continuation",
        chapter="three_s",
        verdict=judged.verdict,
        numbers=numbers,
        exhibits=_exhibits(groups, group_names(inputs, groups)),
        threshold=judged.before_value,
        yen_effect_jpy=effect_jpy,
        concerned_customers=waiting,
        measured=judged.measured("rate"),
        trend=judged.trend,
        action=Action(segment, waiting, "@action_channel.insert_phone", expected_jpy),
        sources=(
            "three_s_months",
            "three_s_design_effects",
            "continuation_curves",
            "subscriptions",
            "customer_history",
            "products",
        ),
    )


def _judged(inputs: DiagnosisInputs, known: ThreeS) -> YearOnYear:
    def of(span: Cohorts | None) -> Estimate | None:
        return survival_at(life_table_of(known, span), JUDGED_CYCLE) if span else None

    halves = settled(inputs, known.last, HALF_YEAR_MONTHS)
    odd = halves[1 - len(halves) % 2 :] if halves else []
    trend = trend_of([(span.month, found) for span in odd if (found := of(span))], "rate")
    return YearOnYear(of(year_to(inputs, known.last)), of(year_before(inputs, known.last)), trend)


def _lifetime(group: Mapping[str, Any]) -> Estimate:
    value, _low, high = group["lifetime"]
    return Estimate(value, (high - value) / SHOWN_ERRORS)


def _ends(courses: list[Mapping[str, Any]]) -> tuple[Mapping[str, Any], Mapping[str, Any]] | None:
    """The courses with the fewest and with the most expected deliveries, where these differ beyond chance."""
    if len(courses) < 2:
        return None
    days = sorted(courses, key=lambda group: (group["lifetime"][0] * group["cycle_days"], group["name"]))
    change = difference(*[_in_days(group) for group in (days[-1], days[0])])
    pairs = len(list(combinations(courses, 2)))
    return (days[0], days[-1]) if change.value > errors_for(pairs) * change.error else None


def _in_days(group: Mapping[str, Any]) -> Estimate:
    """Courses of unlike cycles are compared by the time that they last."""
    return _lifetime(group).times(group["cycle_days"])


def _customers(inputs: DiagnosisInputs, course: str | None) -> int:
    """Customers with a continuing subscription in a course; without one, of at most three deliveries."""
    if inputs.subscriptions is None:
        return 0
    there = _.last_cycle_no <= _EARLY_CYCLES if course is None else _.course == course
    found = inputs.subscriptions.filter((_.state == "continuing") & there)
    return int(one_row(found.agg(customers=_.customer_id.nunique()))["customers"])


def _shown(group: Mapping[str, Any], names: Names) -> str:
    if group["of"] == "all":
        return "@three_s_group.all"
    return "@three_s_group.none" if group["name"] == NO_NAME else names[group["of"], group["name"]]


def _exhibits(groups: list[Mapping[str, Any]], names: Names) -> tuple[Exhibit, ...]:
    courses = sorted(
        (group for group in groups if group["of"] == "course"), key=lambda g: (-g["continuing"], g["name"])
    )
    curves: list[Row] = [
        {"cycle": row["cycle_no"], "kept_rate": row["rate"], "three_s_group": _shown(group, names)}
        for group in (groups[0], *courses[:_SHOWN_COURSES])
        for row in group["cycles"][:_SHOWN_CYCLES]
    ]
    fit: list[Row] = [
        {
            "three_s_cycle": row["cycle_no"],
            "three_s_at_risk": row["at_risk"],
            "kept_rate": row["rate"],
            "kept_low_rate": row["low"],
            "kept_high_rate": row["high"],
            "forecast_rate": row["forecast_rate"],
        }
        for row in groups[0]["cycles"][:_SHOWN_CYCLES]
    ]
    fit_columns: tuple[tuple[str, Unit], ...] = (
        ("three_s_cycle", "count"), ("three_s_at_risk", "count"), ("kept_rate", "rate"), ("kept_low_rate", "rate"),
        ("kept_high_rate", "rate"), ("forecast_rate", "rate"),
    )  # fmt: skip
    columns: tuple[tuple[str, Unit], ...] = (
        ("three_s_of", "text"), ("three_s_group", "text"), ("lifetime", "index"), ("lifetime_low", "index"),
        ("lifetime_high", "index"), ("continuing_subscriptions", "count"), ("deliveries_left", "count"),
        ("left_jpy", "jpy"), ("left_low_jpy", "jpy"), ("left_high_jpy", "jpy"), ("curve_basis", "text"),
    )  # fmt: skip
    lifetimes = tuple(_lifetime_row(group, names) for group in groups[:_SHOWN_GROUPS])
    return (
        Exhibit("curves", "line", tuple(curves), x="cycle", y="kept_rate", x_unit="count", y_unit="rate",
                series="three_s_group"),
        Exhibit("lifetimes", "table", lifetimes, columns=columns),
        Exhibit("fit", "table", tuple(fit), columns=fit_columns),
    )  # fmt: skip


def _lifetime_row(group: Mapping[str, Any], names: Names) -> Row:
    value, low, high = group["lifetime"]
    return {
        "three_s_of": f"@three_s_of.{group['of']}",
        "three_s_group": _shown(group, names),
        "lifetime": value,
        "lifetime_low": low,
        "lifetime_high": high,
        "continuing_subscriptions": group["continuing"],
        "deliveries_left": group["left"],
        **dict(zip(("left_jpy", "left_low_jpy", "left_high_jpy"), group["left_jpy"], strict=True)),
        "curve_basis": f"@curve_basis.{group['basis']}",
    }
