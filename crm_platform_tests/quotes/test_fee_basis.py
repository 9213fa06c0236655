"""The fee is of the last closed business year: without shipping, with cancelled orders (R14, R20-R22)."""

from __future__ import annotations

import datetime as dt
from typing import Any

import ibis
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_platform.quotes import FeeBasis, fee_basis

LATE_MARCH = dt.date(2025, 3, 31)
JUNE = dt.date(2025, 6, 30)
ORDERS = (
    ("2024-03-31 23:59:59", "A", 900),
    ("2024-04-01 00:00:00", "A", 6_000),
    ("2024-08-10 12:00:00", "B", 3_000),
    ("2025-03-31 23:59:59", "C", 700),
    ("2025-04-01 00:00:00", "D", 50),
)


def lines(orders: Any = ORDERS, **more: list[Any]) -> ibis.Table:
    ordered_at, customers, amounts = zip(*orders, strict=True)
    columns = {"ordered_at": ordered_at, "customer_id": customers, "ordered_jpy": amounts, **more}
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    table = ibis.memtable(rows)
    return table.mutate(ordered_at=table.ordered_at.cast("timestamp"))


def registered(**days: str | None) -> ibis.Table:
    schema = ibis.schema({"customer_id": "string", "registered_on": "date"})
    rows = [(name, None if day is None else dt.date.fromisoformat(day)) for name, day in days.items()]
    return ibis.memtable(rows, schema=schema)


NOBODY = registered()


def year_of(as_of: dt.date, on: dt.date | None = None, first_month: int = 4) -> FeeBasis:
    return fee_basis(lines(), NOBODY, as_of, on or as_of, first_month)


@pytest.mark.parametrize(
    ("as_of", "first_month", "year", "ordered_jpy", "held"),
    [
        (JUNE, 4, ("2024-04", "2025-03"), 9_700, 3),
        (LATE_MARCH, 4, ("2024-04", "2025-03"), 9_700, 3),
        (LATE_MARCH - dt.timedelta(days=1), 4, ("2023-04", "2024-03"), 900, 1),
        (JUNE, 1, ("2024-01", "2024-12"), 9_900, 3),
    ],
)
def test_the_fee_is_of_the_last_business_year_that_had_ended(
    as_of: dt.date, first_month: int, year: tuple[str, str], ordered_jpy: int, held: int
) -> None:
    found = year_of(as_of, first_month=first_month)
    assert (str(found.first_month), str(found.last_month), found.ordered_jpy) == (*year, ordered_jpy)
    assert (found.months_with_lines, found.is_whole, found.is_business_year) == (held, False, True)


def test_without_a_closed_year_the_twelve_months_before_the_data_end_stand_in() -> None:
    found = fee_basis(lines(ORDERS[3:]), NOBODY, LATE_MARCH - dt.timedelta(days=1), LATE_MARCH, 4)
    assert (str(found.first_month), str(found.last_month)) == ("2024-04", "2025-03")
    assert (found.is_business_year, found.ordered_jpy) == (False, 0)  # the order of the 31st is not known on the 30th
    found = fee_basis(lines(ORDERS[3:]), NOBODY, dt.date(2025, 4, 15), dt.date(2025, 4, 15), 7)
    assert (str(found.first_month), found.ordered_jpy, found.months_with_lines) == ("2024-05", 750, 2)


@pytest.mark.parametrize(
    ("on", "is_latest"), [(JUNE, True), (dt.date(2026, 3, 30), True), (dt.date(2026, 3, 31), False)]
)
def test_a_year_that_closed_since_the_data_ended_is_told(on: dt.date, is_latest: bool) -> None:
    assert year_of(JUNE, on).is_latest_year is is_latest


def test_everyone_known_by_the_day_counts_once() -> None:
    master = registered(A="2020-01-01", E="2025-06-30", F="2025-07-01", G=None)
    assert fee_basis(lines(), master, JUNE, JUNE, 4).customers == 5  # A to D ordered, E is registered


@settings(max_examples=5)
@given(st.lists(st.integers(0, 5_000), min_size=5, max_size=5), st.permutations(ORDERS))
def test_neither_shipping_nor_the_order_of_rows_moves_the_basis(fees: list[int], orders: list[Any]) -> None:
    assert fee_basis(lines(orders, shipping_fee_jpy=fees), NOBODY, JUNE, JUNE, 4) == year_of(JUNE)


def test_cancelling_an_order_leaves_the_basis_as_it_is() -> None:
    cancelled = lines(ORDERS, status=["cancelled"] * 5, sales_jpy=[0] * 5)
    assert fee_basis(cancelled, NOBODY, JUNE, JUNE, 4).ordered_jpy == 9_700
