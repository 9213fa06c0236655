"""Earlier days on which a forecast could have been made, and what came after them: what every learned part learns from.

The client's own past is the only teacher. At each origin the customers are described as they were known then, beside
what they did in the term that followed; nothing after the as-of date is read.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import ibis
import numpy as np
import numpy.typing as npt
import pandas as pd

from crm_platform.history import KINDS_OF_PAST, customer_features, features_at, sales_after
from crm_platform.tables.frames import frame_of

Reals = npt.NDArray[np.float64]

MOST_ORIGINS = 8
YEARS_BACK, YEAR_DAYS = 3, 365.25
STEPS_PER_TERM = 6  # a month, where the term is six
SHORTEST_PAST = 1 / 3  # of a term before an origin: less says nothing about rhythm


@dataclass(frozen=True, eq=False)
class Origin:
    """Buyers as known at `as_of`, in order of `customer_id`, and what each did in the `horizon_days` after it.

    `features` are the rows of `customer_features` with a purchase; `came` has the columns of `sales_to_come`, row by
    row, 0 where nothing came.
    """

    as_of: dt.date
    horizon_days: int
    features: pd.DataFrame
    came: pd.DataFrame

    @cached_property
    def sales_jpy(self) -> Reals:
        """売上 of the term, credits deducted, not below 0."""
        sales: Reals = np.maximum(self.came["sales_jpy"].to_numpy(dtype=np.float64), 0)
        return sales


def plan_origins(first_day: dt.date, as_of: dt.date, horizon_days: int) -> list[dt.date]:
    """The origins that the past allows, the latest first.

    The first lies a term before `as_of`, each next a step earlier; and the same day of earlier years is among them, so
    that a season is seen as often as `YEARS_BACK` and the history allow.
    """
    step = max(round(horizon_days / STEPS_PER_TERM), 1)
    earliest = first_day + dt.timedelta(days=int(np.ceil(SHORTEST_PAST * horizon_days)))
    backwards = [horizon_days + step * back for back in range(MOST_ORIGINS)]
    years = [round(YEAR_DAYS * year) for year in range(1, YEARS_BACK + 1)]
    backwards += [ago for ago in years if ago > backwards[-1] + step / 2]
    planned = (as_of - dt.timedelta(days=ago) for ago in backwards)
    return [origin for origin in planned if origin >= earliest]


def look_back(days: ibis.Table, origins: Sequence[dt.date], horizon_days: int) -> list[Origin]:
    """Every origin with the customers of `days` (CUSTOMER_DAYS); one at which nobody had bought yet is left out."""
    if not origins:
        return []
    features = _told(features_at(days, origins, horizon_days))
    features = features[features["purchase_days"] > 0]
    came = frame_of(sales_after(days, origins, horizon_days))
    found = [_origin(as_of, horizon_days, features, came) for as_of in origins]
    return [origin for origin in found if len(origin.features)]


def describe(days: ibis.Table, as_of: dt.date, horizon_days: int) -> pd.DataFrame:
    """The features of every customer with a line up to `as_of`, in order of `customer_id`."""
    return _told(customer_features(days, as_of, horizon_days))


def reals(features: pd.DataFrame, column: str) -> Reals:
    """A column of the features as float64; null becomes NaN."""
    values: Reals = features[column].to_numpy(dtype=np.float64, na_value=np.nan)
    return values


def _told(features: ibis.Table) -> pd.DataFrame:
    """In order of `customer_id`, the kinds as objects."""
    return frame_of(features.order_by("customer_id")).astype(dict.fromkeys(KINDS_OF_PAST, object))


def _origin(as_of: dt.date, horizon_days: int, features: pd.DataFrame, came: pd.DataFrame) -> Origin:
    buyers = features[_is_of(features, as_of)].drop(columns="as_of").reset_index(drop=True)
    outcome = came[_is_of(came, as_of)].drop(columns="as_of").set_index("customer_id")
    return Origin(as_of, horizon_days, buyers, outcome.reindex(buyers["customer_id"]).fillna(0.0).reset_index())


def _is_of(rows: pd.DataFrame, as_of: dt.date) -> pd.Series:
    of_day: pd.Series = pd.to_datetime(rows["as_of"]) == pd.Timestamp(as_of)
    return of_day
