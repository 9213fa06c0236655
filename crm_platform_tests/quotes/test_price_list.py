"""Every boundary of the published price list, and what a fee may never do (R13, R14, R20-R22, R140-R147)."""

from __future__ import annotations

import datetime as dt
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_platform import quotes
from crm_platform.periods import Month
from crm_platform.projects import DeliveryRecord
from crm_platform.quotes import SERVICES, FeeBasis, PriceList, Quote, Use, quote

PRICES = PriceList.published()
OKU = 100_000_000  # 億
YEAR = FeeBasis(Month(2024, 4), Month(2025, 3), 12, 10 * OKU, 50_000)
DELIVERED, LAST_DAY = dt.date(2025, 1, 20), dt.date(2025, 7, 20)
ONE_DAY = dt.timedelta(days=1)
FIRST_USE = Use(LAST_DAY)
REPEAT_USE = Use(LAST_DAY, DELIVERED, same_spec=True)
INDIVIDUAL = None


def fee(service: str, ordered_jpy: int, use: Use, customers: int = 50_000) -> Quote:
    return quote(service, replace(YEAR, ordered_jpy=ordered_jpy, customers=customers), use, PRICES)


@pytest.mark.parametrize(
    ("service", "ordered_jpy", "first_jpy", "repeat_jpy"),
    [
        ("two_track", 0, 480_000, 380_000),  # golden price_teikimo_first and _repeat
        ("two_track", 4_999_000_000, 480_000, 380_000),
        ("two_track", 5_000_000_000, 480_000, 380_000),
        ("two_track", 5_000_000_001, 780_000, 580_000),
        ("two_track", 5_001_000_000, 780_000, 580_000),
        ("two_track", 9_999_999_999, 780_000, 580_000),
        ("two_track", 10_000_000_000, 780_000, 580_000),
        ("two_track", 10_000_000_001, INDIVIDUAL, INDIVIDUAL),
        ("second_opinion", 1_999_000_000, 278_000, 198_000),  # golden price_second_opinion
        ("second_opinion", 1_999_999_999, 278_000, 198_000),
        ("second_opinion", 2_000_000_000, 478_000, 298_000),
        ("second_opinion", 900_000_000_000, 478_000, 298_000),
    ],
)
def test_every_row_of_the_list_has_its_first_price_and_its_repeat_price(
    service: str, ordered_jpy: int, first_jpy: int | None, repeat_jpy: int | None
) -> None:
    first, repeat = fee(service, ordered_jpy, FIRST_USE), fee(service, ordered_jpy, REPEAT_USE)
    assert (first.total_jpy, repeat.total_jpy) == (first_jpy, repeat_jpy)
    assert [line.item for line in repeat.lines] == ([] if repeat_jpy is None else ["repeat"])


@pytest.mark.parametrize(
    ("on", "same_spec", "rule", "fee_jpy"),
    [
        (LAST_DAY - ONE_DAY, True, "below.repeat_use", 198_000),
        (LAST_DAY, True, "below.repeat_use", 198_000),
        (LAST_DAY + ONE_DAY, True, "below.first_again_after_window", 278_000),
        (LAST_DAY, False, "below.first_again_other_specification", 278_000),
        (LAST_DAY, None, "below.repeat_if_same", 198_000),
        (LAST_DAY + ONE_DAY, None, "below.first_again_after_window", 278_000),
        (DELIVERED, True, "below.repeat_use", 198_000),
    ],
)
def test_a_repeat_is_within_six_months_of_the_delivery_and_in_the_same_specification(
    on: dt.date, same_spec: bool | None, rule: str, fee_jpy: int
) -> None:
    found = fee("second_opinion", 10 * OKU, Use(on, DELIVERED, same_spec))
    assert (found.rule_key, found.total_jpy) == (rule, fee_jpy)
    assert [one.key for one in found.provisional] == (["specification_unseen"] if rule.endswith("if_same") else [])


@given(st.dates(dt.date(2000, 1, 1), dt.date(2099, 12, 31)), st.integers(0, 250))
def test_the_window_is_the_one_that_the_record_of_the_delivery_tells(delivered: dt.date, later: int) -> None:
    record = DeliveryRecord.of(Month(2025, 3), delivered, ("分析担当",), (), "a" * 64, "b" * 64)
    use = Use(delivered + dt.timedelta(days=later), delivered, same_spec=True)
    for service in PRICES.tiered:
        assert (fee(service, OKU, use).lines[0].item == "repeat") == (use.on <= record.repeat_until)


def test_at_exactly_ten_billion_the_rule_names_both_readings_and_nowhere_else() -> None:
    at_limit = fee("two_track", 100 * OKU, FIRST_USE).rule[-1]
    assert (at_limit.key, at_limit.source) == ("both_readings", "000:154, 000:155, 000:173, 000:182")
    for ordered_jpy in (50 * OKU, 100 * OKU - 1, 100 * OKU + 1):
        assert "both_readings" not in fee("two_track", ordered_jpy, FIRST_USE).rule_key
    assert fee("two_track", 100 * OKU + 1, FIRST_USE).rule_key == "above_list"


