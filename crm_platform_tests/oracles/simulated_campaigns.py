"""Made-up campaigns with a planted lift: what each customer would do without a contact is known, and what it adds.

Customers differ in pace, in value (heavy-tailed) and in whether they have silently stopped; what they bought before
shows it in part. A contact wins one purchase from some who would have bought nothing. So the lift differs from customer
to customer, and its mean over all of them is planted in points of buyers; that in yen follows from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

Reals = npt.NDArray[np.float64]
LOOKS = 20  # how often each customer's answer is looked at for the share retained, which no formula gives


@dataclass(frozen=True)
class Population:
    """Customers among whom campaigns are drawn: a value per customer in each field; rates are per term."""

    purchases_rate: Reals
    still_active: Reals  # probability
    mean_value: Reals  # yen
    margin_rate: Reals  # NaN where unknown
    known: dict[str, np.ndarray]  # covariates as `campaign_customers` gives them

    def __len__(self) -> int:
        return len(self.mean_value)

    @cached_property
    def buys_nothing(self) -> Reals:
        """Probability of no purchase in the window without a contact."""
        return 1 - self.still_active + self.still_active * np.exp(-self.purchases_rate)


def make_population(customers: int, seed: int) -> Population:
    """Good customers, each with at least one purchase in the term before the campaign."""
    draw = np.random.default_rng(seed)
    rate = 0.5 + draw.gamma(1.2, 1.5, customers)
    value = np.exp(draw.normal(8.7, 0.8, customers))
    active = draw.beta(2, 2, customers)
    purchases = 1 + draw.poisson(rate)
    before = purchases * value * draw.gamma(4, 1 / 4, customers)
    earlier = draw.poisson(rate)
    risk = np.clip(1 - active * (1 - np.exp(-rate)) + draw.normal(0, 0.15, customers), 0, 1)
    known = {
        "stratum": 1 + np.minimum(risk * 5, 4).astype(np.int64),
        "sales_before_jpy": before,
        "earlier_sales_jpy": earlier * value * draw.gamma(4, 1 / 4, customers),
        "purchase_days_before": (purchases + earlier).astype(np.float64),
        "silent_days": np.minimum(draw.exponential(184 / (1 + rate)) + 60 * (1 - active), 368),
        "lapse_risk": risk,
        "expected_sales_jpy": active * rate * value * np.exp(draw.normal(0, 0.4, customers)),
    }
    margin = np.where(draw.random(customers) < 0.1, np.nan, draw.beta(6, 6, customers))
    return Population(rate, active, value, margin, known)


def draw_campaign(
    population: Population, lift: float, treated: int, control: int, draw: np.random.Generator
) -> pd.DataFrame:
    """Customers of one campaign, split by chance alone, as `campaign_customers` tells them after the window."""
    rows = draw.choice(len(population), treated + control, replace=False)
    is_treated = draw.permutation(len(rows)) < treated
    without, won = _answers(population, rows, lift, draw)
    return _outcomes(population, rows, without + np.where(is_treated, won, 0)).assign(is_treated=is_treated)


def planted_lifts(population: Population, lift: float) -> dict[str, float]:
    """The mean lift over the whole population: buyers and sales by formula, retained by looking at all many times."""
    won = lift / population.buys_nothing.mean() * population.buys_nothing
    known = ~np.isnan(population.margin_rate)
    draw = np.random.default_rng(0)
    rows = np.arange(len(population))
    gained = []
    for _ in range(LOOKS if lift else 0):
        without, more = _answers(population, rows, lift, draw)
        gained.append(_kept(population, rows, without + more).mean() - _kept(population, rows, without).mean())
    return {
        "buyers": lift,
        "sales": float((won * population.mean_value).mean()),
        "profit": float((won * population.mean_value * population.margin_rate)[known].mean()),
        "retained": float(np.mean(gained)) if gained else 0.0,
    }


def _answers(
    population: Population, rows: npt.NDArray[np.intp], lift: float, draw: np.random.Generator
) -> tuple[Reals, Reals]:
    """Sales of each without a contact, and what a contact would add to them."""
    value = population.mean_value[rows]
    active = draw.random(len(rows)) < population.still_active[rows]
    purchases = np.where(active, draw.poisson(population.purchases_rate[rows]), 0)
    without = value * draw.gamma(np.maximum(4 * purchases, 1e-9), 1 / 4) * (purchases > 0)
    is_won = (purchases == 0) & (draw.random(len(rows)) < lift / population.buys_nothing.mean())
    return without, value * draw.gamma(4, 1 / 4, len(rows)) * is_won


def _outcomes(population: Population, rows: npt.NDArray[np.intp], sales: Reals) -> pd.DataFrame:
    known = {name: values[rows] for name, values in population.known.items()}
    return pd.DataFrame(
        {
            **known,
            "buyers": (sales > 0).astype(np.float64),
            "sales": sales,
            "profit": sales * population.margin_rate[rows],
            "retained": _kept(population, rows, sales).astype(np.float64),
        }
    )


def _kept(population: Population, rows: npt.NDArray[np.intp], sales: Reals) -> npt.NDArray[np.bool_]:
    kept: npt.NDArray[np.bool_] = (sales > 0) & (sales >= 0.5 * population.known["sales_before_jpy"][rows])
    return kept
