"""Four kinds of buyer that look alike in a list and are not (seed 001:105, R56): how many, what the stalled cost."""

from __future__ import annotations

import dataclasses
from typing import Any

import ibis
from ibis import _

from crm_platform.alerts.listing.lapse import ASSUMED_RESPONSE_RATE
from crm_platform.diagnosis.finding import Exhibit, Finding
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.rows import one_row, rows, yen_sum
from crm_platform.diagnosis.trends import verdict_on
from crm_platform.segments import BuyerKindRules
from crm_platform.tables.analyses import BUYER_KINDS


def buyer_kinds(inputs: DiagnosisInputs) -> Finding | None:
    """Customers by kind of buyer, as `segments.buyer_kinds` gave it to each; the rules are printed with their numbers.

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
    effect_jpy = round(stalled["customers"] * ASSUMED_RESPONSE_RATE * stalled_mean_jpy) if verdict == "issue" else None
    return Finding(
        key="buyer_kinds",
        chapter="current_state",
        verdict=verdict,
        numbers={
            **inputs.period,
            **dataclasses.asdict(BuyerKindRules()),
            "stalled_customers": stalled["customers"],
            "stalled_mean_jpy": stalled_mean_jpy,
            "big_ticket_customers": big["customers"],
            "returned_customers": returned["customers"],
            "frequent_small_customers": small["customers"],
            "median_order_jpy": median_order_jpy(inputs),
            "response_rate": ASSUMED_RESPONSE_RATE,
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
    """The median of customers' mean order values, against which the rules hold each; 0 where nobody bought."""
    median = one_row(inputs.buyers.agg(median=(_.sales_jpy / _.purchase_days).median()))["median"]
    return round(median) if median is not None else 0


def kind_rows(inputs: DiagnosisInputs) -> list[dict[str, Any]]:
    """Every kind: customers, 売上 of 12 months and of all history; they add up to all who ever bought."""
    kinds = inputs.segments.select("customer_id", kind=_.buyer_kind)
    grouped = inputs.buyers.inner_join(kinds, "customer_id").group_by("kind")
    sums = grouped.agg(
        customers=_.count(), sales_12m_jpy=yen_sum(_.sales_12m_jpy), sales_jpy=yen_sum(_.sales_jpy)
    ).order_by(ibis.asc("kind"))
    found = {row["kind"]: row for row in rows(sums)}
    nobody = {"customers": 0, "sales_12m_jpy": 0, "sales_jpy": 0}
    return [{**found.get(kind, nobody), "kind": f"@buyer_kind.{kind}"} for kind in BUYER_KINDS if found]
