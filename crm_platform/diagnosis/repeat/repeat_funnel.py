"""The funnel (ファネル, R129): front-end → F2 → 継続 (3 and more) → 優良・ロイヤル, by year of acquisition."""

from __future__ import annotations

from typing import Any

import ibis
from ibis import _

from crm_platform.diagnosis.estimates import Estimate, proportion
from crm_platform.diagnosis.finding import Action, Exhibit, Finding, Row, Scalar, Unit
from crm_platform.diagnosis.groundwork.cohorts import Cohorts, Sums, last_with_months, over, year_on_year, year_to
from crm_platform.diagnosis.groundwork.cpm_amount import amount_threshold_jpy
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.rows import rows, yen_sum
from crm_platform.diagnosis.spans import YEAR_MONTHS, index_of
from crm_platform.diagnosis.trends import share

STAGES = ("front_end", "second", "continued", "premium")
TRIAL, MAIN = "@front_end_kind.trial", "@front_end_kind.main"


def repeat_funnel(inputs: DiagnosisInputs) -> Finding | None:
    """How many new customers become 優良 within twelve months of their first purchase, and where the others stay.

    優良・ロイヤル: three purchase days or more, the tenure and the amount of CPM's 優良 reached within the twelve
    months; every stage is part of the one before. Judged is the share of 優良 among all, of the last year of cohorts
    with twelve months behind them, against the year before and over half-years (R61). At stake: the 優良 missing in
    half a year × the amount that makes one. None where no customer is new.
    """
    found = stage_months(inputs)
    if not found:
        return None
    monthly = _both(found)
    last = last_with_months(inputs, YEAR_MONTHS)
    judged = year_on_year(inputs, monthly, last, premium_rate, "rate")
    now: Sums = over(monthly, year_to(inputs, last)) or dict.fromkeys(("customers", *STAGES[1:]), 0.0)
    amount_jpy = amount_threshold_jpy(inputs)
    effect_jpy = round(judged.shortfall * now["customers"] / 2 * amount_jpy) or None
    continuing = round(now["continued"] - now["premium"])
    expected_jpy = round(continuing * inputs.response_rate * inputs.order_value_jpy)
    numbers: dict[str, Scalar] = {
        **inputs.period,
        "last_cohort": year_to(inputs, last).month,
        "front_end_customers": round(now["customers"]),
        "second_customers": round(now["second"]),
        "continued_customers": round(now["continued"]),
        "premium_customers": round(now["premium"]),
        "second_rate": share(now["second"], now["customers"]),
        "continued_rate": share(now["continued"], now["customers"]),
        "premium_rate": judged.now.value if judged.now else None,
        "premium_rate_before": judged.before_value,
        "change_points": judged.change_value,
        "amount_threshold_jpy": amount_jpy,
        "premium_tenure_days": inputs.client.settings.cpm_premium_tenure_days,
        "not_yet_premium": continuing,
        "response_rate": inputs.response_rate,
        "expected_jpy": expected_jpy,
        "effect_jpy": effect_jpy,
    }
    return Finding(
        key="repeat_funnel",
        chapter="repeat",
        verdict=judged.verdict,
        numbers=numbers,
        exhibits=_exhibits(now, year_rows(inputs, monthly), front_end_rows(found, year_to(inputs, last))),
        threshold=judged.before_value,
        yen_effect_jpy=effect_jpy,
        concerned_customers=continuing,
        measured=judged.measured("rate"),
        trend=judged.trend,
        action=Action("@action_segment.continued_not_premium", continuing, "@action_channel.insert_mail", expected_jpy),
        sources=("customer_months", "customer_history", "products", "cpm_classes"),
    )


def premium_rate(sums: Sums) -> Estimate | None:
    """優良・ロイヤル ÷ front-end."""
    return proportion(sums["premium"], sums["customers"])


