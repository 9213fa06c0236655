"""The diagnosis of one client and month: every question in the order of the report, and the figures of its cover."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from ibis import _

from crm_platform.diagnosis.accuracy import forecast_accuracy, segment_stability
from crm_platform.diagnosis.current_state import (
    buyer_kinds,
    client_rank,
    profitability,
    purchasing_power,
    retention_power,
    value_segments,
)
from crm_platform.diagnosis.customer_value import pareto
from crm_platform.diagnosis.existing_customers import (
    alerts,
    dormancy,
    lapse_points,
    profit_class_moves,
    stagnant_groups,
)
from crm_platform.diagnosis.finding import Diagnosis, Finding, Row, Scalar, figures
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.integrated import new_existing, sales_bridge, sales_trend, seasonality
from crm_platform.diagnosis.new_customers import (
    acquisition,
    cohort_break,
    cohort_retention,
    entry_products,
    f2_conversion,
    media_decline,
    media_efficiency,
    media_quality,
)
from crm_platform.diagnosis.products import brands, next_purchases, product_groups, product_pairs, product_series
from crm_platform.diagnosis.rows import one_row, rows, yen_sum
from crm_platform.periods import Month

QUESTIONS: tuple[Callable[[DiagnosisInputs], Finding | None], ...] = (
    retention_power,
    purchasing_power,
    profitability,
    value_segments,
    buyer_kinds,
    client_rank,
    acquisition,
    f2_conversion,
    cohort_retention,
    cohort_break,
    media_quality,
    media_decline,
    entry_products,
    media_efficiency,
    lapse_points,
    dormancy,
    stagnant_groups,
    profit_class_moves,
    alerts,
    sales_trend,
    sales_bridge,
    new_existing,
    seasonality,
    product_groups,
    brands,
    product_pairs,
    next_purchases,
    product_series,
    forecast_accuracy,
    segment_stability,
)
# Shown by the portfolio, asked here, where the half-years of every customer that they rest on are at hand.
HANDED_ON: tuple[Callable[[DiagnosisInputs], Finding | None], ...] = (pareto,)
_HEADLINE = {
    "customers": ("value_segments", "customers"),
    "sales_12m_jpy": ("sales_trend", "sales_12m_jpy"),
    "sales_12m_change_rate": ("sales_trend", "change_rate"),
    "active_customers": ("dormancy", "active_customers"),
    "active_customers_change_rate": ("dormancy", "change_rate"),
    "f2_rate": ("f2_conversion", "f2_rate"),
    "f2_change_points": ("f2_conversion", "change_points"),
    "expected_sales_6m_jpy": ("value_segments", "recent_expected_jpy"),
    "expected_sales_6m_change_rate": ("value_segments", "change_rate"),
    "repeat_rate": ("retention_power", "repeat_rate"),
    "repeat_change_points": ("retention_power", "change_points"),
    "top_20_share_rate": ("purchasing_power", "top_20_share_rate"),
    "alerted_customers": ("alerts", "alerted_customers"),
    "expected_loss_jpy": ("alerts", "expected_loss_jpy"),
}
_SPENDING = ("experts", "spending")
_EXPERTS = ("spending", "level", "tweedie", "two_stage")
_MODEL_FIGURES = {
    **{f"blend_{expert}": ("blend", "weights", expert) for expert in _EXPERTS},
    **{
        f"pareto_nbd_{figure}": (*_SPENDING, "purchases", "pareto", figure)
        for figure in ("r", "alpha", "s", "beta", "log_likelihood")
    },
    **{f"gamma_gamma_{figure}": (*_SPENDING, "values", figure) for figure in ("p", "q", "gamma")},
}
_DIGITS_SHOWN = 16  # of a digest: enough to tell books apart
_RECOMMENDED_MONTHS = 60  # 5年以上を推奨 (R05)


def diagnose(inputs: DiagnosisInputs) -> Diagnosis:
    """Ask every question; those that the data cannot answer are left out or undetermined."""
    findings = _answers(inputs, QUESTIONS)
    return Diagnosis(
        client=inputs.client.name,
        month=str(inputs.month),
        as_of=inputs.as_of.isoformat(),
        first_month=str(inputs.months[0]),
        headline=headline(findings),
        findings=findings,
        method=method(inputs),
        forecast_notes=(*_months_without_orders(inputs), *(inputs.forecast_model or {}).get("notes", ())),
        for_portfolio=_answers(inputs, HANDED_ON),
    )


def _months_without_orders(inputs: DiagnosisInputs) -> tuple[Row, ...]:
    """A note on months between others of which no order was delivered; nothing where there is none."""
    lines = inputs.product_months.select("month").distinct()
    known = {Month(row["month"].year, row["month"].month) for row in rows(lines.order_by("month"))}
    missing = [one for one in inputs.months if known and min(known) < one < max(known) and one not in known]
    if not missing:
        return ()
    first, last = str(missing[0]), str(missing[-1])
    return (
        {"about": "data_note", "key": "months_without_orders", "months": len(missing), "first": first, "last": last},
    )


def _answers(
    inputs: DiagnosisInputs, questions: Sequence[Callable[[DiagnosisInputs], Finding | None]]
) -> tuple[Finding, ...]:
    return tuple(answer for question in questions if (answer := question(inputs)) is not None)


def headline(findings: tuple[Finding, ...]) -> dict[str, Scalar]:
    """The figures of the cover and its tiles; those of a question that was left out are None."""
    return {
        **figures(findings, _HEADLINE),
        "issues": sum(finding.verdict == "issue" for finding in findings),
        "healthy": sum(finding.verdict == "healthy" for finding in findings),
    }


def method(inputs: DiagnosisInputs) -> dict[str, Scalar]:
    """What the diagnosis was made from: sizes, true span (R05), thresholds in force, parameters of the forecast."""
    lines = one_row(inputs.product_months.agg(lines=yen_sum(_.lines)))["lines"]
    people = one_row(inputs.history.agg(customers=_.count(), buyers=_.first_purchased_on.count()))
    settings = inputs.client.settings
    return {
        "customers": people["customers"],
        "buyers": people["buyers"],
        "order_lines": lines,
        "months": len(inputs.months),
        "closed_months": len(inputs.closed_months),
        "is_short_of_five_years": "@answer.yes" if len(inputs.months) < _RECOMMENDED_MONTHS else "@answer.no",
        "value_classes": settings.value_classes,
        "segment_book_month": (inputs.segment_book or {}).get("month"),
        "segment_book_valid_to": (inputs.segment_book or {}).get("valid_to"),
        "segment_book_sha256": str((inputs.segment_book or {}).get("sha256", ""))[:_DIGITS_SHOWN] or None,
        "lapse_silent_days": settings.lapse_silent_days,
        "alert_unit_cost_jpy": settings.alert_unit_cost_jpy,
        "customers_fitted": (inputs.forecast_model or {}).get("customers_fitted"),
        "origins": len((inputs.forecast_model or {}).get("origins", ())),
        **model_figures(inputs.forecast_model or {}),
    }


def model_figures(model: Mapping[str, Any]) -> dict[str, Scalar]:
    """The parameters of the fitted forecast that a reader can check against the papers; None where it has none."""
    return {name: _at(model, path) for name, path in _MODEL_FIGURES.items()}


def _at(model: Any, path: Sequence[str]) -> Scalar:
    for step in path:
        model = (model or {}).get(step)
    return cast(Scalar, model)
