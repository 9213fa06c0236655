"""The shopping alert of any day, when it is needed, beside the monthly one (必要な時に実施, R91)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import dagster as dg
import ibis
import pandas as pd
import pyarrow as pa

from crm_platform.alerts import campaign_id_of, design_test, shopping_alert
from crm_platform.clients import Settings, client_folder
from crm_platform.forecast import FittedForecast, carried_forecast, fit_forecast, forecast_buyers
from crm_platform.orchestration.assets.alerts import test_groups
from crm_platform.orchestration.assets.forecast import forecast_model
from crm_platform.orchestration.campaign_books import (
    alerts_in_force,
    campaign_at,
    campaign_groups,
    rival_campaigns,
    taken_by,
)
from crm_platform.orchestration.client_month import ClientMonth
from crm_platform.orchestration.platform import Platform
from crm_platform.orchestration.runs import bring_facts_up_to_date, client_at
from crm_platform.orchestration.shared_parameters import prior_of
from crm_platform.periods import Month, Term
from crm_platform.refusals import Refused
from crm_platform.reports import Wording, alert_customers_csv, alert_reasons_csv, contact_lists_csv, test_groups_csv
from crm_platform.reports.outbox import put_in_place
from crm_platform.segments.value_classes import value_classes
from crm_platform.tables.alerts import LAPSE_ALERTS

Listener = Callable[[str], None]


@dataclass(frozen=True)
class OnDemand:
    """What is asked for: the last day known, and settings that replace the client's for this alert alone."""

    client_id: str
    month: Month | None = None  # as of its end; the latest with data where neither it nor a day is given
    as_of: dt.date | None = None
    targets: int | None = None
    treated: int | None = None
    control: int | None = None


@dataclass(frozen=True)
class AlertMade:
    """The alert of a day: LAPSE_ALERTS, TEST_GROUPS, where their lists are, and the day on which its model was learned.

    `learned_on` is that of the term where a book is in force (see `term_models`), else `as_of`.
    """

    as_of: dt.date
    learned_on: dt.date
    alerts: pa.Table
    groups: pa.Table
    folder: Path


def alert_on_demand(
    platform: Platform, asked: OnDemand, instance: dg.DagsterInstance, listen: Listener, folder: Path | None = None
) -> AlertMade:
    """Bring the facts up to date, alert as of the day, and write the lists; nothing in the lake's analyses changes.

    The same day, data, settings and model (`learned_on`) give the same lists. They lie in `folder`, by default
    `data/alerts/CLIENT/DAY`.

    Raises:
        Refused: no data for that day, sizes that cannot be met, or the client or its deliveries are not there.
    """
    at = client_at(platform, asked.client_id, Month.of(asked.as_of) if asked.as_of else asked.month)
    as_of = _day_of(at, asked.as_of)
    at = bring_facts_up_to_date(platform, asked.client_id, at.month, instance, listen)
    settings = _settings_for(at, asked)
    listen(f"the forecast of {as_of}")
    days = at.past("customer_days").filter(lambda row: row.day <= as_of)
    learned_on, model = _model_of(at, as_of, days)
    forecasts = forecast_buyers(days, model)
    alerts = alerts_on_demand(at, as_of, settings, lambda: shopping_alert(days, model, forecasts, settings))
    groups = groups_on_demand(at, as_of, alerts, settings, _classes(forecasts, settings.value_classes))
    place = folder or client_folder(platform.data / "alerts", at.client.id, as_of.isoformat())
    put_in_place(place, _lists(at, alerts, groups))
    return AlertMade(as_of, learned_on, alerts, groups, place)


def alerts_on_demand(at: ClientMonth, as_of: dt.date, settings: Settings, find: Callable[[], pa.Table]) -> pa.Table:
    """What is found; the frozen alert where the month's own is asked for and its campaign has begun."""
    return alerts_in_force(at, find) if _is_the_months_own(at, as_of, settings) else find()


