"""Whom to call on a day (本日の架電リスト, R107): the dates of the last refresh, moved by what contacts told since."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

from crm_platform.orchestration.assets.contact_dates import contact_dates, known_on, product_supply
from crm_platform.orchestration.assets.forecast import forecast_model, forecasts
from crm_platform.orchestration.assets.history import customer_history
from crm_platform.orchestration.assets.subscriptions import subscription_rhythms, subscriptions
from crm_platform.orchestration.client_month import ClientData, ClientMonth
from crm_platform.orchestration.gates import refuse_blocked
from crm_platform.orchestration.platform import Platform
from crm_platform.orchestration.stale_months import stale_spans
from crm_platform.projects import Stage
from crm_platform.refusals import Refused
from crm_platform.reports import Wording, due_contacts_csv
from crm_platform.two_track import contact_dates as supplies

_READ = (
    customer_history,
    subscription_rhythms,
    subscriptions,
    product_supply,
    contact_dates,
    forecast_model,
    forecasts,
)


@dataclass(frozen=True)
class DueContacts:
    """Whom to call on a day, in order (see `due_contacts` of the chapter); orders are known to `as_of`.

    `waiting` are due as well, beyond what is called in a day; `coming` counts who becomes due on each day of
    the next week; `lapsed` calls are off the list.
    """

    on: dt.date
    as_of: dt.date
    rows: pa.Table
    csv: bytes
    waiting: int
    coming: Mapping[dt.date, int]
    lapsed: int


def due_contacts(platform: Platform, client_id: str, on: dt.date, most: int | None = None) -> DueContacts:
    """The call list of the day `on`: orders as known at the last month's end before it or at the last day with data.

    The first `most` of it, or as many as the client's `daily_contacts`. Contacts and outcomes of that day itself are
    not in it, so that the list of a day is the same all day. No table is made or stored; only for a project whose gate
    is asked, the totals that it was held against may be kept (see `since_passed.totals_now`).

    Raises:
        Refused: a gate of the project blocks, no data before that day, or the month's analyses are not up to date.
    """
    client = platform.catalogue.load(client_id)
    data = ClientData(platform, client)
    refuse_blocked(data, Stage.PRODUCTION)
    at = _known_before(data, on)
    _refuse_stale(at)
    known = known_on(at, on - dt.timedelta(days=1))
    dates = supplies.next_contact_dates(known, at.client.settings)
    due = supplies.due_contacts(dates, at.expression("forecasts"), on)
    rows = due.slice(0, most or at.client.settings.daily_contacts)
    wording = Wording.of(at.client.language, at.client.settings.value_classes)
    csv = due_contacts_csv(rows, wording, at.client.csv_encoding)
    waiting, coming = due.num_rows - rows.num_rows, supplies.coming_contacts(dates, on)
    return DueContacts(on, at.as_of, rows, csv, waiting, coming, supplies.lapsed_contacts(dates))


def _known_before(data: ClientData, on: dt.date) -> ClientMonth:
    """The latest month of which nothing is later than `on`."""
    for month in reversed(data.months()):
        at = data.at(month)
        if at.as_of <= on:
            return at
    raise Refused(
        f"'{data.client.id}' has data from {data.data_from}, and no month that had ended by {on}.",
        "Choose a later day.",
    )


def _refuse_stale(at: ClientMonth) -> None:
    """Refused where the list would rest on analyses of former deliveries, or on none."""
    stale = list(stale_spans(at.data.at(month) for month in at.history_months))
    if stale or not all(asset.recipe.is_current(at) for asset in _READ):
        raise Refused(
            f"the analyses of '{at.client.id}' for {at.month} are not up to date.",
            f"Run: crm-platform refresh --client {at.client.id} --month {at.month}",
        )
