from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_platform.clients import Settings
from crm_platform.segments.cpm import CpmThresholds, amount_threshold, assign_cpm_classes, cpm_class, purchase_count
from crm_platform.tables.analyses import CPM_CLASS_NAMES, CPM_CLASSES
from crm_platform_tests.oracles.known_histories import history_of
from crm_platform_tests.oracles.simulated_buyers import simulate_buyers

PUBLISHED = CpmThresholds(amount_jpy=70_000)
BOUNDARY_CASES = list(
    itertools.product(
        (1, 2, 3, 10),
        (0, 1, 89, 90, 91, 209, 210, 211, 1000),
        (0, 69_999, 70_000, 70_001, 200_000),
        (0, 1, 239, 240, 241, 2000),
    )
)


def _class(purchases: int, tenure_days: int, sales_jpy: int, gap_days: int) -> str:
    return str(cpm_class([purchases], [tenure_days], [sales_jpy], [gap_days], PUBLISHED)[0])


@pytest.mark.parametrize(
    ("purchases", "tenure_days", "sales_jpy", "gap_days", "expected"),
    [
        (1, 0, 5_000, 239, "first_active"),
        (1, 0, 500_000, 240, "first_lapsed"),
        (2, 0, 5_000, 0, "toddler_active"),
        (2, 89, 5_000, 240, "toddler_lapsed"),
        (9, 89, 200_000, 0, "toddler_active"),
        (2, 90, 69_999, 239, "steady_active"),
        (5, 2_000, 69_999, 240, "steady_lapsed"),
        (2, 90, 70_000, 0, "trend_active"),
        (3, 209, 70_000, 240, "trend_lapsed"),
        (3, 210, 70_000, 239, "premium_active"),
        (3, 210, 70_000, 240, "premium_lapsed"),
    ],
)
def test_published_boundaries_fall_on_the_upper_side(purchases, tenure_days, sales_jpy, gap_days, expected):
    assert _class(purchases, tenure_days, sales_jpy, gap_days) == expected


def test_every_boundary_case_has_exactly_one_class_and_equals_the_rule_as_written():
    def as_written(n: int, tenure: int, amount: int, gap: int) -> str:
        if n == 1:
            stage = "first"
        elif tenure < 90:
            stage = "toddler"
        elif amount < 70_000:
            stage = "steady"
        elif tenure < 210:
            stage = "trend"
        else:
            stage = "premium"
        return f"{stage}_{'lapsed' if gap >= 240 else 'active'}"

    assert [_class(*case) for case in BOUNDARY_CASES] == [as_written(*case) for case in BOUNDARY_CASES]
    assert {_class(*case) for case in BOUNDARY_CASES} == set(CPM_CLASS_NAMES)


@given(st.integers(2, 50), st.integers(0, 3000), st.integers(0, 10**6), st.integers(0, 3000), st.integers(0, 10**6))
def test_more_sales_never_lower_the_class(purchases, tenure, sales, gap, more):
    rank = [name.split("_")[0] for name in CPM_CLASS_NAMES]
    assert rank.index(_class(purchases, tenure, sales + more, gap).split("_")[0]) >= rank.index(
        _class(purchases, tenure, sales, gap).split("_")[0]
    )


def _history(*rows: tuple[str, str, int], as_of: str = "2022-06-30") -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["customer_id", "purchased_on", "sales_jpy"])
    return history_of(frame.assign(purchased_on=pd.to_datetime(frame["purchased_on"])), as_of)


def _assigned(history: pd.DataFrame) -> dict[str, str]:
    table = assign_cpm_classes(history, Settings(cpm_amount_jpy=70_000))
    assert CPM_CLASSES.faults(table) == []
    return dict(zip(table["customer_id"].to_pylist(), table["cpm_class"].to_pylist(), strict=True))


def test_second_order_after_day_90_goes_straight_to_steady():
    assert _assigned(_history(("A", "2022-01-01", 5_000), ("A", "2022-04-01", 5_000)))["A"] == "steady_active"


def test_second_order_on_the_first_day_makes_a_toddler():
    history = _history(("A", "2022-06-01", 10_000)).assign(standing_orders=2, orders=2)
    assert _assigned(history)["A"] == "toddler_active"


def test_large_amount_within_90_days_is_still_a_toddler():
    assert _assigned(_history(("A", "2022-05-01", 100_000), ("A", "2022-06-01", 100_000)))["A"] == "toddler_active"


def test_a_lapsed_first_buyer_who_returns_on_day_300_becomes_steady_or_premium_at_once():
    first = ("A", "2021-06-01", 5_000)
    assert _assigned(_history(first, as_of="2022-03-27"))["A"] == "first_lapsed"
    assert _assigned(_history(first, ("A", "2022-03-28", 5_000), as_of="2022-03-31"))["A"] == "steady_active"
    assert _assigned(_history(first, ("A", "2022-03-28", 90_000), as_of="2022-03-31"))["A"] == "premium_active"


def test_who_never_bought_counts_as_first_with_the_gap_since_registration():
    history = _history(("A", "2021-06-01", 0), ("B", "2022-06-01", 0))
    assert (history["purchase_days"] == 0).all()
    assert _assigned(history) == {"A": "first_lapsed", "B": "first_active"}


def test_purchase_count_takes_days_but_sees_two_orders_on_one_day():
    assert purchase_count([0, 1, 1, 3], [2, 1, 2, 3]).tolist() == [0, 1, 2, 3]


def test_amount_is_seven_average_orders_rounded_to_a_thousand():
    history = _history(("A", "2022-01-01", 10_000), ("B", "2022-01-01", 10_000))
    assert amount_threshold(history, Settings()) == 70_000
    assert amount_threshold(_history(("A", "2022-01-01", 5_500)), Settings()) == 39_000  # 38,500 rounds up
    assert amount_threshold(_history(("A", "2022-01-01", 10)), Settings()) == 1_000
    assert amount_threshold(history.head(0), Settings()) == 1_000
    assert amount_threshold(history, Settings(cpm_amount_jpy=50_000)) == 50_000


def test_thresholds_are_settings():
    history = _history(("A", "2022-05-01", 5_000), ("A", "2022-06-01", 5_000))
    settings = Settings(cpm_amount_jpy=10_000, cpm_steady_tenure_days=30, cpm_premium_tenure_days=31)
    assert assign_cpm_classes(history, settings)["cpm_class"].to_pylist() == ["premium_active"]
    lapsed = assign_cpm_classes(history, Settings(cpm_lapsed_gap_days=10))["cpm_class"].to_pylist()
    assert lapsed == ["toddler_lapsed"]


def test_every_customer_has_one_row():
    history = history_of(simulate_buyers(800, seed=4), "2022-06-30")
    table = assign_cpm_classes(history, Settings())
    assert table["customer_id"].to_pylist() == sorted(history["customer_id"])
    assert np.unique(table["amount_threshold_jpy"].to_numpy()).tolist() == [amount_threshold(history, Settings())]
