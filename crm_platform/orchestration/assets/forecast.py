"""The forecast of six months of sales as assets: the fitted model, each customer's forecast."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import ibis
import pyarrow as pa

from crm_platform.forecast import (
    EVERYONE_READS,
    FittedForecast,
    carried_forecast,
    fit_forecast,
    forecast_customers,
    forecast_everyone,
)
from crm_platform.forecast.profit import margin_rates
from crm_platform.orchestration.client_month import ClientMonth
from crm_platform.orchestration.client_month_asset import client_month_asset
from crm_platform.orchestration.pictures import customers_by_retention_power
from crm_platform.orchestration.recipe import Reads, Recipe
from crm_platform.orchestration.shared_parameters import (
    prior_digest,
    prior_digest_of_then,
    prior_of,
    prior_of_then,
)
from crm_platform.periods import TERM_MONTHS, Term
from crm_platform.reports.wording import Wording


def has_rows(table: ibis.Table) -> bool:
    """Whether the expression yields a row."""
    return bool(table.limit(1).count().to_pyarrow().as_py())


def in_short(_: ClientMonth, document: Any) -> dict[str, Any]:
    """On whom the models were fitted, what weighs how much in the blend, and what a reader should know."""
    if document is None:
        return {}
    return {
        "fitted_as_of": document["as_of"],
        "customers_fitted": document["customers_fitted"],
        "origins": len(document["origins"]),
        **{f"weight_of_{name}": round(weight, 3) for name, weight in document["blend"]["weights"].items()},
        "level": document["calibration"]["level"],
        "notes": [Wording.of("en").filled(f"forecast_note.{note['key']}.text", note) for note in document["notes"]],
    }


def carried_model(at: ClientMonth, document: Any) -> Any:
    """The model that the term began with, for the six months after this one."""
    model = FittedForecast.from_json(document)
    return carried_forecast(model, at.as_of, Term.after(at.as_of).days).to_json()


def carried_former_model(at: ClientMonth, document: Any) -> Any:
    """The model of six months before the term began, as it would have been carried to six months before this month."""
    then = at.data.at(at.month.plus(-TERM_MONTHS))
    model = FittedForecast.from_json(document)
    return carried_forecast(model, then.as_of, (at.as_of - then.as_of).days).to_json()


@client_month_asset(
    Recipe(
        "forecast_model",
        "forecast",
        {"customer_days": Reads.UP_TO_MONTH},
        settings=lambda client: asdict(client.forecast),
        further_inputs=prior_digest,
        carry=carried_model,
    ),
    describe=in_short,
)
def forecast_model(at: ClientMonth) -> Any:
    """The models behind the forecast, fitted on the client's own past where a term begins, and held inside it."""
    return fit_forecast(at.past("customer_days"), at.as_of, Term.after(at.as_of).days, prior=prior_of(at)).to_json()


@client_month_asset(
    Recipe(
        "former_model",
        "forecast",
        {"customer_days": Reads.UP_TO_MONTH},
        settings=lambda client: asdict(client.forecast),
        further_inputs=prior_digest_of_then,
        carry=carried_former_model,
    ),
    describe=in_short,
)
def former_model(at: ClientMonth) -> Any:
    """The same models as they would have been fitted six months ago, for what was foreseen then; null before that."""
    then = at.earlier(TERM_MONTHS)
    if then is None:
        return None
    horizon_days = (at.as_of - then.as_of).days
    known = at.past("customer_days").filter(lambda days: days.day <= then.as_of)
    if not has_rows(known):
        return None
    return fit_forecast(known, then.as_of, horizon_days, prior=prior_of_then(then)).to_json()


@client_month_asset(
    Recipe(
        "forecasts",
        "forecast",
        {
            "customer_days": Reads.UP_TO_MONTH,
            "customer_product_months": Reads.UP_TO_MONTH,
            **dict.fromkeys(("products", "customer_history", "forecast_model"), Reads.SAME_MONTH),
        },
    ),
    picture=customers_by_retention_power,
)
def forecasts(at: ClientMonth) -> pa.Table:
    """Six months of sales per customer (6ヶ月LTV), with 継続力, 購買力 and 収益力."""
    model = FittedForecast.from_json(at.document("forecast_model"))
    customers = forecast_customers(at.past("customer_days"), model)
    margins = margin_rates(at.past("customer_product_months"), at.expression("products")).to_pandas()
    return forecast_everyone(at.frame("customer_history", EVERYONE_READS), customers, model, margins)
