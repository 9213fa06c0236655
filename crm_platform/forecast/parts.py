"""Which part of a customer's expected sales will be those of subscriptions (定期), and which one-off purchases (都度).

Assumption: customers in the same state spend alike in parts. A state is whether the customer has ever subscribed, how
long the last subscription purchase (of the others, the last purchase) lies back, and how much of the recent sales were
subscriptions. The share of a state is Σ subscription sales ÷ Σ sales after the client's earlier origins (a ratio
estimator; Cochran 1977, "Sampling Techniques", chapter 6), so that the parts add up over customers, too; states seen
little are drawn to the states around them. Who never subscribed gets the rate at which such customers started.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from crm_platform.forecast.notes import Note, notes_from_json, notes_to_json
from crm_platform.forecast.origins import Origin, reals

Reals = npt.NDArray[np.float64]
Wholes = npt.NDArray[np.int64]

SILENCES = (1 / 6, 1 / 3, 1 / 2, 1.0, 2.0)  # terms since the last subscription purchase: the bounds between states
MIXES = (0.05, 0.25, 0.5, 0.75, 0.95)  # share of subscriptions in recent sales: the bounds between states
CUSTOMERS_DRAWN = 20.0  # with mean sales: the weight of the states around, beside a state's own customers
_STATES = (2, len(SILENCES) + 1, len(MIXES) + 1)


@dataclass(frozen=True)
class Parts:
    """`shares` per state: ever subscribed (no, yes) × silence × recent mix; None where there was no earlier origin.

    `horizon_days` is the term of those origins.
    """

    horizon_days: float
    shares: tuple[float, ...] | None
    notes: tuple[Note, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        shares = None if self.shares is None else list(self.shares)
        return {"horizon_days": self.horizon_days, "shares": shares, "notes": notes_to_json(self.notes)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Parts:
        """Read what `to_json` wrote."""
        shares = None if value["shares"] is None else tuple(value["shares"])
        return cls(value["horizon_days"], shares, notes_from_json(value["notes"]))


def fit_parts(past: Sequence[Origin]) -> Parts:
    """Learn the shares from all earlier origins; without sales in any, each customer's own mix is taken to go on.

    Raises:
        ValueError: origins of different terms.
    """
    usable = [one for one in past if one.sales_jpy.sum() > 0]
    if not usable:
        return Parts(0.0, None, (Note("shares_go_on"),))
    horizon_days = usable[0].horizon_days
    if any(one.horizon_days != horizon_days for one in usable):
        raise ValueError("the parts are learned from origins of one term")
    states = np.concatenate([_state(one.features, horizon_days) for one in usable])
    sales = np.concatenate([one.sales_jpy for one in usable])
    subscription = np.concatenate([reals(one.came, "subscription_sales_jpy") for one in usable])
    part = np.bincount(states, np.clip(subscription, 0, sales), math.prod(_STATES))
    shares = _drawn_to_neighbours(part, np.bincount(states, sales, math.prod(_STATES)), len(sales))
    return Parts(horizon_days, tuple(float(share) for share in shares), ())


def subscription_share(model: Parts, features: pd.DataFrame) -> Reals:
    """Share of subscriptions in each customer's expected sales, from 0 to 1."""
    if model.shares is None:
        return _mix(features)
    share: Reals = np.array(model.shares)[_state(features, model.horizon_days)]
    return share


def _state(features: pd.DataFrame, horizon_days: float) -> Wholes:
    """The number of each customer's state."""
    ever = reals(features, "subscription_days") > 0
    since = np.where(ever, reals(features, "subscription_gap_days"), reals(features, "gap_days"))
    silence = np.searchsorted(SILENCES, np.nan_to_num(since, nan=np.inf) / horizon_days)
    mix = np.where(ever, np.searchsorted(MIXES, _mix(features)), 0)
    states: Wholes = np.ravel_multi_index((ever.astype(np.int64), silence, mix), _STATES).astype(np.int64)
    return states


def _mix(features: pd.DataFrame) -> Reals:
    """Share of subscriptions in sales, recent ones counting more (half-life half a term)."""
    subscription = np.maximum(np.nan_to_num(reals(features, "subscription_level_half_term_jpy")), 0)
    level = np.maximum(np.nan_to_num(reals(features, "level_half_term_jpy")), 0)
    mix: Reals = np.divide(subscription, level, out=(subscription > 0).astype(np.float64), where=level > 0)
    return np.clip(mix, 0, 1)


def _drawn_to_neighbours(subscription: npt.NDArray[Any], sales: npt.NDArray[Any], customers: int) -> Reals:
    """Ratio per state, drawn to that of all mixes of its silence, and this to that of all who (never) subscribed."""
    weight = CUSTOMERS_DRAWN * sales.sum() / customers
    parts, whole = subscription.reshape(_STATES), sales.reshape(_STATES)
    ratio = parts.sum(axis=(1, 2), keepdims=True) / np.maximum(whole.sum(axis=(1, 2), keepdims=True), 1e-9)
    for axes in ((2,), ()):
        part, total = (each.sum(axis=axes, keepdims=True) for each in (parts, whole))
        ratio = (part + weight * ratio) / (total + weight)
    shares: Reals = np.clip(ratio, 0, 1).ravel()
    return shares
