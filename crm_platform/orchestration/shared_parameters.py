"""What other clients' forecasts lend to a small one: aggregate parameters of those that opted in, and nothing else."""

from __future__ import annotations

from typing import Any

from crm_platform.forecast import FittedForecast
from crm_platform.forecast.prior import LEAST_CLIENTS, ClientParameters, Prior, pool, shared_parameters
from crm_platform.forecast.purchases import ENOUGH_REPEATERS
from crm_platform.lake import digest_of
from crm_platform.orchestration.client_month import ClientMonth
from crm_platform.periods import TERM_MONTHS


def prior_of(at: ClientMonth) -> Prior | None:
    """The prior for a client whose file asks for one (`[forecast] use_prior`); Refused where too few clients share."""
    return pool(others(at)) if at.client.forecast.use_prior else None


def prior_of_then(then: ClientMonth) -> Prior | None:
    """The prior for looking back to an earlier month: None where too few clients shared by then.

    The client may have asked for it since, and others may have been forecast since; what is assumed in its place stands
    in the notes of the model.
    """
    return prior_of(then) if then.client.forecast.use_prior and len(others(then)) >= LEAST_CLIENTS else None


def prior_digest(at: ClientMonth) -> dict[str, str]:
    """Digest of what other clients lend; a client that asks for nothing reads nothing of theirs."""
    lent = [each.to_json() for each in others(at)] if at.client.forecast.use_prior else None
    return {"shared_parameters": digest_of(lent)}


def prior_digest_of_then(at: ClientMonth) -> dict[str, str]:
    """The same of the month a term before, to which a former model looks back."""
    then = at.earlier(TERM_MONTHS)
    return prior_digest(then) if then else {"shared_parameters": digest_of(None)}


def others(at: ClientMonth) -> list[ClientParameters]:
    """What each other client that shares lends: from its latest fitted forecast up to this month; never its own."""
    catalogue = at.data.platform.catalogue
    sharing = [
        name for name in catalogue.ids() if name != at.client.id and catalogue.load(name).forecast.share_parameters
    ]
    lent = [_lent_by(at, name) for name in sharing]
    return [each for each in lent if each is not None]


def lent_by_model(model: FittedForecast) -> ClientParameters | None:
    """The parameters of a fitted forecast that may be lent; None where they stand on too little.

    With fewer than `ENOUGH_REPEATERS` they may lean on other clients' themselves, and would hand those back to them.
    """
    if model.repeaters < ENOUGH_REPEATERS:
        return None
    spending = model.experts.spending
    return shared_parameters(spending.purchases.pareto, spending.values, spending.values.mean_value)


def _lent_by(at: ClientMonth, client: str) -> ClientParameters | None:
    lake = at.data.lake
    months = [month for month in lake.months(client, "forecast_model") if month <= at.month]
    if not months:
        return None
    stored: dict[str, Any] = lake.read_document(client, "forecast_model", max(months))
    return lent_by_model(FittedForecast.from_json(stored))
