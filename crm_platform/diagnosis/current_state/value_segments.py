"""The value classes (Another-Sky-like segments, R50): how many customers, and what they will bring in six months."""

from __future__ import annotations

from typing import Any

import ibis
from ibis import _

from crm_platform.diagnosis.finding import Exhibit, Finding, Scalar, Verdict
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.rows import exact_sum, one_row, rows, yen_sum
from crm_platform.diagnosis.trends import share

_YEAR = 12
_HALF_YEAR = 6


def value_segments(inputs: DiagnosisInputs) -> Finding | None:
    """What today's customers are expected to buy in six months, beside what their like bought of late.

    Compared are customers who had bought in the twelve months before: older ones are unknown where history is short.
    The two halves of the last year are averaged, because the forecast knows no season. Healthy where the expectation is
    not below. At stake: the difference. None where there is no customer.
    """
    classes = class_rows(inputs)
    if not classes:
        return None
    expected_jpy = round(sum(row["expected_jpy"] for row in classes))
    recent_jpy, former_jpy = expected_of_recent_buyers(inputs), sales_of_recent_buyers(inputs)
    ratio = share(recent_jpy, former_jpy) if former_jpy is not None and former_jpy > 0 else None
    verdict: Verdict = "undetermined" if ratio is None else "healthy" if ratio >= 1 else "issue"
    effect_jpy = former_jpy - recent_jpy if former_jpy is not None and verdict == "issue" else None
    top = classes[0]
    numbers: dict[str, Scalar] = {
        **inputs.period,
        "customers": sum(row["customers"] for row in classes),
        "expected_sales_jpy": expected_jpy,
        "recent_expected_jpy": recent_jpy,
        "former_sales_jpy": former_jpy,
        "change_rate": ratio - 1 if ratio is not None else None,
        "effect_jpy": effect_jpy,
        "top_customers": top["customers"],
        "top_customers_rate": top["customers_rate"],
        "top_share_rate": top["expected_share_rate"],
        "top_mean_jpy": round(top["mean_expected_jpy"]),
        "top_three_share_rate": sum(row["expected_share_rate"] or 0.0 for row in classes[:3]),
        "top_three_customers": sum(row["customers"] for row in classes[:3]),
    }
    return Finding(
        key="value_segments",
        chapter="current_state",
        verdict=verdict,
        numbers=numbers,
        exhibits=_exhibits(classes),
        threshold=float(former_jpy) if former_jpy is not None else None,
        yen_effect_jpy=effect_jpy,
        concerned_customers=top["customers"],
    )


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


def expected_of_recent_buyers(inputs: DiagnosisInputs) -> int:
    """What the buyers of the last twelve months are expected to buy in the next six."""
    recent = inputs.history.filter(_.purchase_days_12m > 0).select("customer_id")
    known = inputs.segments.semi_join(recent, "customer_id")
    expected_jpy: float = one_row(known.agg(expected_jpy=exact_sum(known.expected_sales_jpy)))["expected_jpy"]
    return round(expected_jpy)


def sales_of_recent_buyers(inputs: DiagnosisInputs) -> int | None:
    """売上 of a half-year by the buyers of the twelve months before it: mean of the last two halves; or None."""
    halves = [_sales_of_recent_buyers(inputs, back) for back in (_HALF_YEAR, 0)]
    known = [sales_jpy for sales_jpy in halves if sales_jpy is not None]
    return sum(known) // len(halves) if len(known) == len(halves) else None


def _sales_of_recent_buyers(inputs: DiagnosisInputs, back: int) -> int | None:
    year, half = inputs.span(_YEAR, back=_HALF_YEAR + back), inputs.span(_HALF_YEAR, back=back)
    if year is None or half is None:
        return None
    known = inputs.purchases.filter(year.holds(_.month)).select("customer_id").distinct()
    sales = inputs.customer_months.filter(half.holds(_.month)).semi_join(known, "customer_id")
    sales_jpy: int = one_row(sales.agg(sales_jpy=yen_sum(_.sales_jpy)))["sales_jpy"]
    return sales_jpy


def _exhibits(classes: list[dict[str, Any]]) -> tuple[Exhibit, ...]:
    return (
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
    )
