"""Today's customers by level of retention power × purchasing power: one rule for all of them, and for their list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import ibis
from ibis import _

from crm_platform.diagnosis.current_state.customer_states import CustomerPowers, banded, customer_powers
from crm_platform.diagnosis.current_state.natural_levels import Levels, Place
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.rows import exact_sum, rows

_ROW = 100_000  # a place of the grid as one number: row × this + column


def levelled(history: ibis.Table, forecasts: ibis.Table, powers: CustomerPowers) -> ibis.Table:
    """Every customer of both tables with `retention_level` and `purchasing_level`, and the forecast of both powers."""
    known = history.select("customer_id", "sales_jpy", purchases=_.purchase_days, silent_days=_.gap_days)
    bands = banded(known, powers.value_floors_jpy)
    joined = bands.inner_join(
        forecasts.select("customer_id", "retention_power_rate", "purchasing_power_jpy", "profitability_jpy"),
        "customer_id",
    )
    return joined.select(
        "customer_id",
        "retention_power_rate",
        "purchasing_power_jpy",
        "profitability_jpy",
        retention_level=_level(joined.count_band * _ROW + joined.gap_band, powers.retention),
        purchasing_level=_level(ibis.greatest(joined.count_band, 1) * _ROW + joined.value_band, powers.purchasing),
    )


def _level(place: ibis.Value, levels: Levels) -> ibis.Value:
    """The level of a place of the grid, by the rule that the report prints."""
    members: Mapping[int, Sequence[Place]] = {
        number: [at for at, level in levels.level_of.items() if level == number] for number in levels.numbers
    }
    *upper, lowest = levels.numbers
    if not upper:
        return ibis.literal(lowest, "int64")
    codes = {number: [row * _ROW + column for row, column in members[number]] for number in upper}
    found = ibis.cases(*[(place.isin(codes[number]), number) for number in upper if codes[number]], else_=lowest)
    return found.cast("int64")


def crossed(inputs: DiagnosisInputs) -> tuple[dict[str, Any], ...]:
    """Every retention level × purchasing level: `customers`, sums of their forecast `rates`, `powers`, `profits`.

    The cells partition all customers, so that rows and columns add up to the levels of either power.
    """
    return inputs.once(_crossed)


def _crossed(inputs: DiagnosisInputs) -> tuple[dict[str, Any], ...]:
    powers = customer_powers(inputs)
    grouped = levelled(inputs.history, inputs.forecasts, powers).group_by("retention_level", "purchasing_level")
    sums = grouped.agg(
        customers=_.count(),
        rates=exact_sum(_.retention_power_rate),
        powers_jpy=exact_sum(_.purchasing_power_jpy),
        profits_jpy=exact_sum(_.profitability_jpy),
    ).order_by("retention_level", "purchasing_level")
    found = {(row["retention_level"], row["purchasing_level"]): row for row in rows(sums)}
    nobody = {"customers": 0, "rates": 0.0, "powers_jpy": 0.0, "profits_jpy": 0.0}
    return tuple(
        {
            **nobody,
            "retention_level": retention,
            "purchasing_level": purchasing,
            **found.get((retention, purchasing), {}),
        }
        for retention in powers.retention.numbers
        for purchasing in powers.purchasing.numbers
    )


def of_level(cells: Sequence[Mapping[str, Any]], power: str, level: int, figure: str) -> Any:
    """The sum of a figure over the cells of one level of `retention_level` or `purchasing_level`."""
    return sum(cell[figure] for cell in cells if cell[power] == level)


def level_rows(
    cells: Sequence[Mapping[str, Any]], levels: Levels, power: str, name: str, figure: str
) -> list[dict[str, Any]]:
    """Each level, the highest first: customers today and their share, what its customers did with interval, forecast.

    `actual`, `low` and `high` are those of the customers who stood at the level when the last half-year began;
    `expected` is the mean of `figure` over those who stand there today.
    """
    everyone = sum(cell["customers"] for cell in cells)
    found = []
    for level, done in zip(levels.numbers, levels.tested, strict=True):
        customers = of_level(cells, power, level, "customers")
        found.append(
            {
                "level": f"@{name}.{level}",
                "customers": customers,
                "share_rate": customers / everyone if everyone else 0.0,
                "actual": done.value if done else None,
                "low": max(done.low, 0.0) if done else None,
                "high": (min(done.high, 1.0) if name == "retention_level" else done.high) if done else None,
                "expected": of_level(cells, power, level, figure) / customers if customers else None,
            }
        )
    return found
