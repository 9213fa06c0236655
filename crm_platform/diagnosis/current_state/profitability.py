"""Profitability (収益性診断, R55): retention power × purchasing power, its spread, and whom a contact pays for."""

from __future__ import annotations

from typing import Any

import ibis
from ibis import _

from crm_platform.alerts.listing.lapse import ASSUMED_RESPONSE_RATE
from crm_platform.diagnosis.finding import Exhibit, Finding
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.rows import exact_sum, one_row, rows
from crm_platform.diagnosis.trends import share, verdict_on

COVERAGE_RATE = 0.8  # 80:20 (seed 004:48-49, R128)
BAND_FLOORS_JPY = (30_000, 10_000, 5_000, 2_000, 500, 0)


def profitability(inputs: DiagnosisInputs) -> Finding | None:
    """Which customers repay a contact, and how much of the expected sales they hold.

    A contact pays where profitability × 5 % response (003:133) covers its unit cost (settings.alert_unit_cost_jpy).
    Healthy where those customers hold at least 80 % of all profitability. Undetermined below 30 customers; None where
    there is nothing to expect.
    """
    pays_from_jpy = inputs.client.settings.alert_unit_cost_jpy / ASSUMED_RESPONSE_RATE
    pays = _.profitability_jpy >= pays_from_jpy
    sums = one_row(
        inputs.forecasts.agg(
            customers=_.count(),
            total_jpy=exact_sum(_.profitability_jpy),
            paying_customers=_.count(where=pays),
            paying_jpy=exact_sum(_.profitability_jpy, pays),
        )
    )
    coverage_rate = share(sums["paying_jpy"], sums["total_jpy"])
    if coverage_rate is None:
        return None
    tenths = tenth_rows(inputs)
    top_jpy, bottom_jpy = tenths[0]["mean_jpy"], tenths[-1]["mean_jpy"]
    bands = band_rows(inputs)
    return Finding(
        key="profitability",
        chapter="current_state",
        verdict=verdict_on(sums["customers"], coverage_rate >= COVERAGE_RATE),
        numbers={
            **inputs.period,
            "customers": sums["customers"],
            "paying_customers": sums["paying_customers"],
            "paying_share_rate": sums["paying_customers"] / sums["customers"],
            "coverage_rate": coverage_rate,
            "benchmark_rate": COVERAGE_RATE,
            "pays_from_jpy": round(pays_from_jpy),
            "unit_cost_jpy": inputs.client.settings.alert_unit_cost_jpy,
            "response_rate": ASSUMED_RESPONSE_RATE,
            "top_tenth_jpy": round(top_jpy),
            "bottom_tenth_jpy": round(bottom_jpy),
            "top_to_mean_ratio": share(top_jpy * sums["customers"], sums["total_jpy"]),
            "spared_jpy": (sums["customers"] - sums["paying_customers"]) * inputs.client.settings.alert_unit_cost_jpy,
        },
        exhibits=(
            Exhibit("tenths", "bar", tuple(tenths), x="tenth", y="mean_jpy", y_unit="jpy"),
            Exhibit(
                "bands",
                "table",
                tuple(bands),
                columns=(
                    ("band", "text"),
                    ("customers", "count"),
                    ("share_rate", "rate"),
                    ("expected_share_rate", "rate"),
                ),
            ),
        ),
        threshold=COVERAGE_RATE,
        concerned_customers=sums["paying_customers"],
    )


def tenth_rows(inputs: DiagnosisInputs) -> list[dict[str, Any]]:
    """Mean profitability of each tenth of customers, the highest first; fewer where customers are few."""
    forecasts = inputs.forecasts
    order = ibis.window(order_by=[forecasts.profitability_jpy.desc(), forecasts.customer_id])
    ranked = forecasts.mutate(tenth=ibis.ntile(10).over(order) + 1).group_by("tenth")
    sums = ranked.agg(customers=_.count(), sum_jpy=exact_sum(_.profitability_jpy)).order_by("tenth")
    return [{"tenth": f"@tenth.{row['tenth']}", "mean_jpy": row["sum_jpy"] / row["customers"]} for row in rows(sums)]


def band_rows(inputs: DiagnosisInputs) -> list[dict[str, Any]]:
    """Customers and share of all profitability by band of profitability in yen (客数分布), the highest band first."""
    band = ibis.cases(*[(_.profitability_jpy >= floor, floor) for floor in BAND_FLOORS_JPY[:-1]], else_=0)
    grouped = inputs.forecasts.mutate(band=band).group_by("band")
    found = rows(grouped.agg(customers=_.count(), sum_jpy=exact_sum(_.profitability_jpy)).order_by(ibis.desc("band")))
    customers, total_jpy = sum(row["customers"] for row in found), sum(row["sum_jpy"] for row in found)
    return [
        {
            "band": f"@profit_from.{row['band']}",
            "customers": row["customers"],
            "share_rate": share(row["customers"], customers),
            "expected_share_rate": share(row["sum_jpy"], total_jpy),
        }
        for row in found
    ]
