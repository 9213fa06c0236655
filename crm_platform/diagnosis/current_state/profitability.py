"""Profitability (収益性診断, R55): retention power × purchasing power, its spread, and what to offer whom (R57)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import ibis
from ibis import _

from crm_platform.diagnosis.current_state.action_rule import POWER_ACTIONS, power_action
from crm_platform.diagnosis.current_state.customer_states import CustomerPowers, customer_powers
from crm_platform.diagnosis.current_state.half_years import HalfYear, past_of_buyers
from crm_platform.diagnosis.current_state.levelled_customers import crossed
from crm_platform.diagnosis.estimates import Estimate
from crm_platform.diagnosis.finding import Action, Exhibit, Finding, Row, Scalar
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.rows import exact_sum, one_row, rows
from crm_platform.diagnosis.trends import share, trend_of
from crm_platform.diagnosis.verdicts import LEAST_CUSTOMERS
from crm_platform.diagnosis.year_on_year import YearOnYear
from crm_platform.periods import Month

LEVEL_TIMES = (4.0, 2.0, 1.0, 0.5)  # of the mean customer's profitability; the lowest level is below


def profitability(inputs: DiagnosisInputs) -> Finding | None:
    """What a half-year's buyers order in the next, zeros included, beside the year before; and 収益力 today.

    That number is the share who buy again × what these order: profitability that came true. Judged against the year
    before and over five years (R61). At stake: the fall × buyers. The action: costly contacts where profitability × the
    assumed response covers the cost of one (settings.alert_unit_cost_jpy). None where there is no customer.
    """
    cells = crossed(inputs)
    customers = sum(cell["customers"] for cell in cells)
    if not customers:
        return None
    known = [half for half in past_of_buyers(inputs)[0] if half.buyers >= LEAST_CUSTOMERS]  # a mean needs many
    points = [(half.month, half.followed_jpy) for half in known if half.followed_jpy]
    judged = YearOnYear(*_with_year_before(dict(points), known), trend_of(points, "jpy"))
    buyers = known[-1].buyers if known else 0
    effect_jpy = round(judged.shortfall * buyers) or None
    paying, tenths = paying_customers(inputs), tenth_rows(inputs)
    numbers: dict[str, Scalar] = {
        **inputs.period,
        **paying,
        **_of_today(cells, tenths, customer_powers(inputs)),
        "followed_jpy": round(judged.now.value) if judged.now else None,
        "followed_before_jpy": round(judged.before.value) if judged.before else None,
        "change_rate": share(judged.change_value, judged.before_value),
        "repeat_rate": known[-1].repeated / buyers if buyers else None,
        "per_repeater_jpy": _per_repeater_jpy(judged.now, known[-1].repeated, buyers) if known else None,
        "buyers": buyers,
        "unit_cost_jpy": inputs.client.settings.alert_unit_cost_jpy,
        "response_rate": inputs.response_rate,
        "effect_jpy": effect_jpy,
    }
    return Finding(
        key="profitability",
        chapter="current_state",
        verdict=judged.verdict,
        numbers=numbers,
        exhibits=_exhibits(inputs, points, tenths),
        threshold=judged.before_value,
        yen_effect_jpy=effect_jpy,
        concerned_customers=paying["paying_customers"],
        measured=judged.measured("jpy"),
        trend=judged.trend,
        action=Action(
            "@action_segment.repay_a_contact",
            paying["paying_customers"],
            "@action_channel.post_phone",
            paying["expected_jpy"],
        ),
        sources=("customer_months", "customer_history", "forecasts"),
    )


def _with_year_before(
    points: Mapping[str, Estimate], known: Sequence[HalfYear]
) -> tuple[Estimate | None, Estimate | None]:
    """The latest half-year, and the same season of the year before."""
    if not known:
        return None, None
    return points.get(known[-1].month), points.get(str(Month.parse(known[-1].month).plus(-12)))


def _per_repeater_jpy(now: Estimate | None, repeated: int, buyers: int) -> int | None:
    return round(now.value * buyers / repeated) if now and repeated else None


def _of_today(
    cells: Sequence[dict[str, Any]], tenths: Sequence[dict[str, Any]], powers: CustomerPowers
) -> dict[str, Scalar]:
    """The spread of 収益力 today, and how many get each offer."""
    top_jpy, bottom_jpy = tenths[0]["mean_jpy"], tenths[-1]["mean_jpy"]
    offered = {row["action"]: row["customers"] for row in action_rows(cells, powers)}
    return {
        "customers": sum(cell["customers"] for cell in cells),
        "top_tenth_jpy": round(top_jpy),
        "bottom_tenth_jpy": round(bottom_jpy),
        "top_to_bottom_ratio": top_jpy / bottom_jpy if round(bottom_jpy) else None,
        "top_tenth_share_rate": share(
            top_jpy * tenths[0]["customers"], sum(row["mean_jpy"] * row["customers"] for row in tenths)
        ),
        "more_customers": offered["@power_action.add_related"] + offered["@power_action.add_volume"],
        "keep_customers": offered["@power_action.keep_personal"] + offered["@power_action.keep_light"],
    }


def paying_customers(inputs: DiagnosisInputs) -> dict[str, Any]:
    """Who repays a contact: from what 収益力 on, how many, their share of it all, what 5 % of them bring (003:133)."""
    unit_cost_jpy = inputs.client.settings.alert_unit_cost_jpy
    pays_from_jpy = unit_cost_jpy / inputs.response_rate
    pays = _.profitability_jpy >= pays_from_jpy
    sums = one_row(
        inputs.forecasts.agg(
            customers=_.count(),
            total_jpy=exact_sum(_.profitability_jpy),
            paying_customers=_.count(where=pays),
            paying_jpy=exact_sum(_.profitability_jpy, pays),
        )
    )
    return {
        "pays_from_jpy": round(pays_from_jpy),
        "paying_customers": sums["paying_customers"],
        "paying_share_rate": share(sums["paying_customers"], sums["customers"]),
        "coverage_rate": share(sums["paying_jpy"], sums["total_jpy"]) if sums["paying_customers"] else None,
        "expected_jpy": round(sums["paying_jpy"] * inputs.response_rate),
        "repaying_customers": sums["paying_customers"] or None,
        "spared_jpy": (sums["customers"] - sums["paying_customers"]) * unit_cost_jpy or None,
    }


def tenth_rows(inputs: DiagnosisInputs) -> list[dict[str, Any]]:
    """Mean profitability of each tenth of customers, the highest first; fewer where customers are few."""
    forecasts = inputs.forecasts
    order = ibis.window(order_by=[forecasts.profitability_jpy.desc(), forecasts.customer_id])
    ranked = forecasts.mutate(tenth=ibis.ntile(10).over(order) + 1).group_by("tenth")
    sums = ranked.agg(customers=_.count(), sum_jpy=exact_sum(_.profitability_jpy)).order_by("tenth")
    return [
        {
            "tenth": f"@tenth.{row['tenth']}",
            "customers": row["customers"],
            "mean_jpy": row["sum_jpy"] / row["customers"],
        }
        for row in rows(sums)
    ]


# --- levels -----------------------------------------------------------------------------------------------------------


def level_floors_jpy(mean_jpy: float) -> tuple[int, ...]:
    """The least 収益力 of each level, to two digits: 4, 2, 1, ½ times the mean customer's, and 0."""
    return (*(int(float(f"{mean_jpy * times:.2g}")) for times in LEVEL_TIMES), 0)


