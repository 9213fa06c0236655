"""What every customer did in each half-year: one pass over the months, on which a dozen questions stand."""

from __future__ import annotations

import ibis

from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.rows import yen_sum
from crm_platform.diagnosis.spans import HALF_YEAR_MONTHS, blocks_back, index_column

MOST_HALVES = 12  # five years of successive halves, and the year before them
_MEASURES = {"sales": "sales_jpy", "returned": "returned_jpy", "ordered": "ordered_jpy", "purchases": "purchase_days"}


def halves_known(inputs: DiagnosisInputs) -> int:
    """How many half-years the closed months reach into, counted back from the last; the earliest may be a part."""
    return min(-(-len(inputs.closed_months) // HALF_YEAR_MONTHS), MOST_HALVES)


def customer_halves(inputs: DiagnosisInputs) -> ibis.Table:
    """A row per customer with a line in these half-years; held for all questions on the same inputs.

    Of each half-year `k`, 0 the last: `sales_k` (売上), `returned_k` (credits, above 0) and `ordered_k` (受注金額), in
    yen, and `purchases_k` (purchase days). `began` is the half-year of the first purchase, null where there is
    none and below 0 where it lies in a month still running.
    """
    return inputs.once(_summed)


def _summed(inputs: DiagnosisInputs) -> ibis.Table:
    facts = inputs.customer_months
    month = index_column(facts.month)
    half = blocks_back(month, inputs.closed_index, HALF_YEAR_MONTHS)
    inside = facts.filter((month <= inputs.closed_index) & (half < halves_known(inputs))).mutate(half=half)
    sums = inside.group_by("customer_id").agg(
        **{
            f"{name}_{back}": yen_sum(inside[column], inside.half == back)
            for name, column in _MEASURES.items()
            for back in range(halves_known(inputs))
        }
    )
    joined = sums.left_join(inputs.buyers.select("customer_id", "cohort"), "customer_id")
    began = ((inputs.closed_index - joined.cohort) / HALF_YEAR_MONTHS).floor().cast("int64")
    return joined.select(*sums.columns, began=began).cache()
