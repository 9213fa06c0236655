"""What a boosted model sees of a customer: one row of numbers without a unit, which mean the same at every origin.

Amounts are told in `unit_jpy` (the client's mean purchase), spans in terms of the horizon, levels and paces per term
of known time: a customer first seen two months ago and one first seen two years ago read alike if they buy alike. Sums
of the whole past are not shown, for they grow with the past and the origins a model learns from are earlier, hence
shorter, than the day it forecasts at.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from crm_platform.history import KINDS_OF_PAST
from crm_platform.history.customer_features import SPANS

Reals = npt.NDArray[np.float64]
Matrix = npt.NDArray[np.float32]

BLOCK_ROWS = 100_000
MOST_CODES = 12  # per column of kinds, told apart by name
FEWEST_OF_A_CODE = 50  # customers: a rarer kind teaches noise
PRIOR_TERMS = 0.1  # of known time, so that the pace of a customer first seen yesterday stays moderate
NO_CODE, OTHER_CODE, FIRST_CODE = 0, 1, 2
RISES_WITH = ("level_", "pace_", "level_rate_", "pace_rate_", "expert_")
_IN_TERMS = ("gap_days", "age_days", "tenure_days", "cycle_days", "cycle_sd_days", "last_cycle_days")
_IN_TERMS_TOO = ("subscription_gap_days", "one_off_gap_days")
_OF_WINDOWS = ("quarter_term", "half_term", "term")


@dataclass(frozen=True)
class Design:
    """The columns of the matrix, learned once and used at every later origin.

    `codes` are the frequent values of each column of `KINDS_OF_PAST`, the most frequent first; `experts` the names of
    other models' forecasts that are shown beside the features.
    """

    horizon_days: int
    unit_jpy: float
    names: tuple[str, ...]
    codes: Mapping[str, tuple[str, ...]]
    experts: tuple[str, ...]

    @property
    def kinds(self) -> list[int]:
        """The places of columns that are codes of kinds rather than numbers."""
        return [place for place, name in enumerate(self.names) if name in KINDS_OF_PAST]

    @property
    def directions(self) -> list[int]:
        """Per column 1 where a forecast must not fall as it rises, −1 where it must not rise, 0 where it is free."""
        return [_direction(name) for name in self.names]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """The inverse of `to_json`."""
        codes = {name: tuple(values) for name, values in stored["codes"].items()}
        names, experts = tuple(stored["names"]), tuple(stored["experts"])
        return cls(stored["horizon_days"], stored["unit_jpy"], names, codes, experts)


def fit_design(features: pd.DataFrame, horizon_days: int, experts: pd.DataFrame | None = None) -> Design:
    """Learn unit, codes and columns; a column that does not vary, or repeats an earlier one, is left out.

    Args:
        features: rows of `history.customer_features`, buyers only, of one origin or several.
        horizon_days: the term that the features were made for.
        experts: forecasts of other models, row by row, each the higher the better; amounts end in `_jpy`.

    Raises:
        ValueError: no row, a customer without a purchase, experts of another length, or nothing that varies.
    """
    if not len(features) or not (features["purchase_days"] > 0).all():
        raise ValueError("a design needs customers, each with a purchase")
    unit_jpy = math.fsum(features["standing_sales_jpy"]) / math.fsum(features["purchase_days"])
    codes = {name: _frequent(features[name]) for name in KINDS_OF_PAST}
    told = tuple(experts.columns) if experts is not None else ()
    everything = Design(horizon_days, unit_jpy, (), codes, told)
    names = tuple(_that_tell(_columns(everything, features, experts)))
    if not names:
        raise ValueError("no feature of these customers varies: there is nothing to learn from")
    return Design(horizon_days, unit_jpy, names, codes, told)


def matrix(design: Design, features: pd.DataFrame, experts: pd.DataFrame | None = None) -> Matrix:
    """Customers × `design.names`, float32; NaN where a customer has no such thing.

    Raises:
        ValueError: the experts are not those of the design, row by row.
    """
    columns = _columns(design, features, experts)
    seen: Matrix = np.empty((len(features), len(design.names)), dtype=np.float32)
    for place, name in enumerate(design.names):
        seen[:, place] = columns[name]
    return seen


def matrices(design: Design, features: pd.DataFrame, experts: pd.DataFrame | None = None) -> Iterator[Matrix]:
    """The rows of `matrix` in blocks, at least one, so that millions of customers need little memory."""
    for first in range(0, max(len(features), 1), BLOCK_ROWS):
        rows = slice(first, first + BLOCK_ROWS)
        yield matrix(design, features.iloc[rows], None if experts is None else experts.iloc[rows])


# --- inside -----------------------------------------------------------------------------------------------------------


def _columns(design: Design, features: pd.DataFrame, experts: pd.DataFrame | None) -> dict[str, Reals]:
    known = {
        name: features[name].to_numpy(dtype=np.float64)
        for name in features.columns
        if name != "customer_id" and name not in KINDS_OF_PAST
    }
    return {
        **_times(known, design.horizon_days),
        **_levels(known, design),
        **_purchases(known, design.unit_jpy),
        **_shares(known),
        **{name: _coded(features[name], design.codes[name]) for name in KINDS_OF_PAST},
        **_told_by_experts(design, experts, len(features)),
    }


def _times(known: Mapping[str, Reals], horizon_days: int) -> dict[str, Reals]:
    """Spans in terms, and the silence beside the customer's own rhythm (離脱期間 ÷ 購入周期)."""
    gap = known["gap_days"]
    return {
        **{name: known[name] / horizon_days for name in (*_IN_TERMS, *_IN_TERMS_TOO)},
        "gap_to_cycle": _ratio(gap, known["cycle_days"]),
        "gap_to_last_cycle": _ratio(gap, known["last_cycle_days"]),
        "gap_to_age": _ratio(gap, known["age_days"]),
        "cycle_variation": _ratio(known["cycle_sd_days"], known["cycle_days"]),
        "last_cycle_to_cycle": _ratio(known["last_cycle_days"], known["cycle_days"]),
        "geometric_cycle_to_cycle": _geometric_cycle(known),
    }


