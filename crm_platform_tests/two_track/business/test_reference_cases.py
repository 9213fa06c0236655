"""Reference cases: what may be lent, who is comparable, what is told of them together, and when nothing is."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import numpy as np
import pytest

from crm_platform.clients import Client
from crm_platform.clients.two_track_settings import TwoTrackSettings
from crm_platform.refusals import Refused
from crm_platform.two_track.business import ReferenceCase, SubscriberYear, business_case, lent_case
from crm_platform.two_track.business.reference_cases import Reference, reference_of
from crm_platform_tests.two_track.business.shop import cells_of, client_of, year_of

TEA = TwoTrackSettings(share_parameters=True, use_reference_cases=True, kinds_of_goods=("drink", "supplement"))
CASE = ReferenceCase(("drink",), 30.0, 2, 0.2, 0.1, 1.5, 2.0, 8_000)
TINY = year_of([*cells_of("continuing", [(300, 4)]), *cells_of("stopped", [(700, 3)])])
LENDER = year_of([*cells_of("continuing", [(1_500, 345)]), *cells_of("stopped", [(2_000, 124)])])


def others(*rates: float) -> list[ReferenceCase]:
    return [dataclasses.replace(CASE, continuing_rate=rate, stopped_rate=rate / 2) for rate in rates]


def tiny_client() -> Client:
    return client_of(100, use_reference_cases=True, kinds_of_goods=("drink",))


# --- what may be lent -------------------------------------------------------------------------------------------------


def test_a_client_lends_rounded_numbers_and_words_of_the_fixed_list_and_nothing_else() -> None:
    case = lent_case(LENDER, TEA)
    assert case is not None
    assert case.to_json() == {
        "kinds_of_goods": ["drink", "supplement"],
        "cycle_days": 30.0,
        "price_band": 2,
        "continuing_rate": 0.23,
        "stopped_rate": 0.062,  # 124 of 2,000
        "continuing_orders_worth": 1.2,  # ¥5,000 in orders of ¥4,000
        "stopped_orders_worth": 1.2,
        "subscribers": 4_000,
    }
    text = json.dumps(case.to_json())
    assert not any(name in text for cell in LENDER.cells for name in (cell.product_group, cell.channel))
    assert ReferenceCase.from_json(json.loads(text)) == case


def test_a_client_whose_subscriptions_bring_no_sales_lends_nothing() -> None:
    assert lent_case(dataclasses.replace(LENDER, subscription_order_jpy=0.0), TEA) is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"kinds_of_goods": ("山田花子",)},
        {"kinds_of_goods": ()},
        {"continuing_rate": "0.2"},
        {"stopped_rate": [0.1, 0.2]},
        {"continuing_rate": 1.0},
        {"cycle_days": float("nan")},
        {"price_band": 4_980},
    ],
)
def test_neither_a_name_nor_rows_nor_an_amount_can_be_put_into_a_case(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="must be"):
        ReferenceCase.from_json({**CASE.to_json(), **wrong})
    with pytest.raises(ValueError, match="nothing else"):
        ReferenceCase.from_json({**CASE.to_json(), "customers": ["A"]})


@pytest.mark.parametrize(
    ("year", "settings"),
    [
        (LENDER, dataclasses.replace(TEA, share_parameters=False)),
        (LENDER, dataclasses.replace(TEA, kinds_of_goods=())),
        (year_of([*cells_of("continuing", [(1_500, 49)]), *cells_of("stopped", [(2_000, 124)])]), TEA),
        (year_of([*cells_of("continuing", [(999, 345)]), *cells_of("stopped", [(2_000, 124)])]), TEA),
        (None, TEA),
    ],
    ids=["does not share", "no kind of goods", "too few buyers", "too few subscribers", "no subscriptions"],
)
def test_a_client_that_does_not_share_or_stands_on_too_little_lends_nothing(
    year: SubscriberYear | None, settings: TwoTrackSettings
) -> None:
    assert lent_case(year, settings) is None


# --- who is comparable ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "unlike",
    [{"kinds_of_goods": ("pet",)}, {"cycle_days": 70.0}, {"cycle_days": 14.0}, {"price_band": 4}, {"price_band": 0}],
)
def test_other_goods_another_cycle_or_another_price_level_are_not_comparable(unlike: dict[str, Any]) -> None:
    alike = others(0.1, 0.2, 0.3)
    assert reference_of(TINY, TEA, alike).cases == 3
    with pytest.raises(Refused, match="2 of 3 reference cases are comparable"):
        reference_of(TINY, TEA, [dataclasses.replace(alike[0], **unlike), *alike[1:]])


def test_no_case_can_be_read_from_what_three_say_together_and_their_order_does_not_matter() -> None:
    cases = others(0.1, 0.15, 0.4)
    told = reference_of(TINY, TEA, cases)
    assert told == reference_of(TINY, TEA, cases[::-1])
    lent = {value for case in cases for value in (case.continuing_rate, case.stopped_rate)}
    assert not lent & set(told.rates.values())
    assert told.rates["continuing_rate"] == pytest.approx((0.1 * 0.15 * 0.4) ** (1 / 3))


def test_the_intervals_of_the_quarters_hold_the_truth_nineteen_times_in_twenty() -> None:
    draw = np.random.default_rng(8)
    logs = draw.normal(16.0, 0.5, (300, 5))
    true = {0.25: 16.0 - 0.6745 * 0.5, 0.5: 16.0, 0.75: 16.0 + 0.6745 * 0.5}
    for share, value in true.items():
        said = [Reference(5, {}, row.mean(), row.std(ddof=1)).sales_jpy(share) for row in logs]
        held = np.mean([low <= np.exp(value) <= high for _middle, low, high in said])
        assert 0.92 <= held <= 0.98, share


# --- inferred, or stopped ---------------------------------------------------------------------------------------------


def test_a_tiny_client_is_inferred_with_every_number_s_source_and_none_of_its_own_rates() -> None:
    case = business_case(TINY, tiny_client(), others(0.1, 0.2, 0.4))
    assert (case.status, case.buyers_on_file, case.least_buyers, case.cases) == ("inferred", 7, 100, 3)
    assert [scenario.source for scenario in case.scenarios] == ["reference_case"] * 3
    assert case.room is None
    sources = {row["number"]: row["source"] for row in case.numbers}
    assert set(sources.values()) == {"@two_track_source.own_data", "@two_track_source.reference_case"}
    rates = {row["number"]: row for row in case.numbers if row["rate"] is not None}
    assert {row["source"] for row in rates.values()} == {"@two_track_source.reference_case"}
    assert rates["@two_track_number.continuing_take_up"]["rate"] == pytest.approx(0.2)
    # 300 × 20 % × 1.5 orders + 700 × 10 % × 2 orders of ¥4,000, had it the middle client's rates
    middle = case.scenarios[1]
    assert middle.one_off_sales_jpy == pytest.approx((300 * 0.2 * 1.5 + 700 * 0.1 * 2.0) * 4_000, rel=1e-6)
    assert middle.low_jpy < middle.one_off_sales_jpy < middle.high_jpy
    assert middle.share_rate == pytest.approx(middle.one_off_sales_jpy / (20_000_000 + middle.one_off_sales_jpy))


def test_its_own_buyers_change_nothing_of_what_is_inferred() -> None:
    cases = others(0.1, 0.2, 0.4)
    more = year_of([*cells_of("continuing", [(300, 9)]), *cells_of("stopped", [(700, 1)])])
    told = [business_case(year, tiny_client(), cases).scenarios for year in (TINY, more)]
    assert told[0] == told[1]


def test_from_the_least_number_of_buyers_on_nothing_is_inferred() -> None:
    for buyers, status in ((99, "inferred"), (100, "own_data")):
        year = dataclasses.replace(TINY, buyers_on_file=buyers)
        assert business_case(year, tiny_client(), others(0.1, 0.2, 0.4)).status == status


@pytest.mark.parametrize(
    ("client", "cases", "said"),
    [
        (client_of(100), others(0.1, 0.2, 0.4), "not asked for"),
        (tiny_client(), others(0.1, 0.2), "2 of 2 reference cases are comparable"),
        (client_of(100, use_reference_cases=True), others(0.1, 0.2, 0.4), "0 of 3 reference cases are comparable"),
    ],
    ids=["does not ask", "two cases", "unique goods"],
)
def test_without_a_comparable_case_the_run_is_refused_before_anything_is_told(
    client: Client, cases: list[ReferenceCase], said: str
) -> None:
    with pytest.raises(Refused, match=said) as refused:
        business_case(TINY, client, cases)
    assert "subscribers who bought one-off: 7" in refused.value.problem
    assert "two_track" in refused.value.place
    assert refused.value.remedy
