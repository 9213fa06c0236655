"""Pareto (R128): tenths add up, and the share of the top fifth is judged against the year before."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import ibis
import pytest

from crm_platform.diagnosis.customer_value import pareto
from crm_platform.diagnosis.customer_value.pareto import tenth_rows
from crm_platform.tables.delivered import PRODUCTS
from crm_platform_tests.diagnosis.planted import Order, planted_inputs
from crm_platform_tests.diagnosis.test_kpis import told_in_both_languages

AS_OF = dt.date(2023, 12, 31)


def years(top_jpy: dict[int, int]) -> list[Order]:
    """Six hundred buyers each year at 1,000 yen, a fifth of them at what `top_jpy` says, spread a little."""
    return [
        Order(f"{year}-{number}", dt.date(year, 1 + number % 12, 1), (jpy if number < 120 else 1000) + number)
        for year, jpy in top_jpy.items()
        for number in range(600)
    ]


def test_eighty_to_twenty_is_found_and_the_tenths_add_up_to_all_sales_and_margins() -> None:
    orders = [Order(f"t{n}", dt.date(2023, 2, 1), 16_000, "P1") for n in range(20)]
    orders += [Order(f"r{n}", dt.date(2023, 3, 1), 1_000, "P2") for n in range(80)]
    inputs = planted_inputs([*orders, Order("t1", dt.date(2021, 1, 1), 50_000)], AS_OF)
    costs = PRODUCTS.from_columns({"product_id": ["P1", "P2"], "cost_jpy": [4_000, None]})
    inputs = replace(inputs, products=ibis.memtable(costs))
    rows = tenth_rows(inputs, inputs.span(12))
    assert [row["customers"] for row in rows] == [10] * 10
    assert sum(row["sales_jpy"] for row in rows) == 400_000
    assert rows[1]["cumulated_rate"] == 0.8
    assert [row["margin_jpy"] for row in rows] == [120_000] * 2 + [None] * 8  # of goods whose cost is known
    assert rows[0]["margin_rate"] == pytest.approx(0.75)
    ever = tenth_rows(inputs, None)
    assert sum(row["sales_jpy"] for row in ever) == 450_000
    assert ever[0]["purchases"] == 11


@pytest.mark.parametrize(
    ("now_jpy", "before_jpy", "verdict"),
    [(4_000, 12_000, "issue"), (12_000, 4_000, "healthy")],
)
def test_a_top_fifth_that_brings_less_is_an_issue_and_its_mirror_is_none(
    now_jpy: int, before_jpy: int, verdict: str
) -> None:
    tops = {2020: before_jpy, 2021: before_jpy, 2022: before_jpy, 2023: now_jpy}
    finding = pareto(planted_inputs(years(tops), AS_OF))
    assert finding is not None
    assert finding.verdict == verdict
    assert (finding.yen_effect_jpy is not None) == (verdict == "issue")
    assert finding.measured is not None
    assert finding.measured.value == finding.numbers["top_share_rate"]
    assert told_in_both_languages(finding)


def test_the_first_year_of_data_is_no_year_to_compare_with() -> None:
    finding = pareto(planted_inputs(years({2022: 12_000, 2023: 4_000}), AS_OF))
    assert finding is not None
    assert (finding.verdict, finding.numbers["top_share_before"]) == ("undetermined", None)
    assert told_in_both_languages(finding)
