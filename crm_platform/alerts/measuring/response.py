"""Response by days of the contact before or after the predicted fall (R90): is a contact before the fall worth more?"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from crm_platform.alerts.measuring.group_lifts import GroupLift, group_lifts

SPANS = (  # days from the contact to the fall: least and most, None where there is no end; below 0: after the fall
    (61, None),
    (31, 60),
    (0, 30),
    (-30, -1),
    (None, -31),
)
OUTCOMES = ("buyers", "sales", "retained")


@dataclass(frozen=True)
class ResponseSpan:
    """Customers contacted so many days before the fall foreseen for them; the control by the median contact day."""

    days_before_from: int | None
    days_before_to: int | None
    treated_customers: int
    control_customers: int
    lifts: Mapping[str, GroupLift]  # empty where a group is

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {**vars(self), "lifts": {name: lift.to_json() for name, lift in self.lifts.items()}}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> ResponseSpan:
        """Read what `to_json` wrote."""
        return cls(**{**values, "lifts": {name: GroupLift.from_json(each) for name, each in values["lifts"].items()}})


def median_contact_day(contacts: pd.DataFrame, customers: pd.DataFrame, started_on: dt.date) -> dt.date:
    """The lower median of the treated customers' first contact days; the start where none was contacted."""
    first = _first_contacts(contacts, customers).sort_values()
    return first.iloc[(len(first) - 1) // 2].date() if len(first) else started_on


def response_by_days(customers: pd.DataFrame, contacts: pd.DataFrame, started_on: dt.date) -> tuple[ResponseSpan, ...]:
    """The spans of `SPANS` in their order; customers without a day of fall are in none.

    Args:
        customers: rows of `campaign_customers`.
        contacts: rows of `contacts_of`.
        started_on: stands for the contact day where no contact is known.
    """
    median = pd.Timestamp(median_contact_day(contacts, customers, started_on))
    contacted = _first_contacts(contacts, customers).reindex(customers["customer_id"]).fillna(median)
    before = (customers["falls_on"] - contacted.to_numpy()).dt.days
    spans = []
    for least, most in SPANS:
        inside = before.notna() & (before >= (before.min() if least is None else least))
        inside &= before <= (before.max() if most is None else most)
        some = customers[inside]
        treated = int(some["is_treated"].sum())
        lifts = group_lifts(some, outcomes=OUTCOMES)
        spans.append(ResponseSpan(least, most, treated, len(some) - treated, lifts))
    return tuple(spans)


def _first_contacts(contacts: pd.DataFrame, customers: pd.DataFrame) -> pd.Series:
    """customer_id → first contact day, of treated customers; a contact by mistake moves nobody of the control."""
    treated = customers.loc[customers["is_treated"], "customer_id"]
    first: pd.Series = contacts[contacts["customer_id"].isin(treated)].groupby("customer_id")["contacted_on"].min()
    return first
