"""What trees see of a subscriber: numbers without a unit, which mean the same at every origin.

Yen are told in `unit_jpy` (the client's mean one-off purchase), spans in terms, and counts beside the time in which
they were made.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from crm_platform.two_track.targets.subscriber_features import KINDS, SPANS

Reals = npt.NDArray[np.float64]
Matrix = npt.NDArray[np.float32]

MOST_CODES = 12  # per column of kinds, told apart by name
FEWEST_OF_A_CODE = 100  # subscribers × origins: a rarer kind teaches noise
PRIOR_TERMS = 0.25  # beside the time in which purchases are counted, so that a rate of two weeks stays moderate
NO_CODE, OTHER_CODE, FIRST_CODE = 0, 1, 2
_RISES_WITH = ("pace_", "level_", "rate_", "usual_jpy")
_FALLS_WITH = ("one_off_gap",)
_SPANS = (
    "stopped",
    "state",
    "subscription_age",
    "skip_gap",
    "one_off_gap",
    "one_off_age",
    "age",
    "gap",
    "delivery_gap",
    "bulk_gap",
)
_COUNTS = (
    "repeat_days",
    "repeat_days_in_state",
    "deliveries",
    "bulk_days",
    "skips",
    "switches",
    "resumes",
    "subscriptions",
)


@dataclass(frozen=True)
class SubscriberDesign:
    """The columns of the matrix, learned once; `codes` are the frequent values of each of `KINDS`."""

    horizon_days: int
    unit_jpy: float
    names: tuple[str, ...]
    codes: Mapping[str, tuple[str, ...]]

    @property
    def kinds(self) -> list[int]:
        """The places of columns that are codes."""
        return [place for place, name in enumerate(self.names) if name in KINDS]

    @property
    def directions(self) -> list[int]:
        """Per column 1 where one-off sales must not fall as it rises, −1 where they must not rise, 0 where free."""
        return [int(name.startswith(_RISES_WITH)) - int(name in _FALLS_WITH) for name in self.names]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """The inverse of `to_json`."""
        codes = {name: tuple(values) for name, values in stored["codes"].items()}
        return cls(stored["horizon_days"], stored["unit_jpy"], tuple(stored["names"]), codes)


def fit_subscriber_design(features: pd.DataFrame, horizon_days: int) -> SubscriberDesign:
    """Learn unit, codes and columns from rows of `subscribers_at`; a column that does not vary is left out.

    Raises:
        ValueError: no row.
    """
    if not len(features):
        raise ValueError("a design needs subscribers")
    days = float(features["repeat_days"].sum())
    unit_jpy = float(features["one_off_jpy"].sum()) / days if days and features["one_off_jpy"].sum() > 0 else 1.0
    codes = {name: _frequent(features[name]) for name in KINDS}
    everything = SubscriberDesign(horizon_days, unit_jpy, (), codes)
    names = tuple(name for name, values in _columns(everything, features).items() if _varies(values))
    return SubscriberDesign(horizon_days, unit_jpy, names, codes)


def subscriber_matrix(design: SubscriberDesign, features: pd.DataFrame) -> Matrix:
    """Subscribers × `design.names`, float32; NaN where there is no such thing."""
    columns = _columns(design, features)
    seen: Matrix = np.empty((len(features), len(design.names)), dtype=np.float32)
    for place, name in enumerate(design.names):
        seen[:, place] = columns[name]
    return seen


# --- inside -----------------------------------------------------------------------------------------------------------


def _columns(design: SubscriberDesign, features: pd.DataFrame) -> dict[str, Reals]:
    known = {
        name: features[name].to_numpy(dtype=np.float64, na_value=np.nan)
        for name in features.columns
        if name not in {"as_of", "customer_id", *KINDS}
    }
    return {
        "is_continuing": known["is_continuing"],
        **{name: known[f"{name}_days"] / design.horizon_days for name in _SPANS},
        **{name: known[name] for name in _COUNTS},
        **_one_off(known, design),
        **_contract(known, design),
        **{name: _coded(features[name], design.codes[name]) for name in KINDS},
    }


def _one_off(known: Mapping[str, Reals], design: SubscriberDesign) -> dict[str, Reals]:
    """Paces and levels as they are, rates in the time they were made in, the own interval and the usual purchase."""
    term, unit = design.horizon_days, design.unit_jpy
    repeats = known["repeat_days"]
    interval = _ratio(known["one_off_age_days"] - known["one_off_gap_days"], np.where(repeats > 1, repeats - 1, np.nan))
    usual = _ratio(known["one_off_jpy"], repeats)
    before = repeats - known["repeat_days_beside"]
    return {
        **{f"pace_{span}": known[f"pace_{span}"] for span in SPANS},
        **{f"level_{span}": known[f"level_{span}_jpy"] / unit for span in SPANS},
        "rate_in_state": known["repeat_days_in_state"] / (known["state_days"] / term + PRIOR_TERMS),
        "rate_beside": known["repeat_days_beside"] / (known["subscription_age_days"] / term + PRIOR_TERMS),
        "before_subscription": before,
        "trials": known["one_off_days"] - repeats,
        "interval": interval / term,
        "gap_to_interval": _ratio(known["one_off_gap_days"], interval),
        "usual_jpy": usual / unit,
        "last_to_usual": _ratio(known["last_one_off_jpy"], usual),
        "same_term_last_year": known["one_off_same_term_last_year_jpy"] / unit,
    }


def _contract(known: Mapping[str, Reals], design: SubscriberDesign) -> dict[str, Reals]:
    """Rhythm of the deliveries and how late the next is; what a delivery is worth; discounts, bulk, cancellations."""
    deliveries = known["deliveries"]
    cycle = _ratio(
        known["delivery_age_days"] - known["delivery_gap_days"], np.where(deliveries > 1, deliveries - 1, np.nan)
    )
    sales = known["standing_jpy"]
    return {
        **{f"delivery_{span}": known[f"delivery_pace_{span}"] for span in ("quarter_term", "term")},
        "cycle": cycle / design.horizon_days,
        "delivery_gap_to_cycle": _ratio(known["delivery_gap_days"], cycle),
        "delivery_jpy": _ratio(known["subscription_jpy"], deliveries) / design.unit_jpy,
        "skip_share": known["skips"] / (deliveries + 1),
        "bulk_share": _ratio(known["bulk_jpy"], sales),
        "discount_share": _ratio(known["discount_jpy"], sales + known["discount_jpy"]),
        "price_of_a_unit": _ratio(sales, known["quantity"]) / design.unit_jpy,
        "cancelled_orders": known["cancelled_orders"],
    }


def _coded(kinds: pd.Series, frequent: tuple[str, ...]) -> Reals:
    coded = kinds.map({kind: place for place, kind in enumerate(frequent, FIRST_CODE)})
    return np.where(kinds.notna(), coded.astype("float64").fillna(OTHER_CODE), NO_CODE).astype(np.float64)


def _frequent(kinds: pd.Series) -> tuple[str, ...]:
    counts = kinds.dropna().value_counts()
    counts = counts[counts >= FEWEST_OF_A_CODE]
    return tuple(sorted(counts.index, key=lambda kind: (-counts[kind], kind))[:MOST_CODES])


def _varies(values: Reals) -> bool:
    known = values[~np.isnan(values)]
    return bool(len(known)) and (len(known) < len(values) or bool((known != known[0]).any()))


def _ratio(part: Reals, whole: Reals) -> Reals:
    """NaN where there is nothing to divide by."""
    ratio: Reals = np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0)
    return ratio
