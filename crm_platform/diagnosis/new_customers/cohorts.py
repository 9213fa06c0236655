"""New customers by the quarter of their first purchase, and what they did since."""

from __future__ import annotations

from typing import Any

import ibis
from ibis import _

from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.rows import rows, yen_sum
from crm_platform.diagnosis.spans import Span, blocks, index_of

QUARTER = 3


def quarters(inputs: DiagnosisInputs) -> list[Span]:
    """The whole quarters of history, counted back from the last closed month; the earliest first."""
    return blocks(inputs.closed_months, QUARTER)


def quarters_back(inputs: DiagnosisInputs, cohort: ibis.Value) -> ibis.Value:
    """How many quarters before the last one a cohort month lies: 0 is the last."""
    return ((inputs.closed_index - cohort) // QUARTER).cast("int64")


def new_by_month(inputs: DiagnosisInputs) -> list[int]:
    """New customers of each closed month, in order."""
    counted = inputs.new_customers.group_by("cohort").agg(customers=_.count()).order_by("cohort")
    found = {row["cohort"]: row["customers"] for row in rows(counted)}
    return [found.get(index_of(month), 0) for month in inputs.closed_months]


def months_known(inputs: DiagnosisInputs, quarter: Span) -> int:
    """Closed months since the first purchase that every customer of the quarter has behind it, that month counted."""
    return inputs.closed_index - index_of(quarter.last) + 1


def cohort_months(inputs: DiagnosisInputs) -> dict[tuple[int, int], dict[str, Any]]:
    """By (quarters back, months since the first purchase): `buyers` and `sales_jpy` of that month."""
    back = quarters_back(inputs, inputs.ages.cohort)
    closed = inputs.ages.filter(_.month <= inputs.closed_months[-1].first_day) if inputs.closed_months else inputs.ages
    grouped = closed.mutate(back=back).filter(_.back >= 0).group_by("back", "age")
    sums = grouped.agg(buyers=_.customer_id.nunique(where=_.purchase_days > 0), sales_jpy=yen_sum(_.sales_jpy))
    return {(row["back"], row["age"]): row for row in rows(sums.order_by("back", "age"))}


def cohort_sizes(inputs: DiagnosisInputs) -> dict[int, int]:
    """New customers by quarters back."""
    back = quarters_back(inputs, inputs.new_customers.cohort)
    counted = inputs.new_customers.mutate(back=back).group_by("back").agg(customers=_.count()).order_by("back")
    return {row["back"]: row["customers"] for row in rows(counted)}
