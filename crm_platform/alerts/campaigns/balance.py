"""How alike the two groups of a test are before anybody is contacted (R84): standardised differences."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

ALIKE_BELOW = 0.1  # Austin 2009: a standardised difference below a tenth is negligible


@dataclass(frozen=True)
class Balance:
    """One trait of the treated and the control group, before the campaign.

    `trait` is `lapse_risk`, `sales_6m_jpy`, or `value_class` with its number (null: new in the term), a share then.
    `standardised_difference` is in standard deviations of a customer; null where a group is empty or all are equal.
    """

    trait: str
    value_class: int | None
    treated_mean: float | None
    control_mean: float | None
    standardised_difference: float | None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)


def balance_of(groups: pd.DataFrame, alerts: pd.DataFrame, segments: pd.DataFrame) -> list[Balance]:
    """Risk, value and the share of every value class in both groups, to be shown beside the test's result.

    Args:
        groups: TEST_GROUPS in pandas; a customer no longer in `alerts` is left out of the comparison.
        alerts: LAPSE_ALERTS in pandas.
        segments: `customer_id` and `value_class`.
    """
    known = groups[["customer_id", "test_group"]].merge(alerts, on="customer_id", validate="1:1")
    known = known.merge(segments[["customer_id", "value_class"]], on="customer_id", how="left", validate="1:1")
    is_treated = known["test_group"].eq("treated").to_numpy(dtype=bool)
    traits: list[tuple[str, int | None, pd.Series]] = [
        (name, None, known[name].astype(np.float64)) for name in ("lapse_risk", "sales_6m_jpy")
    ]
    classes = known["value_class"].astype("Float64")
    for number in sorted(classes.dropna().unique()):
        traits.append(("value_class", int(number), classes.eq(number).fillna(False).astype(np.float64)))
    if classes.isna().any():
        traits.append(("value_class", None, classes.isna().astype(np.float64)))
    return [_compared(trait, number, values.to_numpy(), is_treated) for trait, number, values in traits]


def largest_difference(balances: list[Balance]) -> float | None:
    """The largest standardised difference, without its sign; null where none can be told."""
    known = [abs(one.standardised_difference) for one in balances if one.standardised_difference is not None]
    return max(known, default=None)


def _compared(
    trait: str, number: int | None, values: np.ndarray[Any, Any], is_treated: np.ndarray[Any, Any]
) -> Balance:
    treated, control = values[is_treated], values[~is_treated]
    if not (len(treated) and len(control)):
        return Balance(trait, number, _mean(treated), _mean(control), None)
    spread = math.sqrt((treated.var() + control.var()) / 2)
    difference = float(treated.mean() - control.mean())
    return Balance(trait, number, _mean(treated), _mean(control), difference / spread if spread > 0 else None)


def _mean(values: np.ndarray[Any, Any]) -> float | None:
    return float(values.mean()) if len(values) else None
