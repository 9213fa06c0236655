"""How well former forecasts came true: made anew from what was known then, beside the rankings anyone could have made.

Belongs here: looking back on forecasts with the sales that followed. Does not: making forecasts, measuring them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import ibis
import numpy as np
import numpy.typing as npt
import pandas as pd

from crm_platform.forecast import metrics
from crm_platform.forecast.forecast import fit_forecast, forecast_buyers
from crm_platform.forecast.yardsticks import YARDSTICKS, yardsticks
from crm_platform.history import sales_to_come

Reals = npt.NDArray[np.float64]
Foresee = Callable[[ibis.Table, dt.date, int], pd.DataFrame]
Classify = Callable[[Reals], npt.NDArray[np.int64]]

STEP_DAYS = 91  # a quarter of a year between origins: every season is seen, and terms overlap by half only
LEAST_PAST = 0.9  # of a term before an origin
METHODS = ("ours", *YARDSTICKS)
CURVES = ("ours", "rfm", "perfect")
_SAID = {"expected_sales_jpy": "ours", "sales_p10_jpy": "p10", "sales_p90_jpy": "p90"}


def ours(known: ibis.Table, as_of: dt.date, horizon_days: int) -> pd.DataFrame:
    """The forecast of all buyers, fitted anew on the days known."""
    return forecast_buyers(known, fit_forecast(known, as_of, horizon_days))


def rolling_backtest(
    days: ibis.Table,
    as_of: dt.date,
    horizon_days: int,
    origins: int = 3,
    *,
    classify: Classify = metrics.tenths,
    step_days: int = STEP_DAYS,
    foresee: Foresee = ours,
) -> dict[str, Any] | None:
    """Forecasts of earlier days, each made anew from the days up to it, held against the term that followed (R32, R50).

    Args:
        days: CUSTOMER_DAYS.
        as_of: the last day of which anything is known; the term of the latest origin ends with it.
        horizon_days: length of the term.
        origins: how many to look back on at most; each needs about a term of history before it.
        classify: expected sales → value classes, 1 the highest, as a book would have issued them.
        step_days: days from one origin to the next.
        foresee: the days known, an origin and a horizon → forecasts as `outcome_of` takes them; any may be judged.

    Returns:
        Plain JSON (see `tell_outcomes`); None where the history is too short for a single origin.
    """
    outcomes = []
    for origin in former_origins(first_day(days), as_of, horizon_days, origins, step_days):
        forecasts = foresee(known_at(days, origin), origin, horizon_days)
        outcomes.append(outcome_of(days, origin, horizon_days, forecasts, classify))
    return tell_outcomes(outcomes)


def former_origins(
    first: dt.date | None, as_of: dt.date, horizon_days: int, origins: int, step_days: int = STEP_DAYS
) -> list[dt.date]:
    """The days to look back on, the latest first: a term before `as_of`, then a step earlier each."""
    latest = as_of - dt.timedelta(days=horizon_days)
    planned = [latest - dt.timedelta(days=step_days * back) for back in range(origins)]
    return with_a_past(planned, first, horizon_days)


def with_a_past(planned: Sequence[dt.date], first: dt.date | None, horizon_days: int) -> list[dt.date]:
    """Those with a term of history since `first`, give or take a tenth: no shop opens on the first of a month."""
    return [day for day in planned if first is not None and (day - first).days + 1 >= LEAST_PAST * horizon_days]


def first_day(days: ibis.Table) -> dt.date | None:
    """The first day of CUSTOMER_DAYS; None where it has no row."""
    found: dt.date | None = days.day.min().cast("date").to_pyarrow().as_py()
    return found


def known_at(days: ibis.Table, as_of: dt.date) -> ibis.Table:
    """The rows of CUSTOMER_DAYS that a forecast of `as_of` may read."""
    return days.filter(days.day <= as_of)


@dataclass(frozen=True, eq=False)
class Outcome:
    """A former forecast and what came: a row per buyer known at `as_of`, indexed by `customer_id`, in its order.

    `customers` has a score per method (`METHODS`), `p10`, `p90` and `actual` in yen, and `value_class`.
    """

    as_of: dt.date
    horizon_days: int
    customers: pd.DataFrame


def outcome_of(
    days: ibis.Table,
    as_of: dt.date,
    horizon_days: int,
    forecasts: pd.DataFrame,
    classify: Classify = metrics.tenths,
) -> Outcome:
    """`forecasts` of `as_of` (customer_id, expected_sales_jpy, sales_p10_jpy, sales_p90_jpy) beside what came.

    Raises:
        ValueError: a buyer of `days` has no forecast, or one that is no number.
    """
    scores = yardsticks(days, as_of, horizon_days)
    said = forecasts.set_index("customer_id").rename(columns=_SAID)[list(_SAID.values())].astype("float64")
    said = said.reindex(scores.index)
    lacking = said.isna().any(axis=1)
    if lacking.any():
        raise ValueError(f"{int(lacking.sum())} buyers of {as_of} have no forecast")
    came = sales_to_come(days, as_of, horizon_days).to_pandas().set_index("customer_id")["sales_jpy"]
    customers = scores.join(said).assign(
        actual=came.reindex(scores.index).fillna(0.0).clip(lower=0),
        value_class=classify(said["ours"].to_numpy(dtype=np.float64)),
    )
    return Outcome(as_of, horizon_days, customers)


def tell_outcomes(outcomes: Sequence[Outcome]) -> dict[str, Any] | None:
    """Every figure of `metrics` per origin, their means, and how many customers moved between origins, as plain JSON.

    Returns:
        horizon_days; `origins` in the order given (see `_told`); `mean` over them of methods, bias, decile_error and
        coverage; `stability` per pair of successive origins: the share of customers known at both whose tenth changed,
        by our forecast and by RFM. None where there is no origin at which anybody had bought.
    """
    judged = [outcome for outcome in outcomes if len(outcome.customers)]
    if not judged:
        return None
    told = [_told(outcome) for outcome in judged]
    means = {name: _mean([one[name] for one in told]) for name in ("methods", "bias", "decile_error", "coverage")}
    found: dict[str, Any] = _in_ten_digits(
        {
            "horizon_days": judged[0].horizon_days,
            "origins": told,
            "mean": means,
            "stability": [_moved(earlier, later) for later, earlier in pairwise(judged)],
        }
    )
    return found


# --- inside -----------------------------------------------------------------------------------------------------------


def _told(outcome: Outcome) -> dict[str, Any]:
    """as_of, until, customers, methods, bias, decile_error, coverage, class_inversions, classes, deciles, …, errors."""
    scores: dict[str, Reals] = {str(name): values.to_numpy() for name, values in outcome.customers.items()}
    foreseen, actual = scores["ours"], scores["actual"]
    classes = _groups("value_class", scores["value_class"], foreseen, actual)
    return {
        "as_of": outcome.as_of.isoformat(),
        "until": (outcome.as_of + dt.timedelta(days=outcome.horizon_days)).isoformat(),
        "customers": len(actual),
        "methods": {name: _order(scores[name], actual) for name in METHODS},
        "bias": metrics.bias(foreseen, actual),
        "decile_error": metrics.decile_error(foreseen, actual),
        "coverage": _coverage(scores["p10"], scores["p90"], actual),
        "class_inversions": metrics.inversions([row["mean_actual_jpy"] for row in classes]),
        "classes": classes,
        "deciles": _groups("decile", metrics.tenths(foreseen), foreseen, actual),
        "lorenz": {name: metrics.lorenz_points({**scores, "perfect": actual}[name], actual) for name in CURVES},
        "errors": _errors(scores, actual),
    }


def _errors(scores: Mapping[str, Reals], actual: Reals) -> dict[str, Any]:
    """Standard errors over customers: of our Gini, of its lead over every other method, of the bias, of the classes."""
    gini, leads = metrics.gini_errors({name: scores[name] for name in METHODS}, actual, METHODS[0])
    classes = [actual[scores["value_class"] == number] for number in np.unique(scores["value_class"])]
    return {
        "gini": gini,
        "leads": leads,
        "bias": metrics.bias_error(scores["ours"], actual),
        "class_means_jpy": [float(one.std(ddof=1) / np.sqrt(len(one))) if len(one) > 1 else None for one in classes],
    }


def _order(score: Reals, actual: Reals) -> dict[str, float | None]:
    return {
        "gini": metrics.normalised_gini(score, actual),
        "top_decile_share": metrics.top_share(score, actual, 0.1),
    }


def _coverage(p10: Reals, p90: Reals, actual: Reals) -> dict[str, float | None]:
    return {
        "above_p90_rate": metrics.share_above(p90, actual),
        "below_p10_rate": metrics.share_below(p10, actual),
        "customers_with_p10": int((p10 > 0).sum()),
    }


def _groups(name: str, group: Reals | npt.NDArray[np.int64], foreseen: Reals, actual: Reals) -> list[dict[str, Any]]:
    """Per group, the best first: customers, mean foreseen and mean actual sales in yen."""
    members = [(int(number), group == number) for number in np.unique(group)]
    return [
        {
            name: number,
            "customers": int(inside.sum()),
            "mean_expected_jpy": float(foreseen[inside].mean()),
            "mean_actual_jpy": float(actual[inside].mean()),
        }
        for number, inside in members
    ]


def _in_ten_digits(value: Any) -> Any:
    """Every real number in ten digits: those after them are the noise of sums in another order."""
    if isinstance(value, dict):
        return {name: _in_ten_digits(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_in_ten_digits(part) for part in value]
    return float(f"{value:.10g}") if isinstance(value, float) else value


def _mean(values: Sequence[Any]) -> Any:
    """The mean of numbers, or of the numbers under each name; those that are null are left out."""
    if isinstance(values[0], Mapping):
        return {name: _mean([value[name] for value in values]) for name in values[0]}
    numbers = [value for value in values if value is not None]
    return float(np.mean(numbers)) if numbers else None


def _moved(earlier: Outcome, later: Outcome) -> dict[str, Any]:
    tenths = [
        {name: pd.Series(metrics.tenths(one.customers[name].to_numpy()), one.customers.index) for name in CURVES[:2]}
        for one in (earlier, later)
    ]
    return {
        "from": earlier.as_of.isoformat(),
        "to": later.as_of.isoformat(),
        "customers": len(earlier.customers.index.intersection(later.customers.index)),
        **{name: metrics.share_that_moves(tenths[0][name], tenths[1][name]) for name in CURVES[:2]},
    }
