"""Customer portfolio management (顧客ポートフォリオマネジメント, CPM): ten classes by tenure, amount and gap (R100).

The rule is total: 初回 (first) with one purchase, else よちよち (toddler) below 90 days of tenure, else コツコツ
(steady) below the amount, else 流行 (trend) below 210 days, else 優良 (premium); 離脱 (lapsed) from a gap of 240 days,
else 現役 (active). As printed by the trade the rule overlaps at its boundaries; here everyone has exactly one class.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from crm_platform.clients import Settings
from crm_platform.tables.analyses import CPM_CLASS_NAMES, CPM_CLASSES

ORDERS_PER_THRESHOLD = 7  # ¥70,000 goes with an order value of about ¥10,000
_ROUNDED_TO_JPY = 1_000
_NAMES = np.array(CPM_CLASS_NAMES, dtype=object)


@dataclass(frozen=True)
class CpmThresholds:
    """The lines between the classes; a value on a line belongs to the upper side."""

    amount_jpy: int
    steady_tenure_days: int = 90
    premium_tenure_days: int = 210
    lapsed_gap_days: int = 240

    @classmethod
    def of(cls, settings: Settings, amount_jpy: int) -> CpmThresholds:
        """The days that a client has set, and the amount in force."""
        return cls(
            amount_jpy,
            settings.cpm_steady_tenure_days,
            settings.cpm_premium_tenure_days,
            settings.cpm_lapsed_gap_days,
        )


def cpm_thresholds(history: pd.DataFrame, settings: Settings) -> CpmThresholds:
    """The thresholds of a client: its settings, and the amount of `amount_threshold`."""
    return CpmThresholds.of(settings, amount_threshold(history, settings))


def amount_threshold(history: pd.DataFrame, settings: Settings) -> int:
    """The amount in yen from which a customer is trend or premium: as set, else what `proposed_amount_jpy` proposes."""
    if settings.cpm_amount_jpy is not None:
        return settings.cpm_amount_jpy
    return proposed_amount_jpy(int(history["sales_jpy"].sum()), int(history["standing_orders"].sum()))


def proposed_amount_jpy(sales_jpy: int, orders: int) -> int:
    """7 × the average order value (売上 over standing orders), rounded half up to ¥1,000, and at least ¥1,000."""
    sales = max(sales_jpy, 0)
    if orders == 0:
        return _ROUNDED_TO_JPY
    thousands = (2 * ORDERS_PER_THRESHOLD * sales + orders * _ROUNDED_TO_JPY) // (2 * orders * _ROUNDED_TO_JPY)
    return max(thousands, 1) * _ROUNDED_TO_JPY


def cpm_class(
    purchases: npt.ArrayLike,
    tenure_days: npt.ArrayLike,
    sales_jpy: npt.ArrayLike,
    gap_days: npt.ArrayLike,
    thresholds: CpmThresholds,
) -> npt.NDArray[np.object_]:
    """The class name (one of `CPM_CLASS_NAMES`) of each customer; for any month's end, from sums up to it.

    Args:
        purchases: how often the customer bought; `purchase_count` reads it from a history.
        tenure_days: last minus first purchase day (在籍期間).
        sales_jpy: 累計購入金額.
        gap_days: as-of date minus last purchase day (離脱期間).
        thresholds: the lines between the classes.
    """
    tenure, sales = np.asarray(tenure_days), np.asarray(sales_jpy)
    stage = np.select(
        [
            np.asarray(purchases) <= 1,
            tenure < thresholds.steady_tenure_days,
            sales < thresholds.amount_jpy,
            tenure < thresholds.premium_tenure_days,
        ],
        [0, 1, 2, 3],
        default=4,
    )
    lapsed = np.asarray(gap_days) >= thresholds.lapsed_gap_days
    names: npt.NDArray[np.object_] = _NAMES[2 * stage + lapsed]
    return names


def purchase_count(purchase_days: npt.ArrayLike, standing_orders: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Purchases as CPM counts them: a second order on the first day makes a よちよち customer; none counts as 0."""
    days, orders = np.asarray(purchase_days, dtype=np.int64), np.asarray(standing_orders, dtype=np.int64)
    return np.where(days == 0, 0, np.maximum(days, orders))


def assign_cpm_classes(history: pd.DataFrame, settings: Settings) -> pa.Table:
    """CPM_CLASSES of CUSTOMER_HISTORY. Who never bought counts as 初回, with the gap since registration."""
    thresholds = cpm_thresholds(history, settings)
    purchases = purchase_count(history["purchase_days"], history["standing_orders"])
    classes = cpm_class(purchases, history["tenure_days"], history["sales_jpy"], history["gap_days"], thresholds)
    return CPM_CLASSES.from_pandas(
        history[["customer_id", "tenure_days", "gap_days", "sales_jpy"]].assign(
            cpm_class=classes, amount_threshold_jpy=thresholds.amount_jpy
        )
    )
