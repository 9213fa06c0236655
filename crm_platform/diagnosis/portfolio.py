"""The portfolio of one client and month: CPM, repeat, dormant customers, contacts, value, KPIs (seeds 002, 004).

Belongs here: which questions its report asks, in which order, and the figures of its cover. Does not: the questions
themselves, nor those that the second opinion has answered already; these are taken over as they are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from crm_platform.diagnosis.cpm import cpm_actions, cpm_moves, cpm_portfolio, cross_sell, rfm_beside_cpm
from crm_platform.diagnosis.customer_value import pareto
from crm_platform.diagnosis.diagnose import HANDED_ON
from crm_platform.diagnosis.dormant import dormant_follow_up
from crm_platform.diagnosis.finding import Diagnosis, Finding, Scalar, figures
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.kpis.channel_effects import channel_effects
from crm_platform.diagnosis.kpis.kpi_book import kpi_book
from crm_platform.diagnosis.kpis.kpi_measures import kpi_measures
from crm_platform.diagnosis.kpis.kpi_targets import kpi_targets
from crm_platform.diagnosis.repeat import cohort_ltv, order_steps, regular_buyers, repeat_funnel, stop_reasons

PORTFOLIO_QUESTIONS: tuple[Callable[[DiagnosisInputs], Finding | None], ...] = (
    cpm_portfolio,
    cpm_moves,
    cpm_actions,
    rfm_beside_cpm,
    cross_sell,
    stop_reasons,
    regular_buyers,
    order_steps,
    repeat_funnel,
    cohort_ltv,
    dormant_follow_up,
    pareto,
    kpi_book,
    kpi_targets,
    kpi_measures,
    channel_effects,
)
TAKEN_OVER = {
    "f2_conversion": "repeat",
    "lapse_points": "repeat",
    "dormancy": "dormant",
    "media_efficiency": "customer_value",
}
_HEADLINE = {
    "customers": ("cpm_portfolio", "customers"),
    "grown_share_rate": ("cpm_portfolio", "grown_share_rate"),
    "premium_active": ("cpm_portfolio", "premium_active"),
    "premium_change_rate": ("cpm_moves", "premium_change_rate"),
    "f2_rate": ("f2_conversion", "f2_rate"),
    "active_customers": ("dormancy", "active_customers"),
    "dormant_rate": ("dormancy", "dormant_rate"),
}


def portfolio_diagnosis(
    inputs: DiagnosisInputs, second_opinion: Diagnosis, contact_timing: Finding | None = None
) -> Diagnosis:
    """Ask the portfolio's questions; HANDED_ON and TAKEN_OVER come from the second opinion of that client and month.

    `contact_timing` is the finding on the next contact dates (次回連絡日, R107); None where nobody has one.
    """
    answers = [question(inputs) for question in PORTFOLIO_QUESTIONS if question not in HANDED_ON]
    shared = [
        replace(finding, chapter=TAKEN_OVER[finding.key])
        for finding in second_opinion.findings
        if finding.key in TAKEN_OVER
    ]
    given = (answer for answer in (*answers, contact_timing) if answer is not None)
    findings = (*shared, *given, *second_opinion.for_portfolio)
    return Diagnosis(
        client=inputs.client.name,
        month=str(inputs.month),
        as_of=inputs.as_of.isoformat(),
        first_month=str(inputs.months[0]),
        headline=figures(findings, _HEADLINE),
        findings=findings,
        method=method(inputs),
        report="portfolio",
    )


def method(inputs: DiagnosisInputs) -> dict[str, Scalar]:
    """The thresholds in force."""
    settings = inputs.client.settings
    return {
        "months": len(inputs.months),
        "closed_months": len(inputs.closed_months),
        "lapse_silent_days": settings.lapse_silent_days,
        "cpm_steady_tenure_days": settings.cpm_steady_tenure_days,
        "cpm_premium_tenure_days": settings.cpm_premium_tenure_days,
        "cpm_lapsed_gap_days": settings.cpm_lapsed_gap_days,
        "contact_lead_days": settings.contact_lead_days,
        "contact_lapse_supplies": settings.contact_lapse_supplies,
    }
