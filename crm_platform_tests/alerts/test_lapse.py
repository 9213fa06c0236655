from __future__ import annotations

import datetime as dt
from functools import cache

import numpy as np
import pandas as pd
import pytest

from crm_platform.alerts import alert_candidates, alert_months, find_lapse_alerts, measure_alerts, shopping_alert
from crm_platform.alerts.listing.fall_days import fall_days
from crm_platform.alerts.listing.lapse import LONG_OVERDUE_RATE
from crm_platform.alerts.looking_back.outcome import area_under_curve, has_fallen
from crm_platform.clients import Settings
from crm_platform.forecast import FittedForecast, fit_forecast, forecast_buyers
from crm_platform.periods import Month, months_between
from crm_platform.tables.alerts import LAPSE_ALERTS
from crm_platform_tests.oracles.known_histories import days_of, features_of, sales_after
from crm_platform_tests.oracles.simulated_buyers import Truth, regular_buyer, simulate_buyers

AS_OF = dt.date(2022, 6, 30)
LIVELY = Truth(alpha=40, s=0.7, beta=400)


@cache
def _lively() -> pd.DataFrame:
    return simulate_buyers(1_200, 1, LIVELY)


@cache
def _model_of_the_lively() -> FittedForecast:
    return fit_forecast(days_of(_lively()), AS_OF, 184)


@cache
def _forecasts_of_the_lively() -> pd.DataFrame:
    return forecast_buyers(days_of(_lively()), _model_of_the_lively())


@cache
def _candidates_of_the_lively() -> pd.DataFrame:
    return alert_candidates(days_of(_lively()), _model_of_the_lively(), _forecasts_of_the_lively(), Settings())


def _candidates(*more: pd.DataFrame, settings: Settings | None = None) -> pd.DataFrame:
    """The candidates among the lively and some others, by the model of the lively."""
    if not more and settings is None:
        return _candidates_of_the_lively().copy()
    days = days_of(pd.concat([_lively(), *more]))
    forecasts = forecast_buyers(days, _model_of_the_lively()) if more else _forecasts_of_the_lively()
    return alert_candidates(days, _model_of_the_lively(), forecasts, settings or Settings())


def _alerts(*more: pd.DataFrame, settings: Settings | None = None) -> pd.DataFrame:
    return find_lapse_alerts(_candidates(*more, settings=settings), settings or Settings())


def test_upper_customers_are_the_best_share_of_all_buyers_who_bought_in_the_last_term():
    features = features_of(_lively(), AS_OF).set_index("customer_id")
    found = set(_candidates(settings=Settings(alert_top_share=0.2))["customer_id"])
    best = features["sales_two_terms_jpy"].nlargest(int(np.ceil(0.2 * len(features)))).index
    assert found == {customer for customer in best if features.loc[customer, "sales_term_jpy"] > 0}


def test_the_monthly_figures_count_the_same_upper_customers():
    months = months_between(Month(2020, 1), Month.of(AS_OF))
    told = alert_months(days_of(_lively()), months, AS_OF, Settings(), [])
    assert told["upper_closing"][-1].as_py() == len(_candidates())


def test_equal_silence_alarms_for_the_cycle_of_30_days_and_not_for_120():
    monthly = regular_buyer("CYCLE030", 30, 24, "2022-05-01", 10_000)
    quarterly = regular_buyer("CYCLE120", 120, 6, "2022-05-01", 40_000)
    found = _candidates(monthly, quarterly).set_index("customer_id")
    short, long = found.loc["CYCLE030"], found.loc["CYCLE120"]
    assert short["gap_days"] == long["gap_days"] == 60
    assert short["days_beyond_cycle"] > 0 > long["days_beyond_cycle"]
    assert short["reason"] == "beyond_own_cycle"
    alerted = set(_alerts(monthly, quarterly)["customer_id"])
    assert "CYCLE030" in alerted
    assert "CYCLE120" not in alerted