@pytest.mark.parametrize(("customers", "fee_jpy"), [(2_000_000, 278_000), (2_000_001, INDIVIDUAL)])
def test_a_second_opinion_of_more_than_two_million_customers_is_quoted_individually(
    customers: int, fee_jpy: int | None
) -> None:
    found = fee("second_opinion", 10 * OKU, FIRST_USE, customers)
    assert found.total_jpy == fee_jpy
    assert (found.rule_key == "too_many_customers") == (fee_jpy is None)
    assert fee("two_track", 10 * OKU, FIRST_USE, customers).total_jpy == 480_000  # only 001:272 says so


@pytest.mark.parametrize(
    ("use", "lines", "fee_jpy"),  # golden price_alert
    [
        (FIRST_USE, {"standard": 478_000}, 478_000),
        (REPEAT_USE, {"standard": 478_000}, 478_000),
        (
            replace(FIRST_USE, standard_layout=True),
            {"standard": 478_000, "standard_layout_discount": -200_000},
            278_000,
        ),
        (replace(REPEAT_USE, retained_months=1), {"retention": 10_000, "continued": 198_000}, 208_000),
        (
            replace(REPEAT_USE, retained_months=6, standard_layout=True),
            {"retention": 60_000, "continued": 198_000},
            258_000,
        ),
        (replace(FIRST_USE, retained_months=6), {"standard": 478_000}, 478_000),  # nothing is kept before the first use
    ],
)
def test_the_alert_goes_by_how_the_data_come(use: Use, lines: dict[str, int], fee_jpy: int) -> None:
    found = fee("shopping_alert", 10 * OKU, use)
    assert ({line.item: line.amount_jpy for line in found.lines}, found.total_jpy) == (lines, fee_jpy)
    keys = [note.key for note in found.notes]
    assert ("nothing_retained_yet" in keys) == (use.retained_months is not None and use.former_delivery_on is None)
    assert ("crossed_out" in keys) == ("continued" in lines)


@pytest.mark.parametrize(
    ("change", "doubts"),
    [
        ({}, []),
        ({"months_with_lines": 11}, ["part_of_year"]),
        ({"months_with_lines": 8, "is_business_year": False}, ["no_closed_year"]),
        ({"is_latest_year": False}, ["newer_year_closed"]),
    ],
)
def test_a_year_of_which_only_a_part_is_known_gives_a_provisional_fee_with_the_reason(
    change: dict[str, int | bool], doubts: list[str]
) -> None:
    basis = replace(YEAR, **change)
    for service in PRICES.tiered:
        assert [one.key for one in quote(service, basis, FIRST_USE, PRICES).provisional] == doubts
    assert quote("shopping_alert", basis, FIRST_USE, PRICES).provisional == ()  # its fee asks for no amount


def test_processing_and_travel_are_no_part_of_the_fee_and_processing_that_is_needed_is_counted() -> None:
    found = fee("two_track", 10 * OKU, replace(REPEAT_USE, processing=("customers: derived from order_lines",)))
    assert {one.key: one.source for one in found.not_included} == {"processing": "000:183", "travel": "000:184"}
    assert {one.key: dict(one.numbers) for one in found.notes} == {
        "amount": {},
        "processing_needed": {"steps": 1},
        "use_is_delivery": {},
    }
    assert found.total_jpy == 380_000


USES = st.builds(
    lambda delivered, days, same, layout, retained: Use(
        delivered + dt.timedelta(days=days), delivered if days else None, same, layout, retained
    ),
    st.dates(dt.date(2020, 1, 1), dt.date(2030, 1, 1)),
    st.integers(0, 400),
    st.sampled_from([True, False, None]),
    st.booleans(),
    st.none() | st.integers(1, 24),
)
AMOUNTS = st.integers(0, 12_000_000_000) | st.sampled_from([20 * OKU, 50 * OKU, 100 * OKU])


@given(st.sampled_from(SERVICES), st.tuples(AMOUNTS, AMOUNTS).map(sorted), USES)
def test_who_orders_more_never_pays_less(service: str, amounts: list[int], use: Use) -> None:
    less, more = (fee(service, amount, use).total_jpy for amount in amounts)
    assert more is None or (less is not None and less <= more)


@given(st.sampled_from(sorted(PRICES.tiered)), AMOUNTS, USES)
def test_no_use_is_cheaper_than_a_repeat_nor_dearer_than_a_first_use(service: str, amount: int, use: Use) -> None:
    found, first, repeat = (fee(service, amount, one).total_jpy for one in (use, FIRST_USE, REPEAT_USE))
    assert (found is None) == (first is None) == (repeat is None)
    assert first is None or repeat is None or found is None or repeat <= found <= first


@pytest.mark.parametrize(
    ("service", "use", "said"),
    [
        ("three_track", FIRST_USE, "three_track"),
        ("two_track", Use(DELIVERED - ONE_DAY, DELIVERED), "later than the quote"),
        ("shopping_alert", replace(REPEAT_USE, retained_months=0), "a month at least"),
    ],
)
def test_what_makes_no_sense_has_no_fee(service: str, use: Use, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        fee(service, OKU, use)


def test_every_price_of_the_list_has_the_line_of_a_seed() -> None:
    said = tomllib.loads((Path(quotes.__file__).parent / "price_list.toml").read_text("utf-8"))
    assert said["tax"] == PRICES.tax == "excluded"
    prices = [price for tiers in PRICES.tiered.values() for tier in tiers.tiers for price in (tier.first, tier.repeat)]
    prices += vars(PRICES.shopping_alert).values()
    assert len(prices) == 13
    assert all(price.jpy > 0 and price.source[:4] in ("000:", "001:", "003:") for price in prices)
