"""Customers alike in class, value and risk (層), and places shared out to them in whole numbers, without favour.

The bounds of a stratum are fixed numbers, not quantiles: who enters or leaves the list moves nobody else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

RISK_BANDS = 8  # eighths of the probability of a fall
_RISK_BITS, _VALUE_BITS, _CLASS_BITS = 3, 6, 7
STRATUM_BITS = _CLASS_BITS + _VALUE_BITS + _RISK_BITS
_DRAWS = 2**64

Whole = npt.NDArray[np.int64]
Draw = Callable[[str], int]  # words → a number below 2**64, the same for the same words


def strata_of(alerts: pd.DataFrame, segments: pd.DataFrame) -> Whole:
    """A number per alert, from 512: one more than the value class, then the value band, then the risk band, in bits.

    A value band is a doubling of `sales_6m_jpy`, a risk band an eighth of `lapse_risk`; a customer who is new in the
    term has no class and counts as class 0. `segments` holds `customer_id` and `value_class`.

    Raises:
        ValueError: an alerted customer has no row in `segments`.
    """
    class_of: pd.Series = segments.set_index("customer_id")["value_class"]
    missing = alerts.loc[~alerts["customer_id"].isin(class_of.index), "customer_id"]
    if len(missing):
        raise ValueError(f"{len(missing)} alerted customers have no segment, for example {missing.iloc[0]}")
    classes: Whole = np.asarray(class_of.reindex(alerts["customer_id"]).astype("Float64").fillna(0), dtype=np.int64)
    doublings = np.frexp(alerts["sales_6m_jpy"].to_numpy(dtype=np.float64).clip(min=0))[1].astype(np.int64)
    eighths = np.minimum(alerts["lapse_risk"].to_numpy(dtype=np.float64) * RISK_BANDS, RISK_BANDS - 1).astype(np.int64)
    numbers: Whole = ((classes + 1) << (_VALUE_BITS + _RISK_BITS)) + (doublings << _RISK_BITS) + eighths
    return numbers


def shared_out(counts: Mapping[int, int], places: int, draw: Draw, bit: int = STRATUM_BITS - 1) -> dict[int, int]:
    """How many of `places` each stratum gets: all of them, in proportion to its customers, rounded by the draw.

    The strata are halved bit by bit, by class, then value, then risk, and both halves get their share within one place:
    of 3.4 the lower half gets 4 with chance 0.4 and 3 else. So every customer has the chance `places` ÷ customers
    (unbiased controlled rounding, Cox 1987), and one place more or less changes one stratum alone.
    """
    if len(counts) <= 1:
        return dict.fromkeys(counts, places)
    lower, upper = ({code: n for code, n in counts.items() if code >> bit & 1 == side} for side in (0, 1))
    if not (lower and upper):
        return shared_out(counts, places, draw, bit - 1)
    everyone = sum(counts.values())
    chance = draw(f"{bit}:{min(lower) >> bit}")
    below = (sum(lower.values()) * places * _DRAWS + chance * everyone) // (everyone * _DRAWS)
    return {**shared_out(lower, below, draw, bit - 1), **shared_out(upper, places - below, draw, bit - 1)}


def draw_of(*words: object) -> Draw:
    """Draws by hash of these words and what is asked: the same on every machine, unknown beforehand to anybody."""
    beginning = hashlib.sha256("\x1f".join(map(str, words)).encode())

    def draw(asked: str) -> int:
        hashed = beginning.copy()
        hashed.update(b"\x1f" + asked.encode())
        return int.from_bytes(hashed.digest()[:8], "big")

    return draw
