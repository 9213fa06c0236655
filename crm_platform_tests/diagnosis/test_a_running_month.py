"""Some days of a month that is not over: what they hold takes nothing from what closed months are said to hold."""

import datetime as dt

import ibis

from crm_platform.diagnosis.cpm.classes import class_rows, grown_share
from crm_platform.diagnosis.current_state.buyer_kinds import kind_rows
from crm_platform.diagnosis.current_state.retention_power import expected_rate
from crm_platform.diagnosis.integrated import sales_trend
from crm_platform.diagnosis.integrated.seasonality import recent_buyers
from crm_platform.diagnosis.repeat.regular_buyers import group_rows, listed_sums
from crm_platform.history.subscriptions import regular_buyers_of
from crm_platform.periods import Month
from crm_platform_tests.diagnosis.planted import Order, planted_inputs

CLOSED, RUNNING = dt.date(2023, 11, 30), dt.date(2023, 12, 9)
ORDERS = [Order(f"c{n}", dt.date(2023, 6 + n % 6, 5)) for n in range(60)]
AGAIN = [Order(f"c{n}", dt.date(2023, 12, 3)) for n in range(40)]


def test_who_buys_again_in_a_running_month_still_bought_in_the_last_half_year() -> None:
    before = planted_inputs(ORDERS, CLOSED, first_month=Month(2022, 1))
    now = planted_inputs(ORDERS + AGAIN, RUNNING, first_month=Month(2022, 1))
    assert recent_buyers(before) == recent_buyers(now) == 60


def test_the_retention_power_of_recent_buyers_counts_those_who_buy_again_in_a_running_month() -> None:
    inputs = planted_inputs(ORDERS + AGAIN, RUNNING, first_month=Month(2022, 1))
    of_each = inputs.forecasts.to_pandas().set_index("customer_id")["retention_power_rate"].astype("float64")
    rate = expected_rate(inputs)
    assert rate is not None
    assert abs(rate - of_each.mean()) < 1e-6  # all 60 bought from June to November


def test_the_sales_of_the_cpm_classes_add_up_to_those_of_the_twelve_closed_months() -> None:
    early = [Order(f"c{n}", dt.date(2022, 12, 20), 700) for n in range(60)]
    inputs = planted_inputs(early + ORDERS + AGAIN, RUNNING, first_month=Month(2021, 1))
    year_jpy = 60 * 700 + 60 * 1_000  # December 2022 to November 2023
    assert sales_trend(inputs).numbers["sales_12m_jpy"] == grown_share(inputs).sales_jpy == year_jpy
    assert sum(row["sales_12m_jpy"] for row in class_rows(inputs)) == year_jpy


def test_the_sales_of_the_buyer_kinds_add_up_to_those_of_the_twelve_closed_months() -> None:
    early = [Order(f"c{n}", dt.date(2022, 12, 20), 700) for n in range(60)] + [Order("gone", dt.date(2021, 5, 1))]
    inputs = planted_inputs(early + ORDERS + AGAIN, RUNNING, first_month=Month(2021, 1))
    kinds = kind_rows(inputs)
    assert sum(row["sales_12m_jpy"] for row in kinds) == sales_trend(inputs).numbers["sales_12m_jpy"] == 60 * 1_700
    assert sum(row["customers"] for row in kinds) == 61
    assert sum(row["sales_jpy"] for row in kinds) == 60 * 1_700 + 1_000 + 40 * 1_000


def test_regular_buyers_sales_are_those_of_the_twelve_closed_months() -> None:
    days = [dt.date(2022, 12, 5) + dt.timedelta(days=40 * n) for n in range(9)]
    orders = [Order(f"r{n}", day) for n in range(5) for day in days]
    orders += [Order(f"r{n}", dt.date(2023, 12, 3), 5_000) for n in range(5)]
    inputs = planted_inputs(orders, RUNNING, first_month=Month(2021, 1))
    assert inputs.customer_days is not None
    listed = ibis.memtable(regular_buyers_of(inputs.customer_days, inputs.products, inputs.closed_months))
    assert listed_sums(inputs, listed)["customers"] == 5
    assert listed_sums(inputs, listed)["sales_12m_jpy"] == 5 * 9 * 1_000
    assert [row["sales_12m_jpy"] for row in group_rows(inputs, listed)] == [5 * 9 * 1_000]


def test_who_bought_in_the_last_six_closed_months_is_not_called_silent_because_a_seventh_began() -> None:
    inputs = planted_inputs([Order("june", dt.date(2023, 6, 5)), Order("may", dt.date(2023, 5, 5))], RUNNING)
    people = inputs.beginnings.to_pandas().sort_values("cohort")
    assert people["is_silent"].tolist() == [True, False]
