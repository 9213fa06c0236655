"""The chance that a running subscription stops, learned from the client's own past, and what speaks for it (R33)."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple, Self

import numpy as np
import pandas as pd

from crm_platform.diagnosis.estimates import SHOWN_ERRORS, errors_for
from crm_platform.two_track.three_s.life_table import Reals
from crm_platform.two_track.three_s.logistic import fit_logistic, probability
from crm_platform.two_track.three_s.sign_design import CYCLE_CLASSES, SignDesign, cycle_class, following, sign_of
from crm_platform.two_track.three_s.stop_timing import StopTiming

LEAST_STOPS = 100  # in the past to learn from
CALIBRATED_MONTHS = 6  # whose deliveries, the last ones that are known, set the risks right
WARNED_LIFT = 1.3  # who is warned of stops so many times as often as others after the same delivery
CIRCUMSTANCES = ("came_back", "term_ends", "lapse_point_ahead")  # known beforehand; the others are what happened lately
_RIDGE, _SEASON_RIDGE = 1.0, 10.0
_LEAST_CALIBRATED = 50
_STILL_OPEN = 0.5  # share of the stops after a delivery that are still to come


class ToldSign(NamedTuple):
    """A sign with the factor by which it multiplies the odds of a stop, and its 95 % interval."""

    sign: str
    odds: float
    low: float
    high: float
    is_proven: bool
    lowers: bool  # the risk, as surely as a proven sign raises it


@dataclass(frozen=True)
class StopRisk:
    """A fitted model of the chance to stop after a delivery.

    `signs` holds of each column of a sign its effect on the log odds and the error of that; `proven` are those that
    lift the risk beyond chance, as many as were looked at.
    """

    as_of: dt.date
    design: SignDesign
    columns: tuple[str, ...]
    coefficients: tuple[float, ...]
    signs: Mapping[str, tuple[float, float]]
    proven: tuple[str, ...]
    shift: float
    slope: float
    base_rates: tuple[float, ...]
    timing: StopTiming
    rows: int
    stops: int

    @property
    def leading(self) -> str | None:
        """The surest of the proven signs; of what happened lately before what the contract says beforehand."""
        column = self._leading_column
        return sign_of(column) if column else None

    @property
    def leading_odds(self) -> float | None:
        """By how much the leading sign multiplies the odds of a stop."""
        column = self._leading_column
        return math.exp(self.signs[column][0]) if column else None

    @property
    def _leading_column(self) -> str | None:
        lately = [name for name in self.proven if sign_of(name) not in CIRCUMSTANCES]
        return max(
            lately or self.proven, key=lambda name: (self.signs[name][0] / self.signs[name][1], name), default=None
        )

    def told_signs(self) -> list[ToldSign]:
        """Every sign that was tried, the strongest first; of one with several columns the strongest."""
        found: dict[str, ToldSign] = {}
        least = errors_for(len(self.signs))
        for column in sorted(self.signs, key=lambda name: (-self.signs[name][0], name)):
            effect, error = self.signs[column]
            low, high = (math.exp(effect + side * SHOWN_ERRORS * error) for side in (-1, 1))
            name, lowers = sign_of(column) or column, effect < -least * error
            found.setdefault(name, ToldSign(name, math.exp(effect), low, high, column in self.proven, lowers))
        return list(found.values())

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {**asdict(self), "as_of": self.as_of.isoformat()}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """The inverse of `to_json`."""
        lists = {name: tuple(stored[name]) for name in ("columns", "coefficients", "proven", "base_rates")}
        signs = {name: (effect, error) for name, (effect, error) in stored["signs"].items()}
        built = {"design": SignDesign.from_json(stored["design"]), "timing": StopTiming.from_json(stored["timing"])}
        as_of = dt.date.fromisoformat(stored["as_of"])
        return cls(**{**stored, **lists, **built, "signs": signs, "as_of": as_of})

    def read(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Per row of `former_rows` or `present_rows`: `risk`, `base_rate`, `reason` (null without one), `is_warned`.

        Risk is the chance of a stop after the last delivery, given that until now neither a stop nor the next one came,
        or after the delivery that follows. The reason is the strongest proven sign shown at one of the two; one at the
        last counts as long as half of the stops that come after a delivery are still to come.
        """
        later = following(rows)
        elapsed = rows["elapsed_cycles"].to_numpy(dtype=np.float64)
        chances = [self._hazards(part) for part in (rows, later)]
        bases = [np.array(self.base_rates)[cycle_class(part["cycle_no"])] for part in (rows, later)]
        risk, base = (_either(self.timing.still(first, elapsed), second) for first, second in (chances, bases))
        open_now = self.timing.stops_later(elapsed) >= _STILL_OPEN
        reason = np.full(len(rows), None, dtype=object)
        seen = [self.design.matrix(part) for part in (rows, later)]
        for column in sorted(self.proven, key=lambda name: (self.signs[name][0], name)):  # the strongest comes last
            there = [matrix[column].to_numpy() > 0 for matrix in seen]
            reason[(there[0] & open_now) | there[1]] = sign_of(column)
        warned = pd.notna(reason) & (risk >= WARNED_LIFT * base)
        return pd.DataFrame({"risk": risk, "base_rate": base, "reason": reason, "is_warned": warned}, index=rows.index)

    def _hazards(self, rows: pd.DataFrame) -> Reals:
        """Chance of a stop after the delivery that each row describes."""
        seen = self.design.matrix(rows)[list(self.columns)].to_numpy()
        return probability(self.shift + self.slope * (seen @ np.array(self.coefficients)))


