"""What only the portfolio reads of the deliveries: contacts and events of subscriptions, up to the as-of date."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from crm_platform.orchestration.client_month import ClientMonth
from crm_platform.orchestration.recipe import rows_digest

_DAYS = {"contacts": "contacted_on", "subscription_events": "occurred_on"}


def delivered_until(at: ClientMonth) -> dict[str, pa.Table]:
    """CONTACTS and SUBSCRIPTION_EVENTS of all deliveries, none after the as-of date, in the order of their keys."""
    return {name: _until(at, name, day) for name, day in _DAYS.items()}


def delivered_digests(at: ClientMonth) -> Mapping[str, str]:
    """Digests of the rows of `delivered_until`."""
    return {name: rows_digest(found) for name, found in delivered_until(at).items()}


def contacts_until(at: ClientMonth, day: dt.date) -> pa.Table:
    """CONTACTS of all deliveries, none after `day`, in the order of their keys."""
    return _until(at, "contacts", _DAYS["contacts"], day)


def _until(at: ClientMonth, name: str, day: str, last: dt.date | None = None) -> pa.Table:
    delivered = at.data.merged[name]
    known = delivered.filter(pc.less_equal(delivered[day], pa.scalar(last or at.as_of)))
    return known.sort_by([(column, "ascending") for column in known.column_names])
