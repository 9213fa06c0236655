"""What other clients' customers are like: a prior for a client too small to speak for itself (他社事例で推論, R36).

A client that opted in (`[forecast] share_parameters`) gives seven rounded parameters of its fitted models and about how
many customers stand behind them: no row, no name and no amount of money can be put in. They are pooled into the mean
and the spread of their logarithms (empirical Bayes; Efron & Morris 1975). What is pooled are quantities that clients
share, whatever they sell: the mean pace and how it varies, the mean rate of stopping, the shape of values.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from crm_platform.forecast.belief import LogBelief
from crm_platform.forecast.gamma_gamma import GammaGamma
from crm_platform.forecast.pareto_nbd import ParetoNBD
from crm_platform.refusals import Refused

LEAST_CLIENTS = 3  # two numbers, a mean and a spread, do not tell three others apart
LEAST_CUSTOMERS = 1_000  # behind a client's parameters, for them to be shared
_DIGITS = 2  # of a shared parameter: close enough for a prior, too coarse to recognise a client's reports
_PACE = ((1.0, 0.0, 0.0, 0.0), (1.0, -1.0, 0.0, 0.0), (0.0, 0.0, 1.0, 0.0), (0.0, 0.0, 1.0, -1.0))
_VALUE = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
_SPREAD_BEFORE, _CLIENTS_BEFORE = 0.7, 2  # clients differ twofold either way: held as firmly as if two had been seen


@dataclass(frozen=True)
class ClientParameters:
    """What a client shares: shapes without a unit, times in days, values in units of the client's mean purchase.

    Raises:
        ValueError: anything but finite numbers above 0.
    """

    r: float
    alpha_days: float
    s: float
    beta_days: float
    p: float
    q: float
    gamma_in_mean_purchases: float
    customers: int

    def __post_init__(self) -> None:
        """Refuse what is no number: a text, a list of rows, a name."""
        for name, value in dataclasses.asdict(self).items():
            if type(value) not in (int, float) or not math.isfinite(value) or value <= 0:
                raise ValueError(f"the parameter {name} must be a finite number above 0")
            object.__setattr__(self, name, _rounded(value, 1 if name == "customers" else _DIGITS))
        if self.q <= 1:
            raise ValueError("the parameter q must be above 1")

    def to_json(self) -> dict[str, Any]:
        """Plain JSON numbers."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> ClientParameters:
        """Read what `to_json` wrote; ValueError where there is anything else in it."""
        if set(value) != {field.name for field in dataclasses.fields(cls)}:
            raise ValueError("shared parameters hold the eight numbers of ClientParameters and nothing else")
        return cls(**value)


@dataclass(frozen=True)
class Prior:
    """Means and spreads of logarithms over `clients` clients, for the Pareto/NBD in days and the gamma-gamma model."""

    clients: int
    pace_means: tuple[float, ...]  # of r, r/α, s, s/β
    pace_spreads: tuple[float, ...]
    value_means: tuple[float, ...]  # of p, q - 1, γ ÷ mean purchase
    value_spreads: tuple[float, ...]

    @property
    def of_purchases(self) -> LogBelief:
        """For `fit_pareto_nbd` on days."""
        return LogBelief(self.pace_means, self.pace_spreads, _PACE)

    @property
    def of_values(self) -> LogBelief:
        """For `fit_gamma_gamma`."""
        return LogBelief(self.value_means, self.value_spreads, _VALUE)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {name: list(each) if isinstance(each, tuple) else each for name, each in vars(self).items()}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Prior:
        """Read what `to_json` wrote."""
        tuples = {name: tuple(each) for name, each in value.items() if name != "clients"}
        return cls(clients=value["clients"], **tuples)


def shared_parameters(purchases: ParetoNBD, values: GammaGamma, mean_purchase_jpy: float) -> ClientParameters | None:
    """What a client with these models may share; None where they are assumed or stand on too few customers."""
    fitted = purchases.converged and values.converged and not values.assumed
    if not fitted or min(purchases.customers, values.customers) < LEAST_CUSTOMERS:
        return None
    gamma = values.gamma / mean_purchase_jpy
    times = purchases.r, purchases.alpha, purchases.s, purchases.beta
    return ClientParameters(*times, values.p, values.q, gamma, purchases.customers)


def pool(others: Sequence[ClientParameters]) -> Prior:
    """The prior for a client from the parameters of **other** clients, each counted once.

    The client's own are left out by the caller: who knows one of three numbers could solve for the other two.

    Raises:
        Refused: fewer than `LEAST_CLIENTS`, from which a single client could be read.
    """
    if len(others) < LEAST_CLIENTS:
        raise Refused(
            f"only {len(others)} other clients share their parameters; a prior needs at least {LEAST_CLIENTS}.",
            "Leave use_prior out, or let more clients set share_parameters = true.",
            column="forecast.use_prior",
        )
    pace = np.log([(each.r, each.alpha_days, each.s, each.beta_days) for each in others]) @ np.array(_PACE).T
    value = np.log([(each.p, each.q - 1, each.gamma_in_mean_purchases) for each in others])
    return Prior(len(others), *_pooled(pace), *_pooled(value))


def _pooled(logarithms: np.ndarray[Any, np.dtype[np.float64]]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and spread per column, in no order of clients; the spread of few clients is drawn to the usual one."""
    ordered = np.sort(logarithms, axis=0)
    means = ordered.mean(axis=0)
    squares = ((ordered - means) ** 2).sum(axis=0) + _CLIENTS_BEFORE * _SPREAD_BEFORE**2
    spreads = np.sqrt(squares / (len(ordered) - 1 + _CLIENTS_BEFORE))
    return tuple(round(float(mean), 2) for mean in means), tuple(round(float(spread), 2) for spread in spreads)


def _rounded(value: float, digits: int) -> float:
    rounded = float(f"{value:.{digits - 1}e}")
    return int(rounded) if type(value) is int else rounded
