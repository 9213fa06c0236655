"""Numbers, dates and flags as Japanese order systems write them."""

import datetime as dt
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_platform.intake.admission.amounts import ordered_and_sales_jpy, signed_amounts_jpy
from crm_platform.intake.mapping.casting import cast_flag, cast_instant, cast_whole, cast_yen, parse_number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1234", "1234"), ("１，２３４", "1234"), ("¥1,234", "1234"), ("￥1,234", "1234"), ("\\500", "500"),
        ("1,234円", "1234"), ("△123", "-123"), ("▲1,000", "-1000"), ("-123", "-123"), ("123-", "-123"),
        ("−5", "-5"), ("¥-300", "-300"), ("0", "0"), ("12.50", "12.5"), ("０．５", "0.5"),
    ],
)  # fmt: skip
def test_numbers_are_read_as_written(text, number):
    assert parse_number(text) == Decimal(number)


@pytest.mark.parametrize(
    "text", ["", "abc", "1,23", "12,3456", "--5", "-5-", "1e5", "5 個", "1.2.3", "NaN", "円", "9" * 16]
)
def test_what_is_no_number_is_said_to_be_none(text):
    assert parse_number(text) is None


@given(st.integers(-(10**12), 10**12))
def test_grouped_and_full_width_spellings_agree(number):
    wide = str.maketrans("0123456789,-", "０１２３４５６７８９，－")
    assert parse_number(f"{number:,}") == parse_number(f"{number:,}".translate(wide)) == number


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2017-03-07 10:14:00", dt.datetime(2017, 3, 7, 10, 14)),
        ("2025/08/09 23:15", dt.datetime(2025, 8, 9, 23, 15)),
        ("2026/5/1", dt.datetime(2026, 5, 1)),
        ("20250809", dt.datetime(2025, 8, 9)),
        ("2026-05-01T10:00:00+0900", dt.datetime(2026, 5, 1, 10)),
        ("2026-05-01T10:00:00.123Z", dt.datetime(2026, 5, 1, 10)),
        ("2026-05-01 10:00:00 +0200", dt.datetime(2026, 5, 1, 10)),
        ("２０２６年５月１日", dt.datetime(2026, 5, 1)),
        ("2024-02-29", dt.datetime(2024, 2, 29)),
        ("2024-02-29T23:59:59", dt.datetime(2024, 2, 29, 23, 59, 59)),
        ("令和7年5月1日", dt.datetime(2025, 5, 1)),
        ("令和元年5月1日", dt.datetime(2019, 5, 1)),
        ("R7.5.1 9:05", dt.datetime(2025, 5, 1, 9, 5)),
        ("平成31年4月30日", dt.datetime(2019, 4, 30)),
        ("Ｓ64/1/7", dt.datetime(1989, 1, 7)),
    ],
)
def test_dates_keep_their_local_wall_time(text, moment):
    assert cast_instant(pa.array([text])).values.to_pylist() == [moment]


@pytest.mark.parametrize(
    "text",
    [
        "2023-02-29",
        "2025-13-01",
        "2025-04-31",
        "2025-00-10",
        "0000-00-00",
        "2025/01/01 25:00",
        "2025/01/01x10:00",
        "2025-01-0a",
        "昭和65年1月1日",
        "令和0年1月1日",
        "平成年1月1日",
        "01/02/2025",
        "2025",
        "x",
    ],
)
def test_impossible_dates_fail(text):
    cast = cast_instant(pa.array([text]))
    assert cast.failed.tolist() == [True]
    assert cast.values.to_pylist() == [None]


@given(
    st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2999, 12, 31)).map(lambda moment: moment.replace(microsecond=0))
)
def test_any_moment_survives_its_spelling(moment):
    spellings = [moment.strftime("%Y-%m-%d %H:%M:%S"), f"{moment.year}/{moment.month}/{moment.day} {moment:%H:%M:%S}"]
    assert cast_instant(pa.array(spellings)).values.to_pylist() == [moment] * 2


def test_an_empty_text_is_null_and_no_failure():
    for cast in (cast_instant, cast_whole, cast_flag):
        result = cast(pa.array([""], pa.string()))
        assert result.values.to_pylist() == [None]
        assert not result.failed.any()


def test_fractions_are_no_whole_numbers_but_round_to_yen():
    assert cast_whole(pa.array(["3.0", "3.5"])).failed.tolist() == [False, True]
    assert cast_yen(pa.array(["2.5", "3.5", "6.95"]), Decimal("135.0")).values.to_pylist() == [338, 472, 938]


def amounts(quantity, price, discount=0, *, undone=False):
    arrays = np.array([quantity]), np.array([price], float), np.array([discount])
    signed = signed_amounts_jpy(*arrays)
    ordered, sales = ordered_and_sales_jpy(arrays[0], signed, np.array([undone]))
    return int(ordered[0]), int(sales[0])


def test_cancelling_lowers_sales_but_not_the_ordered_amount():
    assert amounts(2, 1000, 100) == (1900, 1900)
    assert amounts(2, 1000, 100, undone=True) == (1900, 0)


def test_a_line_and_its_credit_add_up_to_nothing():
    assert amounts(-2, 1000, 100, undone=True) == (0, -1900)


@pytest.mark.parametrize(
    ("quantity", "price", "amount"), [(1, 0.5, 0), (1, 1.5, 2), (5, 0.1, 0), (100, 1.015, 102), (3, 938.25, 2815)]
)
def test_halves_are_rounded_to_even_exactly(quantity, price, amount):
    assert amounts(quantity, price) == (amount, amount)
