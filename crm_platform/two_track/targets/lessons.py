"""Subscribers of earlier origins beside the one-off sales that came of each: what the forecast learns from."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from crm_platform.tables.frames import frame_of
from crm_platform.two_track.targets.known import KnownSubscribers
from crm_platform.two_track.targets.subscriber_features import one_off_sales_after

Reals = npt.NDArray[np.float64]
Wholes = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Lesson:
    """Rows of `subscribers_at` of one origin, and the one-off sales of each in the term after, in yen."""

    as_of: dt.date
    features: pd.DataFrame
    sales_jpy: Reals

    def times(self, factor: float) -> Lesson:
        """The lesson with every yen `factor` times as many."""
        money = [name for name in self.features.columns if name.endswith("_jpy")]
        features = self.features.assign(**{name: self.features[name] * factor for name in money})
        return Lesson(self.as_of, features, self.sales_jpy * factor)


def lessons_at(known: KnownSubscribers, as_ofs: Sequence[dt.date], horizon_days: int) -> list[Lesson]:
    """Every one of `as_ofs` with a subscriber, in their order; nothing is known to follow the last day of `known`."""
    rows = known.subscribers(as_ofs, horizon_days)  # one pass over the days for all of them
    came = frame_of(one_off_sales_after(known.days, as_ofs, horizon_days))
    told = rows.merge(came.rename(columns={"one_off_jpy": "came_jpy"}), on=["as_of", "customer_id"], how="left")
    day = pd.to_datetime(told["as_of"])
    found = []
    for as_of in as_ofs:
        chosen = told[day == pd.Timestamp(as_of)].drop(columns="as_of").reset_index(drop=True)
        if len(chosen):
            sales = chosen.pop("came_jpy").fillna(0.0).to_numpy(dtype=np.float64)
            found.append(Lesson(as_of, chosen, sales))
    return found


def halves(lessons: Sequence[Lesson]) -> Wholes:
    """0 or 1 per row of all lessons, the same for every row of a customer."""
    codes, _ids = pd.factorize(pd.concat([lesson.features["customer_id"] for lesson in lessons]), sort=True)
    half: Wholes = codes.astype(np.int64) % 2
    return half


def can_be_held_against(now: Lesson, past: Sequence[Lesson]) -> bool:
    """Whether somebody bought in either half: models of one are held against the other."""
    half = halves([now, *past])[len(now.sales_jpy) :]
    bought = np.concatenate([np.zeros(0), *(lesson.sales_jpy for lesson in past)]) > 0
    return len(set(half[bought])) == 2
