from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_platform.periods import Month, Term, business_year_of, last_closed_business_year, months_between

months = st.builds(Month, st.integers(1990, 2090), st.integers(1, 12))


def test_a_month_reads_both_its_spellings_and_prints_the_short_one() -> None:
    assert Month.parse("2025-06") == Month.parse("2025-06-01") == Month(2025, 6)
    assert str(Month(2025, 6)) == "2025-06"


@pytest.mark.parametrize("text", ["2025-13", "2025-00", "2025-6", "2025-06-02", "June", "", "2025-06-01 "])
def test_what_is_not_a_month_is_named_in_the_error(text: str) -> None:
    with pytest.raises(ValueError, match="not a month"):
        Month.parse(text)


@given(months, st.integers(-600, 600))
def test_going_forth_and_back_returns_to_the_same_month(month: Month, n: int) -> None:
    assert month.plus(n).plus(-n) == month
    assert month.plus(n).minus(month) == n


@given(months)
def test_the_day_after_a_months_last_day_is_the_next_months_first(month: Month) -> None:
    assert month.last_day + dt.timedelta(days=1) == month.plus(1).first_day


@given(months, st.integers(0, 50))
def test_months_between_are_successive_and_hold_both_ends(first: Month, n: int) -> None:
    found = months_between(first, first.plus(n))
    assert (found[0], found[-1], len(found)) == (first, first.plus(n), n + 1)
    assert months_between(first.plus(1), first) == []


def test_a_term_after_a_months_end_is_the_next_six_calendar_months() -> None:
    assert Term.after(dt.date(2025, 6, 30)) == Term(dt.date(2025, 7, 1), dt.date(2025, 12, 31))
    assert Term.after(dt.date(2025, 6, 30)).days == 184


def test_a_term_after_a_day_within_a_month_ends_the_day_before_the_same_day_six_months_later() -> None:
    assert Term.after(dt.date(2011, 12, 9)) == Term(dt.date(2011, 12, 10), dt.date(2012, 6, 9))
    assert Term.after(dt.date(2024, 8, 30)).valid_to == dt.date(2025, 2, 27)


@pytest.mark.parametrize(
    ("as_of", "first_month", "year"),
    [
        (dt.date(2025, 6, 30), 4, (Month(2024, 4), Month(2025, 3))),
        (dt.date(2025, 3, 31), 4, (Month(2024, 4), Month(2025, 3))),
        (dt.date(2025, 3, 30), 4, (Month(2023, 4), Month(2024, 3))),
        (dt.date(2025, 12, 31), 1, (Month(2025, 1), Month(2025, 12))),
        (dt.date(2026, 1, 1), 1, (Month(2025, 1), Month(2025, 12))),
    ],
)
def test_the_last_closed_business_year_has_ended_by_the_as_of_date(
    as_of: dt.date, first_month: int, year: tuple[Month, Month]
) -> None:
    assert last_closed_business_year(as_of, first_month) == year


def test_a_business_year_is_named_by_the_year_in_which_it_begins() -> None:
    assert business_year_of(Month(2025, 3), 4) == 2024
    assert business_year_of(Month(2025, 4), 4) == 2025
