"""Who will fall, and to what (ランクダウン, R80–R83): learned from what became of the client's own customers.

Upper customers (上位客) have a model of their own: the best `UPPER_SHARE` by sales of the last two terms, who bought in
the last. The other recent buyers have a simpler one, and who had no sales in the last term has no level to fall from:
their risk is that of buying nothing.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from crm_platform.forecast.experts import Experts, Told
from crm_platform.forecast.fall_model import FallLesson, FallModel, assumed_falls, can_learn, fall_rate, fit_fall_model
from crm_platform.forecast.fall_peers import FallPeers, fallen_sales, fit_fall_peers
from crm_platform.forecast.fall_signs import fall_signs
from crm_platform.forecast.modelled_fall import has_fallen
from crm_platform.forecast.notes import Note
from crm_platform.forecast.origins import Origin, reals
from crm_platform.forecast.own_cycle import OwnCycle, fit_own_cycle
from crm_platform.forecast.spending import Spending

Reals = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

UPPER_SHARE = 0.30  # of all buyers, by sales of two terms (上位客)
UPPER_SIGNS = ("modelled", "level", "silence", "overdue")
OTHER_SIGNS = ("level", "silence", "overdue")


@dataclass(frozen=True)
class Falls:
    """The fitted parts. `upper_from_jpy`: sales of two terms from which a buyer is an upper customer; None
    where nobody bought.
    """

    horizon_days: int
    upper_from_jpy: float | None
    cycle: OwnCycle
    upper: FallModel
    others: FallModel
    peers: FallPeers

    @property
    def notes(self) -> tuple[Note, ...]:
        """What a reader should know of the fit."""
        return () if self.upper.customers else (Note("falls_unlearned"),)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        parts = {name: getattr(self, name).to_json() for name in ("upper", "others", "peers")}
        return {**vars(self), "cycle": asdict(self.cycle), **parts}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Falls:
        """Read what `to_json` wrote."""
        models = {name: FallModel.from_json(value[name]) for name in ("upper", "others")}
        return cls(
            **{**value, **models, "cycle": OwnCycle(**value["cycle"]), "peers": FallPeers.from_json(value["peers"])}
        )


@dataclass(frozen=True, eq=False)
class Foreseen:
    """What was known and foreseen of the buyers of a day: features, experts, and the blend before calibration."""

    as_of: dt.date
    features: pd.DataFrame
    told: Told
    sales_jpy: Reals
    spending: Spending

    def only(self, rows: Flags) -> Foreseen:
        """The same of some of the buyers."""
        told = Told(
            {name: sales[rows] for name, sales in self.told.sales_jpy.items()},
            self.told.p_active[rows],
            self.told.expected_purchases[rows],
            self.told.purchase_rate[rows],
        )
        features = self.features[rows].reset_index(drop=True)
        return Foreseen(self.as_of, features, told, self.sales_jpy[rows], self.spending)


def foreseen_then(origin: Origin, experts: Experts, told: Told, sales_jpy: Reals) -> Foreseen:
    """What was foreseen at an earlier origin."""
    return Foreseen(origin.as_of, origin.features, told, sales_jpy, experts.spending)


def fit_falls(now: Foreseen, past: Sequence[Foreseen], came_jpy: Sequence[Reals], horizon_days: int) -> Falls:
    """Learn from earlier origins.

    Args:
        now: the buyers of the as-of date.
        past: the same of earlier origins, foreseen without knowing their customers' futures.
        came_jpy: 売上 of each origin's buyers in the term that followed, not below 0.
        horizon_days: the term.
    """
    upper_from = upper_amount(now.features)
    seen = list(zip(past, came_jpy, strict=True))
    others_teach = can_learn([_fallen(then.features, came)[_is_other(then.features)] for then, came in seen])
    uppers = [_lesson(then, came, _is_upper(then.features), horizon_days, modelled=True) for then, came in seen]
    others = [
        _lesson(then, came, _is_other(then.features), horizon_days, modelled=not others_teach) for then, came in seen
    ]
    uppers_now = now.only(is_upper(now.features, upper_from))
    others_now = now.only(_has_level(now.features) & ~is_upper(now.features, upper_from))
    recent = uppers_now.features
    cuts = [float(recent["sales_term_jpy"].median())] if len(recent) else []
    return Falls(
        horizon_days=horizon_days,
        upper_from_jpy=upper_from,
        cycle=fit_own_cycle(recent),
        upper=_model(uppers, uppers_now, UPPER_SIGNS, horizon_days, with_trees=True),
        others=_model(others, others_now, OTHER_SIGNS, horizon_days, with_trees=False),
        peers=fit_fall_peers([_peers_of(then, came) for then, came in seen], cuts),
    )


def foresee_falls(falls: Falls, buyers: Foreseen, retention_power_rate: Reals) -> tuple[Reals, Reals]:
    """P(fall) of every buyer, and 売上 of the term if the customer falls, in yen."""
    features = buyers.features
    risk: Reals = 1 - retention_power_rate
    upper = is_upper(features, falls.upper_from_jpy)
    for model, rows in ((falls.upper, upper), (falls.others, _has_level(features) & ~upper)):
        some = buyers.only(rows)
        spending = some.spending if "modelled" in model.names else None
        signs = fall_signs(some.features, some.told, some.sales_jpy, falls.cycle, falls.horizon_days, spending)
        risk[rows] = fall_rate(model, some.features, signs)
    left = np.zeros(len(features))
    left[_has_level(features)] = fallen_sales(falls.peers, features[_has_level(features)])
    return risk, left


def upper_amount(features: pd.DataFrame, share: float = UPPER_SHARE) -> float | None:
    """売上 of two terms from which a buyer is among the best `share` of all buyers; None where nobody is."""
    sales = np.sort(reals(features, "sales_two_terms_jpy"))[::-1]
    best = int(np.ceil(share * len(sales)))
    return max(float(sales[best - 1]), 1.0) if best else None


def is_upper(features: pd.DataFrame, upper_from_jpy: float | None) -> Flags:
    """Who is an upper customer (上位客): sales of two terms at least so much, and some in the last term."""
    if upper_from_jpy is None:
        return np.zeros(len(features), dtype=bool)
    upper: Flags = (reals(features, "sales_two_terms_jpy") >= upper_from_jpy) & _has_level(features)
    return upper


# --- inside -----------------------------------------------------------------------------------------------------------


def _has_level(features: pd.DataFrame) -> Flags:
    level: Flags = reals(features, "sales_term_jpy") > 0
    return level


def _is_upper(features: pd.DataFrame) -> Flags:
    return is_upper(features, upper_amount(features))


def _is_other(features: pd.DataFrame) -> Flags:
    return _has_level(features) & ~_is_upper(features)


def _fallen(features: pd.DataFrame, came: Reals) -> Flags:
    return has_fallen(reals(features, "sales_term_jpy"), came)


def _lesson(then: Foreseen, came: Reals, rows: Flags, horizon_days: int, *, modelled: bool) -> FallLesson:
    some = then.only(rows)
    cycle = fit_own_cycle(then.features[_is_upper(then.features)])
    spending = some.spending if modelled else None
    signs = fall_signs(some.features, some.told, some.sales_jpy, cycle, horizon_days, spending)
    return FallLesson(some.as_of, some.features, signs, _fallen(some.features, came[rows]))


def _model(
    lessons: Sequence[FallLesson], now: Foreseen, names: Sequence[str], horizon_days: int, *, with_trees: bool
) -> FallModel:
    if can_learn([each.fallen for each in lessons]):
        return fit_fall_model(lessons, names, now.as_of, horizon_days, with_trees=with_trees)
    cycle = fit_own_cycle(now.features)
    signs = fall_signs(now.features, now.told, now.sales_jpy, cycle, horizon_days, now.spending)
    return assumed_falls(signs, lessons, now.as_of, horizon_days)


def _peers_of(then: Foreseen, came: Reals) -> tuple[pd.DataFrame, Reals, Flags]:
    rows = _is_upper(then.features)
    features = then.features[rows]
    return features, came[rows], _fallen(features, came[rows])
