"""Retention by cohort (コホート別継続率): who of a year's new customers still buys, month after month."""

from __future__ import annotations

from typing import Any

from ibis import _

from crm_platform.diagnosis.estimates import Estimate, mean, proportion
from crm_platform.diagnosis.finding import Action, Exhibit, Finding, Scalar
from crm_platform.diagnosis.groundwork.cohorts import (
    Sums,
    by_cohort,
    last_with_months,
    over,
    sum_and_squares,
    year_on_year,
    year_to,
)
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.new_customers.quarters import cohort_months, cohort_sizes, months_known, quarters
from crm_platform.diagnosis.rows import one_row

RETENTION_MONTHS = 6
SHOWN_AGES = (*range(13), 18, 24, 36, 48)


def cohort_retention(inputs: DiagnosisInputs) -> Finding | None:
    """The share of new customers who buy in a month, on average of months 1 to 6 after the first purchase.

    Judged is the last year of cohorts that have those months behind them, against the year before and over half-years
    (R61). At stake: the purchases missing in six months of half a year's new customers × the mean order value. None
    where no customer is new.
    """
    monthly = by_cohort(inputs, **sum_and_squares("bought", _.months_bought_6m))
    if not monthly:
        return None
    last = last_with_months(inputs, RETENTION_MONTHS + 1)
    judged = year_on_year(inputs, monthly, last, retention_rate, "rate")
    customers = round((over(monthly, year_to(inputs, last)) or {"customers": 0})["customers"])
    effect_jpy = round(judged.shortfall * RETENTION_MONTHS * customers / 2 * inputs.order_value_jpy) or None
    drifting = silent_customers(inputs)
    expected_jpy = round(drifting * inputs.response_rate * inputs.order_value_jpy)
    numbers: dict[str, Scalar] = {
        **inputs.period,
        "retention_rate": judged.now.value if judged.now else None,
        "retention_rate_before": judged.before_value,
        "change_points": judged.change_value,
        "customers": customers,
        "last_cohort": year_to(inputs, last).month,
        "order_value_jpy": inputs.order_value_jpy,
        "silent_customers": drifting,
        "response_rate": inputs.response_rate,
        "expected_jpy": expected_jpy,
        "effect_jpy": effect_jpy,
    }
    cells = Exhibit(
        "cohorts",
        "heatmap",
        tuple(cell_rows(inputs)),
        x="months_since",
        y="rate",
        x_unit="count",
        y_unit="rate",
        series="quarter",
        series_unit="month",
    )
    return Finding(
        key="cohort_retention",
        chapter="new_customers",
        verdict=judged.verdict,
        numbers=numbers,
        exhibits=(cells,) if cells.rows else (),
        threshold=judged.before_value,
        yen_effect_jpy=effect_jpy,
        concerned_customers=customers,
        measured=judged.measured("rate"),
        trend=judged.trend,
        action=Action("@action_segment.silent_new_customers", drifting, "@action_channel.insert_mail", expected_jpy),
        sources=("customer_months", "customer_history"),
    )


def retention_rate(sums: Sums) -> Estimate | None:
    """Mean share of months 1 to 6 in which a customer of the cohorts bought.

    The error is that of a mean over customers with one more who bought in every month and one who never did, and not
    below that of as many single months. Where hardly anybody stays, those who do are few and bought many times: a
    sample without them is low and looks sure of it.
    """
    always = RETENTION_MONTHS
    found = mean(sums["bought"] + always, sums["bought_squares"] + always**2, sums["customers"] + 2)
    single = proportion(sums["bought"], sums["customers"] * RETENTION_MONTHS)
    if found is None or single is None or sums["customers"] < 2:
        return None
    return Estimate(single.value, max(found.error / RETENTION_MONTHS, single.error))


def silent_customers(inputs: DiagnosisInputs) -> int:
    """New customers who came 7 to 18 months ago and bought nothing in the last six."""
    span = year_to(inputs, last_with_months(inputs, RETENTION_MONTHS + 1))
    inside = inputs.beginnings.filter(span.holds(_.cohort) & _.is_silent)
    return int(one_row(inside.agg(customers=_.count()))["customers"])


def cell_rows(inputs: DiagnosisInputs) -> list[dict[str, Any]]:
    """`quarter` (its last month) × `months_since`: share of the cohort that bought; ages that all reached."""
    sizes, buyers = cohort_sizes(inputs), cohort_months(inputs)
    spans = quarters(inputs)
    return [
        {
            "quarter": str(span.last),
            "months_since": age,
            "rate": buyers.get((back, age), 0) / sizes[back],
        }
        for back, span in zip(range(len(spans) - 1, -1, -1), spans, strict=True)
        if sizes.get(back)
        for age in SHOWN_AGES
        if age < months_known(inputs, span)
    ]