def profit_level(profitability_jpy: ibis.Value, floors_jpy: Sequence[int]) -> ibis.Value:
    """1, the highest, to 5; who is expected to bring nothing is at the lowest."""
    levels = [
        ((profitability_jpy >= floor) & (profitability_jpy > 0), number)
        for number, floor in enumerate(floors_jpy[:-1], start=1)
    ]
    return ibis.cases(*levels, else_=len(floors_jpy)).cast("int64")


def level_rows(inputs: DiagnosisInputs) -> list[dict[str, Any]]:
    """Every level of 収益力 (客数分布): from what amount on, customers, their share of customers and of all 収益力."""
    cells = crossed(inputs)
    everyone, whole_jpy = (sum(cell[name] for cell in cells) for name in ("customers", "profits_jpy"))
    floors = level_floors_jpy(whole_jpy / everyone if everyone else 0.0)
    grouped = inputs.forecasts.mutate(level=profit_level(inputs.forecasts.profitability_jpy, floors)).group_by("level")
    found = rows(grouped.agg(customers=_.count(), sum_jpy=exact_sum(_.profitability_jpy)).order_by("level"))
    known = {row["level"]: row for row in found}
    nobody = {"customers": 0, "sum_jpy": 0.0}
    return [
        {
            "level": f"@profit_level.{level}",
            "from_jpy": floor,
            "customers": known.get(level, nobody)["customers"],
            "share_rate": share(known.get(level, nobody)["customers"], everyone),
            "profit_share_rate": share(known.get(level, nobody)["sum_jpy"], whole_jpy),
        }
        for level, floor in enumerate(floors, start=1)
    ]


