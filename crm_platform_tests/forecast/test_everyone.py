"""Everyone on file has a forecast: buyers their own, others that of such customers; profit where costs are known."""

from __future__ import annotations

import datetime as dt
import json
from functools import lru_cache

import numpy as np
import pandas as pd
import pytest

from crm_platform.forecast import FittedForecast, fit_forecast, forecast_customers, forecast_everyone
from crm_platform.forecast.everyone import HALF_YEAR_DAYS
from crm_platform.forecast.never_bought import NeverBought, observe_never_bought
from crm_platform.tables.analyses import CUSTOMER_HISTORY, FORECASTS
from crm_platform_tests.oracles.known_histories import days_of, history_of
from crm_platform_tests.oracles.simulated_buyers import simulate_buyers

AS_OF = "2022-06-30"
WAITING, BOUGHT_SINCE, SALES_JPY = 40, 8, 5_000  # of those who waited six months ago: one in five bought for so much


@lru_cache
def _client(horizon_days: int = 184) -> tuple[pd.DataFrame, pd.DataFrame, FittedForecast]:
    """CUSTOMER_HISTORY, what buyers are forecast, and the model; `W…` registered long ago and never bought before."""
    purchases = simulate_buyers(250, seed=9)
    history = history_of(purchases, AS_OF)
    waiting = pd.concat([history.head(1)] * WAITING, ignore_index=True)
    waiting = waiting.assign(
        customer_id=[f"W{number:02d}" for number in range(WAITING)], registered_on=pd.Timestamp("2021-05-01")
    )
    since = np.arange(WAITING) < BOUGHT_SINCE
    for name in ("purchase_days", "orders", "standing_orders"):
        waiting[name] = since.astype("int64")
    for name in ("sales_jpy", "sales_6m_jpy", "sales_12m_jpy", "ordered_jpy", "ordered_6m_jpy"):
        waiting[name] = np.where(since, SALES_JPY, 0)
    for name in ("first_purchased_on", "last_purchased_on"):
        waiting[name] = pd.Series(np.where(since, np.datetime64("2022-03-15"), np.datetime64("NaT")))
    both = CUSTOMER_HISTORY.from_pandas(pd.concat([history, waiting], ignore_index=True)).to_pandas()
    days = days_of(purchases)
    model = fit_forecast(days, dt.date.fromisoformat(AS_OF), horizon_days)
    return both, forecast_customers(days, model), model


def _everyone(margins: pd.DataFrame | None = None, horizon_days: int = 184) -> pd.DataFrame:
    table = forecast_everyone(*_client(horizon_days), margins)
    assert FORECASTS.faults(table) == []
    return table.to_pandas().set_index("customer_id")


def test_expected_profit_is_expected_sales_times_the_margin_and_null_where_the_cost_is_unknown() -> None:
    history, _, _ = _client()
    ids = history["customer_id"].sample(frac=1, random_state=1).to_numpy()  # in an order of their own
    rates = np.linspace(-0.2, 0.6, len(ids))
    rates[:30] = np.nan
    margins = pd.DataFrame({"customer_id": ids, "margin_rate": rates}).iloc[:-20]  # the last are not told at all
    told = _everyone(margins)
    rate = margins.set_index("customer_id")["margin_rate"].reindex(told.index)
    assert told["expected_profit_jpy"].isna().equals(rate.isna())
    known = rate.notna()
    assert (~known).sum() == 30 + 20
    assert told.loc[known, "expected_profit_jpy"].to_numpy() == pytest.approx(
        (told["expected_sales_jpy"] * rate)[known].to_numpy()
    )
    assert (told["expected_profit_jpy"] < 0).any()  # what is sold under cost is not hidden


def test_no_profit_is_expected_of_anybody_where_the_client_tells_no_costs() -> None:
    assert _everyone()["expected_profit_jpy"].isna().all()


def test_everyone_of_the_history_has_one_row_and_buyers_keep_their_own_forecast() -> None:
    history, customers, _ = _client()
    told = _everyone()
    assert told.index.tolist() == history["customer_id"].tolist()
    own = customers.set_index("customer_id")
    for name in ("expected_sales_jpy", "retention_power_rate", "sales_p90_jpy", "purchasing_power_jpy"):
        assert told.loc[own.index, name].to_numpy() == pytest.approx(own[name].to_numpy()), name


@pytest.mark.parametrize("horizon_days", [92, 184])
def test_who_never_bought_is_expected_to_do_what_such_customers_did_for_as_long_as_the_term(horizon_days: int) -> None:
    history, _, _ = _client(horizon_days)
    share = BOUGHT_SINCE / WAITING
    assert observe_never_bought(history) == NeverBought(WAITING, share, share, share * SALES_JPY)
    never = _everyone(horizon_days=horizon_days).loc["W20"]
    terms = horizon_days / HALF_YEAR_DAYS
    assert never["retention_power_rate"] == pytest.approx(1 - (1 - share) ** terms)
    assert never["p_active"] == never["retention_power_rate"]
    assert never["expected_orders"] == pytest.approx(share * terms)
    assert never["expected_sales_jpy"] == never["expected_one_off_sales_jpy"] == pytest.approx(1_000 * terms)
    assert never["expected_subscription_sales_jpy"] == never["sales_p10_jpy"] == never["sales_p90_jpy"] == 0
    assert never["profitability_jpy"] == pytest.approx(never["purchasing_power_jpy"] * never["retention_power_rate"])
    assert never["purchasing_power_jpy"] > 0


def test_a_model_read_from_json_says_the_same_of_everyone() -> None:
    history, customers, model = _client()
    read = FittedForecast.from_json(json.loads(json.dumps(model.to_json())))
    assert forecast_everyone(history, customers, read).equals(forecast_everyone(history, customers, model))
