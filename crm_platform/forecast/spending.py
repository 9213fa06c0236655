"""How often × how much: sales from a model of purchases and a model of their values, less what credits take back.

The product assumes that pace and value are independent (Fader, Hardie & Lee 2005, "RFM and CLV"). It needs no outcome
to learn from, so that it works at the first origin of a client as at the last.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from crm_platform.forecast import gamma_gamma
from crm_platform.forecast.gamma_gamma import GammaGamma
from crm_platform.forecast.notes import Note
from crm_platform.forecast.origins import Origin, reals
from crm_platform.forecast.prior import Prior
from crm_platform.forecast.purchases import MINIMUM_REPEATERS, Purchases, fit_purchases, refit_purchases

Reals = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Spending:
    """The fitted parts, and what credits take back on the whole."""

    purchases: Purchases
    values: GammaGamma  # 売上 per purchase day, before credits
    credit_rate: float  # Σ credits / Σ sales before credits
    mean_gross_jpy: float  # sales before credits per customer: the weight of the client's credit rate in a customer's

    @property
    def notes(self) -> tuple[Note, ...]:
        """What a reader should know of the fit."""
        flag = self.values.flag
        return (*self.purchases.notes, *([Note(f"values_{flag}")] if flag else []))

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        values = dataclasses.asdict(self.values)
        return {**vars(self), "purchases": self.purchases.to_json(), "values": values}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Spending:
        """Read what `to_json` wrote."""
        parts = {"purchases": Purchases.from_json(value["purchases"]), "values": GammaGamma(**value["values"])}
        return cls(**{**value, **parts})


def fit_spending(
    features: pd.DataFrame, past: Sequence[Origin] = (), horizon_days: int = 0, *, prior: Prior | None = None
) -> Spending:
    """Fit on buyers as `describe` gives them; the purchase model is chosen on `past`.

    Where too few bought twice, parameters are assumed, or lean on the `prior` of other clients.
    """
    return _spending(features, fit_purchases(features, past, horizon_days, prior=prior), prior)


def refit_spending(model: Spending, features: pd.DataFrame) -> Spending:
    """The same kind of model on buyers as known at another day."""
    return _spending(features, refit_purchases(model.purchases, features), None)


def expected_sales(model: Spending, features: pd.DataFrame, expected_purchases: Reals) -> Reals:
    """売上 of so many purchases of each buyer, credits deducted."""
    return expected_purchases * expected_value(model, features) * kept_share(model, features)


def expected_value(model: Spending, features: pd.DataFrame) -> Reals:
    """売上 of a buyer's next purchase day, before credits."""
    return gamma_gamma.expected_value(model.values, reals(features, "purchase_days"), mean_value(features))


def mean_value(features: pd.DataFrame) -> Reals:
    """Mean 売上 of a buyer's purchase days, before credits."""
    value: Reals = reals(features, "standing_sales_jpy") / reals(features, "purchase_days")
    return value


def kept_share(model: Spending, features: pd.DataFrame) -> Reals:
    """Share of a buyer's purchases that no credit takes back: own, shrunk to the client's."""
    weight = model.mean_gross_jpy
    gross, credit = reals(features, "standing_sales_jpy") + weight, reals(features, "returned_jpy")
    kept: Reals = np.clip(1 - (credit + weight * model.credit_rate) / gross, 0, 1)
    return kept


def _spending(features: pd.DataFrame, purchases: Purchases, prior: Prior | None) -> Spending:
    gross, credit = float(features["standing_sales_jpy"].sum()), float(features["returned_jpy"].sum())
    return Spending(
        purchases=purchases,
        values=_fit_values(features, prior),
        credit_rate=min(credit / gross, 1.0) if gross > 0 else 0.0,
        mean_gross_jpy=gross / max(len(features), 1),
    )


def _fit_values(features: pd.DataFrame, prior: Prior | None) -> GammaGamma:
    purchases = reals(features, "purchase_days")
    enough = int((purchases > 1).sum()) >= MINIMUM_REPEATERS
    if len(features) and (enough or prior is not None):
        belief = None if enough or prior is None else prior.of_values
        return gamma_gamma.fit_gamma_gamma(purchases, mean_value(features), belief=belief)
    total, gross = float(purchases.sum()), float(features["standing_sales_jpy"].sum())
    return gamma_gamma.assume_gamma_gamma(gross / total if total > 0 else 0.0)