def _either(first: Reals, second: Reals) -> Reals:
    return 1 - (1 - first) * (1 - second)


def fit_stop_risk(rows: pd.DataFrame, as_of: dt.date) -> StopRisk | None:
    """Learned from former deliveries whose outcome is known on `as_of`; None where there are too few stops.

    The effects come from the earlier of these; the last CALIBRATED_MONTHS set level and spread right (Platt 1999).

    Args:
        rows: see `stop_signs.lesson_rows`; later ones are not looked at.
        as_of: the day on which the model is made.
    """
    known = rows[pd.to_datetime(rows["known_on"]) <= pd.Timestamp(as_of)]
    if known.empty:
        return None
    days = pd.to_datetime(known["day"])
    later = days > days.max() - pd.DateOffset(months=CALIBRATED_MONTHS)
    early, late = known[~later], known[later]
    if early["stopped"].sum() < LEAST_STOPS or early["stopped"].all():
        return None
    design = SignDesign.of(early)
    seen = design.matrix(early)
    seen = seen.loc[:, seen.any()]
    names = [str(name) for name in seen]
    ridge = np.array([_ridge(name) for name in names])
    people = pd.factorize(early["subscription_id"], sort=True)[0].astype(np.int64)
    fitted = fit_logistic(seen.to_numpy(), early["stopped"].to_numpy(dtype=np.float64), people, ridge)
    effects = {name: (float(b), float(e)) for name, b, e in zip(names, fitted.coefficients, fitted.errors, strict=True)}
    signs = {name: effect for name, effect in effects.items() if sign_of(name)}
    least = errors_for(len(signs))
    proven = tuple(sorted(name for name, (effect, error) in signs.items() if effect > least * error))
    shift, slope = _calibrated(design.matrix(late)[names].to_numpy() @ fitted.coefficients, late)
    return StopRisk(
        as_of, design, tuple(names), tuple(map(float, fitted.coefficients)), signs, proven, shift, slope,
        _base_rates(known), StopTiming.of(known), len(known), int(known["stopped"].sum()),
    )  # fmt: skip


def _ridge(column: str) -> float:
    if column == "all":
        return 0.0
    return _SEASON_RIDGE if column.startswith("month:") else _RIDGE


def _calibrated(logits: Reals, late: pd.DataFrame) -> tuple[float, float]:
    """Shift and slope of the log odds; as they are where too few stops are known."""
    happened = late["stopped"].to_numpy(dtype=np.float64)
    if min(happened.sum(), (1 - happened).sum()) < _LEAST_CALIBRATED:
        return 0.0, 1.0
    seen = np.column_stack([np.ones(len(logits)), logits])
    found = fit_logistic(seen, happened, np.arange(len(logits), dtype=np.int64), np.zeros(2)).coefficients
    return float(found[0]), float(found[1])


def _base_rates(known: pd.DataFrame) -> tuple[float, ...]:
    """Of each class of cycles the share that stopped, drawn to that of all where few are known."""
    place = cycle_class(known["cycle_no"])
    every = float(known["stopped"].mean())
    stopped = np.bincount(place, known["stopped"].to_numpy(dtype=np.float64), len(CYCLE_CLASSES))
    people = np.bincount(place, minlength=len(CYCLE_CLASSES))
    return tuple(float(rate) for rate in (stopped + 10 * every) / (people + 10))
