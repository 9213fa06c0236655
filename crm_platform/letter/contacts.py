"""Whom to contact this month: the lists among the deliverables, and how many each holds."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import ibis
from ibis import _

from crm_platform.diagnosis.rows import one_row
from crm_platform.letter.letter import Contact, due_month

FILES = {  # list → the deliverable that holds it
    "alerted": "shopping_alert/alert_customers.csv",
    "treated": "shopping_alert/test_groups.csv",
    "due": "portfolio/contact_dates.csv",
    "dormant": "portfolio/dormant_customers.csv",
    "targets": "two_track/targets.csv",
    "stop_warnings": "two_track/stop_warnings.csv",
    "regular": "portfolio/regular_buyers.csv",
    "regular_new": "portfolio/regular_buyers.csv",
}
TABLES_OF = {  # list → the table that it is counted from
    "alerted": "lapse_alerts",
    "treated": "test_groups",
    "due": "contact_dates",
    "dormant": "dormant_customers",
    "targets": "targets",
    "stop_warnings": "stop_warnings",
    "regular": "regular_buyers",
    "regular_new": "regular_buyers",
}
_REGULAR = ("regular", "regular_new")


def contacts_of(
    tables: Mapping[str, ibis.Table], as_of: dt.date, former_regular: ibis.Table | None = None
) -> tuple[Contact, ...]:
    """A row per list, in the order of FILES; a list of nobody is told, too, but for the regular buyers.

    `tables`: those of the month that TABLES_OF names. Due are those to call whose date lies before the end of
    `due_month`; of the dormant, all on the list. Of the regular buyers (実質定期, R109) those who are not on
    last month's list, `former_regular`, and all where that is not at hand; no row where nobody is new.
    """
    until = due_month(as_of).last_day
    listed = {key: tables[name] for key, name in TABLES_OF.items()}
    chosen = {
        **listed,
        "treated": listed["treated"].filter(_.test_group == "treated"),
        "due": listed["due"].filter(_.to_call & (_.next_contact_on <= until)),
        "stop_warnings": listed["stop_warnings"].filter(_.is_warned),
    }
    if former_regular is None:
        del chosen["regular_new"]
    else:
        del chosen["regular"]
        chosen["regular_new"] = listed["regular_new"].anti_join(former_regular, "customer_id")
    counted = {key: one_row(rows.agg(customers=_.customer_id.nunique()))["customers"] for key, rows in chosen.items()}
    return tuple(
        Contact(key, customers, FILES[key]) for key, customers in counted.items() if customers or key not in _REGULAR
    )
