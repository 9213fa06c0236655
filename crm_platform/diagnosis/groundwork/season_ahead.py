"""How strong the six months ahead are by season, as the forecast holds it: what its sums may be set beside."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from crm_platform.forecast.season import Season, season_factor

WEAK_SEASON_RATE = 0.9  # of the last term: below it, season alone explains what a reader would take for a decline


def season_ahead(model: Mapping[str, Any] | None, as_of: dt.date) -> float | None:
    """The term ahead as a share of an average one; None where `model` (FittedForecast as JSON) knows no season."""
    season = _season_of(model)
    return season_factor(season, as_of, model["horizon_days"]) if model and season else None


def weak_season_ahead(model: Mapping[str, Any] | None, as_of: dt.date) -> float | None:
    """The term ahead as a share of the one behind; None where no season makes it weaker by a tenth or more."""
    season = _season_of(model)
    if model is None or season is None:
        return None
    days = model["horizon_days"]
    rate = season_factor(season, as_of, days) / season_factor(season, as_of - dt.timedelta(days=days), days)
    return rate if rate <= WEAK_SEASON_RATE else None


def _season_of(model: Mapping[str, Any] | None) -> Season | None:
    return Season.from_json(model["season"]) if model and model["season"]["supported"] else None
