"""Retention power (継続力診断, R53): who buys again, how many are alike, how to tell them apart."""

from __future__ import annotations

from typing import Any

import ibis
from ibis import _

from crm_platform.diagnosis.finding import Exhibit, Finding, Scalar, Verdict
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.rows import exact_mean, one_row, rows, yen_sum
from crm_platform.diagnosis.spans import Span, blocks, index_column
from crm_platform.diagnosis.trends import share

LEVEL_FLOORS = (0.8, 0.6, 0.4, 0.2, 0.0)  # level 1 is the highest
COUNT_FLOORS = (10, 6, 3, 2, 1)
GAP_CEILINGS_DAYS = (30, 90, 180, 365)
_HALF_YEAR = 6


def retention_power(inputs: DiagnosisInputs) -> Finding | None:
    """Levels of retention power, and the half-yearly repeat rate beside that of a year before.

    Healthy where the share of a half-year's buyers who buy again in the next is not below the year before's (R61).
    At stake: the buyers lost by the fall × what a buyer spends in half a year. None where there is no customer.
    """
    levels = level_rows(inputs)
    if not levels:
        return None
    rates = half_year_rates(inputs)
    now = rates[-1] if rates else None
    before = rates[-3] if len(rates) >= 3 else None
    numbers: dict[str, Scalar] = {
        **inputs.period,
        "customers": sum(row["customers"] for row in levels),
        "top_level_customers": levels[0]["customers"],
        "low_level_customers": levels[-1]["customers"],
        "low_level_share_rate": levels[-1]["share_rate"],
        "expected_rate": expected_rate(inputs),
        "repeat_rate": now["repeat_rate"] if now else None,
        "repeat_rate_before": before["repeat_rate"] if before else None,
        "change_points": now["repeat_rate"] - before["repeat_rate"] if now and before else None,
        "buyers": now["buyers"] if now else None,
    }
    verdict: Verdict = "undetermined"
    effect_jpy = None
    if now and before:
        verdict = "issue" if now["repeat_rate"] < before["repeat_rate"] else "healthy"
        lost_buyers = max(before["repeat_rate"] - now["repeat_rate"], 0.0) * now["buyers"]
        effect_jpy = round(lost_buyers * now["sales_jpy"] / now["buyers"]) or None
    numbers["effect_jpy"] = effect_jpy
    return Finding(
        key="retention_power",
        chapter="current_state",
        verdict=verdict,
        numbers=numbers,
        exhibits=_exhibits(levels, rates, actual_rates(inputs)),
        threshold=before["repeat_rate"] if before else None,
        yen_effect_jpy=effect_jpy,
        concerned_customers=now["buyers"] if now else None,
    )


def level_rows(inputs: DiagnosisInputs) -> list[dict[str, Any]]:
    """Customers by level of retention power: `level` 1 to 5, customers, share, mean expected repeat rate.

    A level without a customer is shown with 0, so that the levels always add up to all customers.
    """
    level = ibis.cases(
        *[(_.retention_power_rate >= floor, number) for number, floor in enumerate(LEVEL_FLOORS[:-1], start=1)],
        else_=len(LEVEL_FLOORS),
    )
    grouped = inputs.forecasts.mutate(level=level).group_by("level")
    found = rows(grouped.agg(customers=_.count(), expected_rate=exact_mean(_.retention_power_rate)).order_by("level"))
    total = sum(row["customers"] for row in found)
    known = {row["level"]: row for row in found}
    return [
        {
            "level": f"@retention_level.{number}",
            "customers": known[number]["customers"] if number in known else 0,
            "share_rate": known[number]["customers"] / total if number in known else 0.0,
            "expected_rate": known[number]["expected_rate"] if number in known else None,
        }
        for number in range(1, len(LEVEL_FLOORS) + 1)
        if total
    ]


def expected_rate(inputs: DiagnosisInputs) -> float | None:
    """Mean retention power of the customers who bought in the last six closed months."""
    span = inputs.span(_HALF_YEAR)
    if span is None:
        return None
    recent = inputs.history.filter(span.holds(_.last_purchased_on)).select("customer_id")
    known = inputs.forecasts.inner_join(recent, "customer_id")
    rate: float | None = one_row(known.agg(rate=exact_mean(known.retention_power_rate)))["rate"]
    return rate


