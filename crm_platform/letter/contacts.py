"""Whom to contact this month: the lists among the deliverables, and how many each holds."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import ibis
from ibis import _

from crm_platform.diagnosis.rows import one_row
from crm_platform.letter.letter import Contact
from crm_platform.periods import Month

FILES = {  # list → the deliverable that holds it
    "alerted": "shopping_alert/alert_customers.csv",
    "treated": "shopping_alert/test_groups.csv",
    "due": "portfolio/contact_dates.csv",
    "dormant": "portfolio/dormant_customers.csv",
    "targets": "two_track/targets.csv",
    "stop_warnings": "two_track/stop_warnings.csv",
}


def contacts_of(tables: Mapping[str, ibis.Table], as_of: dt.date) -> tuple[Contact, ...]:
    """A row per list, in the order of FILES; a list of nobody is told, too.

    `tables`: lapse_alerts, test_groups, contact_dates, dormant_customers, targets, stop_warnings of the month. Due are
    those to call whose date lies before the end of the month that follows `as_of`; of the dormant, all on the list.
    """
    until = Month.of(as_of + dt.timedelta(days=1)).last_day
    chosen = {
        "alerted": tables["lapse_alerts"],
        "treated": tables["test_groups"].filter(_.test_group == "treated"),
        "due": tables["contact_dates"].filter(_.to_call & (_.next_contact_on <= until)),
        "dormant": tables["dormant_customers"],
        "targets": tables["targets"],
        "stop_warnings": tables["stop_warnings"].filter(_.is_warned),
    }
    return tuple(
        Contact(key, one_row(rows.agg(customers=_.customer_id.nunique()))["customers"], FILES[key])
        for key, rows in chosen.items()
    )
