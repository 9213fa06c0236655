"""How former lists of targets came true: made of what was known then, beside the lists anyone could make (R32)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from crm_platform.forecast import metrics
from crm_platform.forecast.backtest import former_origins
from crm_platform.forecast.yardsticks import yardsticks
from crm_platform.history.customer_features import YEAR_DAYS
from crm_platform.two_track.one_off_purchases import one_off_jpy
from crm_platform.two_track.targets.captured import captured_errors
from crm_platform.two_track.targets.known import KnownSubscribers
from crm_platform.two_track.targets.one_off_forecast import (
    OneOffForecast,
    fit_one_off_forecast,
    foresee_one_off,
    subscribers_in_parts,
)
from crm_platform.two_track.targets.subscriber_features import one_off_sales_after

Reals = npt.NDArray[np.float64]

ORIGINS = 2
FIRST_SHARE = 0.2  # of the list, the best first, that is contacted
YARDSTICKS = ("recency", "rfm", "past_one_off")
_DIGITS = 10


def backtest_targets(
    known: KnownSubscribers, as_of: dt.date, horizon_days: int, origins: int = ORIGINS
) -> dict[str, Any] | None:
    """Lists of earlier days, each made from what was known then, held against the one-off sales that followed.

    Returns:
        Plain JSON: `horizon_days`, `first_share`, `origins` (see `outcome_at`); None where history is too short, or no
        list could be made.
    """
    first_on = known.days.day.min().to_pyarrow().as_py()
    found = []
    for origin in former_origins(first_on, as_of, horizon_days, origins):
        model = fit_one_off_forecast(known, origin, horizon_days)
        if model is not None:
            found.append(outcome_at(known, model))
    if not found:
        return None
    return {"horizon_days": horizon_days, "first_share": FIRST_SHARE, "origins": found}


def outcome_at(known: KnownSubscribers, model: OneOffForecast) -> dict[str, Any]:
    """What became of the list of the model's day.

    Returns:
        as_of, subscribers, buyers (who bought one-off in the term), sales_jpy; `captured`: share of the one-off sales
        that the first `FIRST_SHARE` of the subscribers made, by our order and by each of `YARDSTICKS`; `leads`: ours
        ÷ theirs; `captured_error` and `lead_errors`: standard errors of our share, and of ours − theirs; `lorenz`: the
        shares that the first 0, 2, …, 100 % made; `bias`: Σ expected ÷ Σ actual, with its standard error;
        `buyers_bias`: the same of buyers; coverage of the interval. What cannot be said, because nobody bought, is
        null.
    """
    as_of, horizon_days = model.as_of, model.horizon_days
    then = known.until(as_of)
    rows = pd.concat(list(subscribers_in_parts(then, as_of, horizon_days)), ignore_index=True)
    said = foresee_one_off(model, rows)
    came = one_off_sales_after(known.days, [as_of], horizon_days).to_pandas().set_index("customer_id")["one_off_jpy"]
    actual: Reals = came.reindex(rows["customer_id"]).fillna(0.0).to_numpy(dtype=np.float64)
    scores = {"ours": said["expected_sales_jpy"], **plain_orders(then, rows["customer_id"], as_of, horizon_days)}
    captured = {name: metrics.top_share(score, actual, FIRST_SHARE) for name, score in scores.items()}
    captured_error, lead_errors = captured_errors(scores, actual, FIRST_SHARE, "ours")
    return {
        "as_of": as_of.isoformat(),
        "subscribers": len(rows),
        "buyers": int((actual > 0).sum()),
        "sales_jpy": round(float(actual.sum())),
        "learned_from": {"lessons": model.lessons, "buyers": model.buyers_learned, "trees": model.trees is not None},
        "captured": {name: _rounded(share) for name, share in captured.items()},
        "leads": {name: _rounded(_ratio(captured["ours"], captured[name])) for name in YARDSTICKS},
        "captured_error": _rounded(captured_error),
        "lead_errors": {name: _rounded(error) for name, error in lead_errors.items()},
        "lorenz": {name: _curve(score, actual) for name, score in scores.items()},
        "bias": _rounded(metrics.bias(said["expected_sales_jpy"], actual)),
        "bias_error": _rounded(metrics.bias_error(said["expected_sales_jpy"], actual)),
        "buyers_bias": _rounded(metrics.bias(said["p_buys"], (actual > 0).astype(np.float64))),
        "coverage": _coverage(said, actual),
    }


def plain_orders(known: KnownSubscribers, ids: pd.Series, as_of: dt.date, horizon_days: int) -> dict[str, Reals]:
    """`YARDSTICKS` of the subscribers `ids`: recency and RFM of all purchases, one-off 売上 of the past 365 days."""
    days = known.days.semi_join(known.turns, "customer_id")
    plain = yardsticks(days, as_of, horizon_days)[["recency", "rfm"]].reindex(ids)
    recent = days.filter(days.day > as_of - dt.timedelta(days=YEAR_DAYS))
    past = recent.group_by("customer_id").agg(past_jpy=one_off_jpy(recent).sum())
    past_jpy = past.to_pandas().set_index("customer_id")["past_jpy"].reindex(ids).fillna(0.0)
    worst = plain.min() - 1  # who bought nothing that stands comes last
    return {
        **{name: plain[name].fillna(worst[name]).to_numpy(dtype=np.float64) for name in ("recency", "rfm")},
        "past_one_off": past_jpy.to_numpy(dtype=np.float64),
    }


def _coverage(said: Mapping[str, Reals], actual: Reals) -> dict[str, Any]:
    bounded = said["sales_p90_jpy"] > 0
    return {
        "above_p90_rate": _rounded(metrics.share_above(said["sales_p90_jpy"], actual)),
        "subscribers_with_p90": int(bounded.sum()),
        "above_p90_of_those_rate": _rounded(metrics.share_above(said["sales_p90_jpy"][bounded], actual[bounded])),
        "below_p10_rate": _rounded(metrics.share_below(said["sales_p10_jpy"], actual)),
        "subscribers_with_p10": int((said["sales_p10_jpy"] > 0).sum()),
    }


def _curve(score: Reals, actual: Reals) -> list[float | None]:
    return [_rounded(share) for share in metrics.lorenz_points(score, actual)]


def _ratio(ours: float | None, theirs: float | None) -> float | None:
    return ours / theirs if ours is not None and theirs else None


def _rounded(value: float | None) -> float | None:
    """In ten digits: those after them are the noise of sums in another order."""
    return None if value is None else float(f"{value:.{_DIGITS}g}")
