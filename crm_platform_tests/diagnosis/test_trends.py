import datetime as dt
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.integrated import sales_trend, seasonality
from crm_platform.diagnosis.integrated.seasonality import index_by_month, ratios_by_month
from crm_platform.diagnosis.new_customers import acquisition, media_efficiency
from crm_platform.diagnosis.repeat import cohort_ltv
from crm_platform.diagnosis.spans import Span, blocks, index_of, last_span, month_of
from crm_platform.periods import Month, months_between
from crm_platform_tests.diagnosis.planted import Order, planted_inputs
from crm_platform_tests.diagnosis.planted_months import months_of


@given(st.lists(st.integers(1, 10**8), min_size=24, max_size=60), st.integers(1, 12))
def test_the_seasonal_index_has_the_mean_100(sales: list[int], last_month: int) -> None:
    index = _index(sales, last_month)
    assert sorted(index) == list(range(1, 13))
    assert abs(sum(index.values()) / 12 - 100) < 1e-6


def _index(sales: list[int], last_month: int) -> dict[int, float]:
    ratios = ratios_by_month(sales, last_month)
    index = index_by_month(ratios) if ratios else None
    assert index is not None
    return index


def test_the_seasonal_index_finds_the_planted_month_and_takes_no_growth_for_season() -> None:
    months = months_between(Month(2021, 7), Month(2025, 6))
    sales = [round(10**6 * 1.02**place * (2 if month.number == 12 else 1)) for place, month in enumerate(months)]
    index = _index(sales, 6)
    ordinary = [value for number, value in index.items() if number != 12]
    assert max(ordinary) / min(ordinary) < 1.03
    assert abs(index[12] / (sum(ordinary) / 11) - 2) < 0.03


def quiet_house(quiet: int, *, noise: float, last_month: int = 6) -> DiagnosisInputs:
    """Five years of a million a month, but for one month of the year with 600,000."""
    random = np.random.default_rng(11)
    months = months_between(Month(2020, last_month).plus(1), Month(2025, last_month))
    orders = [
        Order("a", month.first_day, round(10**6 * (0.6 if month.number == quiet else 1) * random.lognormal(0, noise)))
        for month in months
    ]
    return months_of(orders, months[-1].last_day)


def test_a_quiet_month_ahead_is_an_issue_worth_what_lifts_it_and_one_just_gone_is_not() -> None:
    ahead, gone = (seasonality(quiet_house(quiet, noise=0.02)) for quiet in (8, 4))
    assert (ahead.verdict, gone.verdict) == ("issue", "healthy")
    assert (ahead.numbers["coming_trough"], ahead.numbers["quiet_months"]) == ("@month.8", 1)
    index = ahead.numbers["coming_trough_index"]
    assert isinstance(index, float)
    assert index == pytest.approx(0.6 / (11.6 / 12) * 100, rel=0.03)
    assert ahead.yen_effect_jpy == pytest.approx((80 - index) / 100 * 11.6 / 12 * 10**6, rel=0.05)
    assert ahead.action is not None
    assert ahead.measured is not None and ahead.measured.low is not None and ahead.measured.high is not None
    assert ahead.measured.low < 0.6 / (11.6 / 12) * 100 < ahead.measured.high


def test_where_the_years_differ_as_much_as_the_months_no_month_is_called_quiet() -> None:
    assert seasonality(quiet_house(8, noise=0.5)).verdict == "undetermined"


@given(st.integers(1, 80), st.integers(1, 12))
def test_blocks_are_whole_adjacent_and_end_with_the_last_month(count: int, length: int) -> None:
    months = months_between(Month(2020, 1), Month(2020, 1).plus(count - 1))
    spans = blocks(months, length)
    assert len(spans) == count // length
    assert all(span.last.minus(span.first) == length - 1 for span in spans)
    assert not spans or spans[-1].last == months[-1]
    assert all(later.first == former.last.plus(1) for former, later in pairwise(spans))


def test_a_span_beyond_history_is_none_and_not_shortened() -> None:
    months = months_between(Month(2024, 1), Month(2024, 12))
    assert last_span(months, 12) == Span(Month(2024, 1), Month(2024, 12))
    assert last_span(months, 12, back=1) is None


@given(st.integers(2009, 2100), st.integers(1, 12))
def test_a_month_survives_being_counted(year: int, number: int) -> None:
    assert month_of(index_of(Month(year, number))) == Month(year, number)


def test_one_customer_who_buys_nearly_everything_makes_no_interval_of_sales_reach_below_nothing() -> None:
    """A wholesaler of 40 customers: the error of any sum is as large as the sum."""
    months = [Month(2020, 1).plus(number) for number in range(48)]
    orders = [Order(f"c{n}-{n % 9}", months[(5 * n) % 47].first_day, 1_000, medium="M") for n in range(400)]
    orders += [Order("wholesaler", months[n].first_day, 5_000_000, medium="M") for n in (20, 27, 31, 38, 44, 47)]
    inputs = planted_inputs(orders, dt.date(2023, 12, 31), media={"M": ("WEB", 90_000)})
    seen = []
    for question in (acquisition, sales_trend, media_efficiency, cohort_ltv):
        finding = question(inputs)
        assert finding is not None
        lows = [
            value
            for exhibit in finding.exhibits
            for row in exhibit.rows
            for name, value in row.items()
            if "low" in name and isinstance(value, (int, float))
        ]
        assert [low for low in lows if low < 0] == [], question.__name__
        seen += lows
    assert 0 in seen
