"""Upper customers about to stop (ショッピングアラート, R80, R88): how many, and what waiting would cost."""

from __future__ import annotations

from typing import Any

import ibis
from ibis import _

from crm_platform.diagnosis.estimates import SURE_ERRORS, Estimate, total
from crm_platform.diagnosis.finding import Action, Exhibit, Finding, Measured, Scalar, Verdict, client_word
from crm_platform.diagnosis.groundwork.contact_channels import channel_word
from crm_platform.diagnosis.groundwork.season_ahead import weak_season_ahead
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.rows import exact_sum, one_row, rows, yen_sum
from crm_platform.diagnosis.trends import line_told, share
from crm_platform.diagnosis.verdicts import verdict_on_line
from crm_platform.tables.alerts import LAPSE_REASONS

_THOUSAND = 1_000  # squares of yen are summed in millions, so that they stay exact


def alerts(inputs: DiagnosisInputs) -> Finding | None:
    """The alerted customers, the sales lost in six months without action (R88), and the cost of a contact.

    An issue where the loss that the assumed response prevents exceeds the cost of contacting all of them: then waiting
    costs more than acting. What is prevented has the error of a sum over independent customers. At stake: the whole
    expected loss. There is no trend: who was alerted in earlier months is in the alert report. None where nobody is.
    """
    sums = one_row(
        inputs.lapse_alerts.agg(
            customers=_.count(),
            loss_jpy=exact_sum(_.expected_loss_jpy),
            squares=exact_sum((_.expected_loss_jpy / _THOUSAND) ** 2),
            sales_6m_jpy=yen_sum(_.sales_6m_jpy),
        )
    )
    customers = sums["customers"]
    if not customers:
        return None
    groups = one_row(
        inputs.test_groups.agg(
            treated=_.count(where=_.test_group == "treated"), control=_.count(where=_.test_group == "control")
        )
    )
    unit_cost_jpy = inputs.client.settings.alert_unit_cost_jpy
    cost_jpy = customers * unit_cost_jpy
    loss = total(sums["loss_jpy"], sums["squares"] * _THOUSAND**2)
    prevented = loss.times(inputs.response_rate)
    verdict = verdict_on_line(prevented.times(-1), -cost_jpy)
    numbers: dict[str, Scalar] = {
        **inputs.period,
        "alerted_customers": customers,
        "treated_customers": groups["treated"],
        "control_customers": groups["control"],
        "expected_loss_jpy": round(sums["loss_jpy"]),
        "sales_6m_jpy": sums["sales_6m_jpy"],
        "loss_rate": share(sums["loss_jpy"], sums["sales_6m_jpy"]),
        "unit_cost_jpy": unit_cost_jpy,
        "contact_cost_jpy": cost_jpy,
        "response_rate": inputs.response_rate,
        "prevented_jpy": round(prevented.value),
        "break_even_rate": line_told(share(cost_jpy, sums["loss_jpy"])),
        "weak_season_rate": weak_season_ahead(inputs.forecast_model, inputs.as_of),
        "mean_loss_jpy": round(sums["loss_jpy"] / customers),
    }
    return Finding(
        key="alerts",
        chapter="existing_customers",
        verdict=verdict,
        numbers=numbers,
        exhibits=_exhibits(reason_rows(inputs), class_rows(inputs)),
        threshold=float(cost_jpy),
        yen_effect_jpy=round(sums["loss_jpy"]) or None if verdict == "issue" else None,
        concerned_customers=customers,
        measured=_measured(prevented, cost_jpy),
        action=Action("@action_segment.alerted", customers, _channel(inputs, verdict), round(prevented.value)),
        sources=("lapse_alerts", "test_groups", "segments", "forecast_model"),
    )


def _channel(inputs: DiagnosisInputs, verdict: Verdict) -> str:
    """The channels of the test's list, as the client names them; mail alone where a list would not surely pay."""
    if verdict != "issue":
        return "@action_channel.mail"
    names = [channel.name for channel in inputs.client.alert_channels]
    return channel_word(names[0]) if len(names) == 1 else client_word(" / ".join(names))


def _measured(prevented: Estimate, cost_jpy: int) -> Measured:
    return Measured(
        value=prevented.value,
        unit="jpy",
        low=max(prevented.low, 0.0),
        high=prevented.high,
        compared=float(cost_jpy),
        noticeable=SURE_ERRORS * prevented.error,
    )


def reason_rows(inputs: DiagnosisInputs) -> list[dict[str, Any]]:
    """Alerted customers and expected loss by the strongest sign; a sign that nobody shows has 0."""
    grouped = inputs.lapse_alerts.group_by("reason")
    sums = grouped.agg(customers=_.count(), loss_jpy=exact_sum(_.expected_loss_jpy)).order_by("reason")
    found = {row["reason"]: row for row in rows(sums)}
    nobody = {"customers": 0, "loss_jpy": 0.0}
    return [{**found.get(reason, nobody), "reason": f"@alert_reason.{reason}"} for reason in LAPSE_REASONS]


def class_rows(inputs: DiagnosisInputs) -> list[dict[str, Any]]:
    """Alerted customers and expected loss by value class, the highest first."""
    classes = inputs.segments.select("customer_id", "value_class")
    grouped = inputs.lapse_alerts.left_join(classes, "customer_id").group_by("value_class")
    sums = grouped.agg(customers=_.count(), loss_jpy=exact_sum(_.expected_loss_jpy))
    return [
        {
            **row,
            "value_class": "@value_class.new_in_term"
            if row["value_class"] is None
            else f"@value_class.{row['value_class']}",
        }
        for row in rows(sums.order_by(ibis.asc("value_class", nulls_first=False)))
    ]


def _exhibits(reasons: list[dict[str, Any]], classes: list[dict[str, Any]]) -> tuple[Exhibit, ...]:
    return (
        Exhibit("classes", "bar", tuple(classes), x="value_class", y="loss_jpy", y_unit="jpy"),
        Exhibit(
            "reasons",
            "table",
            tuple(reasons),
            columns=(("reason", "text"), ("customers", "count"), ("loss_jpy", "jpy")),
        ),
    )
