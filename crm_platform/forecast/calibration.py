"""The level of the forecast: what former forecasts foresaw, beside what came, says how far to trust the present one.

At each earlier origin the ratio of actual to foreseen sales is known, the season (see `season`) taken out. What it says
of the next is `foretelling`'s: an origin of the same season a year ago counts most where ratios swing with the year,
all count where they do not, and with few origins the models are left as they are. An origin with little past behind it
counts less.

The same is done for the shape (actual ∝ foreseen^power) and for the pace of buying, in which P(purchase) is shifted.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq

from crm_platform.forecast.foretelling import SHAPE_STRENGTHS, foretell
from crm_platform.forecast.notes import Note, notes_from_json, notes_to_json
from crm_platform.forecast.season import Season, season_shift

Reals = npt.NDArray[np.float64]

MINIMUM_BUYERS = 50  # with sales in an origin's term: below this it says nothing about the level
SHORT_PAST_SD = 0.15  # further error of an origin with one term of past behind it; four times that with half a term
SHAPE_SD = 0.03  # error of the power that one origin shows
LARGEST_SHAPE = 0.4  # of power − 1 either way: customers stay in order, and apart
GROUPS = 20  # of customers alike in foreseen sales, for the shape


@dataclass(frozen=True, eq=False)
class PastForecast:
    """What was foreseen at an earlier origin without knowing its customers' futures, and what came; one per customer.

    `purchase_rate` is the foreseen probability of a purchase in the term. `sales_jpy` are clipped at 0.
    """

    as_of: dt.date
    foreseen_jpy: Reals
    purchase_rate: Reals
    sales_jpy: Reals


@dataclass(frozen=True)
class Calibration:
    """Actual sales are foreseen to be `scale_jpy` × (foreseen ÷ `unit_jpy`) ^ `power`; 1 × and ^1 where not known.

    `level` is Σ calibrated ÷ Σ foreseen of customers no larger than any checked before, `level_sd` the standard
    deviation of its logarithm that remains; `pace` shifts P(purchase): a customer's rate of buying is `pace` times what
    was foreseen.
    """

    level: float
    level_sd: float
    power: float
    unit_jpy: float
    scale_jpy: float
    pace: float
    origins: int
    notes: tuple[Note, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {**dataclasses.asdict(self), "notes": notes_to_json(self.notes)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Calibration:
        """Read what `to_json` wrote."""
        return cls(**{**value, "notes": notes_from_json(value["notes"])})


def fit_calibration(
    past: Sequence[PastForecast],
    present_jpy: Reals,
    as_of: dt.date,
    horizon_days: int,
    season: Season,
    season_within: float = 1.0,
) -> Calibration:
    """Level, shape and pace for the forecast made at `as_of`.

    Args:
        past: forecasts of earlier origins, made as the present one is; their terms end by `as_of`.
        present_jpy: what is foreseen at `as_of`, for all customers or a fair sample, before calibration.
        as_of: the last day known.
        horizon_days: the term, of the past forecasts too.
        season: as known at `as_of`.
        season_within: the shift for season's sake (see `season_shift`) that all these forecasts hold already: the mean
            of the terms that they were learned from; 1 where they are forecasts of a term of the mean season.

    Raises:
        ValueError: a past term ends after `as_of`.
    """
    if any(each.as_of + dt.timedelta(days=horizon_days) > as_of for each in past):
        raise ValueError("the term of a past forecast ends after the as-of date")
    told = sorted((each for each in past if _tells(each)), key=lambda each: each.as_of)
    mean = float(present_jpy.mean()) if len(present_jpy) else 0.0
    unit = mean if mean > 0 else 1.0
    shift = float(np.log(season_shift(season, as_of, horizon_days) / season_within))
    shifts = np.array([np.log(season_shift(season, each.as_of, horizon_days) / season_within) for each in told])
    ago = np.array([(as_of - each.as_of).days for each in told], dtype=np.float64)
    noise = np.array([_noise(each, season, horizon_days) for each in told])
    level = foretell(ago, np.array([_log_ratio(each) for each in told]) - shifts, noise, horizon_days)
    pace = foretell(ago, np.array([log_pace(each) for each in told]) - shifts, noise, horizon_days)
    powers = np.array([_shape(each) for each in told])
    shape = foretell(ago, powers, np.full(len(told), SHAPE_SD**2), horizon_days, SHAPE_STRENGTHS)
    power = 1 + float(np.clip(shape.mean, -LARGEST_SHAPE, LARGEST_SHAPE))
    factor = float(np.exp(level.mean + shift))
    within = _within(present_jpy, told)
    mean_within = float(within.mean()) if len(within) and within.mean() > 0 else unit
    bent = float(((within / unit) ** power).mean()) * unit / mean_within if mean > 0 else 1.0
    notes = () if told else (Note("level_unchecked", {"fewest": MINIMUM_BUYERS}),)
    scale = factor * unit / bent
    return Calibration(factor, level.sd, power, unit, scale, float(np.exp(pace.mean + shift)), len(told), notes)


def calibrated(calibration: Calibration, foreseen_jpy: Reals) -> Reals:
    """Foreseen sales at the learned level and shape, in the same order; 0 stays 0."""
    return calibration.scale_jpy * (foreseen_jpy / calibration.unit_jpy) ** calibration.power


def calibrated_rate(calibration: Calibration, purchase_rate: Reals) -> Reals:
    """P(purchase) of customers who buy at `pace` times the rate foreseen: 1 − (1 − P)^pace."""
    return at_pace(purchase_rate, calibration.pace)


def at_pace(purchase_rate: Reals, pace: float) -> Reals:
    """P(at least one purchase) when purchases come `pace` times as fast, as for Poisson purchases."""
    rate: Reals = -np.expm1(pace * np.log1p(-np.clip(purchase_rate, 0, 1 - 1e-12)))
    return rate


def log_pace(past: PastForecast) -> float:
    """Logarithm of the pace at which as many customers were foreseen to have sales as had."""
    share = float((past.sales_jpy > 0).mean())

    def surplus(log: float) -> float:
        return float(at_pace(past.purchase_rate, float(np.exp(log))).mean()) - share

    return float(brentq(surplus, -3, 3, xtol=1e-6)) if surplus(-3) < 0 < surplus(3) else 0.0


# --- inside -----------------------------------------------------------------------------------------------------------


def _tells(past: PastForecast) -> bool:
    return int((past.sales_jpy > 0).sum()) >= MINIMUM_BUYERS and float(past.foreseen_jpy.sum()) > 0


def _within(present_jpy: Reals, told: Sequence[PastForecast]) -> Reals:
    """The forecasts no larger than any that was ever checked: one giant must not set the level of all others.

    All of them where nobody of whom anything is foreseen is that small: then there are no others.
    """
    largest = max((float(each.foreseen_jpy.max()) for each in told), default=np.inf)
    within: Reals = present_jpy[present_jpy <= largest]
    return within if within.any() else present_jpy


def _log_ratio(past: PastForecast) -> float:
    return float(np.log(past.sales_jpy.sum() / past.foreseen_jpy.sum()))


def _noise(past: PastForecast, season: Season, horizon_days: int) -> float:
    """Variance of the log ratio: customers' luck, and a past too short for the models."""
    error = past.sales_jpy - past.foreseen_jpy * float(np.exp(_log_ratio(past)))
    luck = float((error**2).sum()) / float(past.sales_jpy.sum()) ** 2
    known_days = (past.as_of - season.first_on).days if season.first_on else 0
    return luck + (SHORT_PAST_SD * (horizon_days / max(known_days, 1)) ** 2) ** 2


def _shape(past: PastForecast) -> float:
    """By which power, less 1, actual sales of customers alike rise faster than foreseen sales: quasi-Poisson."""
    order = np.argsort(past.foreseen_jpy, kind="stable")
    groups = np.array_split(order, GROUPS)
    foreseen = np.array([past.foreseen_jpy[group].sum() for group in groups])
    actual = np.array([past.sales_jpy[group].sum() for group in groups])
    told = foreseen > 0
    foreseen, actual = foreseen[told], actual[told]
    size = np.array([len(group) for group in groups])[told]
    x = np.log(foreseen / size)
    x -= (x * foreseen).sum() / foreseen.sum()

    def slope(power: float) -> float:
        expected = foreseen * np.exp(power * x)
        return float((x * (actual / actual.sum() - expected / expected.sum())).sum())

    return float(brentq(slope, -1, 1)) if slope(-1) > 0 > slope(1) else 0.0
