"""Each customer's own cycle (購入周期) and how far beyond it the silence has gone (R82).

Gaps between a customer's purchase days are taken for gamma-distributed about the own mean with the own regularity, both
shrunk to what is typical of the client where a customer showed few gaps.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import gammainc

from crm_platform.forecast.origins import reals

Reals = npt.NDArray[np.float64]

PRIOR_GAPS = 2.0  # what is typical weighs as much as two gaps of the customer's own
LEAST_VARIATION, MOST_VARIATION = 0.02, 4.0  # squared: clockwork, and bursts
ASSUMED_DAYS, ASSUMED_VARIATION = 365.0, 1.0  # where nobody bought twice: purchases at random, once a year


@dataclass(frozen=True)
class OwnCycle:
    """What is typical: the median of own mean gaps, in days, and of their squared coefficients of variation."""

    typical_days: float
    typical_variation: float


def fit_own_cycle(features: pd.DataFrame) -> OwnCycle:
    """What is typical of these buyers."""
    cycle = reals(features, "cycle_days")
    known = cycle[cycle > 0]
    variation = _variation(features)
    seen = variation[~np.isnan(variation)]
    return OwnCycle(
        float(np.median(known)) if len(known) else ASSUMED_DAYS,
        float(np.median(seen)) if len(seen) else ASSUMED_VARIATION,
    )


def cycle_days(typical: OwnCycle, features: pd.DataFrame) -> Reals:
    """The customer's own mean gap, shrunk to the typical one; in days."""
    own = reals(features, "cycle_days")
    gaps = np.where(np.isnan(own), 0, np.maximum(reals(features, "purchase_days") - 1, 0))
    cycle: Reals = (PRIOR_GAPS * typical.typical_days + gaps * np.nan_to_num(own)) / (PRIOR_GAPS + gaps)
    return cycle


def overdue_rate(typical: OwnCycle, features: pd.DataFrame) -> Reals:
    """Probability that a gap of the customer's own cycle would be over by now: .5 about on time, 1 long overdue."""
    shape = 1 / variation(typical, features)
    rate: Reals = gammainc(shape, reals(features, "gap_days") * shape / cycle_days(typical, features))
    return rate


def variation(typical: OwnCycle, features: pd.DataFrame) -> Reals:
    """Squared coefficient of variation of the customer's gaps, shrunk: small for who buys like clockwork."""
    own = _variation(features)
    gaps = np.where(np.isnan(own), 0, np.maximum(reals(features, "purchase_days") - 1, 0))
    mixed = (PRIOR_GAPS * typical.typical_variation + gaps * np.nan_to_num(own)) / (PRIOR_GAPS + gaps)
    clipped: Reals = np.clip(mixed, LEAST_VARIATION, MOST_VARIATION)
    return clipped


def _variation(features: pd.DataFrame) -> Reals:
    cycle = reals(features, "cycle_days")
    squared: Reals = (reals(features, "cycle_sd_days") / np.where(cycle > 0, cycle, np.nan)) ** 2
    return squared
