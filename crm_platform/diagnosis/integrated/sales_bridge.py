"""The bridge of sales (売上増減の要因): what made this year's sales out of last year's, to the yen."""

from __future__ import annotations

from typing import Any

import ibis
from ibis import _

from crm_platform.diagnosis.finding import Exhibit, Finding, Row, Scalar
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.rows import rows, yen_sum
from crm_platform.diagnosis.spans import Span
from crm_platform.diagnosis.trends import YEAR_MONTHS, change

STEPS = ("new", "returned", "frequency", "value", "lost", "credits")


def sales_bridge(inputs: DiagnosisInputs) -> Finding:
    """Twelve closed months against the twelve before, by what customers did; the steps add up exactly (R60).

    Healthy where the year is not below the one before. At stake: half the year's fall. Undetermined below 24 months.
    """
    year = inputs.span(YEAR_MONTHS)
    before = inputs.span(YEAR_MONTHS, back=YEAR_MONTHS)
    if year is None or before is None:
        return Finding("sales_bridge", "integrated", "undetermined", inputs.period)
    groups = group_rows(inputs, before, year)
    before_jpy, now_jpy = (sum(row[name] for row in groups.values()) for name in ("before_jpy", "now_jpy"))
    steps = bridge_steps(groups)
    largest_fall = min(STEPS, key=lambda step: steps[step])
    effect_jpy = (before_jpy - now_jpy) // 2 or None if now_jpy < before_jpy else None
    numbers: dict[str, Scalar] = {
        **inputs.period,
        "before_first_month": str(before.first),
        "before_last_month": str(before.last),
        "year_first_month": str(year.first),
        "before_jpy": before_jpy,
        "now_jpy": now_jpy,
        "difference_jpy": now_jpy - before_jpy,
        "change_rate": change(now_jpy, before_jpy),
        **{f"{step}_jpy": amount for step, amount in steps.items()},
        **{f"{name}_customers": row["customers"] for name, row in groups.items()},
        "retained_jpy": steps["frequency"] + steps["value"],
        "taken_jpy": -steps["lost"],
        "largest_fall": f"@bridge.{largest_fall}",
        "largest_fall_jpy": steps[largest_fall],
        "effect_jpy": effect_jpy,
    }
    return Finding(
        key="sales_bridge",
        chapter="integrated",
        verdict="issue" if now_jpy < before_jpy else "healthy",
        numbers=numbers,
        exhibits=(_waterfall(before_jpy, steps, now_jpy),),
        threshold=float(before_jpy),
        yen_effect_jpy=effect_jpy,
        concerned_customers=groups["lost"]["customers"],
    )


def group_rows(inputs: DiagnosisInputs, before: Span, year: Span) -> dict[str, dict[str, Any]]:
    """Customers who bought in either year, in four groups, and those with credits only.

    Each group: `customers`, `before_jpy`, `now_jpy`, `before_purchases`, `now_purchases`; every yen is in one group.
    """
    facts = inputs.customer_months
    in_before, in_year = before.holds(facts.month), year.holds(facts.month)
    people = facts.filter(in_before | in_year).group_by("customer_id")
    sums = people.agg(
        before_jpy=yen_sum(facts.sales_jpy, in_before),
        now_jpy=yen_sum(facts.sales_jpy, in_year),
        before_purchases=yen_sum(facts.purchase_days, in_before),
        now_purchases=yen_sum(facts.purchase_days, in_year),
    )
    joined = sums.left_join(inputs.history.select("customer_id", "first_purchased_on"), "customer_id")
    group = ibis.cases(
        ((joined.before_purchases > 0) & (joined.now_purchases > 0), "retained"),
        (joined.before_purchases > 0, "lost"),
        ((joined.now_purchases > 0) & (joined.first_purchased_on >= year.first.first_day), "new"),
        (joined.now_purchases > 0, "returned"),
        else_="credits",
    )
    summed = ("before_jpy", "now_jpy", "before_purchases", "now_purchases")
    grouped = joined.mutate(group=group).group_by("group")
    found = rows(grouped.agg(customers=_.count(), **{name: yen_sum(_[name]) for name in summed}).order_by("group"))
    nothing = {"customers": 0, **dict.fromkeys(summed, 0)}
    by_group = {row.pop("group"): row for row in found}
    return {name: by_group.get(name, nothing) for name in ("new", "returned", "retained", "lost", "credits")}


def bridge_steps(groups: dict[str, dict[str, Any]]) -> dict[str, int]:
    """Yen by step; of retained customers' change, purchases more or fewer at last year's value, the rest is value."""
    differences = {name: row["now_jpy"] - row["before_jpy"] for name, row in groups.items()}
    kept = groups["retained"]
    more = kept["now_purchases"] - kept["before_purchases"]
    frequency_jpy = round(more * kept["before_jpy"] / kept["before_purchases"]) if kept["before_purchases"] else 0
    return {
        "new": differences["new"],
        "returned": differences["returned"],
        "frequency": frequency_jpy,
        "value": differences["retained"] - frequency_jpy,
        "lost": differences["lost"],
        "credits": differences["credits"],
    }


def _waterfall(before_jpy: int, steps: dict[str, int], now_jpy: int) -> Exhibit:
    """First and last bar are totals, those between are differences."""
    shown = [step for step in STEPS if steps[step] or step != "credits"]
    amounts = [("before", before_jpy), *((step, steps[step]) for step in shown), ("now", now_jpy)]
    bars: list[Row] = [{"step": f"@bridge.{name}", "amount_jpy": amount} for name, amount in amounts]
    return Exhibit("bridge", "waterfall", tuple(bars), x="step", y="amount_jpy", y_unit="jpy")