def groups_on_demand(
    at: ClientMonth, as_of: dt.date, alerts: pa.Table, settings: Settings, classes: pd.DataFrame
) -> pa.Table:
    """The test groups of these alerts: the month's own where the month's own alert is asked for.

    Once the month's campaign has begun, any other alert leaves its customers out, as those of its rivals (R92).
    """
    own = campaign_at(at)
    if _is_the_months_own(at, as_of, settings) and (own or _is_published(at, alerts)):
        return at.arrow("test_groups") if own is None else campaign_groups(at)
    return design_test(
        alerts.to_pandas(),
        classes,
        campaign_id=campaign_id_of(at.month),
        seed=settings.alert_seed,
        treated=settings.alert_treated,
        control=settings.alert_control,
        channels=at.client.alert_channels,
        taken=taken_by(at, [*rival_campaigns(at), *([own] if own else [])]),
    )


# --- inside -----------------------------------------------------------------------------------------------------------


def _is_the_months_own(at: ClientMonth, as_of: dt.date, settings: Settings) -> bool:
    return as_of == at.as_of and settings == at.client.settings


def _is_published(at: ClientMonth, alerts: pa.Table) -> bool:
    """Whether the month's test groups are current and of the same customers."""
    return test_groups.recipe.is_current(at) and set(alerts["customer_id"].to_pylist()) == set(
        at.arrow(LAPSE_ALERTS.name)["customer_id"].to_pylist()
    )


def _settings_for(at: ClientMonth, asked: OnDemand) -> Settings:
    """The client's settings, with what is asked for in their place."""
    own = at.client.settings
    return replace(
        own,
        alert_targets=own.alert_targets if asked.targets is None else asked.targets,
        alert_treated=own.alert_treated if asked.treated is None else asked.treated,
        alert_control=own.alert_control if asked.control is None else asked.control,
    )


def _day_of(at: ClientMonth, asked: dt.date | None) -> dt.date:
    """The day asked for; Refused where no data reach it."""
    if asked is None or asked == at.as_of:
        return at.as_of
    if not at.data.data_from <= asked <= at.data.data_to:
        raise Refused(
            f"'{at.client.id}' has data from {at.data.data_from} to {at.data.data_to}, none for {asked}.",
            "Choose a day inside, or deliver its orders first.",
        )
    return asked


def _model_of(at: ClientMonth, as_of: dt.date, days: ibis.Table) -> tuple[dt.date, FittedForecast]:
    """The month's own model where it is current and of that day, else that of the term, else one fitted now.

    With the day on which it was learned.
    """
    recipe, horizon_days = forecast_model.recipe, Term.after(as_of).days
    held = recipe.held_month(at)
    if as_of == at.as_of and recipe.is_current(at):
        own = FittedForecast.from_json(at.document(recipe.name))
        return (at if held is None else at.data.at(held)).as_of, own
    if held is not None:
        learned = FittedForecast.from_json(at.data.at(held).document(recipe.name))
        return learned.as_of, carried_forecast(learned, as_of, horizon_days)
    return as_of, fit_forecast(days, as_of, horizon_days, prior=prior_of(at))


def _classes(forecasts: pd.DataFrame, classes: int) -> pd.DataFrame:
    expected = forecasts["expected_sales_jpy"].to_numpy(dtype="float64")
    return pd.DataFrame({"customer_id": forecasts["customer_id"], "value_class": value_classes(expected, classes)})


def _lists(at: ClientMonth, alerts: pa.Table, groups: pa.Table) -> dict[str, bytes]:
    """The lists of the monthly alert."""
    wording, encoding = Wording.of(at.client.language, at.client.settings.value_classes), at.client.csv_encoding
    channels = [channel.name for channel in at.client.alert_channels]
    return {
        "alert_customers.csv": alert_customers_csv(alerts, wording, encoding),
        "alert_reasons.csv": alert_reasons_csv(alerts, wording, encoding),
        "test_groups.csv": test_groups_csv(groups, wording, encoding),
        **contact_lists_csv(groups, channels, wording, encoding),
    }
