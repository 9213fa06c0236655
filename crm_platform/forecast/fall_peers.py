"""What a fall leaves of a customer's sales, by what became of peers (同質顧客, R83, seed 003:38-40).

Peers are upper customers who buy for about as much and about as often in a term. Their purchasing power before a fall
(現在の購買力) and after it (ランクダウン後の購買力) are means over those of this client who fell.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import t as student_t

from crm_platform.forecast.origins import reals

Reals = npt.NDArray[np.float64]
Wholes = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

OFTEN = (1, 2, 4)  # purchase days in a term from which the next group begins
FEWEST_FOR_INTERVAL = 5  # customers
FEWEST_FALLEN = 30  # peers, for a mean of their own; else the peers of every level speak
ASSUMED_KEPT_RATE = 0.25  # the middle of what a fall may leave, where no fall was seen
MIDDLE = 0.975  # both ends of a 95 % interval leave out as much


@dataclass(frozen=True)
class Peers:
    """Customers alike, over all earlier origins. Means are of those who fell; None where nobody did.

    They bought on `purchases_from` to `purchases_to` days (None: and more) and for `level_from_jpy` to `level_to_jpy`
    in the term before. The interval (95 %) of the mean after the fall lets each customer count once.
    """

    group: int
    purchases_from: int
    purchases_to: int | None
    level_from_jpy: float
    level_to_jpy: float | None
    customers: int
    fallen: int
    fall_rate: float | None
    before_jpy: float | None
    after_jpy: float | None
    after_low_jpy: float | None
    after_high_jpy: float | None


@dataclass(frozen=True)
class FallPeers:
    """The groups in order, the amounts that part their levels, and the share of sales that a fall leaves in each."""

    level_cuts_jpy: tuple[float, ...]
    peers: tuple[Peers, ...]
    kept_rates: tuple[float, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> FallPeers:
        """Read what `to_json` wrote."""
        return cls(
            tuple(value["level_cuts_jpy"]), tuple(Peers(**each) for each in value["peers"]), tuple(value["kept_rates"])
        )


def fit_fall_peers(past: Sequence[tuple[pd.DataFrame, Reals, Flags]], level_cuts_jpy: Sequence[float]) -> FallPeers:
    """Learn from upper customers (上位客): per origin their features, their sales of the term after, and who fell."""
    cuts = tuple(sorted({float(cut) for cut in level_cuts_jpy}))
    seen = pd.concat(
        [_seen(features, after, fallen, cuts) for features, after, fallen in past] or [_seen_nobody()],
        ignore_index=True,
    )
    groups = [(band, level) for level in range(len(cuts) + 1) for band in range(len(OFTEN))]
    peers = tuple(_peers(number, band, level, seen, cuts) for number, (band, level) in enumerate(groups))
    return FallPeers(cuts, peers, tuple(_kept_rate(seen, band, level) for band, level in groups))


def fallen_sales(peers: FallPeers, features: pd.DataFrame) -> Reals:
    """ランクダウン後の購買力: sales of the term after a fall, in yen, of buyers with sales in the last term."""
    sales: Reals = reals(features, "sales_term_jpy") * np.array(peers.kept_rates)[peer_groups(peers, features)]
    return sales


def peer_groups(peers: FallPeers, features: pd.DataFrame) -> Wholes:
    """The number of each customer's group."""
    return _level(features, peers.level_cuts_jpy) * len(OFTEN) + _band(features)


# --- inside -----------------------------------------------------------------------------------------------------------


def _seen(features: pd.DataFrame, after: Reals, fallen: Flags, cuts: Sequence[float]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "customer_id": features["customer_id"].to_numpy(),
            "band": _band(features),
            "level": _level(features, cuts),
            "before": reals(features, "sales_term_jpy"),
            "after": after,
            "fallen": fallen,
        }
    )


def _seen_nobody() -> pd.DataFrame:
    return pd.DataFrame({"customer_id": [], "band": [], "level": [], "before": [], "after": [], "fallen": []})


def _band(features: pd.DataFrame) -> Wholes:
    days = np.maximum(reals(features, "purchase_days_term"), OFTEN[0])
    return np.searchsorted(np.array(OFTEN), days, side="right") - 1


def _level(features: pd.DataFrame, cuts: Sequence[float]) -> Wholes:
    return np.searchsorted(np.array(cuts), reals(features, "sales_term_jpy"), side="right")


def _peers(number: int, band: int, level: int, seen: pd.DataFrame, cuts: Sequence[float]) -> Peers:
    alike = seen[(seen["band"] == band) & (seen["level"] == level)]
    fell = alike[alike["fallen"].to_numpy(dtype=bool)]
    mean, margin = _mean_after(fell) if len(fell) else (None, None)
    return Peers(
        group=number,
        purchases_from=OFTEN[band],
        purchases_to=OFTEN[band + 1] - 1 if band + 1 < len(OFTEN) else None,
        level_from_jpy=cuts[level - 1] if level else 0.0,
        level_to_jpy=cuts[level] if level < len(cuts) else None,
        customers=len(alike),
        fallen=len(fell),
        fall_rate=len(fell) / len(alike) if len(alike) else None,
        before_jpy=float(fell["before"].mean()) if len(fell) else None,
        after_jpy=mean,
        after_low_jpy=None if mean is None or margin is None else max(mean - margin, 0.0),
        after_high_jpy=None if mean is None or margin is None else mean + margin,
    )


def _mean_after(fell: pd.DataFrame) -> tuple[float, float | None]:
    """Mean sales after a fall and half its 95 % interval, a customer seen at several origins taken for one.

    None where too few fell, or all alike (none bought again, say): what did not vary tells no spread.
    """
    mean = float(fell["after"].mean())
    errors = (fell["after"] - mean).groupby(fell["customer_id"]).sum()
    if len(errors) < FEWEST_FOR_INTERVAL or fell["after"].nunique() == 1:
        return mean, None
    spread = float(np.sqrt((errors**2).sum() * len(errors) / (len(errors) - 1)))
    return mean, float(student_t.ppf(MIDDLE, len(errors) - 1)) * spread / len(fell)


def _kept_rate(seen: pd.DataFrame, band: int, level: int) -> float:
    """Σ after ÷ Σ before of the peers who fell; of those as frequent at any level, or of all, where they are few."""
    fell = seen[seen["fallen"].to_numpy(dtype=bool)]
    as_often = fell[fell["band"] == band]
    for some in (as_often[as_often["level"] == level], as_often, fell):
        if len(some) >= FEWEST_FALLEN:
            return float(some["after"].sum() / some["before"].sum())
    return ASSUMED_KEPT_RATE
