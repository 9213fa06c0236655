"""Retention by cohort (コホート別継続率): who of a quarter's new customers still buys, month after month."""

from __future__ import annotations

from typing import Any

from crm_platform.diagnosis.finding import Exhibit, Finding, Scalar, Verdict
from crm_platform.diagnosis.inputs import WARM_UP_MONTHS, DiagnosisInputs
from crm_platform.diagnosis.new_customers.cohorts import QUARTER, cohort_months, cohort_sizes, months_known, quarters
from crm_platform.periods import Month

JUDGED_AGES = range(1, 7)
SHOWN_AGES = (*range(13), 18, 24, 36, 48)
_QUARTERS_OF_A_YEAR = 4


def cohort_retention(inputs: DiagnosisInputs) -> Finding | None:
    """The share of new customers who buy in a month, on average of months 1 to 6 after the first purchase.

    Healthy where the last year of cohorts that have those months behind them is not below the year before it (R61); no
    verdict rests on the first year of data. At stake: the purchases missing in six months of half a year's new
    customers × the mean order value. None where no customer is new.
    """
    cells = cell_rows(inputs)
    if not cells:
        return None
    judged = [row for row in cohort_rows(inputs) if row["retention_rate"] is not None]
    now = _pooled(judged[-_QUARTERS_OF_A_YEAR:])
    first_settled = inputs.months[0].plus(WARM_UP_MONTHS + QUARTER - 1)
    settled = [row for row in judged if Month.parse(row["quarter"]) >= first_settled]
    before = _pooled(settled[-2 * _QUARTERS_OF_A_YEAR : -_QUARTERS_OF_A_YEAR])
    verdict: Verdict = "undetermined"
    effect_jpy = None
    customers = sum(row["customers"] for row in judged[-_QUARTERS_OF_A_YEAR:])
    if now is not None and before is not None and len(settled) >= 2 * _QUARTERS_OF_A_YEAR:
        verdict = "issue" if now < before else "healthy"
        missing = max(before - now, 0.0) * len(JUDGED_AGES) * customers / 2
        effect_jpy = round(missing * inputs.order_value_jpy) or None
    else:
        before = None
    numbers: dict[str, Scalar] = {
        **inputs.period,
        "retention_rate": now,
        "retention_rate_before": before,
        "change_points": now - before if now is not None and before is not None else None,
        "customers": customers,
        "first_cohort": judged[-_QUARTERS_OF_A_YEAR:][0]["quarter"] if judged else None,
        "last_cohort": judged[-1]["quarter"] if judged else None,
        "order_value_jpy": inputs.order_value_jpy,
        "effect_jpy": effect_jpy,
    }
    return Finding(
        key="cohort_retention",
        chapter="new_customers",
        verdict=verdict,
        numbers=numbers,
        exhibits=(
            Exhibit(
                "cohorts",
                "heatmap",
                tuple(cells),
                x="months_since",
                y="rate",
                x_unit="count",
                y_unit="rate",
                series="quarter",
            ),
        ),
        threshold=before,
        yen_effect_jpy=effect_jpy,
        concerned_customers=customers,
    )


def cell_rows(inputs: DiagnosisInputs) -> list[dict[str, Any]]:
    """`quarter` (its last month) × `months_since`: share of the cohort that bought; ages that all reached."""
    sizes, found = cohort_sizes(inputs), cohort_months(inputs)
    spans = quarters(inputs)
    return [
        {
            "quarter": str(span.last),
            "months_since": age,
            "rate": found[back, age]["buyers"] / sizes[back] if (back, age) in found else 0.0,
        }
        for back, span in zip(range(len(spans) - 1, -1, -1), spans, strict=True)
        if sizes.get(back)
        for age in SHOWN_AGES
        if age < months_known(inputs, span)
    ]


def cohort_rows(inputs: DiagnosisInputs) -> list[dict[str, Any]]:
    """Per quarter of acquisition: customers, and the mean share who bought in months 1 to 6; None until known."""
    sizes, found = cohort_sizes(inputs), cohort_months(inputs)
    spans = quarters(inputs)
    rows = []
    for back, span in zip(range(len(spans) - 1, -1, -1), spans, strict=True):
        if customers := sizes.get(back, 0):
            bought = sum(found[back, age]["buyers"] for age in JUDGED_AGES if (back, age) in found)
            known = months_known(inputs, span) > max(JUDGED_AGES)
            rate = bought / customers / len(JUDGED_AGES) if known else None
            rows.append({"quarter": str(span.last), "customers": customers, "retention_rate": rate})
    return rows


def _pooled(cohorts: list[dict[str, Any]]) -> float | None:
    customers = sum(row["customers"] for row in cohorts)
    return sum(row["retention_rate"] * row["customers"] for row in cohorts) / customers if customers else None
