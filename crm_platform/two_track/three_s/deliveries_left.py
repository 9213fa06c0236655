"""How many deliveries are still to come of a subscription, from the observed stops and the model of their course."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from crm_platform.diagnosis.estimates import Estimate
from crm_platform.diagnosis.verdicts import LEAST_CUSTOMERS
from crm_platform.two_track.three_s.life_table import LifeTable, Reals
from crm_platform.two_track.three_s.shifted_beta_geometric import (
    ShiftedBetaGeometric,
    fit_shifted_beta_geometric,
    hazards_of,
)

TAIL_CYCLES = 12  # the last observed cycles, from which those beyond are carried on where the model does not fit


@dataclass(frozen=True, eq=False)
class Course:
    """The stops after each delivery as they are and as they go on.

    `basis`: `model` where the shifted beta-geometric fits; `observed` where it does not: then the observed share within
    the first `observed` cycles (30 or more at risk), and beyond them the mean of the last twelve of these.
    """

    table: LifeTable
    observed: int
    model: ShiftedBetaGeometric | None

    @property
    def basis(self) -> str:
        """`model` or `observed`."""
        return "model" if self.model is not None and self.model.fits else "observed"

    def hazards(self, cycles: int) -> Reals:
        """Share that stops after each of the first so many deliveries."""
        return self._hazards(self._parameters()[0], cycles)

    def left(self, cycle_no: int, within: int) -> Estimate:
        """Deliveries to expect among the next `within` cycles after delivery `cycle_no`, with the error of the stops.

        Skips are not in it: a cycle is counted from delivery to delivery.
        """
        if within <= 0:
            return Estimate(0.0, 0.0)

        def expected(parameters: Reals) -> float:
            hazards = self._hazards(parameters, cycle_no + within - 1)
            return float(np.cumprod(1 - hazards[cycle_no - 1 :]).sum())

        at, covariance = self._parameters()
        return _by_delta(expected, at, covariance)

    def all_left(self, within: int, last: int) -> Reals:
        """`left` after every delivery from the first to `last`, without errors."""
        stays = 1 - self.hazards(last + within)
        return np.array([float(np.cumprod(stays[no - 1 : no - 1 + within]).sum()) for no in range(1, last + 1)])

    def _parameters(self) -> tuple[Reals, Reals]:
        if self.model is not None and self.model.fits:
            return self.model.parameters, self.model.covariance
        seen = self.table.first(self.observed)
        shown = (seen.stopped + 2) / (seen.at_risk + 4)  # Agresti and Coull, so that 0 of 30 is not certain
        return seen.hazards, np.diag(shown * (1 - shown) / (seen.at_risk + 4))

    def _hazards(self, parameters: Reals, cycles: int) -> Reals:
        if self.basis == "model":
            return hazards_of(parameters, np.arange(1.0, cycles + 1))
        tail = slice(max(self.observed - TAIL_CYCLES, 0), self.observed)
        weights = self.table.at_risk[tail]
        mean = float((parameters[tail] * weights).sum() / weights.sum())
        beyond = np.full(max(cycles - self.observed, 0), mean)
        return np.concatenate([parameters, beyond])[:cycles]


def course_of(table: LifeTable) -> Course | None:
    """The course of a life table; None where fewer than 30 subscriptions were at risk after the first delivery seen."""
    observed = table.observed(LEAST_CUSTOMERS)
    return Course(table, observed, fit_shifted_beta_geometric(table)) if observed else None


def _by_delta(function: Callable[[Reals], float], at: Reals, covariance: Reals) -> Estimate:
    """A function of estimated parameters, with its error to the first order."""
    value = function(at)
    gradient = np.zeros(len(at))
    for place in range(len(at)):
        step = 1e-5 * max(abs(at[place]), 0.01)
        moved = at.copy()
        moved[place] += step
        gradient[place] = (function(moved) - value) / step
    return Estimate(value, math.sqrt(max(float(gradient @ covariance @ gradient), 0.0)))
