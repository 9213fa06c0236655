from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from crm_platform.forecast import FittedForecast, fit_forecast, forecast_customers
from crm_platform.forecast.never_bought import observe_never_bought
from crm_platform.tables.analyses import CUSTOMER_HISTORY, FORECASTS
from crm_platform_tests.oracles.known_histories import history_of, sales_after
from crm_platform_tests.oracles.simulated_buyers import regular_buyer, simulate_buyers

AS_OF = "2022-06-30"


def _purchases(*rows: tuple[str, str, int]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["customer_id", "purchased_on", "sales_jpy"])
    return frame.assign(purchased_on=pd.to_datetime(frame["purchased_on"]))


def _forecast(history: pd.DataFrame, days: int = 184) -> pd.DataFrame:
    return forecast_customers(history, fit_forecast(history), days).to_pandas().set_index("customer_id")


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
    history = history_of(TINY_CLIENTS[client], AS_OF)
    assert CUSTOMER_HISTORY.faults(CUSTOMER_HISTORY.from_pandas(history)) == []
    rows = forecast_customers(history, fit_forecast(history), 184)
    frame = rows.to_pandas()
    assert FORECASTS.faults(rows) == []
    assert np.isfinite(frame.drop(columns="customer_id").to_numpy()).all()
    assert (frame["retention_power_rate"] <= frame["p_active"] + 1e-12).all()


def test_few_repeaters_are_said_and_nothing_is_fitted():
    model = fit_forecast(history_of(TINY_CLIENTS["one regular customer"], AS_OF))
    assert not model.purchases.converged
    assert "Only 1 customers bought twice" in model.notes[0]


def test_planted_future_is_foreseen_in_sum_and_by_class():
    purchases = simulate_buyers(8_000, seed=8)
    history = history_of(purchases, AS_OF)
    forecasts = _forecast(history, 184)
    actual = sales_after(purchases, AS_OF, 184).reindex(forecasts.index).fillna(0)
    assert forecasts["expected_sales_jpy"].sum() == pytest.approx(actual.sum(), rel=0.05)
    tenth = np.ceil(forecasts["expected_sales_jpy"].rank(pct=True) * 5)
    assert actual.groupby(tenth).mean().is_monotonic_increasing
    bought = actual > 0
    assert forecasts["retention_power_rate"].mean() == pytest.approx(bought.mean(), abs=0.01)
    assert forecasts["profitability_jpy"].sum() == pytest.approx(actual.sum(), rel=0.1)
    power = forecasts.loc[bought, "purchasing_power_jpy"].mean()
    assert power == pytest.approx(actual[bought].mean(), rel=0.1)


def test_profitability_is_retention_power_times_purchasing_power():
    forecasts = _forecast(history_of(simulate_buyers(300, seed=1), AS_OF))
    product = forecasts["retention_power_rate"] * forecasts["purchasing_power_jpy"]
    assert forecasts["profitability_jpy"].to_numpy() == pytest.approx(product.to_numpy())


def test_cancelling_an_order_leaves_purchasing_power_and_lowers_expected_sales():
    purchases = simulate_buyers(400, seed=2)
    whole = history_of(purchases, AS_OF)
    cancelled = whole.loc[whole["purchase_days"].idxmax(), "customer_id"]
    own = purchases[(purchases["customer_id"] == cancelled) & (purchases["purchased_on"] <= AS_OF)]
    less = history_of(purchases.drop(own.index[-1]), AS_OF)
    assert (less["customer_id"] == whole["customer_id"]).all()
    placed = ["orders", "ordered_jpy", "ordered_6m_jpy", "registered_on"]
    less[placed] = whole[placed]
    before, after = _forecast(whole), _forecast(less)
    assert after["purchasing_power_jpy"].equals(before["purchasing_power_jpy"])
    assert after.loc[cancelled, "expected_sales_jpy"] < before.loc[cancelled, "expected_sales_jpy"]


def test_prices_times_ten_give_sales_times_ten_and_the_same_chances():
    purchases = simulate_buyers(600, seed=3)
    dear = purchases.assign(sales_jpy=purchases["sales_jpy"] * 10)
    cheap, costly = _forecast(history_of(purchases, AS_OF)), _forecast(history_of(dear, AS_OF))
    assert costly["retention_power_rate"].equals(cheap["retention_power_rate"])
    for name in ("expected_sales_jpy", "purchasing_power_jpy"):
        assert costly[name].to_numpy() == pytest.approx(10 * cheap[name].to_numpy(), rel=1e-3)


def test_order_of_rows_changes_no_byte():
    history = history_of(simulate_buyers(500, seed=4), AS_OF)
    shuffled = history.sample(frac=1, random_state=1)
    first, second = fit_forecast(history), fit_forecast(shuffled)
    assert first == second
    assert forecast_customers(history, first, 184).equals(forecast_customers(shuffled, second, 184))


def test_a_customer_alone_is_forecast_as_among_all():
    history = history_of(simulate_buyers(500, seed=5), AS_OF)
    model = fit_forecast(history)
    everyone = forecast_customers(history, model, 184).to_pandas().set_index("customer_id")
    alone = forecast_customers(history.tail(1), model, 184).to_pandas().set_index("customer_id")
    assert alone.iloc[0].to_numpy() == pytest.approx(everyone.loc[alone.index[0]].to_numpy(), rel=1e-12)


def test_model_survives_json():
    model = fit_forecast(history_of(simulate_buyers(300, seed=6), AS_OF))
    assert FittedForecast.from_json(json.loads(json.dumps(model.to_json(), allow_nan=False))) == model


def test_own_returns_weigh_on_expected_sales():
    purchases = simulate_buyers(400, seed=7).assign(returned_jpy=0)
    twins = [regular_buyer(name, 30, 12, "2022-06-20", 5_000).assign(returned_jpy=0) for name in ("KEEPS", "RETURNS")]
    twins[1]["returned_jpy"] = [0, 5_000] * 6
    forecasts = _forecast(history_of(pd.concat([purchases, *twins]), AS_OF))["expected_sales_jpy"]
    assert 0 < forecasts["RETURNS"] < 0.8 * forecasts["KEEPS"]


def _with_waiting_customers(waiting: int, who_then_bought: int) -> pd.DataFrame:
    history = history_of(simulate_buyers(300, seed=9), AS_OF)
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
    forecasts = _forecast(history, 184)
    assert forecasts.loc["W050", "retention_power_rate"] == pytest.approx(0.1, abs=0.002)
    assert forecasts.loc["W050", "expected_sales_jpy"] == pytest.approx(400, rel=0.02)


def test_nothing_is_expected_where_too_few_never_bought():
    history = _with_waiting_customers(waiting=5, who_then_bought=4)
    forecasts = _forecast(history)
    assert forecasts.loc["W004", "expected_sales_jpy"] == 0
    assert "Too few were on file" in fit_forecast(history).notes[-1]


def test_an_empty_history_is_refused_in_words():
    with pytest.raises(ValueError, match="at least one customer"):
        fit_forecast(history_of(TINY_CLIENTS["one regular customer"], AS_OF).head(0))