def test_the_reason_told_is_true_of_the_customer():
    found = dict(list(_candidates().groupby("reason")))
    level = found["falling_level"]
    assert (level["expected_sales_jpy"] < level["sales_6m_jpy"]).all()
    late = pd.concat([group for reason, group in found.items() if reason in ("beyond_own_cycle", "likely_stopped")])
    assert (late["days_beyond_cycle"] > 0).all()
    assert (found["like_the_fallen"]["days_beyond_cycle"] <= 0).mean() > 0.9  # early, or hardly late: no sign to name


def test_a_silent_top_customer_is_alerted_within_one_cycle_and_on_schedule_never():
    """Cycles from two weeks to two months, each a top customer, looked at on every third day of two cycles."""
    false_alarms, looks = 0, 0
    for cycle in (14, 30, 45, 60):
        watched = {
            f"W{cycle}-{gap}": regular_buyer(
                f"W{cycle}-{gap}", cycle, 720 // cycle, str(AS_OF - dt.timedelta(gap)), 900 * cycle
            )
            for gap in range(0, 2 * cycle + 1, 3)
        }
        alerted = set(_alerts(*watched.values())["customer_id"])
        on_schedule = [name for name in watched if int(name.split("-")[1]) <= cycle]
        false_alarms += sum(name in alerted for name in on_schedule)
        looks += len(on_schedule)
        late = [name for name in watched if int(name.split("-")[1]) >= 2 * cycle - 2]
        assert late
        assert set(late) <= alerted
    assert looks > 50
    assert false_alarms == 0


def test_no_single_recency_threshold_reproduces_the_list():
    candidates, alerted = _candidates().set_index("customer_id"), set(_alerts()["customer_id"])
    gap = candidates["gap_days"]
    assert alerted
    assert all(set(gap.index[gap >= threshold]) != alerted for threshold in sorted(set(gap)))
    assert gap[~gap.index.isin(alerted)].max() > gap[gap.index.isin(alerted)].min()


def test_planted_risk_comes_true():
    found = _candidates()
    fallen = has_fallen(found, sales_after(_lively(), str(AS_OF), 184))
    assert len(found) > 250
    assert fallen.mean() == pytest.approx(found["lapse_risk"].mean(), abs=0.06)
    half = (found["lapse_risk"] > found["lapse_risk"].median()).to_numpy()
    assert fallen[half].mean() > fallen[~half].mean() + 0.1
    for inside in (half, ~half):
        assert fallen[inside].mean() == pytest.approx(found.loc[inside, "lapse_risk"].mean(), abs=0.09)


def test_expected_loss_lies_between_half_the_level_and_the_level_times_the_risk():
    found = _candidates()
    at_stake = found["lapse_risk"] * found["sales_6m_jpy"]
    assert (found["expected_loss_jpy"] <= at_stake + 1e-6).all()
    assert (found["expected_loss_jpy"] >= 0.5 * at_stake - 1e-6).all()


def test_alerts_have_a_sign_and_pay_for_the_contact():
    candidates, alerts = _candidates(), _alerts()
    assert 0 < len(alerts) < len(candidates)
    sign = (alerts["lapse_risk"] > candidates["lapse_risk"].mean()) | (alerts["overdue_rate"] >= LONG_OVERDUE_RATE)
    assert sign.all()
    assert alerts["expected_loss_jpy"].is_monotonic_decreasing
    dear = _alerts(settings=Settings(alert_unit_cost_jpy=1_000))
    assert set(dear["customer_id"]) < set(alerts["customer_id"])
    assert (dear["expected_loss_jpy"] > 20_000).all()


def test_a_wanted_number_of_targets_takes_the_largest_expected_losses():
    late = _candidates().query("not is_on_schedule")
    alerts = _alerts(settings=Settings(alert_targets=50))
    assert alerts["customer_id"].tolist() == late["customer_id"].head(50).tolist()
    assert len(_alerts(settings=Settings(alert_targets=7_000))) == len(late)


