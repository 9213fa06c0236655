from __future__ import annotations

import datetime as dt
import json
from functools import cache

import numpy as np
import pandas as pd
import pytest

from crm_platform.forecast import FittedForecast, fit_forecast, forecast, forecast_customers, forecast_everyone
from crm_platform.forecast.never_bought import observe_never_bought
from crm_platform.forecast.notes import Note
from crm_platform.tables.analyses import CUSTOMER_HISTORY, FORECASTS
from crm_platform_tests.oracles.known_histories import days_of, history_of, sales_after
from crm_platform_tests.oracles.simulated_buyers import regular_buyer, simulate_buyers

AS_OF = "2022-06-30"
DAY = dt.date(2022, 6, 30)


def _purchases(*rows: tuple[str, str, int]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["customer_id", "purchased_on", "sales_jpy"])
    return frame.assign(purchased_on=pd.to_datetime(frame["purchased_on"]))


def _fit(purchases: pd.DataFrame) -> FittedForecast:
    return fit_forecast(days_of(purchases), DAY, 184)


@cache
def _drawn(customers: int, seed: int) -> tuple[pd.DataFrame, FittedForecast]:
    """Drawn buyers and their model; several tests ask it, none changes it."""
    purchases = simulate_buyers(customers, seed=seed)
    return purchases, _fit(purchases)


def _forecast(purchases: pd.DataFrame, model: FittedForecast | None = None) -> pd.DataFrame:
    return forecast_customers(days_of(purchases), model or _fit(purchases)).set_index("customer_id")


def _everyone(history: pd.DataFrame, purchases: pd.DataFrame, model: FittedForecast) -> pd.DataFrame:
    days = days_of(purchases)
    return forecast_everyone(history, forecast_customers(days, model), model).to_pandas().set_index("customer_id")


TINY_CLIENTS = {
    "one customer, one purchase": _purchases(("A", "2022-01-05", 5_000)),
    "one purchase on the as-of date": _purchases(("A", AS_OF, 5_000)),
    "nobody bought twice": _purchases(*((f"C{n}", f"2022-0{1 + n % 6}-10", 3_000 + n) for n in range(200))),
    "all on one day": _purchases(*((f"C{n}", "2022-06-01", 3_000) for n in range(80))),
    "one regular customer": regular_buyer("A", 30, 24, "2022-06-20", 4_980),
    "the same amount for all": pd.concat(
        [regular_buyer(f"C{n}", 20 + n, 2 + n % 5, "2022-06-01", 3_980) for n in range(120)]
    ),
    "everything sent back": _purchases(("A", "2022-01-05", 5_000), ("B", "2022-02-05", 100)).assign(
        returned_jpy=[9_000, 100]
    ),
    "only credits": _purchases(("A", "2022-01-05", 0)).assign(returned_jpy=[700]),
    "one customer is a wholesaler": pd.concat(
        [regular_buyer(f"C{n}", 30, 3, "2022-05-01", 1_000) for n in range(60)]
        + [regular_buyer("W", 2, 300, "2022-06-29", 90_000_000)]
    ),
}


@pytest.mark.parametrize("client", TINY_CLIENTS)
def test_any_client_gets_a_sound_forecast(client):
    purchases = TINY_CLIENTS[client]
    history, days, model = history_of(purchases, AS_OF), days_of(purchases), _fit(purchases)
    rows = forecast_everyone(history, forecast_customers(days, model), model)
    frame = rows.to_pandas()
    assert FORECASTS.faults(rows) == []
    assert np.isfinite(frame.drop(columns=["customer_id", "expected_profit_jpy"]).to_numpy()).all()
    assert (frame["retention_power_rate"] <= frame["p_active"] + 1e-12).all()
    assert (frame["sales_p10_jpy"] <= frame["sales_p90_jpy"]).all()
    parts = frame["expected_subscription_sales_jpy"] + frame["expected_one_off_sales_jpy"]
    assert parts.to_numpy() == pytest.approx(frame["expected_sales_jpy"].to_numpy())


def test_few_repeaters_are_said_and_nothing_is_fitted():
    model = _fit(TINY_CLIENTS["one regular customer"])
    assert model.experts.boosted is None
    assert Note("few_repeaters", {"repeaters": 1, "fewest": 50}) in model.notes


def test_planted_future_is_foreseen_in_sum_and_by_class():
    purchases = simulate_buyers(5_000, seed=8)
    forecasts = _forecast(purchases)
    actual = sales_after(purchases, AS_OF, 184).reindex(forecasts.index).fillna(0)
    assert forecasts["expected_sales_jpy"].sum() == pytest.approx(actual.sum(), rel=0.08)
    tenth = np.ceil(forecasts["expected_sales_jpy"].rank(pct=True) * 5)
    assert actual.groupby(tenth).mean().is_monotonic_increasing
    bought = actual > 0
    assert forecasts["retention_power_rate"].mean() == pytest.approx(bought.mean(), abs=0.01)
    assert forecasts["profitability_jpy"].sum() == pytest.approx(actual.sum(), rel=0.1)
    power = forecasts.loc[bought, "purchasing_power_jpy"].mean()
    assert power == pytest.approx(actual[bought].mean(), rel=0.1)


def test_profitability_is_retention_power_times_purchasing_power():
    forecasts = _forecast(*_drawn(300, 9))
    product = forecasts["retention_power_rate"] * forecasts["purchasing_power_jpy"]
    assert forecasts["profitability_jpy"].to_numpy() == pytest.approx(product.to_numpy())


