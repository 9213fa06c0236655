"""Purchasing power (購買力診断, R54): what buyers spend, how sales concentrate, how it goes with retention power."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from crm_platform.diagnosis.current_state.customer_states import (
    PURCHASES_FROM,
    CustomerPowers,
    customer_powers,
)
from crm_platform.diagnosis.current_state.levelled_customers import crossed
from crm_platform.diagnosis.current_state.levelled_customers import level_rows as rows_of_levels
from crm_platform.diagnosis.finding import Action, Exhibit, Finding, Scalar, Unit, Verdict
from crm_platform.diagnosis.groundwork.concentration import (
    TOP_RATE,
    buyers_of_the_year,
    lorenz_rows,
    settled_shares,
    top_shares,
)
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.trends import trend_of
from crm_platform.diagnosis.verdicts import LEAST_CUSTOMERS
from crm_platform.diagnosis.year_on_year import YearOnYear

PARETO_RATE = 0.8  # 優良・ロイヤルの売上 ≈ 80 % (seed 004:48-49, R128)
WHOLE = "@whole.all"


def purchasing_power(inputs: DiagnosisInputs) -> Finding | None:
    """Levels of purchasing power, and the share of twelve months' sales that the top 20 % of buyers bring.

    Judged is that share against the year before and over five years (R61), so that a house is told what changes. The
    80 % of R128 stand beside it: most houses never reach them, and what is always so is no news. At stake: the fall ×
    the sales of half a year. The action expects one more mean order of 5 % of the customers who are high in both
    powers. None where there is no customer.
    """
    cells = crossed(inputs)
    if not sum(cell["customers"] for cell in cells):
        return None
    powers, shares = customer_powers(inputs), top_shares(inputs)
    settled = settled_shares(inputs)
    judged = YearOnYear(
        shares[-1][1] if shares else None, settled[-2][1] if len(settled) >= 2 else None, trend_of(settled, "rate")
    )
    buyers, sales_jpy = buyers_of_the_year(inputs)
    enough = buyers >= LEAST_CUSTOMERS  # the error of the share is one of many customers
    verdict: Verdict = judged.verdict if enough else "undetermined"
    effect_jpy = round(judged.shortfall * sales_jpy / 2) or None if verdict == "issue" else None
    strong = sum(cell["customers"] for cell in cells if is_strong(powers, cell))
    expected_jpy = round(strong * inputs.response_rate * inputs.order_value_jpy)
    numbers: dict[str, Scalar] = {
        **inputs.period,
        **_level_numbers(level_rows(inputs), powers),
        "top_20_share_rate": judged.now.value if judged.now else None,
        "top_20_share_before": judged.before_value,
        "change_points": judged.change_value,
        "benchmark_rate": PARETO_RATE,
        "gap_points": judged.now.value - PARETO_RATE if judged.now else None,
        "buyers": buyers,
        "top_20_customers": math.ceil(buyers * TOP_RATE - 1e-9),
        "sales_jpy": sales_jpy,
        "strong_customers": strong,
        "cared_for_customers": strong or None,  # nobody is no group to care for
        "response_rate": inputs.response_rate,
        "order_value_jpy": inputs.order_value_jpy,
        "expected_jpy": expected_jpy,
        "effect_jpy": effect_jpy,
    }
    return Finding(
        key="purchasing_power",
        chapter="current_state",
        verdict=verdict,
        numbers=numbers,
        exhibits=_exhibits(inputs, powers),
        threshold=judged.before_value,
        yen_effect_jpy=effect_jpy,
        concerned_customers=strong,
        measured=judged.measured("rate"),
        trend=judged.trend,
        action=Action("@action_segment.strong_in_both", strong, "@action_channel.insert_phone", expected_jpy),
        sources=("customer_months", "customer_history", "forecasts"),
    )


def is_strong(powers: CustomerPowers, cell: dict[str, Any]) -> bool:
    """High in both powers: the customers for additional purchases (seed 001:107, R57)."""
    return powers.retention.is_high(cell["retention_level"]) and powers.purchasing.is_high(cell["purchasing_level"])


def _level_numbers(levels: Sequence[dict[str, Any]], powers: CustomerPowers) -> dict[str, Scalar]:
    top, low = levels[0]["actual"], levels[-1]["actual"]
    told_apart = len(levels) > 1  # one level has no highest and no lowest
    return {
        "customers": sum(row["customers"] for row in levels),
        "levels": len(levels),
        "levels_to_tell_apart": len(levels) if told_apart else None,
        "level_split": f"@level_split.{'several' if told_apart else 'one'}",
        "top_level_jpy": round(top) if told_apart and top is not None else None,
        "low_level_jpy": round(low) if told_apart and low is not None else None,
        "times": top / low if top is not None and low else None,
        "high_from_jpy": powers.purchasing.line,
        "rule_basis": f"@level_rule.{'tested' if powers.is_tested else 'one_half'}",
    }


def level_rows(inputs: DiagnosisInputs) -> list[dict[str, Any]]:
    """Customers by level of purchasing power; they add up to all customers (R54)."""
    return rows_of_levels(
        crossed(inputs), customer_powers(inputs).purchasing, "purchasing_level", "purchasing_level", "powers_jpy"
    )


def rule_rows(powers: CustomerPowers) -> list[dict[str, Any]]:
    """How the levels are told apart (識別方法, R54): a row per band of 購入単価, a column per number of purchases."""
    level_of = powers.purchasing.level_of
    return [
        {
            "value_from_jpy": floor,
            **{f"from_{count}": f"@purchasing_level.{level_of[count, band]}" for count in PURCHASES_FROM},
        }
        for band, floor in enumerate(powers.value_floors_jpy, start=1)
    ]


def cross_rows(inputs: DiagnosisInputs) -> list[dict[str, Any]]:
    """Retention × purchasing power in customers, with the sums of rows and columns: the margins are the levels."""
    cells, powers = crossed(inputs), customer_powers(inputs)
    found = []
    for level in [*powers.retention.numbers, None]:
        inside = [cell for cell in cells if level in (cell["retention_level"], None)]
        of_power = {
            f"power_{power}": sum(cell["customers"] for cell in inside if cell["purchasing_level"] == power)
            for power in powers.purchasing.numbers
        }
        name = f"@retention_level.{level}" if level else WHOLE
        found.append({"level": name, **of_power, "power_all": sum(of_power.values())})
    return found


def _exhibits(inputs: DiagnosisInputs, powers: CustomerPowers) -> tuple[Exhibit, ...]:
    rule, cross = rule_rows(powers), cross_rows(inputs)
    is_crossed = min(len(powers.retention.numbers), len(powers.purchasing.numbers)) > 1  # one column crosses nothing
    jpy: tuple[tuple[str, Unit], ...] = (("actual", "jpy"), ("low", "jpy"), ("high", "jpy"), ("expected", "jpy"))
    return (
        Exhibit(
            "lorenz",
            "lorenz",
            tuple(lorenz_rows(inputs)),
            x="customers_rate",
            y="sales_rate",
            x_unit="rate",
            y_unit="rate",
        ),
        Exhibit(
            "level_table",
            "table",
            tuple(level_rows(inputs)),
            columns=(("level", "text"), ("customers", "count"), ("share_rate", "rate"), *jpy),
        ),
        Exhibit(
            "rule",
            "table",
            tuple(rule),
            columns=(("value_from_jpy", "jpy"), *((f"from_{count}", "text") for count in PURCHASES_FROM)),
        ),
        Exhibit(
            "cross",
            "table",
            tuple(cross) if is_crossed else (),
            columns=(("level", "text"), *((name, "count") for name in cross[0] if name != "level")),
        ),
    )
