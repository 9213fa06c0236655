"""Retention power (継続力診断, R53): who buys again, how many are alike, how to tell them apart."""

from __future__ import annotations

from typing import Any

from ibis import _

from crm_platform.diagnosis.current_state.customer_states import (
    LONGEST,
    NEVER,
    PURCHASES_FROM,
    SILENT_DAYS_TO,
    CustomerPowers,
    customer_powers,
)
from crm_platform.diagnosis.current_state.half_years import past_of_buyers
from crm_platform.diagnosis.current_state.levelled_customers import crossed
from crm_platform.diagnosis.current_state.levelled_customers import level_rows as rows_of_levels
from crm_platform.diagnosis.estimates import proportion
from crm_platform.diagnosis.finding import Action, Exhibit, Finding, Scalar
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.rows import exact_mean, one_row
from crm_platform.diagnosis.spans import HALF_YEAR_MONTHS
from crm_platform.diagnosis.trends import trend_of
from crm_platform.diagnosis.year_on_year import YearOnYear


def retention_power(inputs: DiagnosisInputs) -> Finding | None:
    """Levels of retention power, and the half-yearly repeat rate beside that of a year before.

    Judged is the share of a half-year's buyers who buy again in the next, against the year before and over five years
    (R61). At stake: the buyers lost by the fall × what a buyer spends in half a year. The action expects the assumed
    response of the customers who are at the middle levels, one mean order each where no half-year has passed that
    tells what a buyer spends. None where there is no customer.
    """
    levels = level_rows(inputs)
    if not sum(row["customers"] for row in levels):
        return None
    halves = half_year_rates(inputs)
    rates = [rate for row in halves if (rate := proportion(row["repeated"], row["buyers"]))]
    trend = trend_of([(row["month"], rate) for row, rate in zip(halves, rates, strict=True)], "rate")
    judged = YearOnYear(rates[-1] if rates else None, rates[-3] if len(rates) >= 3 else None, trend)
    buyers = halves[-1]["buyers"] if halves else 0
    spent_jpy = halves[-1]["sales_jpy"] / buyers if buyers else 0.0
    effect_jpy = round(judged.shortfall * buyers * spent_jpy) or None
    each_jpy = spent_jpy if halves else inputs.order_value_jpy
    aimed_at = levels[1:-1] or levels[-1:]
    aimed = sum(row["customers"] for row in aimed_at)
    expected_jpy = round(aimed * inputs.response_rate * each_jpy)
    numbers: dict[str, Scalar] = {
        **inputs.period,
        **_level_numbers(levels, customer_powers(inputs)),
        "aimed_levels": "–".join(dict.fromkeys((_letter(aimed_at[0]), _letter(aimed_at[-1])))),
        "aimed_customers": aimed,
        "expected_rate": expected_rate(inputs),
        "repeat_rate": judged.now.value if judged.now else None,
        "repeat_rate_before": judged.before_value,
        "change_points": judged.change_value,
        "buyers": buyers or None,
        "effect_jpy": effect_jpy,
        "response_rate": inputs.response_rate,
        "expected_jpy": expected_jpy,
    }
    return Finding(
        key="retention_power",
        chapter="current_state",
        verdict=judged.verdict,
        numbers=numbers,
        exhibits=_exhibits(levels, halves, rule_rows(customer_powers(inputs))),
        threshold=judged.before_value,
        yen_effect_jpy=effect_jpy,
        concerned_customers=aimed,
        measured=judged.measured("rate"),
        trend=judged.trend,
        action=Action(
            f"@action_segment.{'middle_levels' if levels[1:-1] else 'lowest_level'}",
            aimed,
            "@action_channel.mail_phone",
            expected_jpy,
        ),
        sources=("customer_months", "customer_history", "forecasts"),
    )


