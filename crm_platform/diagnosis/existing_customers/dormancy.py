"""Active and dormant customers (稼働顧客数と休眠, R125, R127), month by month."""

from __future__ import annotations

import datetime as dt
from typing import Any

from ibis import _

from crm_platform.diagnosis.cpm.states import month_ends
from crm_platform.diagnosis.finding import Exhibit, Finding, Scalar, Verdict
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.rows import exact_mean, one_row, rows
from crm_platform.diagnosis.trends import LEAST_POINTS, YEAR_MONTHS, change, slope

_CYCLE_QUANTILE = 0.95


def dormancy(inputs: DiagnosisInputs) -> Finding | None:
    """How many customers are active (bought in the last settings.lapse_silent_days), and which share is dormant.

    Healthy where there are at least as many active customers as a year before (R61). At stake: the active customers
    lost × what an active customer is expected to bring in six months. None where nobody ever bought.
    """
    months = active_rows(inputs)
    if not months:
        return None
    now = months[-1]
    before = months[-1 - YEAR_MONTHS] if len(months) > YEAR_MONTHS else None
    verdict: Verdict = "undetermined"
    effect_jpy = None
    mean_jpy = expected_of_active_jpy(inputs)
    if before:
        verdict = "issue" if now["active_customers"] < before["active_customers"] else "healthy"
        lost = max(before["active_customers"] - now["active_customers"], 0)
        effect_jpy = round(lost * (mean_jpy or 0.0)) or None
    counts = [row["active_customers"] for row in months[-YEAR_MONTHS:]]
    numbers: dict[str, Scalar] = {
        **inputs.period,
        "silent_days": inputs.client.settings.lapse_silent_days,
        "active_customers": now["active_customers"],
        "active_customers_before": before["active_customers"] if before else None,
        "change_rate": change(now["active_customers"], before["active_customers"]) if before else None,
        "monthly_slope_customers": slope(counts) if len(counts) >= LEAST_POINTS else None,
        "dormant_customers": now["dormant_customers"],
        "dormant_rate": now["dormant_rate"],
        "dormant_points": now["dormant_rate"] - before["dormant_rate"] if before and before["buyers"] else None,
        "proposed_silent_days": proposed_silent_days(inputs),
        "mean_expected_jpy": round(mean_jpy) if mean_jpy is not None else None,
        "effect_jpy": effect_jpy,
    }
    return Finding(
        key="dormancy",
        chapter="existing_customers",
        verdict=verdict,
        numbers=numbers,
        exhibits=_exhibits(months),
        threshold=float(before["active_customers"]) if before else None,
        yen_effect_jpy=effect_jpy,
        concerned_customers=now["dormant_customers"],
    )


def active_rows(inputs: DiagnosisInputs) -> list[dict[str, Any]]:
    """At each month's end: everyone who had bought, those active, those dormant, and the dormant share."""
    days = month_ends([*(month.last_day for month in inputs.months[:-1]), inputs.as_of])
    silent = dt.timedelta(days=inputs.client.settings.lapse_silent_days)
    facts = inputs.purchases.select("customer_id", "month", "last_purchased_on")
    # A month that ended more than the silent days ago cannot make a customer active; it is kept out of the join.
    near = days.mutate(since=days.end_on - silent)
    recent = near.join(facts, (facts.month <= near.end_on) & (facts.last_purchased_on > near.since))
    active = recent.group_by("end_on").agg(active=_.customer_id.nunique())
    firsts = inputs.buyers.group_by(first_on=_.first_purchased_on).agg(customers=_.count())
    ever = days.join(firsts, firsts.first_on <= days.end_on).group_by("end_on").agg(buyers=_.customers.sum())
    joined = ever.left_join(active, "end_on").order_by("end_on")
    return [
        {
            "month": f"{row['end_on']:%Y-%m}",
            "buyers": row["buyers"],
            "active_customers": row["active"] or 0,
            "dormant_customers": row["buyers"] - (row["active"] or 0),
            "dormant_rate": 1 - (row["active"] or 0) / row["buyers"],
        }
        for row in rows(joined)
    ]


def expected_of_active_jpy(inputs: DiagnosisInputs) -> float | None:
    """Mean expected six-month sales of a customer who is active now."""
    active = inputs.buyers.filter(_.gap_days < inputs.client.settings.lapse_silent_days).select("customer_id")
    known = inputs.forecasts.semi_join(active, "customer_id")
    mean_jpy: float | None = one_row(known.agg(mean=exact_mean(known.expected_sales_jpy)))["mean"]
    return mean_jpy


def proposed_silent_days(inputs: DiagnosisInputs) -> int | None:
    """The days of silence that the data propose: 95 % of customers with three purchases have a shorter own cycle."""
    regular = inputs.buyers.filter(_.purchase_days >= 3)
    found = one_row(regular.agg(days=_.cycle_days.quantile(_CYCLE_QUANTILE)))["days"]
    return round(found) if found is not None else None


def _exhibits(months: list[dict[str, Any]]) -> tuple[Exhibit, ...]:
    areas = [
        {"month": row["month"], "state": f"@customer_state.{state}", "customers": row[f"{state}_customers"]}
        for row in months
        for state in ("active", "dormant")
    ]
    line = [{"month": row["month"], "dormant_rate": row["dormant_rate"]} for row in months]
    if len(months) < 2:
        return ()
    return (
        Exhibit("customers", "stacked_area", tuple(areas), x="month", y="customers", x_unit="month", series="state"),
        Exhibit("dormant_share", "line", tuple(line), x="month", y="dormant_rate", x_unit="month", y_unit="rate"),
    )
