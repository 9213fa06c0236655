"""How former forecasts and alerts came true, value class by value class (答え合わせ, R32, R50, R80)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import ibis
import numpy as np
import numpy.typing as npt
import pandas as pd

from crm_platform.alerts.listing.lapse import find_lapse_alerts
from crm_platform.alerts.listing.shopping_alert import alert_candidates
from crm_platform.alerts.looking_back.outcome import measure_alerts
from crm_platform.clients import Settings
from crm_platform.forecast import FittedForecast, fit_forecast, forecast_buyers
from crm_platform.forecast.backtest import Outcome, first_day, known_at, outcome_of, tell_outcomes, with_a_past
from crm_platform.periods import TERM_MONTHS, Month, Term
from crm_platform.segments.value_classes import value_classes

QUARTER_MONTHS = 3
MONTHS_NEEDED = 2 * TERM_MONTHS  # a term to learn from, and one to wait for what came
Listener = Callable[[dt.date], None]


def track_record(
    days: ibis.Table,
    as_of: dt.date,
    settings: Settings,
    origins: int,
    listen: Listener | None = None,
    *,
    at_hand: FittedForecast | None = None,
) -> dict[str, Any] | None:
    """What `rolling_backtest` tells of the last whole term before `as_of` and earlier ones, beside the alerts of each.

    The origins are ends of months, a quarter of a year apart.

    Args:
        days: CUSTOMER_DAYS of all months up to `as_of`.
        as_of: the last day known.
        settings: how many value classes, and whom to alert.
        origins: how many former days to look back on at most.
        listen: called with each origin before it is looked at.
        at_hand: a model that was fitted on what was known at one of the origins, so that it is not fitted again.

    Returns:
        The JSON of `tell_outcomes`, each origin with `lapse` (see `measure_alerts`) and `lapse.by_class`; None where
        `MONTHS_NEEDED` months of history are not there.
    """
    term, outcomes, alerted = last_whole_term(as_of), [], []
    for origin in with_a_past(quarters_back(term, origins), first_day(days), term.days):
        if listen:
            listen(origin)
        known = known_at(days, origin)
        model = at_hand if at_hand and (at_hand.as_of, at_hand.horizon_days) == (origin, term.days) else None
        model = model or fit_forecast(known, origin, term.days)
        forecasts = forecast_buyers(known, model)
        outcome = outcome_of(
            days, origin, term.days, forecasts, lambda expected: value_classes(expected, settings.value_classes)
        )
        if len(outcome.customers):
            outcomes.append(outcome)
            alerted.append(_alerts_then(known, outcome, forecasts, settings, model))
    told = tell_outcomes(outcomes)
    if told:
        for one, lapse in zip(told["origins"], alerted, strict=True):
            one["lapse"] = lapse
    return told


def last_whole_term(as_of: dt.date) -> Term:
    """The latest six months after a month's end that are over by `as_of`."""
    month = Month.of(as_of).plus(-TERM_MONTHS)
    term = Term.after(month.last_day)
    return term if term.valid_to <= as_of else Term.after(month.plus(-1).last_day)


def quarters_back(term: Term, origins: int) -> list[dt.date]:
    """The end of the month before `term`, and of every third month before that; so many days in all."""
    month = Month.of(term.valid_from).plus(-1)
    return [month.plus(-QUARTER_MONTHS * back).last_day for back in range(origins)]


def _alerts_then(
    known: ibis.Table, outcome: Outcome, forecasts: pd.DataFrame, settings: Settings, model: FittedForecast
) -> dict[str, Any]:
    """What became of those whom an alert of that day would have named, in all and per value class."""
    candidates = alert_candidates(known, model, forecasts, settings)
    alerts = find_lapse_alerts(candidates, settings)
    actual, classes = outcome.customers["actual"], outcome.customers["value_class"]
    class_of: npt.NDArray[np.int64] = classes.reindex(candidates["customer_id"]).to_numpy(dtype=np.int64)
    return {
        **measure_alerts(candidates, alerts, actual),
        "by_class": [
            {"value_class": int(number), **measure_alerts(candidates[class_of == number], alerts, actual)}
            for number in np.unique(classes)
        ],
    }