def _level_numbers(levels: list[dict[str, Any]], powers: CustomerPowers) -> dict[str, Scalar]:
    told_apart = len(levels) > 1  # one level has no highest and no lowest
    return {
        "customers": sum(row["customers"] for row in levels),
        "levels": len(levels),
        "levels_to_tell_apart": len(levels) if told_apart else None,
        "level_split": f"@level_split.{'several' if told_apart else 'one'}",
        "top_level_customers": levels[0]["customers"],
        "top_level_rate": levels[0]["actual"] if told_apart else None,
        "low_level": levels[-1]["level"],
        "low_level_customers": levels[-1]["customers"],
        "low_level_rate": levels[-1]["actual"] if told_apart else None,
        "low_level_share_rate": levels[-1]["share_rate"],
        "high_from_rate": powers.retention.line,
        "rule_basis": f"@level_rule.{'tested' if powers.is_tested else 'one_half'}",
    }


def _letter(row: dict[str, Any]) -> str:
    """The letter that the wording gives to the level in either language."""
    return "ABCDE"[int(row["level"].rpartition(".")[2]) - 1]


def level_rows(inputs: DiagnosisInputs) -> list[dict[str, Any]]:
    """Customers by level of retention power; they add up to all customers (R53)."""
    return rows_of_levels(
        crossed(inputs), customer_powers(inputs).retention, "retention_level", "retention_level", "rates"
    )


def rule_rows(powers: CustomerPowers) -> list[dict[str, Any]]:
    """How the levels are told apart (識別方法, R53): a row per number of purchases, a column per silence."""
    level_of = powers.retention.level_of
    days = (*SILENT_DAYS_TO, LONGEST)
    found: list[dict[str, Any]] = [
        {
            "purchases": f"@purchases_from.{count}",
            **{f"to_{each}": f"@retention_level.{level_of[count, each]}" for each in days},
        }
        for count in PURCHASES_FROM
    ]
    never = f"@retention_level.{level_of[NEVER]}"
    return [*found, {"purchases": "@purchases_from.0", **{f"to_{each}": never for each in days}}]


def expected_rate(inputs: DiagnosisInputs) -> float | None:
    """Mean retention power of the customers who bought in the last six closed months, and maybe since."""
    span = inputs.span(HALF_YEAR_MONTHS)
    if span is None:
        return None
    known = inputs.forecasts.semi_join(inputs.purchases.filter(span.holds(_.month)), "customer_id")
    rate: float | None = one_row(known.agg(rate=exact_mean(known.retention_power_rate)))["rate"]
    return rate


def half_year_rates(inputs: DiagnosisInputs) -> list[dict[str, Any]]:
    """For the half-years of five years but the last: `buyers`, how many bought again in the next, `repeat_rate`.

    `month` is the last month of the half-year in which they bought again; `sales_jpy` what the buyers spent in theirs.
    """
    return [
        {
            "month": half.month,
            "buyers": half.buyers,
            "repeated": half.repeated,
            "repeat_rate": half.repeated / half.buyers,
            "sales_jpy": half.sales_jpy,
        }
        for half in past_of_buyers(inputs)[0]
    ]


def _exhibits(
    levels: list[dict[str, Any]], rates: list[dict[str, Any]], rule: list[dict[str, Any]]
) -> tuple[Exhibit, ...]:
    found = [
        Exhibit(
            "level_table",
            "table",
            tuple(levels),
            columns=(
                ("level", "text"),
                ("customers", "count"),
                ("share_rate", "rate"),
                ("actual", "rate"),
                ("low", "rate"),
                ("high", "rate"),
                ("expected", "rate"),
            ),
        )
    ]
    if len(levels) > 1:
        found.insert(0, Exhibit("levels", "bar", tuple(levels), x="level", y="actual", y_unit="rate"))
    if len(rates) >= 2:
        found.append(
            Exhibit("half_years", "line", tuple(rates), x="month", y="repeat_rate", x_unit="month", y_unit="rate")
        )
    columns = [("purchases", "text"), *((name, "text") for name in rule[0] if name != "purchases")]
    found.append(Exhibit("rule", "table", tuple(rule), columns=tuple(columns)))  # type: ignore[arg-type]
    return tuple(found)
