from __future__ import annotations

import datetime as dt
import json

import ibis
import numpy as np
import pandas as pd
import pytest

from crm_platform.forecast import rolling_backtest
from crm_platform.forecast.backtest import METHODS, former_origins, known_at, outcome_of, tell_outcomes
from crm_platform.forecast.yardsticks import yardsticks
from crm_platform_tests.oracles.known_histories import days_of
from crm_platform_tests.oracles.simulated_buyers import simulate_buyers

AS_OF = dt.date(2022, 12, 31)
ORIGIN = AS_OF - dt.timedelta(days=184)


@pytest.fixture(scope="module")
def purchases() -> pd.DataFrame:
    return simulate_buyers(1_000, seed=11)


def past_halves(known: ibis.Table, as_of: dt.date, horizon_days: int) -> pd.DataFrame:
    """A plain forecast: the next term brings half of the recent level and half of a year's sales."""
    scores = yardsticks(known, as_of, horizon_days).reset_index()
    level = ((scores["recent_level"] + scores["past_sales"]) / 4).round(3).clip(lower=0)
    return pd.DataFrame(
        {
            "customer_id": scores["customer_id"],
            "expected_sales_jpy": level,
            "sales_p10_jpy": level / 4,
            "sales_p90_jpy": level * 2,
        }
    )


@pytest.fixture(scope="module")
def told(purchases: pd.DataFrame) -> dict:
    found = rolling_backtest(days_of(purchases), AS_OF, 184, foresee=past_halves)
    assert found is not None
    return found


def copied_past(customers: int) -> pd.DataFrame:
    """Everyone buys every 23 days, always for the same; the future is a copy of the past."""
    draw = np.random.default_rng(5)
    value = draw.lognormal(8, 1, customers).round().astype(int)
    days = pd.date_range("2021-01-01", AS_OF, freq="23D")
    return pd.DataFrame(
        {
            "customer_id": np.repeat([f"C{n:04d}" for n in range(customers)], len(days)),
            "purchased_on": np.tile(days, customers),
            "sales_jpy": np.repeat(value, len(days)),
        }
    )


def test_where_the_future_is_a_copy_of_the_past_the_order_is_near_the_perfect_one() -> None:
    found = rolling_backtest(days_of(copied_past(300)), AS_OF, 184, origins=1)
    assert found is not None
    (latest,) = found["origins"]
    assert latest["methods"]["ours"]["gini"] > 0.99
    assert latest["methods"]["ours"]["top_decile_share"] == pytest.approx(latest["lorenz"]["perfect"][5], abs=0.01)
    assert latest["class_inversions"] == 0
    assert latest["bias"] == pytest.approx(1, abs=0.15)


def test_of_outcomes_dealt_out_by_chance_nothing_is_foreseen() -> None:
    whole = simulate_buyers(3_000, seed=12)
    after = (whole["purchased_on"] > pd.Timestamp(ORIGIN)).to_numpy()
    known = whole["customer_id"][~after].unique()
    whole.loc[after, "customer_id"] = np.random.default_rng(6).choice(known, after.sum())
    shuffled = whole.groupby(["customer_id", "purchased_on"], as_index=False)["sales_jpy"].sum()
    found = rolling_backtest(days_of(shuffled), AS_OF, 184, origins=1, foresee=past_halves)
    assert found is not None
    for name in METHODS:
        assert abs(found["origins"][0]["methods"][name]["gini"]) < 0.08, name


def test_what_came_after_an_origin_never_changes_what_was_foreseen_there(purchases: pd.DataFrame) -> None:
    purchases = purchases[purchases["customer_id"] < "C000700"]
    later = (purchases["purchased_on"] > pd.Timestamp(ORIGIN)).to_numpy()
    another = purchases.assign(sales_jpy=purchases["sales_jpy"] * np.where(later, 9, 1))
    told, changed, nothing = (
        rolling_backtest(days_of(rows), AS_OF, 184, origins=1) for rows in (purchases, another, purchases[~later])
    )
    assert told is not None
    assert changed is not None
    assert nothing is not None
    for other in (changed, nothing):
        assert _foreseen(other["origins"][0]) == _foreseen(told["origins"][0])
    assert changed["origins"][0]["bias"] == pytest.approx(told["origins"][0]["bias"] / 9)
    assert nothing["origins"][0]["bias"] is None
    assert nothing["origins"][0]["methods"]["ours"] == {"gini": None, "top_decile_share": None}


def test_no_yardstick_reads_a_later_day(purchases: pd.DataFrame) -> None:
    days = days_of(purchases)
    pd.testing.assert_frame_equal(yardsticks(days, ORIGIN, 184), yardsticks(known_at(days, ORIGIN), ORIGIN, 184))


def _foreseen(origin: dict) -> list[tuple[int, float]]:
    return [(row["customers"], row["mean_expected_jpy"]) for row in origin["deciles"]]


