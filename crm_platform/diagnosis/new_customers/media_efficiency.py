"""Media efficiency (媒体効率, R131): what a new customer costs by channel, and when the customer has paid it back."""

from __future__ import annotations

from typing import Any

import ibis
from ibis import _

from crm_platform.diagnosis.finding import Exhibit, Finding, Scalar, Verdict
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.rows import client_text, rows, yen_sum
from crm_platform.diagnosis.spans import index_of
from crm_platform.diagnosis.trends import YEAR_MONTHS, share

LEAST_CUSTOMERS = 10
_CURVE_MONTHS = 24
_HALF_YEAR = 6


def media_efficiency(inputs: DiagnosisInputs) -> Finding | None:
    """CPO by channel beside the 売上 of a new customer's first twelve months, and the month in which the cost is back.

    CPO = media cost ÷ new customers whose first purchase names the medium (CPM.md §5, definition A). Healthy where
    every channel with 10 new customers and a year behind them earns its CPO within twelve months. At stake: the
    shortfall per customer × the last six months' new customers of the others. None where no medium has a cost.
    """
    values = value_curves(inputs)
    channels = channel_rows(inputs, values)
    if not channels:
        return None
    judged = [row for row in channels if row["value_12m_jpy"] is not None]
    losing = [row for row in judged if row["value_12m_jpy"] < row["cpo_jpy"]]
    shortfall_jpy = sum((row["cpo_jpy"] - row["value_12m_jpy"]) * row["recent_customers"] for row in losing)
    verdict: Verdict = "undetermined" if not judged else "issue" if losing else "healthy"
    best = max(judged, key=lambda row: row["value_12m_jpy"] / row["cpo_jpy"], default=None)
    worst = min(judged, key=lambda row: row["value_12m_jpy"] / row["cpo_jpy"], default=None)
    cost_jpy, customers = sum(row["cost_jpy"] for row in channels), sum(row["new_customers"] for row in channels)
    numbers: dict[str, Scalar] = {
        **inputs.period,
        "channels": len(channels),
        "losing_channels": len(losing),
        "cost_jpy": cost_jpy,
        "new_customers": customers,
        "cpo_jpy": round(cost_jpy / customers),
        "best_channel": best["channel"] if best else None,
        "best_ratio": best["value_12m_jpy"] / best["cpo_jpy"] if best else None,
        "worst_channel": worst["channel"] if worst else None,
        "worst_ratio": worst["value_12m_jpy"] / worst["cpo_jpy"] if worst else None,
        "worst_cpo_jpy": round(worst["cpo_jpy"]) if worst else None,
        "worst_value_jpy": round(worst["value_12m_jpy"]) if worst else None,
        "losing_cost_jpy": sum(row["cost_jpy"] for row in losing),
        "effect_jpy": round(shortfall_jpy) if losing else None,
    }
    return Finding(
        key="media_efficiency",
        chapter="new_customers",
        verdict=verdict,
        numbers=numbers,
        exhibits=_exhibits(channels, curve_rows(channels, values), worst),
        threshold=1.0,
        yen_effect_jpy=round(shortfall_jpy) or None if losing else None,
        concerned_customers=sum(row["recent_customers"] for row in losing) if losing else None,
    )


def _channels(inputs: DiagnosisInputs) -> ibis.Table:
    """Media with their channel; a medium without one stands for itself."""
    return inputs.media.mutate(
        channel=client_text(ibis.coalesce(_.channel, _.media_name, _.media_id)), cost_jpy=_.cost_jpy.fill_null(0)
    )


