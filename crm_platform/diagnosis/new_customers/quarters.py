"""New customers by the quarter of their first purchase, over all history: what exhibits of cohorts show."""

from __future__ import annotations

import ibis
from ibis import _

from crm_platform.diagnosis.groundwork.cohorts import by_cohort
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.rows import rows
from crm_platform.diagnosis.spans import QUARTER_MONTHS, Span, blocks, blocks_back, index_of


def quarters(inputs: DiagnosisInputs) -> list[Span]:
    """The whole quarters of history, counted back from the last closed month; the earliest first."""
    return blocks(inputs.closed_months, QUARTER_MONTHS)


def quarters_back(inputs: DiagnosisInputs, cohort: ibis.Value) -> ibis.Value:
    """How many quarters before the last one a cohort month lies: 0 is the last."""
    return blocks_back(cohort, inputs.closed_index, QUARTER_MONTHS)


def months_known(inputs: DiagnosisInputs, quarter: Span) -> int:
    """Closed months since the first purchase that every customer of the quarter has behind it, that month counted."""
    return inputs.closed_index - index_of(quarter.last) + 1


def cohort_sizes(inputs: DiagnosisInputs) -> dict[int, int]:
    """New customers by quarters back."""
    found: dict[int, int] = {}
    for row in by_cohort(inputs):
        back = (inputs.closed_index - row["cohort"]) // QUARTER_MONTHS
        found[back] = found.get(back, 0) + row["customers"]
    return found


def cohort_months(inputs: DiagnosisInputs) -> dict[tuple[int, int], int]:
    """By (quarters back, months since the first purchase): how many bought in that month."""
    back = quarters_back(inputs, inputs.ages.cohort)
    closed = inputs.ages.filter(_.month <= inputs.closed_months[-1].first_day) if inputs.closed_months else inputs.ages
    bought = closed.filter(_.purchase_days > 0).mutate(back=back).filter(_.back >= 0)
    sums = bought.group_by("back", "age").agg(buyers=_.count())
    return {(row["back"], row["age"]): row["buyers"] for row in rows(sums.order_by("back", "age"))}
