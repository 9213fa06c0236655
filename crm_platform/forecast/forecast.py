"""Six months of sales per customer (6ヶ月LTV, R50), with retention power, purchasing power and profitability (J10).

Every forecast is made four times over (`experts`), blended (`blend`), brought to the level that earlier forecasts
deserved (`calibration`, `season`), and given an interval by what became of customers alike (`intervals`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import ibis
import numpy as np
import numpy.typing as npt
import pandas as pd
from ibis import _

from crm_platform.forecast import gamma_gamma, ordering_pace
from crm_platform.forecast.blend import Blend, blended, blended_then, fit_blend
from crm_platform.forecast.calibration import Calibration, PastForecast, calibrated, calibrated_rate, fit_calibration
from crm_platform.forecast.experts import Experts, Told, consult, fit_experts
from crm_platform.forecast.falls import Falls, Foreseen, fit_falls, foresee_falls, foreseen_then
from crm_platform.forecast.gamma_gamma import GammaGamma
from crm_platform.forecast.intervals import Intervals, fit_intervals, interval
from crm_platform.forecast.notes import Note, notes_from_json, notes_to_json
from crm_platform.forecast.ordering_pace import OrderingPace
from crm_platform.forecast.origins import Origin, describe, look_back, plan_origins, reals
from crm_platform.forecast.parts import Parts, fit_parts, subscription_share
from crm_platform.forecast.prior import Prior
from crm_platform.forecast.purchases import MINIMUM_REPEATERS
from crm_platform.forecast.season import Season, fit_season
from crm_platform.tables.frames import frame_of

Reals = npt.NDArray[np.float64]

FIT_CUSTOMERS = 12_500  # a larger client is fitted on every n-th customer and forecast for all; more changed nothing
CUSTOMERS_AT_ONCE = 100_000  # bounds the memory for a client of any size


@dataclass(frozen=True)
class FittedForecast:
    """A frozen model of one client at one as-of date: parameters, and what they were fitted on."""

    as_of: dt.date
    horizon_days: int
    customers: int
    customers_fitted: int
    repeaters: int
    origins: tuple[dt.date, ...]
    experts: Experts
    blend: Blend
    season: Season
    calibration: Calibration
    intervals: Intervals
    parts: Parts
    falls: Falls
    ordering_pace: OrderingPace
    order_values: GammaGamma  # 受注金額 per order placed
    notes: tuple[Note, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        told = {name: part.to_json() if hasattr(part, "to_json") else part for name, part in vars(self).items()}
        return {
            **told,
            "as_of": self.as_of.isoformat(),
            "origins": [origin.isoformat() for origin in self.origins],
            "ordering_pace": asdict(self.ordering_pace),
            "order_values": asdict(self.order_values),
            "notes": notes_to_json(self.notes),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> FittedForecast:
        """Read what `to_json` wrote."""
        parts = {name: kind.from_json(value[name]) for name, kind in _PARTS.items()}
        return cls(
            **{
                **value,
                **parts,
                "as_of": dt.date.fromisoformat(value["as_of"]),
                "origins": tuple(dt.date.fromisoformat(origin) for origin in value["origins"]),
                "ordering_pace": OrderingPace(**value["ordering_pace"]),
                "order_values": GammaGamma(**value["order_values"]),
                "notes": notes_from_json(value["notes"]),
            }
        )


_PARTS: Mapping[str, Any] = {
    "experts": Experts,
    "blend": Blend,
    "season": Season,
    "calibration": Calibration,
    "intervals": Intervals,
    "parts": Parts,
    "falls": Falls,
}


def fit_forecast(days: ibis.Table, as_of: dt.date, horizon_days: int, *, prior: Prior | None = None) -> FittedForecast:
    """Fit every part on CUSTOMER_DAYS up to `as_of`; later days are not read, so nothing knows the future.

    Works for any client: where there is too little, simpler models take over, and `notes` say so.

    Raises:
        ValueError: no customer has a line by then, or the horizon is no day.
    """
    if horizon_days < 1:
        raise ValueError(f"the horizon must be at least one day, not {horizon_days}")
    known = days.filter(days.day <= as_of)
    ids = _customer_ids(known)
    if ids.empty:
        raise ValueError("a forecast needs at least one customer with a line by the as-of date")
    sample = _of_customers(known, every_nth(ids, FIT_CUSTOMERS))
    everyone = describe(sample, as_of, horizon_days)
    buyers = everyone[everyone["purchase_days"] > 0].reset_index(drop=True)
    season = fit_season(sample, as_of)
    past = look_back(sample, plan_origins(sample.day.min().to_pyarrow().as_py(), as_of, horizon_days), horizon_days)
    experts, then, told = fit_experts(buyers, past, horizon_days, prior=prior)
    present = consult(experts, buyers)
    blend = fit_blend([each.sales_jpy for each in told], [origin.sales_jpy for origin in past], present.sales_jpy)
    came_true = [_past_forecast(origin, each, blend) for origin, each in zip(past, told, strict=True)]
    foreseen = blended(blend, present.sales_jpy)
    calibration = fit_calibration(came_true, foreseen, as_of, horizon_days, season)
    intervals = fit_intervals(came_true, calibration, calibrated_rate(calibration, present.purchase_rate))
    parts = fit_parts(past)
    falls = fit_falls(
        Foreseen(as_of, buyers, present, foreseen, experts.spending),
        [foreseen_then(*each) for each in zip(past, then, told, [one.foreseen_jpy for one in came_true], strict=True)],
        [origin.sales_jpy for origin in past],
        horizon_days,
    )
    pace, order_values = _fit_orders(everyone)
    sampled = (Note("sampled", {"customers": len(everyone)}),) if len(everyone) < len(ids) else ()
    return FittedForecast(
        as_of=as_of,
        horizon_days=horizon_days,
        customers=len(ids),
        customers_fitted=len(everyone),
        repeaters=int((buyers["purchase_days"] > 1).sum()),
        origins=tuple(origin.as_of for origin in past),
        experts=experts,
        blend=blend,
        season=season,
        calibration=calibration,
        intervals=intervals,
        parts=parts,
        falls=falls,
        ordering_pace=pace,
        order_values=order_values,
        notes=(*_notes_of(experts, season, calibration, intervals, parts, falls), *sampled),
    )


def forecast_customers(days: ibis.Table, model: FittedForecast) -> pd.DataFrame:
    """What each customer of CUSTOMER_DAYS is expected to do in the term after the model's as-of date.

    One row per customer with a line, in order of `customer_id`; who only had orders cancelled has purchasing power, and
    zeros else.

    - `retention_power_rate` (継続力): probability of a purchase day with sales in the term.
    - `purchasing_power_jpy` (購買力): 受注金額 in a term in which the customer orders; cancelled orders count, so
      a cancellation leaves it as it is (R21).
    - `profitability_jpy` (収益力): the product of the two.
    - `expected_sales_jpy`: 売上, credits deducted; `expected_subscription_sales_jpy` and `expected_one_off_sales_jpy`
      add up to it. About one customer in ten buys for more than `sales_p90_jpy`, and of those with a `sales_p10_jpy`
      above 0 one in ten for less (see `intervals`).
    """
    known = days.filter(days.day <= model.as_of)
    ids = _customer_ids(known)
    # Filled in place: results kept between the large arrays of the parts would keep their memory from being used again.
    columns: dict[str, npt.NDArray[Any]] = {}
    for start, features in _in_parts(known, ids, model):
        for name, values in _foresee_part(features, model).items():
            if name not in columns:
                columns[name] = np.zeros(len(ids), values.dtype)
            columns[name][start : start + len(values)] = values
    return pd.DataFrame({"customer_id": ids, **columns}, copy=False)


def forecast_buyers(days: ibis.Table, model: FittedForecast) -> pd.DataFrame:
    """The rows of `forecast_customers` with a purchase."""
    everyone = forecast_customers(days, model)
    return everyone[everyone["has_bought"]].reset_index(drop=True)


def foresee(features: pd.DataFrame, model: FittedForecast) -> dict[str, Reals]:
    """The forecast of buyers as `describe` gives them."""
    told = consult(model.experts, features)
    foreseen = blended(model.blend, told.sales_jpy)
    sales = calibrated(model.calibration, foreseen)
    retention = calibrated_rate(model.calibration, told.purchase_rate)
    lower, upper = interval(model.intervals, sales, retention)
    subscription = sales * subscription_share(model.parts, features)
    buyers = Foreseen(model.as_of, features, told, foreseen, model.experts.spending)
    lapse_risk, fallen = foresee_falls(model.falls, buyers, retention)
    return {
        "p_active": np.maximum(told.p_active, retention),  # who buys in the term has not lapsed
        "expected_orders": np.maximum(told.expected_purchases * model.calibration.pace, retention),
        "retention_power_rate": retention,
        "expected_sales_jpy": sales,
        "expected_subscription_sales_jpy": subscription,
        "expected_one_off_sales_jpy": sales - subscription,
        "sales_p10_jpy": lower,
        "sales_p90_jpy": upper,
        "lapse_risk": lapse_risk,
        "fallen_sales_jpy": fallen,
    }


def purchasing_power(features: pd.DataFrame, model: FittedForecast) -> Reals:
    """購買力 in yen: expected orders placed given at least one, times the expected 受注金額 of an order."""
    orders, ordered = reals(features, "orders"), reals(features, "ordered_jpy")
    count = np.where(ordered > 0, orders, 0)
    mean = np.divide(ordered, count, out=np.zeros_like(ordered), where=count > 0)
    value = gamma_gamma.expected_value(model.order_values, count, mean)
    known_days = reals(features, "known_days")
    return value * ordering_pace.orders_when_buying(model.ordering_pace, orders, known_days, model.horizon_days)


def every_nth(ids: pd.Series, most: int) -> pd.Series:
    """At most `most` of the ids, evenly over their order."""
    if len(ids) <= most:
        return ids
    return ids.iloc[np.linspace(0, len(ids) - 1, most).round().astype(np.int64)]


# --- inside -----------------------------------------------------------------------------------------------------------


def _customer_ids(known: ibis.Table) -> pd.Series:
    ids: pd.Series = frame_of(known.select("customer_id").distinct().order_by("customer_id"))["customer_id"]
    return ids


def _of_customers(days: ibis.Table, ids: pd.Series) -> ibis.Table:
    """The days of these customers, held in memory, because every origin reads them again."""
    chosen = ibis.memtable(pd.DataFrame({"customer_id": ids}))
    return ibis.memtable(days.semi_join(chosen, "customer_id").to_pyarrow())


def _notes_of(*fitted: Any) -> tuple[Note, ...]:
    return tuple(note for part in fitted for note in part.notes)


def _past_forecast(origin: Origin, told: Told, blend: Blend) -> PastForecast:
    return PastForecast(origin.as_of, blended_then(blend, told.sales_jpy), told.purchase_rate, origin.sales_jpy)


def _in_parts(known: ibis.Table, ids: pd.Series, model: FittedForecast) -> Iterator[tuple[int, pd.DataFrame]]:
    """The features of the customers `ids`, in their order, so many at once; each part with the place of its first."""
    for start in range(0, max(len(ids), 1), CUSTOMERS_AT_ONCE):
        some = ids.iloc[start : start + CUSTOMERS_AT_ONCE]
        part = known if len(some) == len(ids) else known.filter(_.customer_id.between(some.iloc[0], some.iloc[-1]))
        yield start, describe(part, model.as_of, model.horizon_days)


def _foresee_part(features: pd.DataFrame, model: FittedForecast) -> dict[str, npt.NDArray[Any]]:
    """The columns of `forecast_customers` but for the id."""
    bought = (features["purchase_days"] > 0).to_numpy(dtype=bool)
    rows: dict[str, npt.NDArray[Any]] = {"has_bought": bought}
    for name, values in foresee(features[bought].reset_index(drop=True), model).items():
        rows[name] = np.zeros(len(features))
        rows[name][bought] = values
    power = purchasing_power(features, model)
    return {**rows, "purchasing_power_jpy": power, "profitability_jpy": power * rows["retention_power_rate"]}


def _fit_orders(everyone: pd.DataFrame) -> tuple[OrderingPace, GammaGamma]:
    placed = everyone[(everyone["orders"] > 0) & (everyone["ordered_jpy"] > 0)]
    orders, ordered = reals(placed, "orders"), reals(placed, "ordered_jpy")
    pace = ordering_pace.fit_ordering_pace(orders, reals(placed, "known_days"))
    if int((orders > 1).sum()) >= MINIMUM_REPEATERS:
        return pace, gamma_gamma.fit_gamma_gamma(orders, ordered / orders)
    return pace, gamma_gamma.assume_gamma_gamma(float(ordered.sum() / orders.sum()) if len(orders) else 0.0)
