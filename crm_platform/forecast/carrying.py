"""A fitted model used on a later day of its term: what was learned stays, the season ahead and the days are the day's.

Six months of classes rest on one forecast (R51); so do the months inside them, and a customer's forecast moves because
the customer did, not because the models were fitted anew.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

from crm_platform.forecast.calibration import Calibration
from crm_platform.forecast.forecast import FittedForecast
from crm_platform.forecast.notes import Note
from crm_platform.forecast.season import Season, season_shift


def carried_forecast(model: FittedForecast, as_of: dt.date, horizon_days: int) -> FittedForecast:
    """`model` as it forecasts the `horizon_days` after `as_of`; a note names the day on which it was fitted.

    Raises:
        ValueError: `as_of` lies before the day of the model.
    """
    learned = (model.as_of, model.horizon_days)
    calibration = carried_calibration(model.calibration, model.season, learned, (as_of, horizon_days))
    fitted = Note("held", {"day": model.as_of.isoformat()})
    return replace(model, as_of=as_of, calibration=calibration, notes=(*model.notes, fitted))


def carried_calibration(
    calibration: Calibration, season: Season, learned: tuple[dt.date, int], wanted: tuple[dt.date, int]
) -> Calibration:
    """The level and pace that were `learned` for a term, at the season and length of the `wanted` one.

    A term is the day before it, and its days.

    Raises:
        ValueError: the wanted term begins before the learned one.
    """
    if wanted[0] < learned[0]:
        raise ValueError(f"what was learned as of {learned[0]} knows more than {wanted[0]} did")
    longer = wanted[1] / learned[1]
    factor = longer * season_shift(season, *wanted) / season_shift(season, *learned)
    return replace(
        calibration,
        level=calibration.level * factor,
        scale_jpy=calibration.scale_jpy * factor,
        pace=calibration.pace * factor,
    )
