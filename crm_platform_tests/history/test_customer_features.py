from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from crm_platform.forecast.origins import describe, look_back, plan_origins
from crm_platform.history import sales_to_come
from crm_platform_tests.oracles.known_histories import days_of, features_of, history_of
from crm_platform_tests.oracles.simulated_buyers import regular_buyer, simulate_buyers

AS_OF = dt.date(2022, 6, 30)


def _purchases(*rows: tuple[str, str, int, int]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["customer_id", "purchased_on", "sales_jpy", "returned_jpy"])
    return frame.assign(purchased_on=pd.to_datetime(frame["purchased_on"]))


def test_rhythm_is_that_of_the_plain_list_of_purchases():
    purchases = simulate_buyers(400, seed=1)
    features = features_of(purchases, AS_OF).set_index("customer_id")
    history = history_of(purchases, str(AS_OF)).set_index("customer_id")
    for name in ("purchase_days", "tenure_days", "gap_days", "cycle_days", "cycle_sd_days"):
        expected = history[name].to_numpy(dtype=float)
        assert features[name].to_numpy() == pytest.approx(expected, nan_ok=True), name
    assert (features["age_days"] == features["tenure_days"] + features["gap_days"]).all()


def test_no_yen_is_lost_and_windows_that_hold_everything_hold_the_sum():
    purchases = simulate_buyers(300, seed=2).assign(returned_jpy=lambda rows: rows["sales_jpy"] // 10)
    known = purchases[purchases["purchased_on"] <= pd.Timestamp(AS_OF)]
    features = describe(days_of(purchases), AS_OF, 2_000)
    assert features["standing_sales_jpy"].sum() == known["sales_jpy"].sum()
    assert features["returned_jpy"].sum() == known["returned_jpy"].sum()
    net = features["standing_sales_jpy"] - features["returned_jpy"]
    assert features["sales_term_jpy"].to_numpy() == pytest.approx(net.to_numpy())
    assert (features["sales_term_jpy"] == features["sales_two_terms_jpy"]).all()


def test_what_comes_after_the_as_of_date_changes_nothing():
    purchases = simulate_buyers(300, seed=3)
    past = purchases[purchases["purchased_on"] <= pd.Timestamp(AS_OF)]
    assert len(past) < len(purchases)
    pd.testing.assert_frame_equal(describe(days_of(purchases), AS_OF, 184), describe(days_of(past), AS_OF, 184))


def test_a_level_is_halved_by_each_half_life_and_a_credit_lowers_it():
    features = features_of(
        _purchases(
            ("A", "2022-06-30", 1_000, 0), ("A", "2021-12-28", 1_000, 0), ("B", "2022-06-30", 1_000, 0),
            ("B", "2021-12-28", 500, 300),
        ),
        AS_OF,
        184,
    ).set_index("customer_id")  # fmt: skip
    assert features["level_term_jpy"].tolist() == pytest.approx([1_500, 1_100])
    assert features["level_half_term_jpy"].tolist() == pytest.approx([1_250, 1_050])
    assert features["pace_term"].tolist() == pytest.approx([1.5, 1.5])
    assert features["sales_term_jpy"].tolist() == [1_000, 1_000]  # the first day of the window is 183 days ago


def test_the_same_term_of_last_year_is_the_one_that_lies_ahead_a_year_earlier():
    rows = [("A", str(AS_OF - dt.timedelta(days=ago)), 10**power, 0) for power, ago in enumerate((365, 364, 181, 180))]
    features = features_of(_purchases(*rows), AS_OF, 184)
    assert features["sales_same_term_last_year_jpy"].tolist() == [110]


def test_labels_begin_the_day_after_and_end_with_the_horizon():
    rows = [("A", str(AS_OF + dt.timedelta(days=after)), 10**power, 0) for power, after in enumerate((0, 1, 30, 31))]
    came = sales_to_come(days_of(_purchases(*rows)), AS_OF, 30).to_pandas()
    assert came[["sales_jpy", "purchase_days"]].values.tolist() == [[110, 2]]


def test_a_customer_who_only_cancelled_is_known_and_has_not_bought():
    purchases = _purchases(("A", "2022-01-01", 0, 0), ("B", "2022-02-01", 700, 0)).assign(
        orders=1, ordered_jpy=[900, 700]
    )
    features = describe(days_of(purchases), AS_OF, 184).set_index("customer_id")
    assert features["purchase_days"].tolist() == [0, 1]
    assert features["ordered_jpy"].tolist() == [900, 700]
    assert features["cancelled_orders"].tolist() == [1, 0]


def test_prices_times_a_hundred_change_amounts_alone():
    purchases = simulate_buyers(200, seed=4)
    dear = features_of(purchases.assign(sales_jpy=purchases["sales_jpy"] * 100), AS_OF)
    cheap = features_of(purchases, AS_OF)
    for name in cheap.select_dtypes("float64").columns:
        times = 100 if name.endswith("_jpy") else 1
        assert dear[name].to_numpy() == pytest.approx(times * cheap[name].to_numpy(), nan_ok=True, abs=1e-3), name


def test_every_origin_ends_its_term_by_the_as_of_date_and_has_a_past():
    first = dt.date(2020, 1, 1)
    origins = plan_origins(first, AS_OF, 184)
    assert origins[0] == AS_OF - dt.timedelta(days=184)
    assert len(origins) == 9
    assert origins == sorted(origins, reverse=True)
    assert origins[-1] == AS_OF - dt.timedelta(days=730)  # the same season as the term that lies ahead, once more
    assert plan_origins(AS_OF - dt.timedelta(days=244), AS_OF, 184) == []
    assert plan_origins(AS_OF - dt.timedelta(days=246), AS_OF, 184) == [AS_OF - dt.timedelta(days=184)]


def test_looking_back_pairs_each_buyer_with_what_came():
    purchases = pd.concat([simulate_buyers(200, seed=5), regular_buyer("REGULAR", 10, 60, "2022-06-25", 1_000)])
    origin = dt.date(2021, 12, 28)
    (found,) = look_back(days_of(purchases), [origin], 184)
    assert (found.features["purchase_days"] > 0).all()
    assert (found.features["customer_id"] == found.came["customer_id"]).all()
    regular = (found.features["customer_id"] == "REGULAR").to_numpy()
    assert found.came.loc[regular, "purchase_days"].tolist() == [18]
    after = purchases[(purchases["purchased_on"] > pd.Timestamp(origin)) & (purchases["purchased_on"] <= "2022-06-30")]
    known = after["customer_id"].isin(found.features["customer_id"])
    assert found.sales_jpy.sum() == after.loc[known, "sales_jpy"].sum()
    assert np.all(found.sales_jpy >= 0)
