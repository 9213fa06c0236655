"""What a one-off basket (都度単価) is worth at the client today, beside each earlier origin: lessons in today's yen.

Prices rise, and goods come and go: subscribers who bought as today's do spent other sums in former years. So the yen
of a lesson are multiplied by the level of today ÷ the level of its origin, which makes the forecast follow a drift of
all prices. The level is the mean purchase of the year before, so that no season is in it. That of few buyers is chance:
how far a change is believed is a matter of its error over customers, beside changes of `USUAL_CHANGE` a year (the
posterior mean of a normal change around 0).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd

from crm_platform.two_track.targets.lessons import Lesson

USUAL_CHANGE = 0.1  # standard deviation of the logarithm of the level, a year apart
YEAR_DAYS = 365.25


class BasketLevel(NamedTuple):
    """The mean one-off purchase in yen, and what each customer moves its logarithm by."""

    jpy: float
    moved_by: pd.Series


def in_todays_yen(now: Lesson, past: Sequence[Lesson]) -> tuple[list[Lesson], tuple[float, ...]]:
    """The lessons `past` at the level of `now`, and the factor of each; 1 where either has no level."""
    today = basket_level(now.features)
    factors = tuple(_factor(today, basket_level(each.features), (now.as_of - each.as_of).days) for each in past)
    return [each.times(factor) for each, factor in zip(past, factors, strict=True)], factors


def basket_level(features: pd.DataFrame) -> BasketLevel | None:
    """The level that rows of `subscribers_at` show; None where nobody bought one-off in the year before."""
    spent, bought = (features[name].astype("float64") for name in ("one_off_in_year_jpy", "repeats_in_year"))
    if not spent.sum() > 0:
        return None
    jpy = float(spent.sum() / bought.sum())
    moved_by = ((spent - jpy * bought) / spent.sum()).set_axis(features["customer_id"])
    return BasketLevel(jpy, moved_by[moved_by != 0])


def _factor(today: BasketLevel | None, then: BasketLevel | None, days: int) -> float:
    """Today's level over the former, drawn to 1 by the error of their ratio; the same customers stand behind both."""
    if today is None or then is None:
        return 1.0
    error = float((today.moved_by.sub(then.moved_by, fill_value=0.0) ** 2).sum())
    usual = (USUAL_CHANGE * days / YEAR_DAYS) ** 2
    return math.exp(math.log(today.jpy / then.jpy) * usual / (usual + error))