def stage_months(inputs: DiagnosisInputs) -> list[dict[str, Any]]:
    """By cohort month and front end (trial product or not): customers, and those of each later stage."""
    trials = inputs.products.filter(_.is_trial.fill_null(False)).select(first_product_id=_.product_id, is_trial=True)
    known = inputs.beginnings.left_join(trials, "first_product_id")
    settings, amount_jpy = inputs.client.settings, amount_threshold_jpy(inputs)
    is_premium = (
        (_.purchases_12m >= 3)
        & (_.tenure_12m_days >= settings.cpm_premium_tenure_days)
        & (_.value_12m_jpy >= amount_jpy)
    )
    grouped = known.mutate(front_end=ibis.ifelse(known.is_trial.fill_null(False), TRIAL, MAIN))
    sums = grouped.group_by("cohort", "front_end").agg(
        customers=_.count(),
        second=yen_sum(_.purchases_12m >= 2),
        continued=yen_sum(_.purchases_12m >= 3),
        premium=yen_sum(is_premium),
    )
    return rows(sums.order_by("cohort", "front_end"))


def year_rows(inputs: DiagnosisInputs, monthly: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Per year of acquisition, counted back from the last with twelve months behind it: customers of every stage.

    The year still open follows with its front end only; a first year that is not whole is left out.
    """
    last, first = last_with_months(inputs, YEAR_MONTHS), index_of(inputs.months[0])
    spans = [Cohorts(end - YEAR_MONTHS + 1, end) for end in range(last, first + YEAR_MONTHS - 2, -YEAR_MONTHS)]
    found = [_year_row(span, sums, is_open=False) for span in reversed(spans) if (sums := over(monthly, span))]
    still_open = Cohorts(last + 1, inputs.closed_index)
    if sums := over(monthly, still_open):
        found.append(_year_row(still_open, sums, is_open=True))
    return found


def _year_row(span: Cohorts, sums: Sums, *, is_open: bool) -> dict[str, Any]:
    later = {f"{stage}_customers": None if is_open else round(sums[stage]) for stage in STAGES[1:]}
    return {
        "cohort_month": span.month,
        "front_end_customers": round(sums["customers"]),
        **later,
        "premium_rate": None if is_open else share(sums["premium"], sums["customers"]),
        "state": "@cohort.open" if is_open else "@cohort.closed",
    }


def front_end_rows(found: list[dict[str, Any]], span: Cohorts) -> list[dict[str, Any]]:
    """The latest year's funnel of those who began with a trial product, and of the others."""
    table = []
    for kind in (TRIAL, MAIN):
        sums = over(_both([row for row in found if row["front_end"] == kind]), span)
        if sums:
            rates = {f"{stage}_rate": share(sums[stage], sums["customers"]) for stage in STAGES[1:]}
            table.append({"front_end": kind, "front_end_customers": round(sums["customers"]), **rates})
    return table


def _both(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name != "front_end"} for row in found]


def _exhibits(now: Sums, years: list[dict[str, Any]], front_ends: list[dict[str, Any]]) -> tuple[Exhibit, ...]:
    counts = {"front_end": now["customers"], **{stage: now[stage] for stage in STAGES[1:]}}
    bars: tuple[Row, ...] = tuple(
        {"stage": f"@funnel_stage.{stage}", "customers": round(counts[stage])} for stage in STAGES
    )
    counted: tuple[tuple[str, Unit], ...] = tuple((f"{stage}_customers", "count") for stage in STAGES)
    rated: tuple[tuple[str, Unit], ...] = tuple((f"{stage}_rate", "rate") for stage in STAGES[1:])
    shown = (
        Exhibit("funnel", "bar", bars if now["customers"] else (), x="stage", y="customers"),
        Exhibit(
            "years",
            "table",
            tuple(years),
            columns=(("cohort_month", "month"), *counted, ("premium_rate", "rate"), ("state", "text")),
        ),
        Exhibit(
            "front_ends",
            "table",
            tuple(front_ends),
            columns=(("front_end", "text"), ("front_end_customers", "count"), *rated),
        ),
    )
    return tuple(exhibit for exhibit in shown if exhibit.rows)