def channel_rows(inputs: DiagnosisInputs, values: dict[str, list[float]]) -> list[dict[str, Any]]:
    """Each channel with a cost and new customers: cost, customers, CPO, 12-month value, payback month; by name.

    `value_12m_jpy` is over customers with twelve closed months behind them; None below 10 of those.
    """
    costs = _channels(inputs).group_by("channel").agg(cost_jpy=yen_sum(_.cost_jpy))
    by_medium = _channels(inputs).select(first_media_id=_.media_id, channel=_.channel)
    known = index_of(inputs.closed_months[-1]) if inputs.closed_months else inputs.closed_index
    people = inputs.new_customers.inner_join(by_medium, "first_media_id").group_by("channel")
    counted = people.agg(
        new_customers=_.count(),
        mature_customers=_.count(where=_.cohort <= known - YEAR_MONTHS + 1),
        recent_customers=_.count(where=_.cohort > known - _HALF_YEAR),
    )
    joined = costs.filter(_.cost_jpy > 0).inner_join(counted, "channel").order_by("channel")
    found = []
    for row in rows(joined):
        cpo_jpy = row["cost_jpy"] / row["new_customers"]
        curve = values.get(row["channel"], [])
        mature = row["mature_customers"] >= LEAST_CUSTOMERS
        found.append(
            {
                **row,
                "cpo_jpy": cpo_jpy,
                "value_12m_jpy": curve[YEAR_MONTHS - 1] if mature else None,
                "payback_months": next((age + 1 for age, value in enumerate(curve) if value >= cpo_jpy), None)
                if mature
                else None,
            }
        )
    return found


def value_curves(inputs: DiagnosisInputs) -> dict[str, list[float]]:
    """By channel: cumulated 売上 per customer after 1, 2, … 24 months, of customers with so many behind them."""
    by_medium = _channels(inputs).select(first_media_id=_.media_id, channel=_.channel)
    known = inputs.closed_index
    ages = inputs.ages.filter((_.age < _CURVE_MONTHS) & (_.cohort + _.age <= known)).inner_join(
        by_medium, "first_media_id"
    )
    sums = rows(
        ages.group_by("channel", "cohort", "age")
        .agg(sales_jpy=yen_sum(_.sales_jpy))
        .order_by("channel", "cohort", "age")
    )
    people = inputs.new_customers.inner_join(by_medium, "first_media_id").group_by("channel", "cohort")
    sizes = rows(people.agg(customers=_.count()).order_by("channel", "cohort"))
    curves = {}
    for channel in sorted({row["channel"] for row in sizes}):
        curve = []
        for months in range(1, _CURVE_MONTHS + 1):
            last_cohort = known - months + 1
            customers = sum(r["customers"] for r in sizes if r["channel"] == channel and r["cohort"] <= last_cohort)
            sales_jpy = sum(
                r["sales_jpy"]
                for r in sums
                if r["channel"] == channel and r["cohort"] <= last_cohort and r["age"] < months
            )
            if customers < LEAST_CUSTOMERS:
                break
            curve.append(sales_jpy / customers)
        curves[channel] = curve
    return curves


def curve_rows(channels: list[dict[str, Any]], values: dict[str, list[float]]) -> list[dict[str, Any]]:
    """`channel` × `months` since the first purchase: cumulated value ÷ the channel's CPO (1 = paid back)."""
    return [
        {"channel": row["channel"], "months": months, "ratio": value / row["cpo_jpy"]}
        for row in channels
        for months, value in enumerate(values.get(row["channel"], []), start=1)
    ]


def _exhibits(
    channels: list[dict[str, Any]], curves: list[dict[str, Any]], worst: dict[str, Any] | None
) -> tuple[Exhibit, ...]:
    table = Exhibit(
        "channels",
        "table",
        tuple({**row, "value_to_cpo": share(row["value_12m_jpy"], row["cpo_jpy"])} for row in channels),
        columns=(
            ("channel", "text"),
            ("cost_jpy", "jpy"),
            ("new_customers", "count"),
            ("cpo_jpy", "jpy"),
            ("value_12m_jpy", "jpy"),
            ("value_to_cpo", "rate"),
            ("payback_months", "count"),
        ),
    )
    if not curves:
        return (table,)
    line = Exhibit(
        "payback",
        "line",
        tuple(curves),
        x="months",
        y="ratio",
        x_unit="count",
        y_unit="rate",
        series="channel",
        highlight=worst["channel"] if worst else None,
    )
    return (line, table)
