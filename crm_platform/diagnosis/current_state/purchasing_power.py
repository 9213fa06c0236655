"""Purchasing power (購買力診断, R54): how sales concentrate on few customers, and how it goes with retention power."""

from __future__ import annotations

from typing import Any

import ibis
from ibis import _

from crm_platform.diagnosis.current_state.retention_power import LEVEL_FLOORS
from crm_platform.diagnosis.finding import Exhibit, Finding
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.rows import one_row, rows, yen_sum
from crm_platform.diagnosis.trends import verdict_on

PARETO_RATE = 0.8  # 優良・ロイヤルの売上 ≈ 80 % (seed 004:48-49, R128)
_STEPS = 20
POWER_BANDS = 5


def purchasing_power(inputs: DiagnosisInputs) -> Finding | None:
    """The share of twelve months' sales that the top 20 % of their buyers bring, against 80 % (R128).

    Healthy from 80 % up: then good customers have been raised. Undetermined below 30 buyers; None where nobody bought
    in twelve months.
    """
    points = lorenz_rows(inputs)
    if not points:
        return None
    top_rate = next(point["sales_rate"] for point in points if point["customers_rate"] == 0.2)
    buyers = one_row(_buyers(inputs).agg(buyers=_.count(), sales_jpy=yen_sum(_.sales_12m_jpy)))
    cells = cross_rows(inputs)
    return Finding(
        key="purchasing_power",
        chapter="current_state",
        verdict=verdict_on(buyers["buyers"], top_rate >= PARETO_RATE),
        numbers={
            **inputs.period,
            "top_20_share_rate": top_rate,
            "benchmark_rate": PARETO_RATE,
            "gap_points": top_rate - PARETO_RATE,
            "buyers": buyers["buyers"],
            "top_20_customers": -(-buyers["buyers"] // 5),
            "sales_jpy": buyers["sales_jpy"],
            "mean_sales_jpy": round(buyers["sales_jpy"] / buyers["buyers"]),
            "strong_customers": sum(row["customers"] for row in cells if _is_strong(row)),
        },
        exhibits=(
            Exhibit(
                "lorenz", "lorenz", tuple(points), x="customers_rate", y="sales_rate", x_unit="rate", y_unit="rate"
            ),
            Exhibit("cross", "heatmap", tuple(cells), x="power", y="customers", series="level"),
        ),
        threshold=PARETO_RATE,
        concerned_customers=-(-buyers["buyers"] // 5),
    )


def _buyers(inputs: DiagnosisInputs) -> ibis.Table:
    return inputs.history.filter(_.sales_12m_jpy > 0)


def lorenz_rows(inputs: DiagnosisInputs) -> list[dict[str, Any]]:
    """Cumulated share of sales by cumulated share of customers, the largest first: 21 points from (0, 0) to (1, 1).

    A twentieth that does not fall on a whole customer counts that customer in.
    """
    bought = _buyers(inputs)
    rank = ibis.row_number().over(ibis.window(order_by=[bought.sales_12m_jpy.desc(), bought.customer_id])) + 1
    ranked = bought.select("sales_12m_jpy", rank=rank, buyers=bought.count().over(ibis.window()))
    step = ((ranked.rank - 1) * _STEPS // ranked.buyers).cast("int64")
    sums = ranked.group_by(step=step).agg(sales_jpy=yen_sum(ranked.sales_12m_jpy)).order_by("step")
    found = {row["step"]: row["sales_jpy"] for row in rows(sums)}
    total = sum(found.values())
    if not total:
        return []
    points = [{"customers_rate": 0.0, "sales_rate": 0.0}]
    running = 0
    for step_number in range(_STEPS):
        running += found.get(step_number, 0)
        points.append({"customers_rate": (step_number + 1) / _STEPS, "sales_rate": running / total})
    return points


def cross_rows(inputs: DiagnosisInputs) -> list[dict[str, Any]]:
    """Customers by level of retention power × fifth of purchasing power, every cell; they add up to all customers.

    `power` 1 is the fifth with the highest purchasing power; equal customers are told apart by their number.
    """
    level = ibis.cases(
        *[(_.retention_power_rate >= floor, number) for number, floor in enumerate(LEVEL_FLOORS[:-1], start=1)],
        else_=len(LEVEL_FLOORS),
    )
    forecasts = inputs.forecasts
    order = ibis.window(order_by=[forecasts.purchasing_power_jpy.desc(), forecasts.customer_id])
    banded = forecasts.mutate(level=level, power=ibis.ntile(POWER_BANDS).over(order) + 1)
    sums = banded.group_by("level", "power").agg(customers=_.count()).order_by("level", "power")
    found = {(row["level"], row["power"]): row["customers"] for row in rows(sums)}
    return [
        {
            "level": f"@retention_level.{level_number}",
            "power": f"@purchasing_band.{power_number}",
            "customers": found.get((level_number, power_number), 0),
        }
        for level_number in range(1, len(LEVEL_FLOORS) + 1)
        for power_number in range(1, POWER_BANDS + 1)
    ]


def _is_strong(row: dict[str, Any]) -> bool:
    """High in both powers: the customers for additional purchases (seed 001:107, R57)."""
    return row["level"] in {"@retention_level.1", "@retention_level.2"} and row["power"] in {
        "@purchasing_band.1",
        "@purchasing_band.2",
    }