def test_same_day_and_data_give_the_same_alerts_whatever_the_order_of_rows_and_whatever_comes_later():
    model = _model_of_the_lively()
    later = pd.DataFrame({"customer_id": ["C000001"], "purchased_on": pd.Timestamp("2022-07-01"), "sales_jpy": [9_999]})
    tables = [
        shopping_alert(days, model, forecast_buyers(days, model), Settings())
        for days in (days_of(_lively()), days_of(pd.concat([_lively().sample(frac=1, random_state=2), later])))
    ]
    assert tables[0].num_rows > 0
    assert tables[0].equals(tables[1])


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
    days = days_of(purchases)
    model = fit_forecast(days, AS_OF, 184)
    forecasts = forecast_buyers(days, model)
    for settings in (Settings(), Settings(alert_targets=7_000)):
        table = shopping_alert(days, model, forecasts, settings)
        assert LAPSE_ALERTS.faults(table) == []


def test_a_customer_falls_on_the_day_that_takes_away_the_half_of_the_level():
    """Sales of 40, 30 and 30 leave the term one by one: with the second, less than half is left."""
    bought = [("A", "2022-01-10", 40), ("A", "2022-03-10", 30), ("A", "2022-06-10", 30), ("B", "2022-06-30", 5)]
    purchases = pd.DataFrame(bought, columns=["customer_id", "purchased_on", "sales_jpy"])
    purchases["purchased_on"] = pd.to_datetime(purchases["purchased_on"])
    found = fall_days(days_of(purchases), pd.Series(["B", "A", "NOBODY"]), AS_OF, 184).set_index("customer_id")
    assert found["falls_on"].to_dict() == {"A": dt.date(2022, 9, 10), "B": dt.date(2022, 12, 31)}


def test_every_alerted_customer_falls_within_a_term_of_silence():
    model, days = _model_of_the_lively(), days_of(_lively())
    falls_on = shopping_alert(days, model, _forecasts_of_the_lively(), Settings())["falls_on"].to_pylist()
    assert all(AS_OF < day <= AS_OF + dt.timedelta(days=184) for day in falls_on)


def test_outcome_counts_the_fallen_beside_the_natural_fall():
    candidates = pd.DataFrame(
        {
            "customer_id": list("ABCD"),
            "lapse_risk": [0.9, 0.8, 0.2, 0.1],
            "sales_6m_jpy": [100] * 4,
            "gap_days": [1, 2, 3, 4],
            "cycle_days": [1.0, 2.0, 3.0, 1.0],
            "p_active": [0.1, 0.2, 0.3, 0.4],
            "expected_sales_jpy": [50.0, 50.0, 50.0, 50.0],
        }
    )
    sales = pd.Series({"A": 49, "B": 50, "C": 400})
    outcome = measure_alerts(candidates, candidates.head(1), sales)
    signs = outcome.pop("signs")
    assert outcome == {
        "candidates": 4,
        "alerted": 1,
        "natural_fall_rate": 0.5,
        "alerted_fall_rate": 1.0,
        "other_fall_rate": 1 / 3,
        "expected_fall_rate": 0.5,
        "false_alarm_rate": 0.0,
        "auc": 0.5,
        "first_tenth_fall_rate": 1.0,
    }
    assert signs["recency"] == {"auc": 0.5, "first_tenth_fall_rate": 1.0}
    assert signs["overdue_ratio"]["auc"] == 0.75  # D lies above B and C, A ties with both
    assert signs["recent_to_expected"]["auc"] == 0.5
    assert area_under_curve(np.array([3.0, 2, 1]), np.array([True, False, False])) == 1
    assert area_under_curve(np.array([1.0, 1.0]), np.array([True, True])) is None


def test_nobody_is_alerted_for_a_risk_that_cannot_be_told_from_that_of_the_group():
    alike = _candidates().assign(is_on_schedule=False, overdue_rate=0.0, expected_loss_jpy=1e6)
    alike["lapse_risk"] = np.linspace(0.9976, 0.9984, len(alike))
    assert find_lapse_alerts(alike, Settings()).empty
    alike.loc[0, "lapse_risk"] = 1.0
    assert len(find_lapse_alerts(alike, Settings())) == 1
