from __future__ import annotations

import dataclasses
import datetime as dt

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_platform.segments.buyer_kinds import BuyerKindRules, buyer_kinds, median_value_jpy
from crm_platform.tables.analyses import BUYER_KINDS
from crm_platform_tests.diagnosis.planted import Order, planted_inputs
from crm_platform_tests.oracles.known_histories import history_of
from crm_platform_tests.oracles.simulated_buyers import simulate_buyers

AS_OF = dt.date(2023, 12, 31)
ORDINARY = [Order(f"o{n}", dt.date(2022, 6, 1), 1000) for n in range(30)]


def _kinds(*orders: Order) -> dict[str, str]:
    history = planted_inputs([*ORDINARY, *orders], AS_OF).history.to_pandas()
    return buyer_kinds(history).to_dict()


def test_the_four_planted_customers_get_their_own_labels():
    found = _kinds(
        *(Order("big", dt.date(2023, month, 1), 5000) for month in (6, 9)),
        Order("stalled", dt.date(2023, 1, 1), 5000),
        *(Order("small", dt.date(2023, month, 1), 300) for month in (6, 7, 8, 9)),
        Order("back", dt.date(2020, 1, 1), 1000),
        Order("back", dt.date(2023, 12, 1), 1000),
        Order("cancelled", dt.date(2023, 12, 1), 9000, status="cancelled"),
    )
    assert {name: kind for name, kind in found.items() if not name.startswith("o")} == {
        "big": "big_ticket",
        "stalled": "stalled",
        "small": "frequent_small",
        "back": "returned",
        "cancelled": "other",
    }
    assert set(found.values()) == set(BUYER_KINDS)


def test_a_customer_back_after_years_is_so_for_half_a_year_and_never_for_a_shorter_silence():
    pairs = {
        "730 days": (dt.date(2021, 8, 1), dt.date(2023, 8, 1)),
        "729 days": (dt.date(2021, 8, 2), dt.date(2023, 8, 1)),
        "180 days ago": (dt.date(2020, 1, 1), dt.date(2023, 7, 4)),
        "181 days ago": (dt.date(2020, 1, 1), dt.date(2023, 7, 3)),
    }
    found = _kinds(*(Order(name, day, 1000) for name, days in pairs.items() for day in days))
    assert {name: found[name] for name in pairs} == {
        "730 days": "returned",
        "729 days": "other",
        "180 days ago": "returned",
        "181 days ago": "other",
    }


@settings(deadline=None, max_examples=8)
@given(st.integers(0, 10_000))
def test_everyone_has_exactly_one_kind_whatever_the_order_and_the_currency(seed):
    history = history_of(simulate_buyers(60, seed=seed), "2022-06-30")
    kinds = buyer_kinds(history)
    assert set(kinds) <= set(BUYER_KINDS)
    assert kinds.index.tolist() == history["customer_id"].tolist()
    assert buyer_kinds(history.sample(frac=1, random_state=seed)).sort_index().equals(kinds.sort_index())
    dearer = history.assign(sales_jpy=history["sales_jpy"] * 100)
    assert buyer_kinds(dearer).equals(kinds)
    assert median_value_jpy(dearer) == pytest.approx(100 * median_value_jpy(history))


def test_a_stricter_line_moves_customers_out_of_a_kind_and_none_into_it():
    history = history_of(simulate_buyers(800, seed=5), "2022-06-30")
    usual = buyer_kinds(history)
    stricter = buyer_kinds(history, dataclasses.replace(BuyerKindRules(), large_times=3))
    big = usual == "big_ticket"
    assert 0 < (stricter == "big_ticket").sum() < big.sum()
    assert big[stricter == "big_ticket"].all()


def test_a_client_without_a_purchase_has_only_others():
    history = history_of(simulate_buyers(5, seed=1), "2022-06-30").assign(purchase_days=0, returned_on=pd.NaT)
    assert set(buyer_kinds(history)) == {"other"}
    assert median_value_jpy(history) == 0