def _geometric_cycle(known: Mapping[str, Reals]) -> Reals:
    """Near 1 for who buys at even distances, near 0 for bursts with long silences between."""
    gaps = np.where(known["purchase_days"] > 1, known["purchase_days"] - 1, np.nan)
    return _ratio(np.exp(known["log_gaps"] / gaps), known["cycle_days"])


def _levels(known: Mapping[str, Reals], design: Design) -> dict[str, Reals]:
    """Weighted sums and paces, as they are and per term of known time, and sums of the last windows."""
    levels: dict[str, Reals] = {}
    for span, terms in SPANS.items():
        decay = np.log(2) / terms
        known_terms = -np.expm1(-decay * known["age_days"] / design.horizon_days) / decay + PRIOR_TERMS
        level, pace = known[f"level_{span}_jpy"] / design.unit_jpy, known[f"pace_{span}"]
        levels |= {f"level_{span}": level, f"pace_{span}": pace}
        levels |= {f"level_rate_{span}": level / known_terms, f"pace_rate_{span}": pace / known_terms}
    for span in _OF_WINDOWS:
        levels[f"sales_{span}"] = known[f"sales_{span}_jpy"] / design.unit_jpy
        levels[f"purchase_days_{span}"] = known[f"purchase_days_{span}"]
    for span in ("half_term", "two_terms"):
        levels[f"subscription_level_{span}"] = known[f"subscription_level_{span}_jpy"] / design.unit_jpy
    levels["level_trend"] = _ratio(levels["level_quarter_term"], levels["level_two_terms"])
    levels["pace_trend"] = _ratio(levels["pace_quarter_term"], levels["pace_two_terms"])
    last_year = known["sales_same_term_last_year_jpy"] / design.unit_jpy
    return {**levels, "same_term_last_year_to_level": _ratio(last_year, levels["level_two_terms"])}