def test_cancelling_an_order_leaves_purchasing_power_and_lowers_expected_sales():
    whole = simulate_buyers(400, seed=2).assign(orders=1, ordered_jpy=lambda rows: rows["sales_jpy"])
    known = whole[whole["purchased_on"] <= AS_OF]
    cancelled = known.loc[known.groupby("customer_id")["sales_jpy"].transform("size").idxmax(), "customer_id"]
    less = whole.copy()
    less.loc[known[known["customer_id"] == cancelled].index[-1], "sales_jpy"] = 0
    before, after = _forecast(whole), _forecast(less)
    assert after["purchasing_power_jpy"].equals(before["purchasing_power_jpy"])
    assert after.loc[cancelled, "expected_sales_jpy"] < before.loc[cancelled, "expected_sales_jpy"]


def test_prices_times_a_hundred_give_sales_times_a_hundred_and_the_same_chances():
    purchases = simulate_buyers(600, seed=3)
    dear = purchases.assign(sales_jpy=purchases["sales_jpy"] * 100)
    cheap, costly = _forecast(purchases), _forecast(dear)
    assert costly["p_active"].to_numpy() == pytest.approx(cheap["p_active"].to_numpy(), abs=0.05)
    assert costly["purchasing_power_jpy"].to_numpy() == pytest.approx(100 * cheap["purchasing_power_jpy"].to_numpy())
    sales = pd.DataFrame({"cheap": cheap["expected_sales_jpy"], "costly": costly["expected_sales_jpy"] / 100})
    assert sales["costly"].sum() == pytest.approx(sales["cheap"].sum(), rel=1e-3)
    assert sales.corr("spearman").iloc[0, 1] > 0.999


def test_order_of_rows_changes_no_byte():
    purchases = simulate_buyers(500, seed=4)
    shuffled = purchases.sample(frac=1, random_state=1)
    first, second = _fit(purchases), _fit(shuffled)
    assert first == second
    pd.testing.assert_frame_equal(_forecast(purchases, first), _forecast(shuffled, second), check_exact=True)


def test_what_comes_after_the_as_of_date_changes_no_byte():
    purchases, model = _drawn(500, 5)
    past = purchases[purchases["purchased_on"] <= AS_OF]
    assert len(past) < len(purchases)
    assert _fit(past) == model


def test_a_customer_alone_is_forecast_as_among_all(monkeypatch):
    purchases, model = _drawn(500, 5)
    everyone = _forecast(purchases, model)
    alone = _forecast(purchases[purchases["customer_id"] == everyone.index[-1]], model)
    assert alone.iloc[0, 1:].to_numpy(float) == pytest.approx(everyone.iloc[-1, 1:].to_numpy(float), rel=1e-12)
    monkeypatch.setattr(forecast, "CUSTOMERS_AT_ONCE", 150)
    pd.testing.assert_frame_equal(_forecast(purchases, model), everyone)


def test_model_survives_json():
    _, model = _drawn(300, 9)
    assert FittedForecast.from_json(json.loads(json.dumps(model.to_json(), allow_nan=False))) == model


def test_own_returns_weigh_on_expected_sales():
    purchases = simulate_buyers(400, seed=7).assign(returned_jpy=0)
    twins = [regular_buyer(name, 30, 12, "2022-06-20", 5_000).assign(returned_jpy=0) for name in ("KEEPS", "RETURNS")]
    twins[1]["returned_jpy"] = [0, 5_000] * 6
    forecasts = _forecast(pd.concat([purchases, *twins]))["expected_sales_jpy"]
    assert 0 < forecasts["RETURNS"] < 0.8 * forecasts["KEEPS"]


def _with_waiting_customers(waiting: int, who_then_bought: int) -> pd.DataFrame:
    history = history_of(_drawn(300, 9)[0], AS_OF)
    template = history_of(_purchases(("A", "2022-03-15", 4_000)), AS_OF).iloc[0]
    rows = []
    for number in range(waiting):
        row = template.copy()
        row["customer_id"], row["registered_on"] = f"W{number:03d}", pd.Timestamp("2021-05-01")
        if number >= who_then_bought:
            row[["first_purchased_on", "last_purchased_on"]] = pd.NaT
            row[["purchase_days", "orders", "standing_orders"]] = 0
            row[["sales_jpy", "sales_6m_jpy", "sales_12m_jpy", "ordered_jpy", "ordered_6m_jpy"]] = 0
            row["gap_days"] = 425
        rows.append(row)
    joined = pd.concat([history, pd.DataFrame(rows)], ignore_index=True)
    return CUSTOMER_HISTORY.from_pandas(joined).to_pandas()


def test_who_never_bought_is_expected_to_do_what_such_customers_did():
    history = _with_waiting_customers(waiting=100, who_then_bought=10)
    observed = observe_never_bought(history)
    assert (observed.customers, observed.purchase_rate, observed.sales_jpy) == (100, 0.1, 400.0)
    forecasts = _everyone(history, *_drawn(300, 9))
    assert forecasts.loc["W050", "retention_power_rate"] == pytest.approx(0.1, abs=0.002)
    assert forecasts.loc["W050", "expected_sales_jpy"] == pytest.approx(400, rel=0.02)


def test_nothing_is_expected_where_too_few_never_bought():
    history = _with_waiting_customers(waiting=5, who_then_bought=4)
    forecasts = _everyone(history, *_drawn(300, 9))
    assert forecasts.loc["W004", "expected_sales_jpy"] == 0


def test_a_client_without_a_line_is_refused_in_words():
    with pytest.raises(ValueError, match="at least one customer"):
        _fit(TINY_CLIENTS["one regular customer"].head(0))
