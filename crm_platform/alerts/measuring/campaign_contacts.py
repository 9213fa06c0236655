"""Who of a campaign was really contacted, who was by mistake, and what the contacts cost (R85, R92).

The groups are measured as they were drawn (intention to treat): whoever was contacted or not, nobody changes group.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import pandas as pd
import pyarrow as pa

from crm_platform.periods import Term
from crm_platform.tables.delivered import CONTACTS


@dataclass(frozen=True)
class UnitCosts:
    """What a contact costs in yen where its own row does not say: by channel, else `otherwise`, else unknown."""

    by_channel: Mapping[str, float] = field(default_factory=dict)
    otherwise: float | None = None

    def of(self, channels: pd.Series) -> pd.Series:
        """The cost of a contact in each of `channels`, NaN where unknown."""
        costs = channels.map(dict(self.by_channel)).astype("float64")
        return costs if self.otherwise is None else costs.fillna(float(self.otherwise))


@dataclass(frozen=True)
class ContactAccount:
    """What is known of the contacts; shares are of all treated. Customers are counted once each."""

    contacts: int
    treated_contacted: int
    treated_contacted_share: float
    control_contacted: int  # contaminates: makes the lift smaller than it is
    unknown_customers: int  # contacted for the campaign, but in neither group
    in_several_channels: int
    in_another_channel: int  # treated, contacted only in another channel than the one planned
    outside_window: int  # contacts before the start or after the end
    first_contacted_on: dt.date | None
    last_contacted_on: dt.date | None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        days = {name: _iso(getattr(self, name)) for name in ("first_contacted_on", "last_contacted_on")}
        return {**asdict(self), **days}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> ContactAccount:
        """Read what `to_json` wrote."""
        days = {name: _day(values[name]) for name in ("first_contacted_on", "last_contacted_on")}
        return cls(**{**values, **days})


def contacts_of(contacts: pa.Table | None, campaign_id: str, as_of: dt.date) -> pd.DataFrame:
    """CONTACTS of this campaign up to `as_of`, in order of day and customer; `contacted_on` as a timestamp."""
    frame: pd.DataFrame = (CONTACTS.empty() if contacts is None else contacts).to_pandas()
    frame["contacted_on"] = pd.to_datetime(frame["contacted_on"])
    known = (frame["campaign_id"] == campaign_id) & (frame["contacted_on"] <= pd.Timestamp(as_of))
    return frame[known].sort_values(["contacted_on", "customer_id", "channel"], kind="stable").reset_index(drop=True)


def account_of(contacts: pd.DataFrame, customers: pd.DataFrame, window: Term) -> ContactAccount:
    """Contacts of `contacts_of` held against the groups (`customer_id, is_treated, channel`)."""
    treated = customers[customers["is_treated"]]
    reached = treated["customer_id"].isin(contacts["customer_id"])
    control = customers.loc[~customers["is_treated"], "customer_id"]
    channels = contacts.groupby("customer_id")["channel"].agg(set)
    of_reached = treated[reached]
    planned = zip(of_reached["customer_id"], of_reached["channel"], strict=True)
    days = contacts["contacted_on"].dt
    outside = (days.date < window.valid_from) | (days.date > window.valid_to)
    return ContactAccount(
        contacts=len(contacts),
        treated_contacted=int(reached.sum()),
        treated_contacted_share=float(reached.mean()),
        control_contacted=int(control.isin(contacts["customer_id"]).sum()),
        unknown_customers=int((~channels.index.isin(customers["customer_id"])).sum()),
        in_several_channels=int((channels.map(len) > 1).sum()),
        in_another_channel=sum(pd.notna(channel) and channel not in channels[who] for who, channel in planned),
        outside_window=int(outside.sum()),
        first_contacted_on=contacts["contacted_on"].min().date() if len(contacts) else None,
        last_contacted_on=contacts["contacted_on"].max().date() if len(contacts) else None,
    )


def cost_of(contacts: pd.DataFrame, treated: pd.DataFrame, unit_costs: UnitCosts) -> tuple[float | None, bool]:
    """What the contacts cost in yen, and whether that is assumed: one contact per treated where none was delivered.

    Contacts made by mistake cost as much. Null where a price is known neither of a contact nor of its channel.
    """
    if contacts.empty:
        costs = unit_costs.of(treated["channel"])
    else:
        costs = contacts["unit_cost_jpy"].astype("float64").fillna(unit_costs.of(contacts["channel"]))
    return (float(costs.sum()) if costs.notna().all() else None), contacts.empty


def _iso(day: dt.date | None) -> str | None:
    return day.isoformat() if day else None


def _day(text: str | None) -> dt.date | None:
    return dt.date.fromisoformat(text) if text else None
