"""What every purchase model is put through: one entry per model, and customers simulated from its own assumptions."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd

from crm_platform.forecast import mbg_cnbd_k, mbg_nbd, pareto_nbd, stopping_after_purchase
from crm_platform.forecast.histories import Histories
from crm_platform.forecast.mbg_cnbd_k import MBGCNBDk, fit_mbg_cnbd_k
from crm_platform.forecast.mbg_nbd import MBGNBD, fit_mbg_nbd
from crm_platform.forecast.origins import Origin
from crm_platform.forecast.pareto_nbd import ParetoNBD, fit_pareto_nbd


@dataclass(frozen=True)
class PurchaseModel:
    """A model under test. `make` gives a model of four parameters, named `names`, of which `truth` is simulated."""

    name: str
    module: ModuleType
    make: Callable[..., Any]
    fit: Callable[..., Any]
    names: tuple[str, str, str, str]
    truth: tuple[float, float, float, float]
    k: int
    published: tuple[float, float, float, float] | None
    published_log_likelihood: float | None

    def objective(self, point: np.ndarray, x: np.ndarray, t_x: np.ndarray, end: np.ndarray, w: np.ndarray) -> Any:
        """Mean negative log-likelihood without the gaps' factor, and its gradient, at logarithms of parameters."""
        if self.module is pareto_nbd:
            return pareto_nbd._mean_negative_log_likelihood(point, x, t_x, end, w)
        counts = np.unique(x, return_inverse=True)
        return stopping_after_purchase._mean_negative_log_likelihood(point, self.k, Histories(x, t_x, end, w), *counts)

    def parameters(self, model: Any) -> tuple[float, ...]:
        return tuple(getattr(model, name) for name in self.names)


@dataclass(frozen=True)
class Simulated:
    """Customers observed until `age`, and what they did in the `horizon` after it."""

    repeats: np.ndarray
    recency: np.ndarray
    age: np.ndarray
    log_gaps: np.ndarray
    active: np.ndarray
    later: np.ndarray

    @property
    def histories(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return self.repeats, self.recency, self.age


def _regular(k: int) -> PurchaseModel:
    def make(*parameters: float) -> MBGCNBDk:
        return MBGCNBDk(k, *parameters, 0.0, 0, True, False)

    stops = (0.7, 8.0 / k, 0.8, 3.0)
    fit = partial(fit_mbg_cnbd_k, k=k)
    return PurchaseModel(f"MBG/CNBD-{k}", mbg_cnbd_k, make, fit, ("r", "alpha", "a", "b"), stops, k, None, None)


MODELS = {
    model.name: model
    for model in (
        PurchaseModel(
            "Pareto/NBD (Fader & Hardie 2005)",
            pareto_nbd,
            lambda *parameters: ParetoNBD(*parameters, 0.0, 0, True),
            fit_pareto_nbd,
            ("r", "alpha", "s", "beta"),
            (0.7, 8.0, 1.2, 40.0),
            1,
            (0.553, 10.578, 0.606, 11.669),
            -9595.0,
        ),
        PurchaseModel(
            "MBG/NBD (Batislam et al. 2007)",
            mbg_nbd,
            lambda *parameters: MBGNBD(*parameters, 0.0, 0, True),
            fit_mbg_nbd,
            ("r", "alpha", "a", "b"),
            (0.7, 8.0, 0.8, 3.0),
            1,
            (0.525, 6.183, 0.891, 1.614),
            -9582.1,
        ),
        _regular(2),
        _regular(4),
    )
}


@lru_cache(maxsize=16)
def simulated(name: str, customers: int, seed: int, most_weeks: int = 104, horizon: float = 26.0) -> Simulated:
    """Customers of the model's truth, purchase by purchase, observed for half of `most_weeks` to all of them."""
    model, draw = MODELS[name], np.random.default_rng(seed)
    r, alpha, stop_1, stop_2 = model.truth
    age = draw.uniform(most_weeks / 2, most_weeks, customers)
    rate = draw.gamma(r, 1 / alpha, customers)
    lifetime, chance = np.full(customers, np.inf), np.zeros(customers)
    if model.module is pareto_nbd:
        lifetime = draw.exponential(1 / draw.gamma(stop_1, 1 / stop_2, customers))
    else:
        chance = draw.beta(stop_1, stop_2, customers)
    now, active = np.zeros(customers), np.isfinite(lifetime) & (lifetime > age)
    repeats, recency, log_gaps, later = (np.zeros(customers) for _ in range(4))
    who = np.flatnonzero(draw.random(customers) >= chance)
    if model.module is not pareto_nbd:
        active[who] = True
    while len(who):
        gap = draw.gamma(model.k, 1 / rate[who])
        moment = now[who] + gap
        bought = moment < np.minimum(lifetime, age + horizon)[who]
        who, gap, moment = who[bought], gap[bought], moment[bought]
        known = moment <= age[who]
        repeats[who] += known
        later[who] += ~known
        recency[who[known]] = moment[known]
        log_gaps[who[known]] += np.log(gap[known])
        now[who] = moment
        goes_on = draw.random(len(who)) >= chance[who]
        active[who[~goes_on & known]] = False
        who = who[goes_on]
    return Simulated(repeats, recency, age, log_gaps, active, later)


def standard_errors(model: PurchaseModel, point: np.ndarray, histories: tuple[np.ndarray, ...]) -> np.ndarray:
    """Of the logarithms of the parameters, by the curvature of the log-likelihood at its peak."""
    w, step = np.ones(len(histories[0])), 1e-4
    sides = [[model.objective(point + sign * step * unit, *histories, w)[1] for sign in (1, -1)] for unit in np.eye(4)]
    curvature = np.array([(up - down) / (2 * step) for up, down in sides]) * len(w)
    return np.sqrt(np.diag(np.linalg.inv((curvature + curvature.T) / 2)))


def as_origin(drawn: Simulated, as_of: dt.date = dt.date(2025, 6, 30), subscribers: bool = False) -> Origin:
    """The simulated customers as an origin whose "days" are their weeks; all of them subscribe, or none."""
    since = drawn.age - drawn.recency
    features = pd.DataFrame(
        {
            "customer_id": np.char.add("S" if subscribers else "C", np.arange(len(since)).astype(str)),
            "purchase_days": drawn.repeats + 1,
            "tenure_days": drawn.recency,
            "age_days": drawn.age,
            "gap_days": since,
            "log_gaps": np.where(drawn.repeats > 0, drawn.log_gaps, np.nan),
            "subscription_days": (drawn.repeats + 1) * subscribers,
            "subscription_gap_days": since if subscribers else np.nan,
        }
    )
    came = pd.DataFrame({"customer_id": features["customer_id"], "purchase_days": drawn.later})
    came = came.assign(sales_jpy=1000 * drawn.later, subscription_sales_jpy=1000 * drawn.later * subscribers)
    return Origin(as_of, 26, features, came)


def together(one: Origin, other: Origin) -> Origin:
    """The customers of both as one client's."""
    features = pd.concat([one.features, other.features], ignore_index=True)
    came = pd.concat([one.came, other.came], ignore_index=True)
    return Origin(one.as_of, one.horizon_days, features, came)