def test_a_backtest_is_plain_json_that_adds_up(told: dict, purchases: pd.DataFrame) -> None:
    assert json.loads(json.dumps(told, allow_nan=False)) == told
    assert [one["as_of"] for one in told["origins"]] == ["2022-06-30", "2022-03-31", "2021-12-30"]
    for one in told["origins"]:
        start, end = pd.Timestamp(one["as_of"]), pd.Timestamp(one["until"])
        known = purchases.loc[purchases["purchased_on"] <= start, "customer_id"].unique()
        came = purchases[purchases["purchased_on"].between(start, end, inclusive="right")]
        actual = came.loc[came["customer_id"].isin(known), "sales_jpy"].sum()
        assert (end - start).days == 184
        assert one["customers"] == len(known)
        for groups in (one["classes"], one["deciles"]):
            assert sum(row["customers"] for row in groups) == len(known)
            assert sum(row["customers"] * row["mean_actual_jpy"] for row in groups) == pytest.approx(actual)
        assert {name: len(points) for name, points in one["lorenz"].items()} == {"ours": 51, "rfm": 51, "perfect": 51}
        assert one["methods"]["ours"]["gini"] > max(one["methods"][name]["gini"] for name in ("rfm", "recency"))


def test_the_mean_is_that_of_the_origins_and_each_pair_of_them_has_its_stability(told: dict) -> None:
    ginis = [one["methods"]["rfm"]["gini"] for one in told["origins"]]
    assert told["mean"]["methods"]["rfm"]["gini"] == pytest.approx(np.mean(ginis))
    assert told["mean"]["bias"] == pytest.approx(np.mean([one["bias"] for one in told["origins"]]))
    assert [(pair["from"], pair["to"]) for pair in told["stability"]] == [
        ("2022-03-31", "2022-06-30"),
        ("2021-12-30", "2022-03-31"),
    ]
    assert all(0 < pair[name] < 1 for pair in told["stability"] for name in ("ours", "rfm"))
    assert told["stability"][0]["customers"] == told["origins"][1]["customers"]


def test_a_backtest_does_not_depend_on_the_order_of_rows_and_only_yen_on_the_currency(
    purchases: pd.DataFrame, told: dict
) -> None:
    shuffled, dear = (
        rolling_backtest(days_of(rows), AS_OF, 184, origins=1, foresee=past_halves)
        for rows in (purchases.sample(frac=1, random_state=3), purchases.assign(sales_jpy=purchases["sales_jpy"] * 100))
    )
    assert shuffled is not None
    assert dear is not None
    assert shuffled["origins"][0] == told["origins"][0]
    for name in METHODS:
        gini = told["origins"][0]["methods"][name]["gini"]
        assert dear["origins"][0]["methods"][name]["gini"] == pytest.approx(gini, abs=2e-3)


def test_an_origin_needs_a_term_of_history_give_or_take_a_tenth() -> None:
    first = dt.date(2022, 1, 1)
    assert former_origins(first, dt.date(2022, 12, 31), 184, 3) == [dt.date(2022, 6, 30)]
    assert former_origins(first, dt.date(2023, 3, 31), 184, 3) == [dt.date(2022, 9, 28), dt.date(2022, 6, 29)]
    assert former_origins(first, dt.date(2022, 11, 30), 184, 3) == []
    assert former_origins(None, dt.date(2022, 11, 30), 184, 3) == []


def test_a_history_too_short_or_empty_has_no_backtest(purchases: pd.DataFrame) -> None:
    assert rolling_backtest(days_of(purchases), dt.date(2020, 11, 1), 184) is None
    assert rolling_backtest(days_of(purchases.head(0)), AS_OF, 184) is None
    assert tell_outcomes([]) is None


def test_a_buyer_without_a_forecast_is_an_error_not_a_gap(purchases: pd.DataFrame) -> None:
    days = days_of(purchases)
    forecasts = pd.DataFrame({"customer_id": purchases["customer_id"].unique()}).assign(
        expected_sales_jpy=1.0, sales_p10_jpy=0.0, sales_p90_jpy=2.0
    )
    assert len(outcome_of(days, ORIGIN, 184, forecasts).customers) <= len(forecasts)
    with pytest.raises(ValueError, match="1 buyers of 2022-06-30 have no forecast"):
        outcome_of(days, ORIGIN, 184, forecasts.iloc[1:])


def test_yardsticks_of_a_handful_of_days() -> None:
    rows = pd.DataFrame(
        [
            ("A", "2021-01-01", 1_000, 0),
            ("A", "2022-06-10", 500, 0),
            ("A", "2022-06-20", 0, 200),
            ("B", "2021-07-01", 800, 0),
            ("C", "2022-07-01", 9_999, 0),
            ("D", "2022-06-01", 0, 300),
        ],
        columns=["customer_id", "purchased_on", "sales_jpy", "returned_jpy"],
    ).assign(purchased_on=lambda frame: pd.to_datetime(frame["purchased_on"]))
    found = yardsticks(days_of(rows), ORIGIN, 365)
    assert found.index.tolist() == ["A", "B"]  # C is still to come, D never bought
    assert found["recency"].tolist() == [-20, -364]
    assert found["past_sales"].tolist() == [300, 800]
    assert found["recent_level"].to_numpy() == pytest.approx(
        [1_000 * 0.5 ** (545 / 365) + 500 * 0.5 ** (20 / 365) - 200 * 0.5 ** (10 / 365), 800 * 0.5 ** (364 / 365)]
    )


def test_the_past_of_yardsticks_ends_with_the_origin_whatever_the_backend(tmp_path, purchases: pd.DataFrame) -> None:
    days_of(purchases).to_parquet(tmp_path / "days.parquet")
    stored = ibis.duckdb.connect().read_parquet(tmp_path / "days.parquet")
    pd.testing.assert_frame_equal(yardsticks(stored, ORIGIN, 184), yardsticks(days_of(purchases), ORIGIN, 184))
