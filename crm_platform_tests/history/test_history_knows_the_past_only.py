from __future__ import annotations

import datetime as dt
from typing import Any

import ibis
import pandas as pd
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_platform import facts
from crm_platform.history import customer_history
from crm_platform.periods import Month
from crm_platform.tables import TABLES
from crm_platform_tests.facts.test_facts_conserve_lines_and_yen import GENERATE_ONLY, order_line, order_lines

MAY = Month(2025, 5)


def facts_of(lines: list[dict[str, Any]]) -> pa.Table:
    return facts.customer_months(facts.described_lines(ibis.memtable(order_lines(lines)))).to_pyarrow()


def history_of(
    lines: list[dict[str, Any]], month: Month = MAY, registered: dict[str, dt.date] | None = None
) -> dict[str, dict[str, Any]]:
    master = registered or {}
    customers = TABLES["customers"].from_columns(
        {
            "customer_id": pa.array(list(master), pa.string()),
            "registered_on": pa.array(list(master.values()), pa.date32()),
        }
    )
    expression = customer_history(ibis.memtable(facts_of(lines)), ibis.memtable(customers), month, month.last_day)
    declared = TABLES["customer_history"].cast(expression.to_pyarrow())
    assert TABLES["customer_history"].faults(declared) == []
    return {row["customer_id"]: row for row in declared.to_pylist()}


def test_the_history_of_a_regular_buyer() -> None:
    days = ("2025-01-10", "2025-02-09", "2025-03-11", "2025-05-01")
    row = history_of([order_line(day, "c", day) for day in days])["c"]
    gaps = pd.Series([30, 30, 51])
    assert (row["purchase_days"], row["tenure_days"], row["gap_days"]) == (4, 111, 30)
    assert row["cycle_days"] == gaps.mean()
    assert abs(row["cycle_sd_days"] - gaps.std()) < 1e-9
    assert row["second_purchased_on"] == dt.date(2025, 2, 9)
    assert (row["sales_jpy"], row["sales_6m_jpy"], row["purchase_days_12m"]) == (4000, 4000, 4)


def test_two_purchases_in_the_first_month_give_the_second_purchase_of_that_month() -> None:
    days = ("2025-01-10", "2025-01-12", "2025-03-11")
    assert history_of([order_line(day, "c", day) for day in days])["c"]["second_purchased_on"] == dt.date(2025, 1, 12)


def test_windows_reach_back_six_and_twelve_months() -> None:
    days = ("2024-05-31", "2024-06-01", "2024-11-30", "2024-12-01")
    row = history_of([order_line(day, "c", day) for day in days])["c"]
    assert (row["sales_jpy"], row["sales_12m_jpy"], row["sales_6m_jpy"]) == (4000, 3000, 1000)


def test_a_customer_with_cancelled_orders_only_is_known_and_has_bought_nothing() -> None:
    row = history_of([order_line("A", "c", "2025-01-10", status="cancelled", sales_jpy=0)])["c"]
    assert (row["orders"], row["purchase_days"], row["first_purchased_on"], row["cycle_days"]) == (1, 0, None, None)
    assert row["registered_on"] == dt.date(2025, 1, 10)
    assert row["gap_days"] == (MAY.last_day - dt.date(2025, 1, 10)).days


def test_a_registered_customer_is_known_from_the_day_of_registration_on() -> None:
    registered = {"early": dt.date(2025, 5, 31), "late": dt.date(2025, 6, 1)}
    found = history_of([order_line("A", "c", "2025-01-10")], registered=registered)
    assert set(found) == {"c", "early"}
    assert (found["early"]["orders"], found["early"]["gap_days"], found["early"]["sales_jpy"]) == (0, 0, 0)


def test_one_time_buyers_have_no_cycle_and_no_tenure() -> None:
    row = history_of([order_line("A", "c", "2025-01-10")])["c"]
    assert (row["tenure_days"], row["cycle_days"], row["cycle_sd_days"]) == (0, None, None)


@settings(max_examples=15, deadline=None, phases=GENERATE_ONLY)
@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 500)), min_size=1, max_size=25, unique=True),
    st.integers(0, 17),
)
def test_nothing_after_the_month_changes_what_was_known_at_its_end(drawn: list[tuple[str, int]], n: int) -> None:
    month = Month(2024, 1).plus(n)
    lines = [
        order_line(f"{customer}{day}", customer, str(dt.date(2024, 1, 1) + dt.timedelta(days=day)))
        for customer, day in drawn
    ]
    past = [line for line in lines if line["ordered_at"].date() <= month.last_day]
    if past:
        assert history_of(lines, month) == history_of(past, month)