def _purchases(known: Mapping[str, Reals], unit_jpy: float) -> dict[str, Reals]:
    """What a purchase is like: its value, the last and the largest beside the mean, units and products."""
    days, mean = known["purchase_days"], known["standing_sales_jpy"] / known["purchase_days"]
    return {
        "purchase_days": days,
        "mean_purchase": mean / unit_jpy,
        "last_to_mean_purchase": _ratio(known["last_day_jpy"], mean),
        "largest_to_mean_purchase": _ratio(known["largest_day_jpy"], mean),
        "units_per_purchase": known["quantity"] / days,
        "price_of_a_unit": _ratio(known["standing_sales_jpy"], known["quantity"]) / unit_jpy,
        "products_per_day": known["products_per_day"],
    }


def _shares(known: Mapping[str, Reals]) -> dict[str, Reals]:
    """Parts of the customer's own orders and sales: cancelled, returned, subscription, bulk, discount."""
    sales = known["standing_sales_jpy"]
    return {
        "cancelled_share": _ratio(known["cancelled_orders"], known["orders"]),
        "cancelled_orders_term": known["cancelled_orders_term"],
        "returned_share": _ratio(known["returned_jpy"], sales),
        "ordered_to_sales": _ratio(known["ordered_jpy"], sales),
        "subscription_share": _ratio(known["subscription_sales_jpy"], sales),
        "subscription_days_share": _ratio(known["subscription_days"], known["purchase_days"]),
        "bulk_share": _ratio(known["bulk_sales_jpy"], sales),
        "discount_share": _ratio(known["discount_jpy"], sales),
    }


def _told_by_experts(design: Design, experts: pd.DataFrame | None, rows: int) -> dict[str, Reals]:
    told = () if experts is None else tuple(experts.columns)
    if told != design.experts or (experts is not None and len(experts) != rows):
        raise ValueError(f"the design knows the experts {list(design.experts)}, row by row; given are {list(told)}")
    units = {name: design.unit_jpy if name.endswith("_jpy") else 1.0 for name in told}
    return {
        f"expert_{name}": experts[name].to_numpy(dtype=np.float64) / units[name] for name in told if experts is not None
    }


def _coded(kinds: pd.Series, frequent: tuple[str, ...]) -> Reals:
    """The code of each kind: none, another one, or its place among the frequent ones."""
    named = _named(kinds)
    place = pc.index_in(named, value_set=pa.array(frequent, pa.string()))
    code = pc.fill_null(pc.add(place, FIRST_CODE), OTHER_CODE)
    return np.where(named.is_null().to_numpy(zero_copy_only=False), NO_CODE, code.to_numpy()).astype(np.float64)


def _frequent(kinds: pd.Series) -> tuple[str, ...]:
    counted = _named(kinds).drop_null().value_counts().to_pylist()
    enough = [(-one["counts"], one["values"]) for one in counted if one["counts"] >= FEWEST_OF_A_CODE]
    return tuple(kind for _, kind in sorted(enough)[:MOST_CODES])


def _named(kinds: pd.Series) -> pa.Array | pa.ChunkedArray:
    return pa.array(kinds.array, pa.string(), from_pandas=True)


def _that_tell(columns: Mapping[str, Reals]) -> Iterable[str]:
    """Names of the columns that vary and that no earlier column repeats."""
    seen: set[bytes] = set()
    for name, values in columns.items():
        shown = values.astype(np.float32)
        known = shown[~np.isnan(shown)]
        varies = bool(len(known)) and (len(known) < len(shown) or bool((known != known[0]).any()))
        if varies and shown.tobytes() not in seen:
            seen.add(shown.tobytes())
            yield name


def _ratio(part: Reals, whole: Reals) -> Reals:
    """NaN where there is nothing to divide by."""
    ratio: Reals = np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0)
    return ratio


def _direction(name: str) -> int:
    if name == "gap_days":
        return -1
    return 1 if name.startswith(RISES_WITH) and not name.endswith("_trend") else 0
