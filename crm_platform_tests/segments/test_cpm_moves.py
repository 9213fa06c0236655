"""The account of the portfolio: every month of it equals what the rule says of that month's end, and it closes."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections import Counter
from itertools import pairwise

import ibis
import numpy as np
import pyarrow as pa
import pytest

from crm_platform.clients import Settings
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.history import customer_history
from crm_platform.periods import Month, months_between
from crm_platform.segments.cpm import CpmThresholds, assign_cpm_classes
from crm_platform.segments.cpm_moves import cpm_moves
from crm_platform.tables.analyses import CPM_CLASS_NAMES, CUSTOMER_HISTORY
from crm_platform.tables.portfolio import CPM_MOVES, NOT_YET_KNOWN
from crm_platform_tests.diagnosis.planted import Order, planted_inputs, random_orders

RUNNING = dt.date(2022, 3, 17)  # a month that is not complete


def moves_of(inputs: DiagnosisInputs, settings: Settings) -> pa.Table:
    amount = inputs.cpm_classes.amount_threshold_jpy.max().to_pyarrow().as_py()
    return cpm_moves(
        inputs.customer_months, inputs.history, inputs.months, inputs.as_of, CpmThresholds.of(settings, amount)
    )


def closing(moves: pa.Table, month: Month) -> Counter[str]:
    """Customers by class at the end of a month."""
    rows = [row for row in moves.to_pylist() if row["month"] == month.first_day]
    return Counter(
        {name: sum(row["customers"] for row in rows if row["cpm_class"] == name) for name in CPM_CLASS_NAMES}
    )


@pytest.fixture(scope="module")
def house() -> DiagnosisInputs:
    """Buyers, some with cancelled orders, and people who registered before the data and bought late or never."""
    orders = [order for order in random_orders(100, 27, seed=11) if order.day <= RUNNING]
    registered = {f"N{n:02d}": dt.date(2019, 1, 15) + dt.timedelta(61 * n) for n in range(19)}
    late = [Order(f"N{n:02d}", dt.date(2021, 1, 5) + dt.timedelta(17 * n), 90_000) for n in range(9)]
    twice = [Order("D1", dt.date(2021, 5, 3)), Order("D1", dt.date(2021, 5, 3), 2000)]
    cancelled = [Order("X1", dt.date(2021, 6, 3), status="cancelled"), Order("X1", dt.date(2021, 9, 3))]
    everything = [*orders, *late, *twice, *cancelled]
    return planted_inputs(everything, RUNNING, first_month=Month(2020, 1), registered=registered)


@pytest.fixture(scope="module")
def moves(house: DiagnosisInputs) -> pa.Table:
    return moves_of(house, house.client.settings)


def test_the_running_months_counts_are_those_of_the_classes_of_its_as_of_day(
    house: DiagnosisInputs, moves: pa.Table
) -> None:
    assert CPM_MOVES.faults(moves) == []
    assert closing(moves, house.month) == Counter(house.cpm_classes.to_pandas()["cpm_class"].tolist())


def test_every_month_of_the_past_counts_what_the_rule_says_of_that_months_end(
    house: DiagnosisInputs, moves: pa.Table
) -> None:
    (amount,) = set(house.cpm_classes.to_pandas()["amount_threshold_jpy"])
    settings = dataclasses.replace(house.client.settings, cpm_amount_jpy=int(amount))
    master = house.history.select("customer_id", "registered_on", first_media_id=ibis.null("string")).cache()
    months = house.customer_months.cache()
    for month in house.months[1:-1:5]:
        known = customer_history(months, master, month, month.last_day).to_pyarrow()
        classes = assign_cpm_classes(CUSTOMER_HISTORY.cast(known).to_pandas(), settings)
        assert closing(moves, month) == Counter(classes["cpm_class"].to_pylist()), month


def test_opening_plus_in_minus_out_is_closing_for_every_class_and_month(moves: pa.Table) -> None:
    rows = moves.to_pylist()
    days = sorted({row["month"] for row in rows})
    for before, after in pairwise(days):
        for name in CPM_CLASS_NAMES:
            opening = sum(row["customers"] for row in rows if row["month"] == after and row["former_class"] == name)
            assert opening == closing(moves, Month.of(before))[name]
    new = sum(row["customers"] for row in rows if row["former_class"] == NOT_YET_KNOWN)
    there = sum(row["customers"] for row in rows if row["month"] == days[0] and row["former_class"] != NOT_YET_KNOWN)
    assert new + there == closing(moves, Month.of(days[-1])).total()
    assert there > 0  # those who registered before the first month of data


def test_a_customer_lapses_in_the_month_in_which_the_gap_reaches_240_days_and_returns_as_what_it_has_become() -> None:
    bought = dt.date(2021, 1, 10)
    orders = [Order("a", bought, 5_000), Order("a", dt.date(2021, 11, 6), 5_000), Order("b", bought, 90_000)]
    orders += [Order("d", dt.date(2021, 1, 4), 5_000), Order("d", dt.date(2021, 9, 5), 5_000)]  # 239 days on 08-31
    orders += [Order("e", dt.date(2021, 1, 3), 5_000), Order("e", dt.date(2021, 9, 5), 5_000)]  # 240 days on 08-31
    inputs = planted_inputs([*orders, Order("c", dt.date(2022, 1, 31), 9_000)], dt.date(2022, 1, 31))
    moved = {
        (str(Month.of(row["month"])), row["former_class"], row["cpm_class"]): row["customers"]
        for row in moves_of(inputs, inputs.client.settings).to_pylist()
        if row["former_class"] != row["cpm_class"]
    }
    assert moved == {
        ("2021-01", NOT_YET_KNOWN, "first_active"): 4,
        ("2021-08", "first_active", "first_lapsed"): 1,
        ("2021-09", "first_active", "steady_active"): 1,
        ("2021-09", "first_lapsed", "steady_active"): 1,
        ("2021-09", "first_active", "first_lapsed"): 2,  # 2021-01-10 + 240 days = 2021-09-07
        ("2021-11", "first_lapsed", "steady_active"): 1,  # on day 300, never よちよち
        ("2022-01", NOT_YET_KNOWN, "first_active"): 1,
    }


def test_the_order_of_the_rows_changes_not_a_byte(house: DiagnosisInputs, moves: pa.Table) -> None:
    rows = house.customer_months.to_pyarrow()
    shuffled = ibis.memtable(rows.take(np.random.default_rng(3).permutation(rows.num_rows)))
    again = moves_of(dataclasses.replace(house, customer_months=shuffled), house.client.settings)
    assert again.equals(moves)


def test_other_lines_between_the_classes_are_honoured_in_every_month() -> None:
    orders = [
        Order("a", dt.date(2021, 1, 1), 900),
        Order("a", dt.date(2021, 2, 10), 900),
        Order("b", dt.date(2021, 6, 1)),
    ]
    inputs = planted_inputs(orders, dt.date(2021, 6, 30))
    lines = CpmThresholds(1_000, steady_tenure_days=30, premium_tenure_days=40, lapsed_gap_days=60)
    found = cpm_moves(inputs.customer_months, inputs.history, inputs.months, inputs.as_of, lines)
    of_a = [
        max(closing(found, month).items(), key=lambda item: item[1])[0]
        for month in months_between(Month(2021, 1), Month(2021, 4))
    ]
    assert of_a == ["first_active", "premium_active", "premium_active", "premium_lapsed"]
