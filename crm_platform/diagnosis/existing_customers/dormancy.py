"""Active and dormant customers (稼働顧客数と休眠, R125, R127), month by month."""

from __future__ import annotations

from typing import Any

from ibis import _

from crm_platform.diagnosis.estimates import count_of
from crm_platform.diagnosis.existing_customers.threshold_proposals import threshold_rows
from crm_platform.diagnosis.finding import Action, Exhibit, Finding, Scalar
from crm_platform.diagnosis.groundwork.active_months import active_rows, purchase_spells
from crm_platform.diagnosis.groundwork.dormancy_thresholds import with_threshold
from crm_platform.diagnosis.inputs import WARM_UP_MONTHS, DiagnosisInputs
from crm_platform.diagnosis.rows import exact_mean, one_row
from crm_platform.diagnosis.spans import HALF_YEAR_MONTHS, YEAR_MONTHS
from crm_platform.diagnosis.trends import change, trend_of
from crm_platform.diagnosis.year_on_year import YearOnYear

_HALF_YEAR_DAYS = 183
_GROUPS_SHOWN = 12


def dormancy(inputs: DiagnosisInputs) -> Finding | None:
    """How many customers are active, and which share is dormant (休眠), by the threshold of their product group.

    Active is who has bought more recently than settings.lapse_silent_days, or the days that
    settings.lapse_silent_days_by_group give for the group of the first purchase. Judged are the active customers
    against a year before, which must lie a year after the first month of data, and over five years (R61). At stake: the
    active customers lost × what an active customer is expected to bring in six months. The action expects the assumed
    response of those who fell asleep in the last half-year, one purchase each. None where nobody ever bought.

    All of it is as of the end of the last closed month, as in the book of KPIs and the letter: some days of a running
    month beside a whole one of a year before could turn a fall into a rise. Only the table of thresholds is of today.
    """
    spells = purchase_spells(inputs)
    months = _closed(inputs, active_rows(inputs, spells))
    if not months:
        return None
    thresholds = threshold_rows(inputs, spells)
    now, before = months[-1], _year_before(inputs, months)
    trend = trend_of([(row["month"], count_of(row["active_customers"])) for row in _half_years(months)], "count")
    judged = YearOnYear(
        count_of(now["active_customers"]), count_of(before["active_customers"]) if before else None, trend
    )
    mean_jpy = expected_of_active_jpy(inputs)
    effect_jpy = round(judged.shortfall * (mean_jpy or 0.0)) or None
    recent = recently_dormant(inputs)
    expected_jpy = round(recent * inputs.response_rate * inputs.order_value_jpy)
    numbers: dict[str, Scalar] = {
        **inputs.period,
        "silent_days": inputs.client.settings.lapse_silent_days,
        "own_thresholds": len(inputs.client.settings.lapse_silent_days_by_group),
        "active_customers": now["active_customers"],
        "active_customers_before": before["active_customers"] if before else None,
        "change_rate": change(now["active_customers"], before["active_customers"]) if before else None,
        "dormant_customers": now["dormant_customers"],
        "dormant_rate": now["dormant_rate"],
        "dormant_points": now["dormant_rate"] - before["dormant_rate"] if before else None,
        "recently_dormant_customers": recent,
        "proposed_group": thresholds[0]["product_group"] if thresholds else None,
        "proposed_silent_days": thresholds[0]["proposed_days"] if thresholds else None,
        "mean_expected_jpy": round(mean_jpy) if mean_jpy is not None else None,
        "effect_jpy": effect_jpy,
        "response_rate": inputs.response_rate,
        "expected_jpy": expected_jpy,
    }
    return Finding(
        key="dormancy",
        chapter="existing_customers",
        verdict=judged.verdict,
        numbers=numbers,
        exhibits=_exhibits(months, thresholds),
        threshold=float(before["active_customers"]) if before else None,
        yen_effect_jpy=effect_jpy,
        concerned_customers=now["dormant_customers"],
        measured=judged.measured("count"),
        trend=judged.trend,
        action=Action("@action_segment.recently_dormant", recent, "@action_channel.post_phone", expected_jpy),
        sources=("customer_months", "customer_history", "products", "forecasts"),
    )


def _closed(inputs: DiagnosisInputs, months: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of `months` the closed ones; where none is closed, they are shown as they are and not judged."""
    closed = {str(month) for month in inputs.closed_months}
    return [row for row in months if row["month"] in closed] or months


def _year_before(inputs: DiagnosisInputs, months: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The same month a year earlier, where a year of data lies before it."""
    if len(inputs.closed_months) <= WARM_UP_MONTHS + YEAR_MONTHS - 1:
        return None
    then = str(inputs.closed_months[-1].plus(-YEAR_MONTHS))
    return next((row for row in months if row["month"] == then), None)


def _half_years(months: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Every sixth month's end back from the last, without the first year of data; the earliest first."""
    return months[::-1][: max(len(months) - WARM_UP_MONTHS + 1, 0) : HALF_YEAR_MONTHS][::-1]


def expected_of_active_jpy(inputs: DiagnosisInputs) -> float | None:
    """Mean expected six-month sales of a customer who is active now."""
    people = with_threshold(inputs.buyers, inputs.products, inputs.client.settings)
    active = people.filter(_.gap_days < _.threshold_days).select("customer_id")
    known = inputs.forecasts.semi_join(active, "customer_id")
    mean_jpy: float | None = one_row(known.agg(mean=exact_mean(known.expected_sales_jpy)))["mean"]
    return mean_jpy


def recently_dormant(inputs: DiagnosisInputs) -> int:
    """Customers who became dormant in the last half-year."""
    people = with_threshold(inputs.buyers, inputs.products, inputs.client.settings)
    asleep_days = people.gap_days - people.threshold_days
    customers: int = one_row(people.agg(customers=_.count(where=asleep_days.between(0, _HALF_YEAR_DAYS - 1))))[
        "customers"
    ]
    return customers


def _exhibits(months: list[dict[str, Any]], thresholds: list[dict[str, Any]]) -> tuple[Exhibit, ...]:
    table = Exhibit(
        "thresholds",
        "table",
        tuple({**row, "product_group": row["product_group"] or "@dormant_group.unknown"} for row in thresholds)[
            :_GROUPS_SHOWN
        ],
        columns=(
            ("product_group", "text"),
            ("threshold_days", "days"),
            ("proposed_days", "days"),
            ("buyers", "count"),
            ("dormant_customers", "count"),
        ),
    )
    if len(months) < 2:
        return (table,)
    areas = [
        {"month": row["month"], "state": f"@customer_state.{state}", "customers": row[f"{state}_customers"]}
        for row in months
        for state in ("active", "dormant")
    ]
    line = [{"month": row["month"], "dormant_rate": row["dormant_rate"]} for row in months]
    return (
        Exhibit("customers", "stacked_area", tuple(areas), x="month", y="customers", x_unit="month", series="state"),
        Exhibit("dormant_share", "line", tuple(line), x="month", y="dormant_rate", x_unit="month", y_unit="rate"),
        table,
    )
