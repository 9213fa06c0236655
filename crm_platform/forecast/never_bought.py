"""Customers on file who never bought: what they will do is what such customers did in the last six months."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from crm_platform.periods import TERM_MONTHS

MINIMUM_CUSTOMERS = 20  # below this a rate would be chance: nothing is expected of them


@dataclass(frozen=True)
class NeverBought:
    """Means over the customers who had registered but never bought six months ago, of the six months since."""

    customers: int
    purchase_rate: float
    purchases: float
    sales_jpy: float


def observe_never_bought(history: pd.DataFrame) -> NeverBought:
    """Look back from CUSTOMER_HISTORY: who was on file without a purchase six months before its as-of date?"""
    if history.empty:
        return NeverBought(0, 0.0, 0.0, 0.0)
    then = pd.to_datetime(history["as_of"]) - pd.DateOffset(months=TERM_MONTHS)
    first = pd.to_datetime(history["first_purchased_on"])
    waiting = history[(pd.to_datetime(history["registered_on"]) <= then) & ~(first <= then)]
    if len(waiting) < MINIMUM_CUSTOMERS:
        return NeverBought(len(waiting), 0.0, 0.0, 0.0)
    return NeverBought(
        customers=len(waiting),
        purchase_rate=float((waiting["purchase_days"] > 0).mean()),
        purchases=float(waiting["purchase_days"].mean()),
        sales_jpy=max(float(waiting["sales_6m_jpy"].mean()), 0.0),
    )
