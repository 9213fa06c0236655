"""Four kinds of buyer that look alike in a list and are not (seed 001:105, R56): exactly one, or `other`, for each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from crm_platform.history import LONG_SILENCE_DAYS
from crm_platform.tables.analyses import BUYER_KINDS

RETURNED, STALLED, BIG_TICKET, FREQUENT_SMALL, OTHER = BUYER_KINDS


@dataclass(frozen=True)
class BuyerKindRules:
    """The lines between the kinds. A value is the customer's mean per purchase day, held against the median customer.

    - returned (数年ぶり): bought within `recent_days` after a silence of `away_days`.
    - stalled (1回高額で停滞): one purchase of at least `large_times` the median, `stalled_days` ago or longer.
    - big_ticket (高単価): `big_ticket_purchases` or more of that mean value, the last within `active_days`.
    - frequent_small (少額反復): `frequent_purchases` or more of at most the median, the last within `active_days`.

    The first that applies counts. Two years and 180 days are readings of 数年ぶり and 停滞; the seed gives no number.
    """

    away_days: int = LONG_SILENCE_DAYS
    recent_days: int = 180
    large_times: int = 2
    stalled_days: int = 180
    big_ticket_purchases: int = 2
    frequent_purchases: int = 4
    active_days: int = 365


RULES = BuyerKindRules()


def buyer_kinds(history: pd.DataFrame, rules: BuyerKindRules = RULES) -> pd.Series:
    """customer_id → one of `BUYER_KINDS` for every row of CUSTOMER_HISTORY; who never bought is `other`."""
    purchases, gap_days = history["purchase_days"].to_numpy(), history["gap_days"].to_numpy()
    value_jpy, median_jpy = _mean_values_jpy(history), median_value_jpy(history)
    is_large = value_jpy >= rules.large_times * median_jpy
    is_active = (purchases > 0) & (gap_days < rules.active_days)
    away_for_days = (pd.to_datetime(history["as_of"]) - pd.to_datetime(history["returned_on"])).dt.days
    conditions = [
        away_for_days.le(rules.recent_days).fillna(False).to_numpy(dtype=bool),
        (purchases == 1) & is_large & (gap_days >= rules.stalled_days),
        (purchases >= rules.big_ticket_purchases) & is_large & is_active,
        (purchases >= rules.frequent_purchases) & (value_jpy <= median_jpy) & is_active,
    ]
    kinds = np.select(conditions, [RETURNED, STALLED, BIG_TICKET, FREQUENT_SMALL], default=OTHER)
    return pd.Series(kinds, index=pd.Index(history["customer_id"]), name="buyer_kind", dtype="object")


def median_value_jpy(history: pd.DataFrame) -> float:
    """The median of customers' mean sales per purchase day, in yen; 0 where nobody bought."""
    median = pd.Series(_mean_values_jpy(history)).median()
    return float(median) if pd.notna(median) else 0.0


def _mean_values_jpy(history: pd.DataFrame) -> npt.NDArray[np.float64]:
    purchases = history["purchase_days"].to_numpy(dtype=np.float64)
    sales = history["sales_jpy"].to_numpy(dtype=np.float64)
    values: npt.NDArray[np.float64] = np.full(len(purchases), np.nan)
    np.divide(sales, purchases, out=values, where=purchases > 0)
    return values
