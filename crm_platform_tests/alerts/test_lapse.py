from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pytest

from crm_platform.alerts import find_lapse_alerts, lapse_candidates, lapse_risk, measure_alerts, split_test_and_control
from crm_platform.alerts.outcome import area_under_curve, has_fallen
from crm_platform.clients import Settings
from crm_platform.forecast import fit_forecast, forecast_customers
from crm_platform.forecast.pareto_nbd import probability_of_purchase
from crm_platform.forecast.spending import fit_spending
from crm_platform.tables.analyses import LAPSE_ALERTS
from crm_platform_tests.oracles.known_histories import days_of, features_of, online_retail, sales_after
from crm_platform_tests.oracles.simulated_buyers import Truth, regular_buyer, simulate_buyers

AS_OF = "2022-06-30"
LIVELY = Truth(alpha=40, s=0.7, beta=400)


def _client(*more: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([_lively(), *more]) if more else _lively()


@cache
def _lively() -> pd.DataFrame:
    return simulate_buyers(1_200, 1, LIVELY)


def _forecast(purchases: pd.DataFrame) -> pd.DataFrame:
    return _of_the_lively() if purchases is _lively() else _anew(purchases)


@cache
def _of_the_lively() -> pd.DataFrame:
    return _anew(_lively())


def _anew(purchases: pd.DataFrame) -> pd.DataFrame:
    days = days_of(purchases)
    return forecast_customers(days, fit_forecast(days, pd.Timestamp(AS_OF).date(), 184))


def _candidates(purchases: pd.DataFrame, settings: Settings | None = None) -> pd.DataFrame:
    features = features_of(purchases, AS_OF)
    found = lapse_candidates(features, _forecast(purchases), settings or Settings(), fit_spending(features), 184)
    return found.set_index("customer_id")


def _alerts(purchases: pd.DataFrame, settings: Settings | None = None) -> pd.DataFrame:
    features = features_of(purchases, AS_OF)
    return find_lapse_alerts(features, _forecast(purchases), settings or Settings(), fit_spending(features), 184)


def test_candidates_are_the_best_share_of_recent_buyers():
    features = features_of(_client(), AS_OF)
    recent = features[features["sales_term_jpy"] > 0]
    found = _candidates(_client(), Settings(alert_top_share=0.2))
    assert len(found) == int(np.ceil(0.2 * len(recent)))
    left_out = recent[~recent["customer_id"].isin(found.index)]
    chosen = recent[recent["customer_id"].isin(found.index)]
    assert chosen["sales_two_terms_jpy"].min() >= left_out["sales_two_terms_jpy"].max()


def test_equal_silence_alarms_for_the_cycle_of_30_days_and_not_for_120():
    monthly = regular_buyer("CYCLE030", 30, 24, "2022-05-01", 10_000)
    quarterly = regular_buyer("CYCLE120", 120, 6, "2022-05-01", 40_000)
    found = _candidates(_client(monthly, quarterly))
    short, long = found.loc["CYCLE030"], found.loc["CYCLE120"]
    assert short["gap_days"] == long["gap_days"] == 60
    assert short["days_beyond_cycle"] > 0 > long["days_beyond_cycle"]
    assert abs(short["lapse_risk"] - long["lapse_risk"]) > 0.02
    chance = _forecast(_client(monthly, quarterly)).set_index("customer_id")["p_active"]
    assert chance["CYCLE030"] < chance["CYCLE120"] - 0.02


def test_no_single_recency_threshold_reproduces_the_list():
    history = _client()
    candidates, alerted = _candidates(history), set(_alerts(history)["customer_id"])
    gap = candidates["gap_days"]
    assert alerted
    assert all(set(gap.index[gap >= threshold]) != alerted for threshold in sorted(set(gap)))
    assert gap[~gap.index.isin(alerted)].max() > gap[gap.index.isin(alerted)].min()


def test_planted_risk_comes_true():
    purchases = simulate_buyers(5_000, 5, LIVELY)
    found = _candidates(purchases).reset_index()
    fallen = has_fallen(found, sales_after(purchases, AS_OF, 184))
    assert fallen.mean() == pytest.approx(found["lapse_risk"].mean(), abs=0.03)
    third = pd.qcut(found["lapse_risk"], 3, labels=False)
    for number in range(3):
        inside = (third == number).to_numpy()
        assert fallen[inside].mean() == pytest.approx(found.loc[inside, "lapse_risk"].mean(), abs=0.05)


def test_silence_raises_the_risk():
    risks = []
    model = fit_spending(features_of(_client(), AS_OF))
    for last_on in ("2022-06-25", "2022-05-25", "2022-04-25", "2022-03-25"):
        watched = features_of(regular_buyer("WATCHED", 14, 30, last_on, 10_000), AS_OF)
        level = watched.assign(sales_term_jpy=100_000)  # the same level to fall from
        risks.append(float(lapse_risk(level, model, 184)[0]))
    assert risks == sorted(risks)
    assert risks[-1] > risks[0] + 0.2


def test_without_recent_sales_the_risk_is_that_of_buying_nothing():
    features = features_of(_client(), AS_OF)
    silent = features[features["sales_term_jpy"] == 0]
    model = fit_spending(features)
    x, t_x, age = silent["purchase_days"] - 1, silent["tenure_days"], silent["age_days"]
    retention = probability_of_purchase(model.purchases.pareto, x.to_numpy(), t_x.to_numpy(), age.to_numpy(), 184)
    assert lapse_risk(silent, model, 184) == pytest.approx(1 - retention)


def test_expected_loss_lies_between_half_the_level_and_the_level_times_the_risk():
    found = _candidates(_client())
    at_stake = found["lapse_risk"] * found["sales_6m_jpy"]
    assert (found["expected_loss_jpy"] <= at_stake + 1e-6).all()
    assert (found["expected_loss_jpy"] >= 0.5 * at_stake - 1e-6).all()


def test_alerts_pass_the_natural_fall_and_pay_for_the_contact():
    history = _client()
    candidates, alerts = _candidates(history), _alerts(history)
    assert 0 < len(alerts) < len(candidates)
    assert (alerts["lapse_risk"] > candidates["lapse_risk"].mean()).all()
    assert alerts["expected_loss_jpy"].is_monotonic_decreasing
    dear = _alerts(history, Settings(alert_unit_cost_jpy=1_000))
    assert set(dear["customer_id"]) < set(alerts["customer_id"])
    assert (dear["expected_loss_jpy"] > 20_000).all()


def test_a_wanted_number_of_targets_takes_the_largest_expected_losses():
    history = _client()
    alerts = _alerts(history, Settings(alert_targets=50))
    assert alerts["customer_id"].tolist() == _candidates(history).head(50).index.tolist()


def test_same_day_and_data_give_the_same_alerts_whatever_the_order_of_rows():
    history = _client()
    pd.testing.assert_frame_equal(_alerts(history), _alerts(history.sample(frac=1, random_state=2)))


@pytest.mark.parametrize(
    "purchases",
    [
        regular_buyer("A", 30, 1, "2022-06-01", 5_000),
        regular_buyer("A", 30, 1, "2020-06-01", 5_000),
        regular_buyer("A", 1, 180, "2022-06-29", 1),
        pd.concat([regular_buyer(f"C{n:03d}", 30, 1 + n % 3, "2022-06-01", 3_000) for n in range(100)]),
    ],
)
def test_any_client_gets_a_sound_alert_table(purchases):
    for settings in (Settings(), Settings(alert_targets=7_000)):
        table = split_test_and_control(_alerts(purchases, settings), seed=1)
        assert LAPSE_ALERTS.faults(table) == []


def test_outcome_counts_the_fallen_beside_the_natural_fall():
    candidates = pd.DataFrame(
        {"customer_id": list("ABCD"), "lapse_risk": [0.9, 0.8, 0.2, 0.1], "sales_6m_jpy": [100, 100, 100, 100]}
    )
    sales = pd.Series({"A": 49, "B": 50, "C": 400})
    outcome = measure_alerts(candidates, candidates.head(2), sales)
    assert outcome == {
        "candidates": 4,
        "alerted": 2,
        "natural_fall_rate": 0.5,
        "alerted_fall_rate": 0.5,
        "other_fall_rate": 0.5,
        "expected_fall_rate": 0.5,
        "auc": 0.5,
        "first_tenth_fall_rate": 1.0,
    }
    assert area_under_curve(np.array([3.0, 2, 1]), np.array([True, False, False])) == 1
    assert area_under_curve(np.array([1.0, 1.0]), np.array([True, True])) is None


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("data", "as_of"),
    [(online_retail, "2011-06-11")],
)
def test_real_customers_who_were_alerted_fell_more_often_and_recency_tells_less(data, as_of):
    purchases = data()
    days, day = days_of(purchases), pd.Timestamp(as_of).date()
    model = fit_forecast(days, day, 182)
    told = features_of(purchases, as_of, 182), forecast_customers(days, model), Settings(), model.experts.spending, 182
    candidates, alerts = lapse_candidates(*told), find_lapse_alerts(*told)
    sales = sales_after(purchases, as_of, 182)
    outcome = measure_alerts(candidates, alerts, sales)
    assert outcome["alerted_fall_rate"] > outcome["natural_fall_rate"] > outcome["other_fall_rate"]
    by_recency = area_under_curve(candidates["gap_days"].to_numpy(float), has_fallen(candidates, sales))
    assert outcome["auc"] > by_recency
