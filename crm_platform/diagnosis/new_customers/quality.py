"""The quality of new customers by where they came from: cells of a year of cohorts, and a row of a table per group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import ibis
from ibis import _

from crm_platform.diagnosis.estimates import Estimate, mean
from crm_platform.diagnosis.finding import Unit
from crm_platform.diagnosis.groundwork.cohorts import F2_DAYS, Cohorts, Sums, last_with_months
from crm_platform.diagnosis.groundwork.media_names import named_media
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.new_customers.comparison import Beside, added, each_beside_the_rest
from crm_platform.diagnosis.new_customers.f2_conversion import f2_rate
from crm_platform.diagnosis.rows import rows, yen_products, yen_sum
from crm_platform.diagnosis.spans import HALF_YEAR_MONTHS, QUARTER_MONTHS, YEAR_MONTHS
from crm_platform.diagnosis.verdicts import LEAST_CUSTOMERS

NO_MEDIUM, OTHER_PRODUCT = "@entry_group.no_medium", "@entry_group.other"
QUALITY_COLUMNS: tuple[tuple[str, Unit], ...] = (
    ("entry_group", "text"),
    ("new_customers", "count"),
    ("f2_rate", "rate"),
    ("f2_low_rate", "rate"),
    ("f2_high_rate", "rate"),
    ("others_f2_rate", "rate"),
    ("f2_beside_others", "text"),
    ("value_6m_jpy", "jpy"),
    ("value_beside_others", "text"),
    ("value_12m_jpy", "jpy"),
)
BELOW, ABOVE, ALIKE, FEW = (f"@beside_others.{word}" for word in ("below", "above", "alike", "few"))


def cells(inputs: DiagnosisInputs, newcomers: ibis.Table, column: str) -> list[dict[str, Any]]:
    """`newcomers` (rows of `inputs.beginnings`) by `column`, cohort month and kind of the first order.

    `second`: bought again within 180 days; `value_6m` and its squares; `value_12m`, its squares and `customers_12m` of
    cohorts that have twelve months behind them, 0 of the others.
    """
    sums = newcomers.mutate(kind=_.first_order_kind.fill_null("")).group_by(column, "cohort", "kind")
    found = sums.agg(
        customers=_.count(),
        second=yen_sum(_.days_to_second <= F2_DAYS),
        value_6m=yen_sum(_.value_6m_jpy),
        value_6m_squares=yen_products(_.value_6m_jpy, _.value_6m_jpy),
        value_12m=yen_sum(_.value_12m_jpy),
        value_12m_squares=yen_products(_.value_12m_jpy, _.value_12m_jpy),
    )
    last = last_with_months(inputs, YEAR_MONTHS)
    unknown = {"customers_12m": 0, "value_12m": 0, "value_12m_squares": 0.0}
    return [
        {**row, "customers_12m": row["customers"]} if row["cohort"] <= last else {**row, **unknown}
        for row in rows(found.order_by(column, "cohort", "kind"))
    ]


def within(found: Sequence[dict[str, Any]], span: Cohorts) -> list[dict[str, Any]]:
    """The cells of `span`, with `stratum`: quarter and kind of the first order."""
    return [
        {name: value for name, value in cell.items() if name not in ("cohort", "kind")}
        | {"stratum": ((span.last - cell["cohort"]) // QUARTER_MONTHS, cell["kind"])}
        for cell in found
        if span.first <= cell["cohort"] <= span.last
    ]


def media_names(inputs: DiagnosisInputs) -> dict[str, tuple[str, str]]:
    """By code of the medium: its channel and its name."""
    named = named_media(inputs.media).select("media_id", "medium", "channel").order_by("media_id")
    return {row["media_id"]: (row["channel"], row["medium"]) for row in rows(named)}


def grouped(found: Sequence[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Cells by `group`, the group with most customers first."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for cell in found:
        groups.setdefault(cell["group"], []).append(cell)
    return dict(sorted(groups.items(), key=lambda pair: (-sum(cell["customers"] for cell in pair[1]), pair[0])))


def each_beside_others(groups: Mapping[str, Sequence[dict[str, Any]]], estimate: Any = f2_rate) -> dict[str, Beside]:
    """Each group beside all others, by its F2 rate or another; a group that cannot be compared is left out."""
    return each_beside_the_rest(groups, estimate)


def value_6m(sums: Sums) -> Estimate | None:
    """売上 per customer in the first six months."""
    return mean(sums["value_6m"], sums["value_6m_squares"], sums["customers"])


def value_12m(sums: Sums) -> Estimate | None:
    """売上 per customer in the first twelve months, of those who have them behind them; None of too few."""
    if sums["customers_12m"] < LEAST_CUSTOMERS:
        return None
    return mean(sums["value_12m"], sums["value_12m_squares"], sums["customers_12m"])


def quality_rows(groups: Mapping[str, Sequence[dict[str, Any]]], errors: float) -> list[dict[str, Any]]:
    """Per group: new customers, F2 rate with its interval and that of the others, 6- and 12-month value, and how the
    group stands to the others who began the same way in the same quarter (R58).
    """
    by_rate, by_value = each_beside_others(groups), each_beside_others(groups, value_6m)
    found = []
    for name, parts in groups.items():
        sums = added(parts)
        rate, half, year = f2_rate(sums), value_6m(sums), value_12m(sums)
        compared = by_rate.get(name)
        found.append(
            {
                "entry_group": name,
                "new_customers": sums["customers"],
                "f2_rate": rate.value if rate else None,
                "f2_low_rate": max(rate.low, 0.0) if rate else None,
                "f2_high_rate": min(rate.high, 1.0) if rate else None,
                "others_f2_rate": compared.others.value if compared else None,
                "value_6m_jpy": half.value if half else None,
                "value_12m_jpy": year.value if year else None,
                "f2_beside_others": standing(compared, errors),
                "value_beside_others": standing(by_value.get(name), errors),
            }
        )
    return found


def standing(compared: Beside | None, errors: float) -> str:
    """How a group stands to the others: below or above them beyond chance, alike, or too few to say."""
    if compared is None or compared.customers < LEAST_CUSTOMERS:
        return FEW
    if compared.stands_below(errors):
        return BELOW
    return ABOVE if compared.stands_above(errors) else ALIKE


def half_year_customers(customers: int) -> int:
    """How many come in half a year, where `customers` came in a year."""
    return round(customers * HALF_YEAR_MONTHS / YEAR_MONTHS)
