"""Whom to cross-sell what: the rules of the seed, and the rate that customers alike had."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections import Counter
from typing import Any

import ibis
import pytest

from crm_platform.clients import Settings
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.segments.cpm_cross_sell import cross_sell
from crm_platform.tables.portfolio import CROSS_SELL
from crm_platform_tests.diagnosis.planted import Order, planted_inputs

AS_OF = dt.date(2023, 12, 31)
GROUPS = {"P1": "茶", "P2": "菓子", "P3": "器", "P4": "茶"}


def listed(inputs: DiagnosisInputs, settings: Settings) -> list[dict[str, Any]]:
    table = cross_sell(
        inputs.customer_product_months,
        inputs.customer_months,
        inputs.products,
        inputs.history,
        inputs.cpm_classes,
        inputs.closed_months,
        settings,
    )
    assert CROSS_SELL.faults(table) == []
    return table.to_pylist()


@pytest.fixture(scope="module")
def shop() -> DiagnosisInputs:
    """200 tea drinkers who buy every other month: a quarter took sweets in 2023, a twentieth a cup; and newcomers."""
    orders = []
    for number in range(200):
        name = f"T{number:03d}"
        orders += [Order(name, dt.date(2022 + month // 12, 1 + month % 12, 5), 3_000) for month in range(0, 24, 2)]
        if number < 50:
            orders.append(Order(name, dt.date(2023, 3 + 6 * (number % 2), 5), 800, "P2"))
        if number % 20 == 0:
            orders.append(Order(name, dt.date(2023, 5, 5), 2_000, "P3"))
    orders += [Order(f"F{n}", dt.date(2023, 12, 20), 3_000, kind="subscription") for n in range(5)]
    orders += [Order(f"G{n}", dt.date(2023, 11, 20), 3_000, kind="subscription") for n in range(5)]
    orders += [Order(f"H{n}", dt.date(2023, 12, 20), 3_000) for n in range(5)]
    orders += [Order(f"S{n}", dt.date(2023, 10 + month, 5), 3_000) for n in range(5) for month in (0, 1)]
    return planted_inputs(orders, AS_OF, products=GROUPS)


@pytest.fixture(scope="module")
def rows(shop: DiagnosisInputs) -> list[dict[str, Any]]:
    return listed(shop, Settings())


def test_nobody_is_offered_what_they_have_and_nobody_who_bought_once(
    shop: DiagnosisInputs, rows: list[dict[str, Any]]
) -> None:
    owned = {
        (row["customer_id"], GROUPS[row["product_id"]])
        for row in shop.customer_product_months.select("customer_id", "product_id").to_pyarrow().to_pylist()
    }
    assert rows
    assert not {(row["customer_id"], row["product_group"]) for row in rows} & owned
    assert all((row["customer_id"], row["because_group"]) in owned for row in rows)
    assert not any(row["cpm_class"].startswith("first_") or row["cpm_class"].endswith("_lapsed") for row in rows)
    assert all(row["purchases"] >= 3 for row in rows)


def test_the_planted_group_is_offered_at_the_rate_at_which_customers_alike_took_it(
    rows: list[dict[str, Any]],
) -> None:
    offers = Counter((row["because_group"], row["product_group"]) for row in rows)
    assert offers[("茶", "菓子")] == 150  # of 200 drinkers, 50 have sweets already
    (one, *_) = [row for row in rows if row["product_group"] == "菓子"]
    assert one["alike_customers"] == 200 + 175  # 25 took sweets in the first half-year and were no longer alike
    assert one["expected_rate"] == pytest.approx(50 / 375)


def test_first_buyers_are_offered_something_only_by_the_exception_and_only_at_the_first_subscription(
    shop: DiagnosisInputs, rows: list[dict[str, Any]]
) -> None:
    switched = listed(shop, Settings(crosssell_at_first_subscription=True))
    firsts = sorted(row["customer_id"] for row in switched if row["cpm_class"] == "first_active")
    assert firsts == [f"F{n}" for n in range(5)]  # not G, whose application is cold, nor H, who did not subscribe
    others = [row for row in switched if row["cpm_class"] != "first_active"]
    assert others == rows


def test_the_least_number_of_purchases_is_a_setting(shop: DiagnosisInputs, rows: list[dict[str, Any]]) -> None:
    assert {row["customer_id"][0] for row in rows} == {"T"}
    assert {row["customer_id"][0] for row in listed(shop, Settings(crosssell_min_orders=1))} == {"T", "S"}  # R104 stays
    assert listed(shop, Settings(crosssell_min_orders=14)) == []


def test_too_few_customers_alike_or_one_group_alone_offer_nothing(shop: DiagnosisInputs) -> None:
    few = shop.history.filter(shop.history.customer_id < "T024")  # twice these are less than 50 in two half-years
    assert listed(dataclasses.replace(shop, history=few), Settings()) == []
    alone = dataclasses.replace(shop, products=shop.products.mutate(category=ibis.literal("茶")))
    assert listed(alone, Settings()) == []


def test_a_give_away_is_no_group_to_offer(shop: DiagnosisInputs) -> None:
    gifts = dataclasses.replace(shop, products=shop.products.mutate(is_gift=shop.products.product_id == "P2"))
    assert {row["product_group"] for row in listed(gifts, Settings())} <= {"器"}
