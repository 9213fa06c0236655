"""The shifted beta-geometric model of retention (Fader and Hardie 2007): how a continuation curve goes on."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import stats

from crm_platform.diagnosis.estimates import SHOWN_ERRORS
from crm_platform.forecast.search import least
from crm_platform.two_track.three_s.life_table import LifeTable, Reals

LEAST_STOPS = 10  # fewer say nothing about how stops spread over cycles
DOUBTED_BELOW = 0.0027  # chance of so bad a fit, were the model true: three standard errors, as in every verdict
_LEAST_EXPECTED = 5.0  # stops expected in a class of Pearson's test (Cochran)
_LARGEST = math.log(1e6)  # of alpha + beta: everybody alike, the geometric distribution


@dataclass(frozen=True, eq=False)
class ShiftedBetaGeometric:
    """Everyone stops after each delivery with a chance of their own, which varies as a beta(alpha, beta).

    `covariance` is that of logit alpha/(alpha+beta) and log(alpha+beta), from the observed information.
    `fit_chance`: how likely a fit so bad would be, were the model true; None where it cannot be tested.
    """

    alpha: float
    beta: float
    log_likelihood: float
    covariance: Reals
    fit_chance: float | None

    @property
    def fits(self) -> bool:
        """Whether the observed stops do not contradict the model."""
        return self.fit_chance is None or self.fit_chance >= DOUBTED_BELOW

    @property
    def parameters(self) -> Reals:
        """Logit of the mean chance, and log(alpha + beta)."""
        return np.array([math.log(self.alpha / self.beta), math.log(self.alpha + self.beta)])

    def intervals(self) -> dict[str, tuple[float, float]]:
        """95 % intervals of alpha and beta, by the delta method on their logarithms."""
        mean = self.alpha / (self.alpha + self.beta)
        found = {}
        for name, value, slope in (("alpha", self.alpha, 1 - mean), ("beta", self.beta, -mean)):
            gradient = np.array([slope, 1.0])
            reach = SHOWN_ERRORS * math.sqrt(max(gradient @ self.covariance @ gradient, 0.0))
            found[name] = (value * math.exp(-min(reach, 50.0)), value * math.exp(min(reach, 50.0)))
        return found


def hazards_of(parameters: Reals, cycles: Reals) -> Reals:
    """Share that stops after each of `cycles` (from 1), of those who are left: alpha / (alpha + beta + cycle − 1)."""
    mean, total = 1 / (1 + math.exp(-parameters[0])), math.exp(parameters[1])
    hazards: Reals = mean * total / (total + cycles - 1)
    return hazards


def log_likelihood(alpha: float, beta: float, table: LifeTable) -> float:
    """Of the stops of a life table; for one cohort seen from its beginning that of Fader and Hardie (2007)."""
    hazards = alpha / (alpha + beta + np.arange(len(table.at_risk)))
    stays = table.at_risk - table.stopped
    return float((table.stopped * np.log(hazards) + stays * np.log1p(-hazards)).sum())


def fit_shifted_beta_geometric(table: LifeTable) -> ShiftedBetaGeometric | None:
    """By maximum likelihood; None below LEAST_STOPS stops, where nobody is left, or where only one cycle is seen.

    A cycle's stops are binomial given those at risk, so late entries and open subscriptions need no further term.
    """
    seen = np.flatnonzero(table.at_risk > 0)
    if len(seen) < 2 or table.stopped.sum() < LEAST_STOPS or (table.stopped >= table.at_risk)[seen].all():
        return None
    share = float(table.stopped.sum() / table.at_risk.sum())
    starts = [np.array([math.log(share / (1 - share)), size]) for size in (1.0, 5.0)]
    bounds = [(-12.0, 12.0), (-7.0, _LARGEST)]
    fits = [least(_minus, at, bounds, table) for at in starts]
    best = min(fits, key=lambda fit: float(fit.fun))
    mean, total = 1 / (1 + math.exp(-best.x[0])), math.exp(best.x[1])
    alpha, beta = mean * total, (1 - mean) * total
    return ShiftedBetaGeometric(
        alpha, beta, log_likelihood(alpha, beta, table), _covariance(best.x, table), _fit_chance(best.x, table)
    )


def _minus(parameters: Reals, table: LifeTable) -> tuple[float, Reals]:
    """Minus the log-likelihood and its gradient."""
    mean, total = 1 / (1 + math.exp(-parameters[0])), math.exp(parameters[1])
    steps = np.arange(len(table.at_risk), dtype=np.float64)
    hazards = mean * total / (total + steps)
    stays = table.at_risk - table.stopped
    value = -(table.stopped * np.log(hazards) + stays * np.log1p(-hazards)).sum()
    odds = hazards / (1 - hazards)
    by_mean = (1 - mean) * (table.stopped - stays * odds)  # d log h / d logit mean = 1 − mean
    by_total = steps / (total + steps) * (table.stopped - stays * odds)
    return float(value), -np.array([by_mean.sum(), by_total.sum()])


def _covariance(at: Reals, table: LifeTable) -> Reals:
    """The inverse of the observed information; where everybody is alike, of the mean chance alone."""
    step = 1e-4
    columns = [(_minus(at + move, table)[1] - _minus(at - move, table)[1]) / (2 * step) for move in step * np.eye(2)]
    information = (np.array(columns) + np.array(columns).T) / 2
    if at[1] > _LARGEST - 1e-3 or np.linalg.det(information) <= 1e-9 * information[0, 0] ** 2:
        return np.diag([1 / information[0, 0], 0.0])
    return np.asarray(np.linalg.inv(information), dtype=np.float64)


def _fit_chance(at: Reals, table: LifeTable) -> float | None:
    """Pearson's test of the stops by cycle against the fitted ones; neighbouring cycles together where few."""
    hazards = hazards_of(at, np.arange(1.0, len(table.at_risk) + 1))
    groups: list[list[float]] = []
    observed = expected = variance = 0.0
    for risk, stops, hazard in zip(table.at_risk, table.stopped, hazards, strict=True):
        observed, expected = observed + stops, expected + risk * hazard
        variance += risk * hazard * (1 - hazard)
        if expected >= _LEAST_EXPECTED:
            groups.append([observed, expected, variance])
            observed = expected = variance = 0.0
    if groups and expected:
        groups[-1] = [groups[-1][0] + observed, groups[-1][1] + expected, groups[-1][2] + variance]
    if len(groups) < 3:
        return None
    distance = sum((seen - said) ** 2 / spread for seen, said, spread in groups)
    return float(stats.chi2.sf(distance, len(groups) - 2))
