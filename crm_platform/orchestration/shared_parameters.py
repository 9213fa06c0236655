"""What other clients' forecasts lend to a small one: aggregate parameters of those that opted in, and nothing else."""

from __future__ import annotations

from typing import Any

from crm_platform.forecast import FittedForecast
from crm_platform.forecast.prior import ClientParameters, Prior, pool, shared_parameters
from crm_platform.lake import digest_of
from crm_platform.orchestration.client_month import ClientMonth


def prior_of(at: ClientMonth) -> Prior | None:
    """The prior for a client whose file asks for one (`[forecast] use_prior`); Refused where too few clients share."""
    return pool(others(at)) if at.client.forecast.use_prior else None


def prior_digest(at: ClientMonth) -> dict[str, str]:
    """Digest of what other clients lend; a client that asks for nothing reads nothing of theirs."""
    lent = [each.to_json() for each in others(at)] if at.client.forecast.use_prior else None
    return {"shared_parameters": digest_of(lent)}


def others(at: ClientMonth) -> list[ClientParameters]:
    """What each other client that shares lends: from its latest fitted forecast up to this month; never its own."""
    catalogue = at.data.platform.catalogue
    sharing = [
        name for name in catalogue.ids() if name != at.client.id and catalogue.load(name).forecast.share_parameters
    ]
    lent = [_lent_by(at, name) for name in sharing]
    return [each for each in lent if each is not None]


def lent_by_model(model: FittedForecast) -> ClientParameters | None:
    """The parameters of a fitted forecast that may be lent; None where they stand on too little."""
    spending = model.experts.spending
    return shared_parameters(spending.purchases.pareto, spending.values, spending.values.mean_value)


def _lent_by(at: ClientMonth, client: str) -> ClientParameters | None:
    lake = at.data.lake
    months = [month for month in lake.months(client, "forecast_model") if month <= at.month]
    if not months:
        return None
    stored: dict[str, Any] = lake.read_document(client, "forecast_model", max(months))
    return lent_by_model(FittedForecast.from_json(stored))
