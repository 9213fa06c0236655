"""The balance of new and existing customers (新規と既存のバランス, R60) in sales, half-year by half-year."""

from __future__ import annotations

from typing import Any

from ibis import _

from crm_platform.diagnosis.finding import Exhibit, Finding, Scalar, Verdict
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.rows import rows, yen_sum
from crm_platform.diagnosis.spans import blocks, index_column
from crm_platform.diagnosis.trends import change, share

_HALF_YEAR = 6


def new_existing(inputs: DiagnosisInputs) -> Finding | None:
    """売上 of customers first bought in the half-year (new) and of all others (existing).

    Healthy where existing customers brought at least what they did in the same half of the year before (R61): they
    carry a repeat house (seed 004). At stake: their fall. None where no half-year is closed.
    """
    halves = half_rows(inputs)
    if not halves:
        return None
    now, before = halves[-1], halves[-3] if len(halves) >= 3 else None
    verdict: Verdict = "undetermined"
    effect_jpy = None
    if before:
        verdict = "issue" if now["existing_jpy"] < before["existing_jpy"] else "healthy"
        effect_jpy = max(before["existing_jpy"] - now["existing_jpy"], 0) or None
    numbers: dict[str, Scalar] = {
        **inputs.period,
        "half_year_last_month": now["half_year"],
        "sales_jpy": now["existing_jpy"] + now["new_jpy"],
        "existing_jpy": now["existing_jpy"],
        "new_jpy": now["new_jpy"],
        "existing_share_rate": share(now["existing_jpy"], now["existing_jpy"] + now["new_jpy"]),
        "existing_before_jpy": before["existing_jpy"] if before else None,
        "new_before_jpy": before["new_jpy"] if before else None,
        "change_rate": change(now["existing_jpy"], before["existing_jpy"]) if before else None,
        "new_change_rate": change(now["new_jpy"], before["new_jpy"]) if before else None,
        "effect_jpy": effect_jpy,
    }
    return Finding(
        key="new_existing",
        chapter="integrated",
        verdict=verdict,
        numbers=numbers,
        exhibits=_exhibits(halves),
        threshold=float(before["existing_jpy"]) if before else None,
        yen_effect_jpy=effect_jpy,
    )


def half_rows(inputs: DiagnosisInputs) -> list[dict[str, Any]]:
    """Each closed half-year by its last month: `existing_jpy`, `new_jpy`; together they are all its 売上."""
    spans = blocks(inputs.closed_months, _HALF_YEAR)
    if not spans:
        return []
    firsts = inputs.buyers.select("customer_id", "cohort")
    joined = inputs.customer_months.left_join(firsts, "customer_id")
    block = ((inputs.closed_index - index_column(joined.month)) // _HALF_YEAR).cast("int64")
    cohort_block = ((inputs.closed_index - joined.cohort) // _HALF_YEAR).cast("int64")
    marked = joined.mutate(block=block, is_new=(block == cohort_block).fill_null(False))
    grouped = marked.filter((_.block >= 0) & (_.block < len(spans))).group_by("block")
    sums = grouped.agg(new_jpy=yen_sum(_.sales_jpy, _.is_new), existing_jpy=yen_sum(_.sales_jpy, ~_.is_new))
    found = {row.pop("block"): row for row in rows(sums.order_by("block"))}
    nothing = {"new_jpy": 0, "existing_jpy": 0}
    return [
        {**found.get(len(spans) - 1 - number, nothing), "half_year": str(span.last)}
        for number, span in enumerate(spans)
    ]


def _exhibits(halves: list[dict[str, Any]]) -> tuple[Exhibit, ...]:
    bars = [
        {"half_year": row["half_year"], "customers": f"@customer_kind.{kind}", "sales_jpy": row[f"{kind}_jpy"]}
        for row in halves
        for kind in ("existing", "new")
    ]
    return (
        Exhibit(
            "half_years",
            "stacked_bar",
            tuple(bars),
            x="half_year",
            y="sales_jpy",
            x_unit="month",
            y_unit="jpy",
            series="customers",
        ),
    )
