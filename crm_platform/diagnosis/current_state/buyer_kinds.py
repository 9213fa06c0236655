"""Four kinds of buyer that look alike in a list and are not (seed 001:105, R56)."""

from __future__ import annotations

from typing import Any

import ibis
from ibis import _

from crm_platform.diagnosis.finding import Exhibit, Finding
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.rows import one_row, rows, yen_sum
from crm_platform.diagnosis.trends import verdict_on

KINDS = ("returned", "stalled", "big_ticket", "frequent_small", "other")
LARGE_TIMES = 2.0  # a large order: from twice the median order value
STALLED_DAYS = 180
FREQUENT_DAYS = 4  # purchase days
AWAY_DAYS = 730
RESPONSE_RATE = 0.05  # seed 003:133


def buyer_kinds(inputs: DiagnosisInputs) -> Finding | None:
    """Customers by kind of buyer, the first that applies.

    returned (数年ぶり): bought within 180 days after a silence of 730.
    stalled (1回高額で停滞): one purchase of at least twice the median order value, 180 days ago or longer.
    big_ticket (高単価): two purchases or more of that mean value, bought within 12 months.
    frequent_small (少額反復): four purchases or more of at most the median value, bought within 12 months.

    Healthy where stalled customers do not outnumber the big-ticket ones. At stake: 5 % of the stalled (003:133) × their
    order. Undetermined below 30 buyers; None where nobody ever bought.
    """
    kinds = kind_rows(inputs)
    if not kinds:
        return None
    known = {row["kind"]: row for row in kinds}
    stalled, big, returned, small = (
        known[f"@buyer_kind.{kind}"] for kind in ("stalled", "big_ticket", "returned", "frequent_small")
    )
    stalled_mean_jpy = round(stalled["sales_jpy"] / stalled["customers"]) if stalled["customers"] else 0
    verdict = verdict_on(sum(row["customers"] for row in kinds), stalled["customers"] <= big["customers"])
    effect_jpy = round(stalled["customers"] * RESPONSE_RATE * stalled_mean_jpy) if verdict == "issue" else None
    return Finding(
        key="buyer_kinds",
        chapter="current_state",
        verdict=verdict,
        numbers={
            **inputs.period,
            "stalled_customers": stalled["customers"],
            "stalled_mean_jpy": stalled_mean_jpy,
            "big_ticket_customers": big["customers"],
            "returned_customers": returned["customers"],
            "frequent_small_customers": small["customers"],
            "median_order_jpy": median_order_jpy(inputs),
            "response_rate": RESPONSE_RATE,
            "effect_jpy": effect_jpy,
        },
        exhibits=(
            Exhibit("kinds", "bar", tuple(kinds), x="kind", y="customers", highlight="@buyer_kind.stalled"),
            Exhibit(
                "kind_table",
                "table",
                tuple(kinds),
                columns=(("kind", "text"), ("customers", "count"), ("sales_12m_jpy", "jpy"), ("sales_jpy", "jpy")),
            ),
        ),
        threshold=float(big["customers"]),
        yen_effect_jpy=effect_jpy,
        concerned_customers=stalled["customers"],
    )


def median_order_jpy(inputs: DiagnosisInputs) -> int:
    """The median of customers' mean order values; 0 where nobody bought."""
    median = one_row(_valued(inputs).agg(median=_.order_jpy.median()))["median"]
    return round(median) if median is not None else 0


def kind_rows(inputs: DiagnosisInputs) -> list[dict[str, Any]]:
    """Every kind: customers, 売上 of 12 months and of all history; they add up to all who ever bought."""
    median_jpy = median_order_jpy(inputs)
    valued = _valued(inputs).left_join(_returned_after_years(inputs), "customer_id")
    is_large = valued.order_jpy >= LARGE_TIMES * median_jpy
    is_recent = valued.purchase_days_12m > 0
    kind = ibis.cases(
        (valued.returned, "returned"),
        ((valued.purchase_days == 1) & is_large & (valued.gap_days >= STALLED_DAYS), "stalled"),
        ((valued.purchase_days >= 2) & is_large & is_recent, "big_ticket"),
        ((valued.purchase_days >= FREQUENT_DAYS) & (valued.order_jpy <= median_jpy) & is_recent, "frequent_small"),
        else_="other",
    )
    grouped = valued.mutate(kind=kind).group_by("kind")
    sums = grouped.agg(
        customers=_.count(), sales_12m_jpy=yen_sum(_.sales_12m_jpy), sales_jpy=yen_sum(_.sales_jpy)
    ).order_by("kind")
    found = {row["kind"]: row for row in rows(sums)}
    nobody = {"customers": 0, "sales_12m_jpy": 0, "sales_jpy": 0}
    return [{**found.get(kind, nobody), "kind": f"@buyer_kind.{kind}"} for kind in KINDS if found]


def _valued(inputs: DiagnosisInputs) -> ibis.Table:
    return inputs.buyers.mutate(order_jpy=_.sales_jpy / _.purchase_days)


def _returned_after_years(inputs: DiagnosisInputs) -> ibis.Table:
    bought = inputs.purchases
    before = bought.last_purchased_on.lag(1).over(ibis.window(group_by=bought.customer_id, order_by=bought.month))
    gaps = bought.mutate(
        away_days=bought.first_purchased_on.delta(before, unit="day"),
        since_days=ibis.literal(inputs.as_of).delta(bought.first_purchased_on, unit="day"),
    )
    returned = gaps.filter((_.away_days >= AWAY_DAYS) & (_.since_days <= STALLED_DAYS))
    return returned.select("customer_id").distinct().mutate(returned=True)
