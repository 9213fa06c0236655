"""How well a former forecast came true, beside the plain rankings that anyone could have used.

Belongs here: comparing forecasts made on a former history with the sales that followed. Does not: making forecasts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from crm_platform.forecast.yardsticks import past_sales, recency, rfm_scores

Reals = npt.NDArray[np.float64]


def backtest(
    history_then: pd.DataFrame,
    forecasts_then: pa.Table | pd.DataFrame,
    actual_sales: pd.Series | pd.DataFrame,
    *,
    value_classes: pd.Series | None = None,
    lapse_outcome: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Compare what was foreseen with what came (R32, R50).

    Args:
        history_then: CUSTOMER_HISTORY at the former as-of date.
        forecasts_then: FORECASTS made of it.
        actual_sales: customer_id → 売上 in the horizon, as a Series or a frame `customer_id, sales_jpy`; clipped at 0
            here. A customer who is not in it bought nothing.
        value_classes: customer_id → value class of the book issued then; ten equal classes where not given.
        lapse_outcome: what `alerts.measure_alerts` says of the alerts raised then; stored as it is.

    Returns:
        JSON: as_of, customers, methods (normalised Gini and share of actual sales held by the predicted top tenth, for
        `ours`, `rfm`, `recency`, `past_sales`), bias (Σ foreseen / Σ actual; null where nothing was bought), classes.
    """
    history = history_then.set_index("customer_id", drop=False).sort_index()
    frame = forecasts_then.to_pandas() if isinstance(forecasts_then, pa.Table) else forecasts_then
    expected = frame.set_index("customer_id")["expected_sales_jpy"].reindex(history.index)
    if expected.isna().any():
        raise ValueError(f"{int(expected.isna().sum())} customers of the history have no forecast")
    foreseen = expected.to_numpy(dtype=np.float64)
    actual = _by_customer(actual_sales).reindex(history.index).fillna(0).clip(lower=0).to_numpy(dtype=np.float64)
    rankings = {
        "ours": foreseen,
        "rfm": rfm_scores(history)["rfm_score"].to_numpy(dtype=np.float64),
        "recency": recency(history),
        "past_sales": past_sales(history),
    }
    bought = float(actual.sum())
    return {
        "as_of": pd.Timestamp(history["as_of"].iloc[0]).date().isoformat(),
        "customers": len(history),
        "methods": {
            name: {"gini": normalised_gini(score, actual), "top_decile_share": top_share(score, actual, 0.1)}
            for name, score in rankings.items()
        },
        "bias": float(foreseen.sum()) / bought if bought > 0 else None,
        "classes": class_outcomes(_classes(expected, value_classes), foreseen, actual),
        "lapse": dict(lapse_outcome) if lapse_outcome is not None else None,
    }


def normalised_gini(score: Reals, actual: Reals) -> float | None:
    """How well `score` orders `actual`: its Gini coefficient over that of the perfect order. 1 is perfect, 0 is chance.

    Equal scores share their mean rank, so that ties earn nothing by luck. Null where all customers bought the same.
    """
    best = _concentration(actual, actual)
    return _concentration(score, actual) / best if best > 0 else None


def top_share(score: Reals, actual: Reals, share: float) -> float | None:
    """Share of actual sales that the best `share` of customers by score hold; a tie at the boundary counts pro rata."""
    if actual.sum() <= 0:
        return None
    by_score = pd.DataFrame({"score": score, "sales": actual, "customers": 1.0}).groupby("score").sum()
    cumulated = by_score.sort_index(ascending=False).cumsum()
    customers = np.concatenate([[0.0], cumulated["customers"]])
    sales = np.concatenate([[0.0], cumulated["sales"]])
    return float(np.interp(share * len(actual), customers, sales) / actual.sum())


def class_outcomes(value_class: npt.NDArray[np.int64], foreseen: Reals, actual: Reals) -> list[dict[str, Any]]:
    """Per value class, the highest first: customers, mean foreseen and mean actual sales in yen (R50)."""
    members = [(int(number), value_class == number) for number in np.unique(value_class)]
    return [
        {
            "value_class": number,
            "customers": int(inside.sum()),
            "mean_expected_jpy": float(foreseen[inside].mean()),
            "mean_actual_jpy": float(actual[inside].mean()),
        }
        for number, inside in members
    ]


def share_that_moves(former: pd.Series, present: pd.Series) -> float | None:
    """Share of the customers in both who changed class or score between two runs (R52); null where there is none."""
    both = former.index.intersection(present.index)
    if both.empty:
        return None
    return float((former.loc[both].to_numpy() != present.loc[both].to_numpy()).mean())


def _concentration(score: Reals, actual: Reals) -> float:
    ranks = pd.Series(score).rank(method="average").to_numpy(dtype=np.float64)
    return float(((ranks - ranks.mean()) * actual).sum())


def _by_customer(actual_sales: pd.Series | pd.DataFrame) -> pd.Series:
    if isinstance(actual_sales, pd.DataFrame):
        return actual_sales.set_index("customer_id")["sales_jpy"]
    return actual_sales


def _classes(expected: pd.Series, value_classes: pd.Series | None) -> npt.NDArray[np.int64]:
    if value_classes is not None:
        return value_classes.reindex(expected.index).to_numpy(dtype=np.int64)
    share = expected.rank(method="max", ascending=False, pct=True).to_numpy(dtype=np.float64)
    return np.ceil(share * 10).astype(np.int64)
