"""Scores beside what analysts use today, on real customers: everything knows the days before the as-of day alone."""

from __future__ import annotations

import datetime as dt
import warnings
from functools import lru_cache

import numpy as np
import pandas as pd
import pytest

from crm_platform.forecast import normalised_gini
from crm_platform.scoring import score_customers
from crm_platform_tests.scoring.orders import cdnow_orders, online_retail_orders

HORIZON_DAYS = 182
DATA = {"CDNOW": cdnow_orders, "Online Retail II": online_retail_orders}
PEERS = {  # what lifetimes 0.11.3 fits on all customers, in weeks: Pareto/NBD r, α, s, β and gamma-gamma p, q, v
    ("CDNOW", dt.date(1997, 12, 31)): ((0.6092, 12.48, 0.3624, 6.322), (5.409, 3.773, 18.69)),
    ("Online Retail II", dt.date(2011, 1, 1)): ((0.8538, 10.86, 0.02973, 91.63), (2.266, 3.653, 66_270)),
}
pytestmark = [pytest.mark.real_data, pytest.mark.parametrize(("name", "as_of"), list(PEERS))]


def test_ours_orders_real_customers_better_than_rfm_recency_and_lifetimes(name, as_of):
    ginis = _ginis(name, as_of)
    assert ginis["ours"] > max(ginis["rfm"], ginis["recency"], ginis["lifetimes"])


def test_ours_is_sound_for_real_customers(name, as_of):
    scores = _scores(name, as_of)
    numbers = scores.drop(columns="customer_id").to_numpy()
    assert np.isfinite(numbers).all()
    assert (numbers >= 0).all()
    assert len(scores) == (_days(name, as_of).index.get_level_values("customer_id").nunique())


@lru_cache
def _scores(name: str, as_of: dt.date) -> pd.DataFrame:
    return score_customers(DATA[name](), as_of, HORIZON_DAYS)


def _ginis(name: str, as_of: dt.date) -> dict[str, float | None]:
    """Normalised Gini of each ranking by the net sales of the horizon, over all who had bought before."""
    orders = DATA[name]()
    start = pd.Timestamp(as_of)
    inside = orders["ordered_on"].between(start, start + pd.Timedelta(days=HORIZON_DAYS - 1))
    came = orders[inside].groupby("customer_id")["amount"].sum().clip(lower=0)
    bought = _summary(_days(name, as_of), start)
    actual = came.reindex(bought.index).fillna(0).to_numpy()
    ours = _scores(name, as_of).set_index("customer_id")["expected_sales"].reindex(bought.index)
    fifths = [_fifths(-bought["silent_days"]), _fifths(bought["purchases"]), _fifths(bought["sales"])]
    methods = {
        "ours": ours.to_numpy(),
        "rfm": np.sum(fifths, axis=0),
        "recency": -bought["silent_days"].to_numpy(float),
        "lifetimes": _lifetimes(bought, *PEERS[name, as_of]),
    }
    return {method: normalised_gini(score, actual) for method, score in methods.items()}


def _days(name: str, as_of: dt.date) -> pd.Series:
    """Amounts before the as-of day by customer and day."""
    orders = DATA[name]()
    known = orders[orders["ordered_on"] < pd.Timestamp(as_of)]
    return known.groupby(["customer_id", "ordered_on"])["amount"].sum()


def _summary(days: pd.Series, start: pd.Timestamp) -> pd.DataFrame:
    bought = days[days > 0].reset_index()
    by_customer = bought.groupby("customer_id")
    first, last = by_customer["ordered_on"].min(), by_customer["ordered_on"].max()
    return pd.DataFrame(
        {
            "purchases": by_customer.size(),
            "tenure_days": (last - first).dt.days,
            "age_days": (start - first).dt.days,
            "silent_days": (start - last).dt.days,
            "sales": by_customer["amount"].sum(),
            "repeat_value": bought[bought["ordered_on"] > bought["customer_id"].map(first)]
            .groupby("customer_id")["amount"]
            .mean(),
        }
    )


def _fifths(values: pd.Series) -> np.ndarray:
    return np.ceil(values.rank(pct=True).to_numpy() * 5)


def _lifetimes(bought: pd.DataFrame, pace: tuple[float, ...], value: tuple[float, ...]) -> np.ndarray:
    """Its Pareto/NBD × gamma-gamma, as its documentation shows."""
    from lifetimes import GammaGammaFitter, ParetoNBDFitter

    purchases, worth = ParetoNBDFitter(), GammaGammaFitter()
    purchases.params_ = pd.Series(pace, ["r", "alpha", "s", "beta"])
    worth.params_ = pd.Series(value, ["p", "q", "v"])
    repeats, tenure, age = bought["purchases"] - 1, bought["tenure_days"] / 7, bought["age_days"] / 7
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = purchases.conditional_expected_number_of_purchases_up_to_time(HORIZON_DAYS / 7, repeats, tenure, age)
        mean = worth.conditional_expected_average_profit(repeats, bought["repeat_value"].fillna(0))
    score = np.asarray(expected) * np.asarray(mean)
    return np.nan_to_num(score, nan=np.nanmax(score))  # it fails on the most frequent buyers, who do come first