def half_year_rates(inputs: DiagnosisInputs) -> list[dict[str, Any]]:
    """For each half-year but the last: its `buyers`, how many bought again in the next, and their `repeat_rate`.

    `month` is the last month of the half-year in which they bought again; `sales_jpy` what the buyers spent in theirs.
    """
    spans = blocks(inputs.closed_months, _HALF_YEAR)
    if len(spans) < 2:
        return []
    block = (inputs.closed_index - index_column(inputs.purchases.month)) // _HALF_YEAR
    inside = inputs.purchases.mutate(block=block.cast("int64")).filter(block >= 0)
    per_customer = inside.group_by("block", "customer_id").agg(sales_jpy=yen_sum(_.sales_jpy))
    again = per_customer.select(block=per_customer.block + 1, customer_id=per_customer.customer_id, again=True)
    joined = per_customer.left_join(again, ["block", "customer_id"])
    sums = joined.group_by("block").agg(
        buyers=joined.count(), repeated=joined.again.count(), sales_jpy=yen_sum(joined.sales_jpy)
    )
    found = {row["block"]: row for row in rows(sums.order_by("block"))}
    return [_rate_row(spans[-number], found[number]) for number in range(len(spans) - 1, 0, -1) if number in found]


def _rate_row(next_span: Span, row: dict[str, Any]) -> dict[str, Any]:
    return {
        "month": str(next_span.last),
        "buyers": row["buyers"],
        "repeated": row["repeated"],
        "repeat_rate": row["repeated"] / row["buyers"],
        "sales_jpy": row["sales_jpy"],
    }


def actual_rates(inputs: DiagnosisInputs) -> list[dict[str, Any]]:
    """By purchases and days of silence six months ago: how many customers, and the share who bought in the six months.

    This is how the levels are told apart in the client's own past (識別方法, R53).
    """
    span = inputs.span(_HALF_YEAR, back=0)
    if span is None or len(inputs.closed_months) <= _HALF_YEAR:
        return []
    then = span.first.plus(-1).last_day
    past = inputs.purchases.filter(_.month <= then).group_by("customer_id")
    state = past.agg(purchases=_.purchase_days.sum(), last_purchased_on=_.last_purchased_on.max())
    gap_days = ibis.literal(then).delta(state.last_purchased_on, unit="day")
    banded = state.select(
        "customer_id",
        count_band=ibis.cases(*[(_.purchases >= floor, floor) for floor in COUNT_FLOORS], else_=1),
        gap_band=ibis.cases(*[(gap_days <= ceiling, ceiling) for ceiling in GAP_CEILINGS_DAYS], else_=9999),
    )
    bought = inputs.purchases.filter(span.holds(_.month)).select("customer_id").distinct().mutate(bought=True)
    joined = banded.left_join(bought, "customer_id")
    sums = joined.group_by("count_band", "gap_band").agg(customers=joined.count(), bought=joined.bought.count())
    return [
        {
            "purchases": f"@purchases_from.{row['count_band']}",
            "silence": f"@silent_days_to.{row['gap_band']}",
            "customers": row["customers"],
            "repeat_rate": share(row["bought"], row["customers"]),
        }
        for row in rows(sums.order_by(ibis.desc("count_band"), "gap_band"))
    ]


def _exhibits(
    levels: list[dict[str, Any]], rates: list[dict[str, Any]], actual: list[dict[str, Any]]
) -> tuple[Exhibit, ...]:
    found = [
        Exhibit("levels", "bar", tuple(levels), x="level", y="customers"),
        Exhibit(
            "level_table",
            "table",
            tuple(levels),
            columns=(("level", "text"), ("customers", "count"), ("share_rate", "rate"), ("expected_rate", "rate")),
        ),
    ]
    if len(rates) >= 2:
        found.append(
            Exhibit("half_years", "line", tuple(rates), x="month", y="repeat_rate", x_unit="month", y_unit="rate")
        )
    if actual:
        found.append(
            Exhibit("rule", "heatmap", tuple(actual), x="silence", y="repeat_rate", y_unit="rate", series="purchases")
        )
    return tuple(found)
