"""The four outcomes of a campaign, treated beside control: buyers, sales, gross profit, who was retained (R85)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from crm_platform.alerts.measuring.lift import (
    Adjustment,
    Estimate,
    Flags,
    Reals,
    adjusted_lift,
    fit_adjustment,
    plain_lift,
)

OUTCOMES = ("buyers", "sales", "profit", "retained")
RATES = ("buyers", "retained")
LEAST_KNOWN_SHARE = 0.8  # of each group, whose profit must be known; else nothing is said of it
FEWEST_OF_STRATUM = 10  # of each group, for a stratum to be told apart
_COVARIATES = (  # those told first are preferred where few customers allow few of them
    "sales_before_jpy",
    "purchase_days_before",
    "lapse_risk",
    "expected_sales_jpy",
    "silent_days",
    "earlier_sales_jpy",
)
_EARLIER = {  # the one figure of the past for each outcome, where no more can be used
    "buyers": "purchase_days_before",
    "sales": "sales_before_jpy",
    "profit": "sales_before_jpy",
    "retained": "purchase_days_before",
}


@dataclass(frozen=True)
class Range:
    """A figure for all treated, and the ends of its 95 % interval; null where they cannot be told."""

    value: float
    low: float | None
    high: float | None

    def to_json(self) -> dict[str, float | None]:
        """Plain JSON values."""
        return dict(vars(self))

    @classmethod
    def times(cls, estimate: Estimate, factor: float) -> Range:
        """An estimate per customer, for `factor` customers."""
        ends = (None if end is None else end * factor for end in (estimate.low, estimate.high))
        return cls(estimate.lift * factor, *ends)


@dataclass(frozen=True)
class GroupLift:
    """One outcome: shares of customers for buyers and retained, else yen per customer."""

    outcome: str
    treated_customers: int
    control_customers: int
    treated_mean: float
    control_mean: float  # natural recovery (自然回復): what happens without the campaign
    plain: Estimate
    adjusted: Estimate

    @property
    def total(self) -> Range:
        """The adjusted lift over all treated customers counted here: customers, or yen."""
        return Range.times(self.adjusted, self.treated_customers)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values, the total among them."""
        estimates = {name: getattr(self, name).to_json() for name in ("plain", "adjusted", "total")}
        return {**vars(self), **estimates}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> GroupLift:
        """Read what `to_json` wrote."""
        estimates = {name: Estimate(**values[name]) for name in ("plain", "adjusted")}
        return cls(**{name: each for name, each in values.items() if name != "total"} | estimates)


def group_lifts(
    customers: pd.DataFrame, adjustment: Adjustment | None = None, outcomes: tuple[str, ...] = OUTCOMES
) -> dict[str, GroupLift]:
    """Every outcome that can be told of these rows of `campaign_customers`; none where a group is empty.

    Profit is told of the customers whose margin was known at the start, if they are four fifths of each group.
    """
    is_treated = customers["is_treated"].to_numpy(dtype=bool)
    if is_treated.all() or not is_treated.any():
        return {}
    fitted = adjustment or adjustment_of(customers)
    lifts = {}
    for outcome in outcomes:
        known = customers[outcome].notna().to_numpy(dtype=bool)
        if known.all():
            lifts[outcome] = _lift(outcome, customers, is_treated, fitted)
        elif min(known[is_treated].mean(), known[~is_treated].mean()) >= LEAST_KNOWN_SHARE:
            some = customers[known]
            lifts[outcome] = _lift(outcome, some, is_treated[known], adjustment_of(some))
    return lifts


def adjustment_of(customers: pd.DataFrame) -> Adjustment:
    """The regressions of both groups on the covariates of `campaign_customers`, and on strata where they are large."""
    is_treated = customers["is_treated"].to_numpy(dtype=bool)
    covariates = [(name, _filled(customers[name])) for name in _COVARIATES if customers[name].notna().any()]
    return fit_adjustment([*covariates, *_strata(customers["stratum"], is_treated)], is_treated)


def _lift(outcome: str, customers: pd.DataFrame, is_treated: Flags, adjustment: Adjustment) -> GroupLift:
    values, is_rate = _reals(customers[outcome]), outcome in RATES
    earlier = _filled(customers[_EARLIER[outcome]])
    return GroupLift(
        outcome,
        int(is_treated.sum()),
        int((~is_treated).sum()),
        float(values[is_treated].mean()),
        float(values[~is_treated].mean()),
        plain_lift(values, is_treated, is_rate=is_rate),
        adjusted_lift(values, is_treated, adjustment, earlier, is_rate=is_rate),
    )


def _strata(stratum: pd.Series, is_treated: Flags) -> list[tuple[str, Reals]]:
    """A flag for each stratum but the last; none where any is too small, as where each is a pair."""
    names, place = np.unique(stratum.to_numpy(), return_inverse=True)
    sizes = [np.bincount(place[group], minlength=len(names)) for group in (is_treated, ~is_treated)]
    if len(names) < 2 or np.min(sizes) < FEWEST_OF_STRATUM:
        return []
    return [(f"stratum_{name}", (place == at).astype(np.float64)) for at, name in enumerate(names[:-1])]


def _filled(values: pd.Series) -> Reals:
    """Who has no value gets the mean, which tells nothing: both groups lack values equally often."""
    own = _reals(values)
    known = ~np.isnan(own)
    return np.where(known, own, own[known].mean() if known.any() else 0.0)


def _reals(values: pd.Series) -> Reals:
    reals: Reals = values.to_numpy(dtype=np.float64)
    return reals
