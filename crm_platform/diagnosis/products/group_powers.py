"""The three powers (継続力・購買力・収益力) of those who buy a group or brand, in rows (seed 001:183-188, R62)."""

from __future__ import annotations

from typing import Any

from ibis import _

from crm_platform.diagnosis.estimates import Estimate, difference, errors_for, mean
from crm_platform.diagnosis.groundwork.product_levels import Level, group_purchases
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.rows import exact_sum, one_row, rows, yen_products, yen_sum
from crm_platform.diagnosis.verdicts import LEAST_CUSTOMERS


def power_rows(inputs: DiagnosisInputs, level: Level) -> list[dict[str, Any]]:
    """Every group with LEAST_CUSTOMERS buyers or more in twelve months, the highest 収益力 per buyer first.

    The means over its buyers of what the forecast says of each: `power_retention_rate`, `power_purchasing_jpy`, and
    `power_profit_jpy` with its 95 % interval over customers, beside `power_others_jpy` of the buyers of anything else
    only; `is_beyond_chance` where the group's buyers bring more than those, among all groups looked at.
    """
    buyers = group_purchases(inputs, level).filter(inputs.closed_year.holds(_.month))
    foreseen = inputs.forecasts.select(
        "customer_id",
        "retention_power_rate",
        "purchasing_power_jpy",
        profit_jpy=_.profitability_jpy.round().cast("int64"),
    )
    known = buyers.select("product_group", "customer_id").distinct().inner_join(foreseen, "customer_id")
    sums = {
        "buyers": _.count(),
        "profit_jpy": yen_sum(_.profit_jpy),
        "squares": yen_products(_.profit_jpy, _.profit_jpy),
    }
    powers = {name: exact_sum(_[name]) for name in ("retention_power_rate", "purchasing_power_jpy")}
    groups = rows(known.group_by("product_group").agg(**sums, **powers).order_by("product_group"))
    everyone = one_row(known.drop("product_group").distinct().agg(**sums))
    errors = errors_for(len(groups))
    found = [_row(group, everyone, errors) for group in groups if group["buyers"] >= LEAST_CUSTOMERS]
    return sorted(found, key=lambda row: (-row["power_profit_jpy"], row["product_group"]))


def _row(group: dict[str, Any], everyone: dict[str, Any], errors: float) -> dict[str, Any]:
    own = _mean_jpy(group)
    others = _mean_jpy({name: everyone[name] - group[name] for name in everyone})
    lead = difference(own, others) if own and others else None
    return {
        "product_group": group["product_group"],
        "power_buyers": group["buyers"],
        "power_retention_rate": group["retention_power_rate"] / group["buyers"],
        "power_purchasing_jpy": group["purchasing_power_jpy"] / group["buyers"],
        "power_profit_jpy": own.value if own else 0.0,
        "power_low_jpy": own.low_amount if own else None,
        "power_high_jpy": own.high if own else None,
        "power_others_jpy": others.value if others else None,
        "is_beyond_chance": bool(lead and lead.value > errors * lead.error),
    }


def _mean_jpy(sums: dict[str, Any]) -> Estimate | None:
    return mean(sums["profit_jpy"], sums["squares"], sums["buyers"])