def action_rows(cells: Sequence[dict[str, Any]], powers: CustomerPowers) -> list[dict[str, Any]]:
    """What is offered to whom (R57): every customer is in exactly one row."""
    found: dict[str, dict[str, Any]] = {
        action: {"customers": 0, "profits_jpy": 0.0, "retention": retention, "purchasing": purchasing}
        for retention in ("high", "low")
        for purchasing in ("high", "low")
        for action in [power_action(retention == "high", purchasing == "high")]
    }
    for cell in cells:
        retention = powers.retention.is_high(cell["retention_level"])
        purchasing = powers.purchasing.is_high(cell["purchasing_level"])
        row = found[power_action(retention, purchasing)]
        row["customers"] += cell["customers"]
        row["profits_jpy"] += cell["profits_jpy"]
    return [
        {
            "retention": f"@power_is.{row['retention']}",
            "purchasing": f"@power_is.{row['purchasing']}",
            "customers": row["customers"],
            "mean_jpy": row["profits_jpy"] / row["customers"] if row["customers"] else None,
            "action": f"@power_action.{action}",
        }
        for action in POWER_ACTIONS
        for row in [found[action]]
    ]


def _exhibits(
    inputs: DiagnosisInputs, points: Sequence[tuple[str, Estimate]], tenths: Sequence[dict[str, Any]]
) -> tuple[Exhibit, ...]:
    halves: tuple[Row, ...] = tuple({"month": month, "followed_jpy": estimate.value} for month, estimate in points)
    found = [
        Exhibit("tenths", "bar", tuple(tenths), x="tenth", y="mean_jpy", y_unit="jpy"),
        Exhibit(
            "bands",
            "table",
            tuple(level_rows(inputs)),
            columns=(
                ("level", "text"),
                ("from_jpy", "jpy"),
                ("customers", "count"),
                ("share_rate", "rate"),
                ("profit_share_rate", "rate"),
            ),
        ),
        Exhibit(
            "actions",
            "table",
            tuple(action_rows(crossed(inputs), customer_powers(inputs))),
            columns=(
                ("retention", "text"),
                ("purchasing", "text"),
                ("customers", "count"),
                ("mean_jpy", "jpy"),
                ("action", "text"),
            ),
        ),
    ]
    if len(halves) >= 2:
        found.insert(0, Exhibit("halves", "line", halves, x="month", y="followed_jpy", x_unit="month", y_unit="jpy"))
    return tuple(found)
