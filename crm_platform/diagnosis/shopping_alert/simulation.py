"""What contacting group ① would bring (効果のシミュレーション, R86, R87), with the client's own numbers."""

from __future__ import annotations

from typing import Any

from crm_platform.alerts import CampaignSimulation, simulate_campaign
from crm_platform.alerts.listing.lapse import ASSUMED_RESPONSE_RATE
from crm_platform.diagnosis.finding import Exhibit, Finding, Row, Scalar
from crm_platform.diagnosis.shopping_alert.inputs import AlertInputs, mean_of
from crm_platform.diagnosis.trends import line_told

RESPONSE_PERCENTS = range(1, 11)
TOLD_PERCENTS = (1, 2, 3, 5, 7, 10)  # of them, in the table


def alert_simulation(inputs: AlertInputs) -> Finding | None:
    """Customers kept, sales and cost of contacting ① (all alerted where there is no test) at a response of 5 %.

    An issue where the orders alone do not pay the contacts at that response, whose break-even rate is the threshold.
    The six-month LTV (継続した場合 − ランクダウンした場合) stands apart (R87); `careful_ltv_jpy` counts it only for the
    share of customers who are expected to fall, since the others would have gone on unasked. None where nobody is
    alerted.
    """
    if inputs.alerts.empty:
        return None
    simulated = simulated_at(inputs, ASSUMED_RESPONSE_RATE)
    risk = mean_of(_contacted(inputs)["lapse_risk"]) or 0.0
    even = simulated.break_even_response_rate
    numbers: dict[str, Scalar] = {
        **inputs.period,
        "targets": simulated.targets,
        "response_rate": simulated.response_rate,
        "order_value_jpy": inputs.order_value_jpy,
        "unit_cost_jpy": unit_cost_jpy(inputs),
        "retained_customers": simulated.retained_customers,
        "sales_jpy": simulated.sales_jpy,
        "cost_jpy": simulated.cost_jpy,
        "gain_jpy": simulated.sales_minus_cost_jpy,
        "ltv_kept_jpy": _ltv(inputs)[0],
        "ltv_fallen_jpy": _ltv(inputs)[1],
        "ltv_delta_jpy": simulated.ltv_delta_jpy,
        "ltv_increment_jpy": simulated.ltv_increment_jpy,
        "careful_ltv_jpy": round(simulated.ltv_increment_jpy * risk),
        "mean_risk_rate": risk,
        "break_even_rate": line_told(even),
        "break_even_with_ltv_rate": simulated.break_even_response_rate_with_ltv,
        "cost_per_retained_jpy": simulated.cost_per_retained_jpy,
    }
    pays = even is not None and even <= ASSUMED_RESPONSE_RATE
    return Finding(
        key="alert_simulation",
        chapter="alert_measures",
        verdict="healthy" if pays else "issue",
        numbers=numbers,
        exhibits=_sensitivity(inputs),
        threshold=line_told(even),
        concerned_customers=simulated.targets,
    )


def simulated_at(inputs: AlertInputs, response_rate: float) -> CampaignSimulation:
    """The simulation of this client's contacts at `response_rate`."""
    kept_jpy, fallen_jpy = _ltv(inputs)
    return simulate_campaign(
        targets=len(_contacted(inputs)),
        response_rate=response_rate,
        average_order_jpy=inputs.order_value_jpy,
        unit_cost_jpy=unit_cost_jpy(inputs),
        ltv_retained_jpy=kept_jpy,
        ltv_lapsed_jpy=fallen_jpy,
    )


def unit_cost_jpy(inputs: AlertInputs) -> int:
    """What a contact costs on average by the channels of ①, in whole yen; the setting where there is no ①."""
    costs = {channel.name: channel.unit_cost_jpy for channel in inputs.client.alert_channels}
    found = mean_of(inputs.groups["channel"].map(costs).astype("float64"))
    return inputs.client.settings.alert_unit_cost_jpy if found is None else round(found)


def _contacted(inputs: AlertInputs) -> Any:
    treated = inputs.groups[inputs.groups["test_group"] == "treated"]
    return treated if len(treated) else inputs.alerts


def _ltv(inputs: AlertInputs) -> tuple[int, int]:
    """Six-month LTV of one who goes on (現在の購買力) and of one who falls (ランクダウン後の購買力), in yen."""
    contacted = _contacted(inputs)
    kept, fallen = mean_of(contacted["sales_6m_jpy"]), mean_of(contacted["fallen_sales_jpy"])
    return max(round(kept or 0), 0), max(round(fallen or 0), 0)


def _sensitivity(inputs: AlertInputs) -> tuple[Exhibit, ...]:
    """The same at every response from 1 to 10 %."""
    found = {percent: simulated_at(inputs, percent / 100) for percent in RESPONSE_PERCENTS}
    rows = tuple(_row(found[percent]) for percent in TOLD_PERCENTS)
    lines: tuple[Row, ...] = tuple(
        {"response": f"{percent}%", "part": f"@campaign_part.{part}", "jpy": jpy}
        for percent, one in found.items()
        for part, jpy in (("own", one.sales_minus_cost_jpy), ("ltv", one.ltv_increment_jpy))
    )
    columns: Any = (
        ("response_rate", "rate"),
        ("retained", "count"),
        ("order_sales_jpy", "jpy"),
        ("contact_cost_jpy", "jpy"),
        ("gain_jpy", "jpy"),
        ("ltv_increment_jpy", "jpy"),
    )
    return (
        Exhibit("responses", "line", lines, x="response", y="jpy", y_unit="jpy", series="part"),
        Exhibit("sensitivity", "table", rows, columns=columns),
    )


def _row(one: CampaignSimulation) -> Row:
    return {
        "response_rate": one.response_rate,
        "retained": one.retained_customers,
        "order_sales_jpy": one.sales_jpy,
        "contact_cost_jpy": one.cost_jpy,
        "gain_jpy": one.sales_minus_cost_jpy,
        "ltv_increment_jpy": one.ltv_increment_jpy,
    }
