"""What several questions on the customer portfolio share: the classes today, and the share of the grown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ibis
from ibis import _

from crm_platform.diagnosis.estimates import Estimate, ratio
from crm_platform.diagnosis.groundwork.cpm_amount import amount_threshold_jpy
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.rows import one_row, rows, yen_products, yen_sum
from crm_platform.diagnosis.spans import YEAR_MONTHS
from crm_platform.periods import Month
from crm_platform.tables.analyses import CPM_CLASS_NAMES

GROWN_CLASSES = ("premium_active", "premium_lapsed", "steady_active", "steady_lapsed")  # 優良客 and コツコツ客


@dataclass(frozen=True)
class GrownShare:
    """Twelve months' 売上 of 優良 and コツコツ customers, of all, and their ratio (None where nothing was sold).

    `buyers` are the customers whose sales they are.
    """

    month: str
    grown_jpy: int
    sales_jpy: int
    rate: Estimate | None
    buyers: int


def class_rows(inputs: DiagnosisInputs) -> list[dict[str, Any]]:
    """Every class, in order: customers and their 売上 of twelve months; a class without a customer has 0."""
    grouped = with_sales(inputs).group_by("cpm_class")
    counted = grouped.agg(customers=_.count(), sales_12m_jpy=yen_sum(_.sales_12m_jpy)).order_by("cpm_class")
    found = {row["cpm_class"]: row for row in rows(counted)}
    nobody = {"customers": 0, "sales_12m_jpy": 0}
    return [{**found.get(name, nobody), "cpm_class": f"@cpm.{name}"} for name in CPM_CLASS_NAMES if found]


def grown_share(inputs: DiagnosisInputs) -> GrownShare:
    """The share of twelve months' sales that 優良 and コツコツ customers bring today (R103)."""
    people = with_sales(inputs)
    found = one_row(people.agg(**_sums(people.sales_12m_jpy, people.cpm_class.isin(GROWN_CLASSES))))
    return _share(inputs.closed_year.last, found)


def grown_shares(inputs: DiagnosisInputs, months: Sequence[Month]) -> list[GrownShare]:
    """The same at the end of each of `months`, which follow by twelve, from what was known then.

    Who bought in the twelve months to an end has bought last within them, so that sums by customer and twelve months
    tell tenure and amount at every end in one pass.
    """
    if not months:
        return []
    facts = inputs.customer_months
    ends = [months[0].plus(-YEAR_MONTHS), *months]
    year = ibis.cases(*[(facts.month <= end.last_day, place) for place, end in enumerate(ends)])
    sums = facts.mutate(year=year).filter(_.year.notnull()).group_by("year", "customer_id")
    years = sums.agg(sales_jpy=yen_sum(_.sales_jpy), last_on=_.last_purchased_on.max())
    so_far = ibis.window(group_by="customer_id", order_by="year", preceding=None, following=0)
    years = years.mutate(amount_jpy=years.sales_jpy.sum().over(so_far).cast("int64"))
    firsts = inputs.history.select("customer_id", "first_purchased_on")
    people = years.filter(_.year > 0).inner_join(firsts, "customer_id")
    counted = people.group_by("year").agg(**_sums(people.sales_jpy, _was_grown(inputs, people)))
    found = {row["year"]: row for row in rows(counted.order_by("year"))}
    return [_share(end, found[place]) for place, end in enumerate(ends) if place in found]


def _was_grown(inputs: DiagnosisInputs, people: ibis.Table) -> ibis.BooleanValue:
    """Whether a customer was 優良 or コツコツ then: bought 90 days apart or more, and neither rich nor fresh (流行)."""
    settings = inputs.client.settings
    tenure_days = people.last_on.delta(people.first_purchased_on, unit="day")
    is_trend = (people.amount_jpy >= amount_threshold_jpy(inputs)) & (tenure_days < settings.cpm_premium_tenure_days)
    return ((tenure_days >= max(settings.cpm_steady_tenure_days, 1)) & ~is_trend).fill_null(False)


def with_sales(inputs: DiagnosisInputs) -> ibis.Table:
    """Everyone with the class of today and `sales_12m_jpy`, 売上 of the last twelve closed months."""
    joined = inputs.cpm_classes.select("customer_id", "cpm_class").left_join(inputs.year_of_sales, "customer_id")
    return joined.select("customer_id", "cpm_class", sales_12m_jpy=joined.sales_12m_jpy.fill_null(0))


def _sums(sales: ibis.Value, is_grown: ibis.BooleanValue) -> dict[str, ibis.Value]:
    part = ibis.ifelse(is_grown, sales, 0)
    return {
        "part": yen_sum(part),
        "whole": yen_sum(sales),
        "parts": yen_products(part, part),
        "wholes": yen_products(sales, sales),
        "buyers": (sales > 0).sum().fill_null(0).cast("int64"),
    }


def _share(month: Month, sums: Mapping[str, Any]) -> GrownShare:
    rate = ratio(sums["part"], sums["whole"], sums["parts"], sums["parts"], sums["wholes"])
    return GrownShare(str(month), sums["part"], sums["whole"], rate, sums["buyers"])
