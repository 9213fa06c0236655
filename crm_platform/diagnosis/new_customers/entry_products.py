"""Which product of the first purchase brings customers who do not come back (初回商品別の新規客の質, R58)."""

from __future__ import annotations

from typing import Any

from crm_platform.diagnosis.finding import Action, Exhibit, Finding, Scalar
from crm_platform.diagnosis.groundwork.cohorts import F2_DAYS, last_aged, settled, year_to
from crm_platform.diagnosis.groundwork.product_levels import grouped_products
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.new_customers.comparison import added, lowest_of
from crm_platform.diagnosis.new_customers.f2_conversion import f2_rate
from crm_platform.diagnosis.new_customers.quality import (
    OTHER_PRODUCT,
    QUALITY_COLUMNS,
    cells,
    each_beside_others,
    grouped,
    half_year_customers,
    quality_rows,
    within,
)
from crm_platform.diagnosis.spans import YEAR_MONTHS
from crm_platform.diagnosis.trends import trend_of
from crm_platform.diagnosis.verdicts import LEAST_CUSTOMERS

_SHOWN_GROUPS = 15


def entry_products(inputs: DiagnosisInputs) -> Finding | None:
    """The product group of the first purchase whose customers come back least, beside the others' (R58).

    Compared as in `media_quality`: the F2 rates of the last year of cohorts with 180 days behind them, of customers who
    began with the same kind of order in the same quarter. At stake: the second purchases missing in half a year × the
    mean order value. None where no two groups can be compared.
    """
    span = year_to(inputs, last_aged(inputs, F2_DAYS))
    every_year = product_cells(inputs)
    groups = grouped(within(every_year, span))
    found = {name: one for name, one in each_beside_others(groups).items() if name != OTHER_PRODUCT}
    if len(found) < 2:
        return None
    judged = lowest_of(found)
    recent = half_year_customers(judged.customers or 0)
    effect_jpy = round(judged.shortfall * recent * inputs.order_value_jpy) or None
    expected_jpy = round(recent * inputs.response_rate * inputs.order_value_jpy)
    points = [
        (year.month, rate)
        for year in settled(inputs, last_aged(inputs, F2_DAYS), YEAR_MONTHS)
        if (parts := grouped(within(every_year, year)).get(judged.name or "")) and (rate := f2_rate(added(parts)))
    ]
    numbers: dict[str, Scalar] = {
        **inputs.period,
        "last_cohort": span.month,
        "cohort_months": span.months,
        "groups": judged.groups,
        "below_groups": judged.below,
        "new_customers": sum(cell["customers"] for parts in groups.values() for cell in parts),
        "product_group": judged.name,
        "group_customers": judged.customers,
        "group_f2_rate": judged.own_rate,
        "others_f2_rate": judged.others_rate,
        "gap_points": judged.gap,
        "recent_customers": recent,
        "order_value_jpy": inputs.order_value_jpy,
        "response_rate": inputs.response_rate,
        "expected_jpy": expected_jpy,
        "effect_jpy": effect_jpy,
    }
    return Finding(
        key="entry_products",
        chapter="new_customers",
        verdict=judged.verdict,
        numbers=numbers,
        exhibits=_exhibits(quality_rows(groups, judged.errors), judged.name if judged.verdict == "issue" else None),
        threshold=judged.others_rate,
        yen_effect_jpy=effect_jpy,
        concerned_customers=judged.customers,
        measured=judged.measured,
        trend=trend_of(points, "rate"),
        action=Action("@action_segment.product_newcomers", recent, "@action_channel.insert_mail", expected_jpy),
        sources=("customer_history", "customer_months", "products"),
    )


def product_cells(inputs: DiagnosisInputs) -> list[dict[str, Any]]:
    """New customers by `group` of the first product, cohort month and kind of the first order.

    First purchases of give-aways or unknown products are one group.
    """
    groups = grouped_products(inputs).rename(first_product_id="product_id")
    known = inputs.beginnings.left_join(groups, "first_product_id")
    return cells(inputs, known.mutate(group=known.product_group.fill_null(OTHER_PRODUCT)), "group")


def _exhibits(table: list[dict[str, Any]], worst: str | None) -> tuple[Exhibit, ...]:
    bars = [row for row in table if row["new_customers"] >= LEAST_CUSTOMERS][:_SHOWN_GROUPS]
    highlight = worst if worst in {row["entry_group"] for row in bars} else None
    found = (
        Exhibit("rates", "bar", tuple(bars), x="entry_group", y="f2_rate", y_unit="rate", highlight=highlight),
        Exhibit("groups", "table", tuple(table[:_SHOWN_GROUPS]), columns=QUALITY_COLUMNS),
    )
    return found if bars else found[1:]
