"""What KPIs need of new customers: by the month of their registration, first order, first purchase."""

from __future__ import annotations

from collections.abc import Collection

import ibis
from ibis import _

from crm_platform.diagnosis.groundwork.cohorts import F2_DAYS
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.kpis.month_sums import MonthSums
from crm_platform.diagnosis.kpis.terms import PULL_UP_MONTHS
from crm_platform.diagnosis.rows import yen_products, yen_sum
from crm_platform.diagnosis.spans import index_column


def is_brought(table: ibis.Table, media: Collection[str]) -> ibis.BooleanValue:
    """Whether one of `media` brought the customer of a row."""
    return table.first_media_id.isin(sorted(media)).fill_null(False) if media else ibis.literal(False)


def newcomers(inputs: DiagnosisInputs) -> ibis.Table:
    """`history` of customers registered since the data begin, whether they bought or not."""
    return inputs.history.filter(_.registered_on >= inputs.months[0].first_day)


def newcomer_sums(inputs: DiagnosisInputs) -> MonthSums:
    """Counts and 売上 of new customers by the month of their first purchase."""
    grouped = inputs.beginnings.mutate(one_off=(_.first_order_kind != "subscription").fill_null(False)).group_by(
        "cohort"
    )
    totals = grouped.agg(
        new_customers=_.count(),
        second_180d=_.count(where=_.days_to_second <= F2_DAYS),
        second_12m=_.count(where=_.purchases_12m >= 2),
        third_12m=_.count(where=_.purchases_12m >= 3),
        began_one_off=_.count(where=_.one_off),
        pulled_up=_.count(where=_.one_off & _.subscribed_6m),
        new_sales_6m_jpy=yen_sum(_.value_6m_jpy),
        new_sales_6m_squares=yen_products(_.value_6m_jpy, _.value_6m_jpy),
        new_sales_12m_jpy=yen_sum(_.value_12m_jpy),
        new_sales_12m_squares=yen_products(_.value_12m_jpy, _.value_12m_jpy),
    )
    return MonthSums.read(totals, "cohort")


def brought_sums(inputs: DiagnosisInputs, media: Collection[str]) -> MonthSums:
    """Customers whom `media` brought, by month of registration, first order (cancelled or not), first purchase."""
    people = newcomers(inputs).filter(is_brought(_, media))
    people = people.select(
        "customer_id", registered=index_column(people.registered_on), cohort=index_column(people.first_purchased_on)
    )
    registered = people.group_by("registered").agg(registered_customers=_.count())
    facts = inputs.customer_months.select("customer_id", "month", "orders", "sales_jpy", "discount_jpy")
    placed = facts.mutate(month=index_column(facts.month)).inner_join(people, "customer_id")
    firsts = placed.filter(_.orders > 0).group_by("customer_id").agg(month=_.month.min())
    begun = (
        placed.filter(_.month == _.cohort)
        .group_by("cohort")
        .agg(
            brought=_.count(),
            brought_sales_1m_jpy=yen_sum(_.sales_jpy),
            brought_sales_1m_squares=yen_products(_.sales_jpy, _.sales_jpy),
            brought_discount_jpy=yen_sum(_.discount_jpy),
        )
    )
    year = (
        inputs.beginnings.filter(is_brought(_, media))
        .group_by("cohort")
        .agg(
            brought_sales_12m_jpy=yen_sum(_.value_12m_jpy),
            brought_sales_12m_squares=yen_products(_.value_12m_jpy, _.value_12m_jpy),
        )
    )
    sums = MonthSums.read(registered, "registered")
    sums.add_all(MonthSums.read(firsts.group_by("month").agg(first_orderers=_.count()), "month"))
    sums.add_all(MonthSums.read(begun, "cohort"))
    sums.add_all(MonthSums.read(year, "cohort"))
    return sums


def trial_sums(inputs: DiagnosisInputs) -> MonthSums:
    """Customers who began with a trial product, and those of them who later bought a full one within six months."""
    trials = inputs.products.filter(_.is_trial.fill_null(False)).select(first_product_id="product_id")
    full = inputs.products.filter(~_.is_trial.fill_null(False) & ~_.is_gift.fill_null(False)).select("product_id")
    began = newcomers(inputs).filter(_.first_purchased_on.notnull()).semi_join(trials, "first_product_id")
    began = began.select("customer_id", "first_purchased_on", cohort=index_column(began.first_purchased_on))
    bought = inputs.customer_product_months.select("customer_id", "product_id", "month", "last_purchased_on")
    later = bought.semi_join(full, "product_id").inner_join(began, "customer_id")
    later = later.filter(
        (index_column(later.month) - later.cohort <= PULL_UP_MONTHS)
        & (later.last_purchased_on > later.first_purchased_on)
    )
    sums = MonthSums.read(began.group_by("cohort").agg(began_trial=_.count()), "cohort")
    sums.add_all(MonthSums.read(later.group_by("cohort").agg(trial_pulled_up=_.customer_id.nunique()), "cohort"))
    return sums
