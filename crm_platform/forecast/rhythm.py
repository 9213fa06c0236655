"""CUSTOMER_HISTORY as the arrays that the models read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

Reals = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Rhythm:
    """One entry per customer with a purchase. Times in days, amounts in yen."""

    purchases: Reals
    recency_days: Reals
    age_days: Reals
    value_jpy: Reals  # mean 売上 of a purchase day, before credits
    credit_jpy: Reals
    level_jpy: Reals  # recent half-years' sales, the weight halved with each half-year further back

    @property
    def repeats(self) -> Reals:
        """Purchases after the first."""
        return self.purchases - 1

    @property
    def gross_jpy(self) -> Reals:
        """売上 of all purchases before credits."""
        return self.purchases * self.value_jpy


def reals(history: pd.DataFrame, column: str) -> Reals:
    """A column as float64; null becomes NaN."""
    return history[column].to_numpy(dtype=np.float64, na_value=np.nan)


def rhythm_of(history: pd.DataFrame) -> Rhythm:
    """The rhythm of the rows of `history`, all of which have a purchase."""
    purchases = reals(history, "purchase_days")
    recency_days = reals(history, "tenure_days")
    age_days = recency_days + reals(history, "gap_days")
    credit = reals(history, "returned_jpy")
    # A purchase day has sales above 0, so the sum is; the yen is for a history whose credits are not told apart.
    gross = np.maximum(reals(history, "sales_jpy") + credit, 1.0)
    return Rhythm(purchases, recency_days, age_days, gross / purchases, credit, _level(history, age_days))


def _level(history: pd.DataFrame, age_days: Reals) -> Reals:
    """Exponentially weighted sales with a half-life of six months; older sales are spread evenly over the years."""
    latest, year, total = (reals(history, name) for name in ("sales_6m_jpy", "sales_12m_jpy", "sales_jpy"))
    half_years = np.maximum(np.ceil(age_days / 182.5), 3)
    mean_older_weight = (0.5 - 0.5 ** (half_years - 1)) / (half_years - 2)
    level: Reals = np.maximum(latest + 0.5 * (year - latest) + mean_older_weight * (total - year), 0)
    return level
