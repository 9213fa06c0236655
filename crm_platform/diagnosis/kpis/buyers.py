"""What KPIs need of a month's buyers and of the customers active at its end."""

from __future__ import annotations

import ibis
from ibis import _

from crm_platform.diagnosis.groundwork.active_months import active_rows, purchase_spells
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.kpis.month_sums import MonthSums
from crm_platform.diagnosis.rows import yen_products, yen_sum
from crm_platform.diagnosis.spans import index_column, index_of
from crm_platform.periods import Month


def buyer_sums(inputs: DiagnosisInputs) -> MonthSums:
    """Buyers, purchase days and 売上 by month, with the squares over customers; credits deducted."""
    facts = inputs.customer_months.mutate(
        bought=_.purchase_days > 0, buyers_jpy=ibis.ifelse(_.purchase_days > 0, _.sales_jpy, 0)
    )
    grouped = facts.group_by("month").agg(
        buyers=_.bought.sum(),
        purchases=yen_sum(_.purchase_days),
        purchase_squares=yen_products(_.purchase_days, _.purchase_days),
        sales_jpy=yen_sum(_.sales_jpy),
        sales_squares=yen_products(_.sales_jpy, _.sales_jpy),
        buyers_sales_jpy=yen_sum(_.buyers_jpy),
        buyers_sales_squares=yen_products(_.buyers_jpy, _.buyers_jpy),
        sales_by_purchases=yen_products(_.buyers_jpy, _.purchase_days),
        subscription_sales_jpy=yen_sum(_.subscription_sales_jpy),
        subscription_sales_squares=yen_products(_.subscription_sales_jpy, _.subscription_sales_jpy),
    )
    return MonthSums.read(grouped.mutate(month=index_column(grouped.month)), "month")


def active_sums(inputs: DiagnosisInputs) -> MonthSums:
    """Customers active at each month's end, by the definition of the finding `dormancy` (R127)."""
    sums = MonthSums()
    for row in active_rows(inputs, purchase_spells(inputs)):
        sums.add(index_of(Month.parse(row["month"])), active=row["active_customers"])
    return sums
