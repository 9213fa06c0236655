"""Who carries the sales: the share of 優良 and コツコツ customers, against half of all (R103)."""

from __future__ import annotations

from typing import Any

from crm_platform.diagnosis.cpm.classes import GrownShare, class_rows, grown_share, grown_shares
from crm_platform.diagnosis.finding import Action, Exhibit, Finding, Scalar, Verdict
from crm_platform.diagnosis.groundwork.cpm_amount import amount_threshold_jpy
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.spans import YEAR_MONTHS
from crm_platform.diagnosis.trends import share, trend_of
from crm_platform.diagnosis.verdicts import LEAST_CUSTOMERS, measured_against, verdict_on_line
from crm_platform.periods import Month

GROWN_SHARE_RATE = 0.5  # 優良顧客 + 継続顧客 bring half of the sales or more (seed 002:80, R103)
# Before two years of data a regular customer's tenure and amount look smaller than they are.
KNOWN_FROM_MONTHS = 24


def cpm_portfolio(inputs: DiagnosisInputs) -> Finding | None:
    """The share of twelve months' sales that 優良 and コツコツ customers bring, against 50 % (R103).

    At stake where it is less: the sales that they would have to add in six months to reach it. Undetermined below two
    years of data or 30 buyers; None without customers.
    """
    classes = class_rows(inputs)
    if not classes:
        return None
    counts = {row["cpm_class"].removeprefix("@cpm."): row["customers"] for row in classes}
    now, years = grown_share(inputs), grown_shares(inputs, year_ends(inputs))
    trend = trend_of([(year.month, year.rate) for year in years if year.rate], "rate")
    verdict: Verdict = "undetermined"
    if now.rate and now.buyers >= LEAST_CUSTOMERS and len(inputs.closed_months) >= KNOWN_FROM_MONTHS:
        verdict = verdict_on_line(now.rate, GROWN_SHARE_RATE)
    effect_jpy = max((now.sales_jpy - 2 * now.grown_jpy) // 2, 0) or None if verdict == "issue" else None
    called = "steady_active" if verdict == "issue" else "premium_lapsed"
    expected_jpy = round(counts[called] * inputs.response_rate * inputs.order_value_jpy)
    numbers: dict[str, Scalar] = {
        **inputs.period,
        "customers": sum(counts.values()),
        "grown_share_rate": now.rate.value if now.rate else None,
        "benchmark_rate": GROWN_SHARE_RATE,
        "known_from_months": KNOWN_FROM_MONTHS,
        "sales_jpy": now.sales_jpy,
        "grown_jpy": now.grown_jpy,
        "effect_jpy": effect_jpy,
        "amount_threshold_jpy": amount_threshold_jpy(inputs),
        "premium_active": counts["premium_active"],
        "premium_lapsed": counts["premium_lapsed"],
        "steady_active": counts["steady_active"],
        "steady_to_keep": counts["steady_active"] or None,
        "first_active": counts["first_active"],
        "response_rate": inputs.response_rate,
        "order_value_jpy": inputs.order_value_jpy,
        "expected_jpy": expected_jpy,
    }
    channel = "@action_channel.insert_phone" if verdict == "issue" else "@action_channel.post_phone"
    return Finding(
        key="cpm_portfolio",
        chapter="cpm",
        verdict=verdict,
        numbers=numbers,
        exhibits=_exhibits(classes, years),
        threshold=GROWN_SHARE_RATE,
        yen_effect_jpy=effect_jpy,
        concerned_customers=counts["steady_active"] + counts["premium_active"],
        measured=measured_against(now.rate, "rate", GROWN_SHARE_RATE, now.rate) if now.rate else None,
        trend=trend,
        action=Action(f"@cpm.{called}", counts[called], channel, expected_jpy),
        sources=("cpm_classes", "customer_history", "customer_months"),
    )


def year_ends(inputs: DiagnosisInputs) -> list[Month]:
    """Every twelfth closed month back from the last, over five years, as far as two years of data lie before it."""
    return list(reversed(inputs.closed_months[KNOWN_FROM_MONTHS - 1 :][::-1][::YEAR_MONTHS][:5]))


def _exhibits(classes: list[dict[str, Any]], years: list[GrownShare]) -> tuple[Exhibit, ...]:
    total_jpy = sum(row["sales_12m_jpy"] for row in classes)
    table = Exhibit(
        "classes",
        "table",
        tuple({**row, "share_rate": share(row["sales_12m_jpy"], total_jpy)} for row in classes),
        columns=(("cpm_class", "text"), ("customers", "count"), ("sales_12m_jpy", "jpy"), ("share_rate", "rate")),
    )
    rates: list[dict[str, Scalar]] = [
        {"month": year.month, "grown_share_rate": year.rate.value} for year in years if year.rate
    ]
    line = Exhibit("years", "line", tuple(rates), x="month", y="grown_share_rate", x_unit="month", y_unit="rate")
    return (table, line) if len(rates) >= 2 else (table,)
