"""The list of all customers with their levels and what to offer each (R53-R57), by the rules that the report prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import ibis

from crm_platform.diagnosis.current_state.action_rule import power_action
from crm_platform.diagnosis.current_state.customer_states import (
    LONGEST,
    NEVER,
    PURCHASES_FROM,
    SILENT_DAYS_TO,
    CustomerPowers,
)
from crm_platform.diagnosis.current_state.levelled_customers import levelled
from crm_platform.diagnosis.current_state.natural_levels import Levels, Place
from crm_platform.diagnosis.current_state.profitability import profit_level
from crm_platform.diagnosis.estimates import Estimate
from crm_platform.diagnosis.finding import Finding, Row, Scalar

_ANSWERS = ("retention_power", "purchasing_power", "profitability")
_FORESEEN = ("expected_sales_jpy", "sales_p10_jpy", "sales_p90_jpy")


def customer_list(
    findings: Sequence[Finding], history: ibis.Table, forecasts: ibis.Table, segments: ibis.Table
) -> ibis.Table | None:
    """Every customer once, in no order: three levels (1 the highest), `buyer_kind`, `action` (R57), and the forecast.

    The levels are read off the tables of the findings, so that the list counts what the report counts; the forecast is
    `expected_sales_jpy` of six months with the ends of its 80 % interval. None where the diagnosis has no such finding,
    because there is no customer.

    Args:
        findings: of the diagnosis of the same client and month.
        history: CUSTOMER_HISTORY.
        forecasts: FORECASTS.
        segments: SEGMENTS.
    """
    found = {finding.key: finding for finding in findings}
    if any(key not in found for key in _ANSWERS):
        return None
    powers = printed_powers(found["retention_power"], found["purchasing_power"])
    floors_jpy = [_whole(row["from_jpy"]) for row in _rows(found["profitability"], "bands")]
    known = levelled(history, forecasts, powers)
    joined = known.inner_join(segments.select("customer_id", "buyer_kind"), "customer_id")
    joined = joined.inner_join(forecasts.select("customer_id", *_FORESEEN), "customer_id")
    return joined.select(
        "customer_id",
        "retention_level",
        "purchasing_level",
        "buyer_kind",
        *_FORESEEN,
        profit_level=profit_level(joined.profitability_jpy, floors_jpy),
        action=_action(joined, powers),
    )


def _action(customers: ibis.Table, powers: CustomerPowers) -> ibis.Value:
    high_retention = customers.retention_level.isin(
        [n for n in powers.retention.numbers if powers.retention.is_high(n)]
    )
    purchasing = powers.purchasing
    high_purchasing = customers.purchasing_level.isin([n for n in purchasing.numbers if purchasing.is_high(n)])
    return ibis.cases(
        (high_retention & high_purchasing, power_action(True, True)),
        (high_retention, power_action(True, False)),
        (high_purchasing, power_action(False, True)),
        else_=power_action(False, False),
    )


def printed_powers(retention: Finding, purchasing: Finding) -> CustomerPowers:
    """The rules as the findings `retention_power` and `purchasing_power` print them."""
    values = _rows(purchasing, "rule")
    return CustomerPowers(
        retention=_levels(retention, "high_from_rate", _retention_places(_rows(retention, "rule"))),
        purchasing=_levels(purchasing, "high_from_jpy", _purchasing_places(values)),
        value_floors_jpy=tuple(_whole(row["value_from_jpy"]) for row in values),
        is_tested=retention.numbers["rule_basis"] == "@level_rule.tested",
    )


def _levels(finding: Finding, line: str, level_of: Mapping[Place, int]) -> Levels:
    done = [row["actual"] for row in _rows(finding, "level_table")]
    high_from = finding.numbers[line]
    return Levels(
        level_of=level_of,
        tested=tuple(Estimate(float(value), 0.0) if value is not None else None for value in done),
        line=float(high_from) if high_from is not None else None,
    )


def _retention_places(rule: Sequence[Row]) -> dict[Place, int]:
    """The table has a row per number of purchases, as PURCHASES_FROM, and one for who has not bought yet."""
    days = (*SILENT_DAYS_TO, LONGEST)
    found = {
        (count, each): _number(row[f"to_{each}"])
        for count, row in zip(PURCHASES_FROM, rule[:-1], strict=True)
        for each in days
    }
    return {**found, NEVER: _number(rule[-1][f"to_{LONGEST}"])}


def _purchasing_places(rule: Sequence[Row]) -> dict[Place, int]:
    """The table has a row per band of 購入単価."""
    return {
        (count, band): _number(row[f"from_{count}"])
        for band, row in enumerate(rule, start=1)
        for count in PURCHASES_FROM
    }


def _rows(finding: Finding, exhibit: str) -> tuple[Row, ...]:
    return next(found.rows for found in finding.exhibits if found.key == exhibit)


def _number(level: Scalar) -> int:
    """The number in `@retention_level.2`."""
    return int(str(level).rpartition(".")[2])


def _whole(value: Scalar) -> int:
    return int(value or 0)
