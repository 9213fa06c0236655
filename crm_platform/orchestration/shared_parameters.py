"""What other clients' forecasts lend to a small one: aggregate parameters of those that opted in, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from crm_platform.clients import Client
from crm_platform.forecast import FittedForecast
from crm_platform.forecast.prior import LEAST_CLIENTS, ClientParameters, Prior, pool, shared_parameters
from crm_platform.forecast.purchases import ENOUGH_REPEATERS
from crm_platform.lake import digest_of
from crm_platform.orchestration.client_month import ClientMonth
from crm_platform.orchestration.neighbours import Lent, lent_by_others
from crm_platform.periods import TERM_MONTHS
from crm_platform.refusals import Refused


def prior_of(at: ClientMonth) -> Prior | None:
    """The prior for a client whose file asks for one (`[forecast] use_prior`); Refused where too few clients share.

    A client that shares and cannot be read lends nothing; the log names it, and so does the refusal.
    """
    if not at.client.forecast.use_prior:
        return None
    lent = _lent(at)
    try:
        return pool(lent.said_aloud())
    except Refused as refused:
        unread = f" Not readable: {', '.join(lent.unread)}." if lent.unread else ""
        raise replace(refused, problem=refused.problem + unread) from refused


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
    return _lent(at).things


def lent_by_model(model: FittedForecast) -> ClientParameters | None:
    """The parameters of a fitted forecast that may be lent; None where they stand on too little.

    With fewer than `ENOUGH_REPEATERS` they may lean on other clients' themselves, and would hand those back to them.
    """
    if model.repeaters < ENOUGH_REPEATERS:
        return None
    spending = model.experts.spending
    return shared_parameters(spending.purchases.pareto, spending.values, spending.values.mean_value)


def _lent(at: ClientMonth) -> Lent[ClientParameters]:
    return lent_by_others(at, lambda client: _lent_by(at, client) if client.forecast.share_parameters else None)


def _lent_by(at: ClientMonth, client: Client) -> ClientParameters | None:
    lake = at.data.lake
    months = [month for month in lake.months(client.id, "forecast_model") if month <= at.month]
    if not months:
        return None
    stored: dict[str, Any] = lake.read_document(client.id, "forecast_model", max(months))
    return lent_by_model(FittedForecast.from_json(stored))
