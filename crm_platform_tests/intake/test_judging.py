"""The delivery as a whole: each fault planted in a sound history raises exactly its expectation."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_platform.intake.judging.expectations import EXPECTATIONS
from crm_platform.intake.judging.figures import Judged, figures_of
from crm_platform.intake.judging.judgement import judge_delivery
from crm_platform.intake.judging.monthly_totals import monthly_totals
from crm_platform.intake.judging.plausible import plausible_gap_days, rise_of_rates, volume_deviation

AS_OF = dt.date(2025, 6, 30)
Change = Callable[[pd.DataFrame], pd.DataFrame]
NO_FAULTS = {"delivered": 10_000, "quarantined": 0, "quarantined_by_rule": {}, "orders_in_two_files": 0}


@pytest.fixture(scope="module")
def history() -> pd.DataFrame:
    """Six years of about eight orders a day with a December peak; 5 % cancelled, 3 % returned."""
    random = np.random.default_rng(11)
    days = pd.date_range("2019-07-01", AS_OF)
    per_day = random.poisson(8 * np.where(days.month == 12, 1.8, 1.0)) + 1
    at = np.repeat(days, per_day) + pd.Timedelta(hours=9)
    number = np.arange(len(at))
    status = random.choice(["shipped", "cancelled", "returned"], len(at), p=[0.92, 0.05, 0.03])
    return pd.DataFrame(
        {
            "order_id": [f"A{n:06d}" for n in number],
            "customer_id": [f"C{n:03d}" for n in random.integers(300, size=len(at))],
            "product_id": [f"P{n}" for n in random.integers(10, size=len(at))],
            "media_id": [f"M{n}" for n in random.integers(10, size=len(at))],
            "ordered_at": at,
            "status": status,
            "quantity": 1,
            "ordered_jpy": 3000,
            "sales_jpy": np.where(status == "shipped", 3000, 0),
        }
    )


def ids(name: str, count: int) -> ibis.Table:
    letter = name[0].upper()
    width = 3 if name == "customer_id" else 1
    return ibis.memtable(pd.DataFrame({name: [f"{letter}{n:0{width}d}" for n in range(count)]}))


def judged(lines: pd.DataFrame, *, media: int = 10, former: pd.DataFrame | None = None, **account: Any) -> Judged:
    receipt = {"delivery_id": "0001-abc", "accounts": {"order_lines": {**NO_FAULTS, **account}}}
    masters = {"customers": ids("customer_id", 300), "products": ids("product_id", 10), "media": ids("media_id", media)}
    table = ibis.memtable(lines)
    return Judged(table, table, masters, former, receipt, AS_OF)


def broken(found: Judged) -> list[str]:
    return [one["name"] for one in judge_delivery(found)["expectations"] if one["status"] == "broken"]


def in_month(lines: pd.DataFrame, month: str) -> pd.Series[bool]:
    return lines["ordered_at"].dt.strftime("%Y-%m") == month


def a_month_with_a_third(lines: pd.DataFrame) -> pd.DataFrame:
    return lines[~in_month(lines, "2024-03") | (np.arange(len(lines)) % 3 == 0)]


def a_month_delivered_twice(lines: pd.DataFrame) -> pd.DataFrame:
    again = lines[in_month(lines, "2024-03")]
    copies = [again.assign(order_id=again["order_id"] + mark) for mark in "xy"]
    return pd.concat([lines, *copies], ignore_index=True)


def a_burst_of(status: str) -> Change:
    return lambda lines: lines.assign(
        status=lines["status"].mask(in_month(lines, "2025-02") & (np.arange(len(lines)) % 4 == 0), status)
    )


def a_gap_of_nine_days(lines: pd.DataFrame) -> pd.DataFrame:
    day = lines["ordered_at"].dt.normalize()
    return lines[~day.between("2023-10-10", "2023-10-18")]


@pytest.mark.parametrize(
    ("change", "expectation"),
    [
        (a_month_with_a_third, "volume_fits_former_months"),
        (a_month_delivered_twice, "volume_fits_former_months"),
        (a_burst_of("cancelled"), "cancellations_fit_former_months"),
        (a_burst_of("returned"), "returns_fit_former_months"),
        (a_gap_of_nine_days, "no_long_gap_in_days"),
        (lambda lines: lines[lines["ordered_at"] >= "2023-07-01"], "history_spans_five_years"),
    ],
    ids=["third", "thrice", "cancelled", "returned", "gap", "span"],
)
def test_a_fault_planted_in_the_history_raises_exactly_its_expectation(
    history: pd.DataFrame, change: Change, expectation: str
) -> None:
    assert broken(judged(change(history))) == [expectation]


def test_a_sound_history_raises_none_and_knows_all_of_it_but_what_an_earlier_delivery_would_tell(
    history: pd.DataFrame,
) -> None:
    found = judge_delivery(judged(history))["expectations"]
    assert {one["name"]: one["status"] for one in found if one["status"] != "met"} == {"old_months_stand": "skipped"}
    assert [one["name"] for one in found] == [one.name for one in EXPECTATIONS]


@pytest.mark.parametrize(
    ("faults", "expectation"),
    [
        ({"media": 7}, "media_are_in_the_master"),
        ({"quarantined_by_rule": {"unknown_customer": 9_000}}, "customers_are_in_the_master"),
        ({"quarantined_by_rule": {"duplicate_key": 30}, "quarantined": 30}, "few_duplicated_keys"),
        ({"quarantined_by_rule": {"not_a_date": 80}, "quarantined": 80}, "few_quarantined_rows"),
        ({"orders_in_two_files": 1}, "no_order_in_two_files"),
    ],
    ids=["media", "customers", "duplicates", "quarantined", "two-files"],
)
def test_a_fault_of_the_delivery_raises_exactly_its_expectation(
    history: pd.DataFrame, faults: dict[str, Any], expectation: str
) -> None:
    assert broken(judged(history, **faults)) == [expectation]


def test_a_broken_expectation_names_the_month_its_number_and_the_usual_one(history: pd.DataFrame) -> None:
    verdict = judge_delivery(judged(a_month_with_a_third(history)))["expectations"][0]
    (case,) = verdict["cases"]
    assert case["month"] == "2024-03"
    assert case["usual_orders"] / case["orders"] == pytest.approx(3, rel=0.2)
    assert verdict["observed"] > 4


def test_only_what_a_delivery_changed_is_judged_again_and_a_rewritten_old_month_is_told(history: pd.DataFrame) -> None:
    odd = a_month_with_a_third(history)
    before = monthly_totals(ibis.memtable(odd)).to_pandas()
    assert broken(judged(odd, former=before)) == []
    rewritten = odd.assign(ordered_jpy=odd["ordered_jpy"].mask(in_month(odd, "2022-05"), 2500))
    assert broken(judged(rewritten, former=before)) == ["old_months_stand"]
    cancelled = odd.assign(sales_jpy=odd["sales_jpy"].mask(in_month(odd, "2022-05"), 0))
    months = figures_of(judged(cancelled, former=before)).frames["months"]
    assert list(months.loc[months["is_changed"], "month"]) == ["2022-05"]
    assert months["old_change_rate"].max() < 1e-300


def test_a_month_that_is_not_over_is_not_held_against_whole_ones(history: pd.DataFrame) -> None:
    first_days = history[history["ordered_at"] < "2025-06-04"]
    unfinished = judged(first_days)
    months = figures_of(Judged(**{**vars(unfinished), "as_of": dt.date(2025, 6, 3)})).frames["months"]
    assert np.isnan(months["volume_deviation"].iloc[-1])
    assert months["volume_deviation"].iloc[-2] < 4


def test_a_young_client_is_not_judged_by_a_past_that_it_does_not_have(history: pd.DataFrame) -> None:
    found = judge_delivery(judged(history[history["ordered_at"] >= "2025-05-01"]))["expectations"]
    skipped = {one["name"] for one in found if one["status"] == "skipped"}
    assert skipped >= {"volume_fits_former_months", "cancellations_fit_former_months", "no_long_gap_in_days"}
    assert all(one["needs"] for one in found)


def test_the_same_delivery_gives_the_same_pages_to_the_byte_and_none_asks_for_anything_elsewhere(
    history: pd.DataFrame, capfd: pytest.CaptureFixture[str]
) -> None:
    one, other = (judge_delivery(judged(a_gap_of_nine_days(history))) for _ in range(2))
    assert json.dumps(one) == json.dumps(other)
    pages = one["data_docs"]
    assert {"index.html", "months.html", "months_expectations.html", "gaps.html", "delivery.html"} <= pages.keys()
    for page in pages.values():
        assert "://" not in page
        assert "<script" not in page
        assert not {f for f in linked(page) if f not in pages}
    assert "2023-10-10" in pages["gaps.html"]
    assert "a week" in pages["gaps_expectations.html"]
    assert capfd.readouterr() == ("", "")


def linked(page: str) -> set[str]:
    return {part.split('"')[0] for part in page.split('href="')[1:]}


@pytest.mark.parametrize("orders_a_month", [2, 10, 30])
def test_a_small_client_is_not_accused_of_chance(orders_a_month: int) -> None:
    random = np.random.default_rng(3)
    alarms = 0
    for _ in range(40):
        orders = random.poisson(orders_a_month, 36).astype(float)
        spent = np.array([random.exponential(5000, int(count)).sum() for count in orders])
        alarms += any((volume_deviation(one, orders).score > 4).any() for one in (orders, spent))
    assert alarms <= 2


def test_growth_and_season_are_no_fault() -> None:
    months = np.arange(60)
    growing = 100 * 1.06**months
    seasonal = np.where(months % 12 == 11, 3000.0, 1000.0)
    first_peak = (1000 * 1.04**months * np.where(months % 12 == 11, 1.8, 1.0))[:12]
    assert np.nanmax(volume_deviation(growing, growing).score) < 4
    assert np.nanmax(volume_deviation(first_peak, first_peak).score) < 4
    assert np.nanmax(volume_deviation(seasonal, seasonal).score[24:]) < 4


@given(st.integers(2, 1000))
def test_the_scale_of_a_client_does_not_decide_the_verdict(scale: int) -> None:
    volumes = np.array([1000, 1100, 900, 1050, 980, 1020, 1000, 950, 1010, 300], float)
    scores = [volume_deviation(found, found).score[-1] for found in (volumes, volumes * scale)]
    assert scores[1] == pytest.approx(scores[0], rel=0.01)


def test_a_rate_jumps_only_beyond_what_so_few_orders_make_plausible() -> None:
    rates = np.array([0.05] * 12 + [0.25])
    assert rise_of_rates(rates, np.full(13, 10.0)).score[-1] < 5
    assert rise_of_rates(rates, np.full(13, 400.0)).score[-1] > 5


def test_the_plausible_gap_grows_with_the_days_that_usually_have_no_order() -> None:
    daily = np.zeros(1000, np.int64)
    weekends = np.tile([0, 0, 0, 0, 2], 200)
    rare = np.full(300, 6)
    found = [plausible_gap_days(days, len(days) + 1) for days in (daily, weekends, rare)]
    assert found[0] == 7
    assert found == sorted(found)
    assert plausible_gap_days(np.zeros(30, np.int64), 31) is None
