from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from crm_platform.diagnosis.integrated.seasonality import index_by_month
from crm_platform.diagnosis.spans import Span, blocks, index_of, last_span, month_of
from crm_platform.diagnosis.trends import trailing_sums, trend_of_months
from crm_platform.periods import Month, months_between

SALES = st.lists(st.integers(0, 10**9), min_size=6, max_size=60)


@given(SALES)
def test_reversing_a_series_flips_its_verdict(values: list[int]) -> None:
    forward, backward = trend_of_months(values), trend_of_months(values[::-1])
    if forward is None or backward is None:
        assert sum(values) == 0 or sum(trailing_sums(values)) == 0
        return
    assert abs(forward.change_per_year_rate + backward.change_per_year_rate) < 1e-9
    if abs(forward.change_per_year_rate) > 1e-9:
        assert {forward.verdict, backward.verdict} == {"healthy", "issue"}


def test_a_season_alone_is_no_trend() -> None:
    year = [50, 80, 150, 130, 100, 90, 80, 60, 90, 100, 110, 160]
    trend = trend_of_months(year * 4)
    assert trend is not None
    assert abs(trend.change_per_year_rate) < 1e-12


@given(st.lists(st.integers(1, 10**8), min_size=24, max_size=60), st.integers(1, 12))
def test_the_seasonal_index_has_the_mean_100(sales: list[int], last_month: int) -> None:
    index = index_by_month(sales, last_month)
    assert index is not None
    assert sorted(index) == list(range(1, 13))
    assert abs(sum(index.values()) / 12 - 100) < 1e-6


def test_the_seasonal_index_finds_the_planted_month_and_takes_no_growth_for_season() -> None:
    months = months_between(Month(2021, 7), Month(2025, 6))
    sales = [round(10**6 * 1.02**place * (2 if month.number == 12 else 1)) for place, month in enumerate(months)]
    index = index_by_month(sales, 6)
    assert index is not None
    ordinary = [value for number, value in index.items() if number != 12]
    assert max(ordinary) / min(ordinary) < 1.03
    assert abs(index[12] / (sum(ordinary) / 11) - 2) < 0.03


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
