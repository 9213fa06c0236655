"""Six months of sales per customer (6ヶ月LTV, R50), with retention power, purchasing power and profitability (J10).

How often comes from the Pareto/NBD, how much from the gamma-gamma model on all purchases; their product is averaged
with the customer's recent level of sales, because the mean of two different forecasts beats either (Clemen 1989).
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from crm_platform.forecast import gamma_gamma, ordering_pace, pareto_nbd
from crm_platform.forecast.gamma_gamma import GammaGamma
from crm_platform.forecast.never_bought import MINIMUM_CUSTOMERS, NeverBought, observe_never_bought
from crm_platform.forecast.ordering_pace import OrderingPace
from crm_platform.forecast.pareto_nbd import ParetoNBD
from crm_platform.forecast.rhythm import Rhythm, reals, rhythm_of
from crm_platform.tables.analyses import FORECASTS

Reals = npt.NDArray[np.float64]

FIT_CUSTOMERS = 20_000  # a larger client is fitted on every n-th customer and forecast for all
MINIMUM_REPEATERS = 50  # below this the parameters are assumed, not fitted
HALF_YEAR_DAYS = 182.5
LEVEL_WEIGHT = 0.5  # of the recent level beside the model: equal weights; .3 to .7 rank customers nearly alike


@dataclass(frozen=True)
class FittedForecast:
    """A frozen model of one client at one as-of date: parameters, and what they were fitted on."""

    as_of: dt.date
    customers: int
    customers_fitted: int
    repeaters: int
    purchases: ParetoNBD  # times in days
    values: GammaGamma  # 売上 per purchase day
    ordering_pace: OrderingPace
    order_values: GammaGamma  # 受注金額 per order placed
    credit_rate: float  # Σ credits / Σ sales before credits
    mean_gross_jpy: float  # sales before credits per customer: the weight of the client's credit rate in a customer's
    level_scale: float  # recent level → sales expected in half a year
    never_bought: NeverBought
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {**dataclasses.asdict(self), "as_of": self.as_of.isoformat(), "notes": list(self.notes)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> FittedForecast:
        """Read what `to_json` wrote."""
        return cls(
            **{
                **value,
                "as_of": dt.date.fromisoformat(value["as_of"]),
                "purchases": ParetoNBD(**value["purchases"]),
                "values": GammaGamma(**value["values"]),
                "ordering_pace": OrderingPace(**value["ordering_pace"]),
                "order_values": GammaGamma(**value["order_values"]),
                "never_bought": NeverBought(**value["never_bought"]),
                "notes": tuple(value["notes"]),
            }
        )


def fit_forecast(history: pd.DataFrame) -> FittedForecast:
    """Fit every part on CUSTOMER_HISTORY; nothing else is read, so nothing knows the future.

    Works for any client: where there are too few repeaters the parameters are assumed, and `notes` says so.

    Raises:
        ValueError: the history has no row, so that there is no as-of date.
    """
    if history.empty:
        raise ValueError("a forecast needs at least one customer")
    sample = _every_nth(history.sort_values("customer_id", kind="stable"), FIT_CUSTOMERS)
    rhythm = rhythm_of(sample[sample["purchase_days"] > 0])
    purchases, values = _fit_purchases(rhythm), _fit_values(rhythm)
    pace, order_values = _fit_orders(sample)
    gross = float(rhythm.gross_jpy.sum())
    fitted = FittedForecast(
        as_of=pd.Timestamp(history["as_of"].iloc[0]).date(),
        customers=len(history),
        customers_fitted=len(sample),
        repeaters=int((history["purchase_days"] > 1).sum()),
        purchases=purchases,
        values=values,
        ordering_pace=pace,
        order_values=order_values,
        credit_rate=min(float(rhythm.credit_jpy.sum()) / gross, 1.0) if gross > 0 else 0.0,
        mean_gross_jpy=gross / max(len(rhythm.purchases), 1),
        level_scale=0.0,
        never_bought=observe_never_bought(history),
        notes=(),
    )
    foreseen = float(_model_sales(fitted, rhythm, _expected_purchases(fitted, rhythm, HALF_YEAR_DAYS)).sum())
    level = float(rhythm.level_jpy.sum())
    fitted = dataclasses.replace(fitted, level_scale=foreseen / level if level > 0 else 0.0)
    return dataclasses.replace(fitted, notes=_notes(fitted))


def forecast_customers(history: pd.DataFrame, model: FittedForecast, horizon_days: int) -> pa.Table:
    """FORECASTS: what each customer of CUSTOMER_HISTORY is expected to do in the `horizon_days` after its as-of date.

    - `retention_power_rate` (継続力): probability of a purchase day with sales in the horizon.
    - `purchasing_power_jpy` (購買力): 受注金額 in a horizon in which the customer orders; cancelled orders count, so
      a cancellation leaves it as it is (R21).
    - `profitability_jpy` (収益力): the product of the two.
    - `expected_sales_jpy`: 売上, credits deducted at the customer's own rate, shrunk to the client's.

    A customer who never bought gets what such customers did in the last six months (`never_bought`), else 0.
    """
    columns = {name: np.zeros(len(history)) for name in ("p_active", "expected_orders", "expected_sales_jpy")}
    columns["retention_power_rate"] = np.zeros(len(history))
    bought = (history["purchase_days"] > 0).to_numpy(dtype=bool)
    for name, values in _of_buyers(rhythm_of(history[bought]), model, horizon_days).items():
        columns[name][bought] = values
    for name, value in _of_never_bought(model.never_bought, horizon_days).items():
        columns[name][~bought] = value
    power = purchasing_power(history, model, horizon_days)
    return FORECASTS.from_columns(
        {
            "customer_id": pa.array(history["customer_id"], pa.string()),
            **columns,
            "purchasing_power_jpy": power,
            "profitability_jpy": power * columns["retention_power_rate"],
        }
    )


def purchasing_power(history: pd.DataFrame, model: FittedForecast, horizon_days: float) -> Reals:
    """購買力 in yen: expected orders placed given at least one, times the expected 受注金額 of an order."""
    orders, ordered = reals(history, "orders"), reals(history, "ordered_jpy")
    count = np.where(ordered > 0, orders, 0)
    mean = np.divide(ordered, count, out=np.zeros_like(ordered), where=count > 0)
    value = gamma_gamma.expected_value(model.order_values, count, mean)
    return value * ordering_pace.orders_when_buying(model.ordering_pace, orders, _known_days(history), horizon_days)


def kept_share(rhythm: Rhythm, model: FittedForecast) -> Reals:
    """Share of a customer's purchases that no credit takes back: own, shrunk to the client's."""
    weight = model.mean_gross_jpy
    gross = rhythm.gross_jpy + weight
    return np.clip(1 - (rhythm.credit_jpy + weight * model.credit_rate) / gross, 0, 1)


# --- inside -----------------------------------------------------------------------------------------------------------


def _of_buyers(rhythm: Rhythm, model: FittedForecast, horizon_days: float) -> dict[str, Reals]:
    x, t_x, age = rhythm.repeats, rhythm.recency_days, rhythm.age_days
    level = rhythm.level_jpy * model.level_scale * horizon_days / HALF_YEAR_DAYS
    purchases = _expected_purchases(model, rhythm, horizon_days)
    sales = (1 - LEVEL_WEIGHT) * _model_sales(model, rhythm, purchases) + LEVEL_WEIGHT * level
    return {
        "p_active": pareto_nbd.p_alive(model.purchases, x, t_x, age),
        "expected_orders": purchases,
        "expected_sales_jpy": sales,
        "retention_power_rate": pareto_nbd.probability_of_purchase(model.purchases, x, t_x, age, horizon_days),
    }


def _of_never_bought(observed: NeverBought, horizon_days: float) -> dict[str, float]:
    terms = horizon_days / HALF_YEAR_DAYS
    rate = 1 - (1 - observed.purchase_rate) ** terms
    return {
        "p_active": rate,
        "expected_orders": observed.purchases * terms,
        "expected_sales_jpy": observed.sales_jpy * terms,
        "retention_power_rate": rate,
    }


def _expected_purchases(model: FittedForecast, rhythm: Rhythm, horizon_days: float) -> Reals:
    return pareto_nbd.expected_purchases(
        model.purchases, rhythm.repeats, rhythm.recency_days, rhythm.age_days, horizon_days
    )


def _model_sales(model: FittedForecast, rhythm: Rhythm, purchases: Reals) -> Reals:
    value = gamma_gamma.expected_value(model.values, rhythm.purchases, rhythm.value_jpy)
    return purchases * value * kept_share(rhythm, model)


def _fit_purchases(rhythm: Rhythm) -> ParetoNBD:
    if int((rhythm.repeats > 0).sum()) >= MINIMUM_REPEATERS:
        return pareto_nbd.fit_pareto_nbd(rhythm.repeats, rhythm.recency_days, rhythm.age_days)
    # Exponential rates around the client's mean pace, with one more purchase in one more year; half stop within a year.
    mean_gap = (float(rhythm.age_days.sum()) + 365.0) / (float(rhythm.repeats.sum()) + 1.0)
    return ParetoNBD(1.0, mean_gap, 1.0, 365.0, 0.0, 0, converged=False)


def _fit_values(rhythm: Rhythm) -> GammaGamma:
    if int((rhythm.repeats > 0).sum()) >= MINIMUM_REPEATERS:
        return gamma_gamma.fit_gamma_gamma(rhythm.purchases, rhythm.value_jpy)
    total = float(rhythm.purchases.sum())
    return gamma_gamma.assume_gamma_gamma(float(rhythm.gross_jpy.sum()) / total if total > 0 else 0.0)


def _fit_orders(sample: pd.DataFrame) -> tuple[OrderingPace, GammaGamma]:
    placed = sample[(sample["orders"] > 0) & (sample["ordered_jpy"] > 0)]
    orders, ordered = reals(placed, "orders"), reals(placed, "ordered_jpy")
    pace = ordering_pace.fit_ordering_pace(orders, _known_days(placed))
    if int((orders > 1).sum()) >= MINIMUM_REPEATERS:
        return pace, gamma_gamma.fit_gamma_gamma(orders, ordered / orders)
    return pace, gamma_gamma.assume_gamma_gamma(float(ordered.sum() / orders.sum()) if len(orders) else 0.0)


def _known_days(history: pd.DataFrame) -> Reals:
    days = (pd.to_datetime(history["as_of"]) - pd.to_datetime(history["registered_on"])).dt.days
    return np.maximum(days.to_numpy(dtype=np.float64), 0)


def _every_nth(history: pd.DataFrame, most: int) -> pd.DataFrame:
    if len(history) <= most:
        return history
    return history.iloc[np.linspace(0, len(history) - 1, most).round().astype(np.int64)]


def _notes(model: FittedForecast) -> tuple[str, ...]:
    facts = (
        (
            model.repeaters < MINIMUM_REPEATERS or model.purchases.customers == 0,
            f"Only {model.repeaters} customers bought twice (fewer than {MINIMUM_REPEATERS}): parameters are assumed.",
        ),
        (
            model.purchases.customers > 0 and not model.purchases.converged,
            "The search for the Pareto/NBD parameters stopped at its limit; the best found are used.",
        ),
        (model.values.assumed, "Values of purchases are shrunk to the client's mean with the weight of one purchase."),
        (model.customers_fitted < model.customers, f"Fitted on every n-th customer, {model.customers_fitted} in all."),
        (
            model.never_bought.customers < MINIMUM_CUSTOMERS,
            "Too few were on file without a purchase six months ago: nothing is expected of those who never bought.",
        ),
    )
    return tuple(text for holds, text in facts if holds)
