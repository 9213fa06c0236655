"""The shopping alert of one client and month: every question in the order of its report, the figures of its cover."""

from __future__ import annotations

from collections.abc import Callable

from crm_platform.diagnosis.finding import Diagnosis, Finding, Scalar, figures
from crm_platform.diagnosis.shopping_alert.before_after import alert_before_after, peers_of
from crm_platform.diagnosis.shopping_alert.campaigns import alert_campaigns, measurement_notes
from crm_platform.diagnosis.shopping_alert.inputs import AlertInputs
from crm_platform.diagnosis.shopping_alert.months import alert_months
from crm_platform.diagnosis.shopping_alert.no_action import alert_no_action
from crm_platform.diagnosis.shopping_alert.simulation import alert_simulation
from crm_platform.diagnosis.shopping_alert.test_design import alert_test_design
from crm_platform.diagnosis.shopping_alert.track_record import alert_track_record
from crm_platform.diagnosis.shopping_alert.whom import alert_whom
from crm_platform.forecast.modelled_fall import FALLEN_SHARE

QUESTIONS: tuple[Callable[[AlertInputs], Finding | None], ...] = (
    alert_whom,
    alert_no_action,
    alert_before_after,
    alert_simulation,
    alert_test_design,
    alert_track_record,
    alert_months,
    alert_campaigns,
)
_HEADLINE = {
    "upper_customers": ("alert_whom", "upper_customers"),
    "alerted_customers": ("alert_whom", "alerted_customers"),
    "mean_risk_rate": ("alert_whom", "mean_risk_rate"),
    "natural_fall_rate": ("alert_whom", "natural_fall_rate"),
    "false_alarms": ("alert_whom", "false_alarms"),
    "sales_6m_jpy": ("alert_no_action", "sales_6m_jpy"),
    "expected_sales_jpy": ("alert_no_action", "expected_sales_jpy"),
    "expected_loss_jpy": ("alert_no_action", "expected_loss_jpy"),
    "other_change_jpy": ("alert_no_action", "other_change_jpy"),
    "within_30": ("alert_no_action", "within_30"),
    "response_rate": ("alert_simulation", "response_rate"),
    "break_even_rate": ("alert_simulation", "break_even_rate"),
    "gain_jpy": ("alert_simulation", "gain_jpy"),
    "targets": ("alert_simulation", "targets"),
    "treated_customers": ("alert_test_design", "treated_customers"),
    "control_customers": ("alert_test_design", "control_customers"),
    "upper_month_customers": ("alert_months", "upper_customers"),
    "upper_change_rate": ("alert_months", "change_rate"),
}


def alert_diagnosis(inputs: AlertInputs) -> Diagnosis:
    """Ask every question of the alert; those that cannot be answered are left out or undetermined (R80-R93)."""
    answers = [question(inputs) for question in QUESTIONS]
    findings = tuple(answer for answer in answers if answer is not None)
    return Diagnosis(
        client=inputs.client.name,
        month=str(inputs.month),
        as_of=inputs.as_of.isoformat(),
        first_month=str(inputs.first_month),
        headline=figures(findings, _HEADLINE),
        findings=findings,
        method=method(inputs),
        forecast_notes=(*inputs.forecast_notes, *measurement_notes(inputs.campaigns)),
        report="alert",
    )


def method(inputs: AlertInputs) -> dict[str, Scalar]:
    """What the alerts were chosen by: thresholds and settings in force, sizes."""
    settings = inputs.client.settings
    return {
        "value_classes": settings.value_classes,
        "upper_customers": len(inputs.upper),
        "alert_top_share_rate": settings.alert_top_share,
        "alert_targets": settings.alert_targets if settings.alert_targets is not None else "@answer.by_yen",
        "fallen_share_rate": FALLEN_SHARE,
        "alert_unit_cost_jpy": settings.alert_unit_cost_jpy,
        "alert_seed": str(settings.alert_seed),
        "lapse_silent_days": settings.lapse_silent_days,
        "peer_groups": len(peers_of(inputs)),
    }
