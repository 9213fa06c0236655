"""Whether a campaign worked: treated against control, by its frozen groups and the orders since (測定, R85, R90).

The result is a function of the data alone: measured again after a later delivery, late orders inside the window change
it; before the window's end it is marked interim.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import ibis
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from crm_platform.alerts.measuring.campaign_contacts import ContactAccount, UnitCosts, account_of, contacts_of, cost_of
from crm_platform.alerts.measuring.campaign_customers import campaign_customers
from crm_platform.alerts.measuring.campaign_notes import notes_of
from crm_platform.alerts.measuring.campaign_worth import CampaignWorth, worth_of
from crm_platform.alerts.measuring.group_lifts import GroupLift, adjustment_of, group_lifts
from crm_platform.alerts.measuring.response import ResponseSpan, response_by_days
from crm_platform.forecast.notes import Note, notes_from_json, notes_to_json
from crm_platform.periods import Term
from crm_platform.refusals import Refused
from crm_platform.tables.alerts import TEST_GROUP_NAMES

_DERIVED = ("is_interim", "share_observed", "contacts", "cost_jpy", "retained_customers")


@dataclass(frozen=True)
class ChannelResult:
    """The treated customers of one channel (Mail, DM, アウトバウンド) against the whole control group."""

    channel: str
    lifts: Mapping[str, GroupLift]
    worth: CampaignWorth


@dataclass(frozen=True)
class LateResponse:
    """Orders after the window: told apart, in no lift. Shares of customers, and yen per customer."""

    days: int
    treated_buyers_rate: float
    control_buyers_rate: float
    treated_sales_jpy: float
    control_sales_jpy: float


@dataclass(frozen=True)
class CampaignResult:
    """What `measure_campaign` found; `lifts` by outcome, profit only where it can be told. See docs/methods."""

    campaign_id: str
    started_on: dt.date
    ends_on: dt.date  # last day of the window
    as_of: dt.date
    term_days: int
    days_observed: int
    treated_customers: int
    control_customers: int
    lifts: Mapping[str, GroupLift]
    worth: CampaignWorth
    channels: tuple[ChannelResult, ...]
    response: tuple[ResponseSpan, ...]  # by days of the contact before or after the predicted fall
    contact_account: ContactAccount
    late: LateResponse | None  # null until the window has ended
    covariates: tuple[str, ...]  # by which the lifts are adjusted
    notes: tuple[Note, ...]

    @property
    def is_interim(self) -> bool:
        """Whether days of the window are still to come."""
        return self.days_observed < self.term_days

    @property
    def share_observed(self) -> float:
        """What share of the window has passed."""
        return self.days_observed / self.term_days

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; the derived figures most asked for stand beside those that they come from."""
        days = {name: getattr(self, name).isoformat() for name in ("started_on", "ends_on", "as_of")}
        return {
            **vars(self),
            **days,
            "is_interim": self.is_interim,
            "share_observed": self.share_observed,
            "lifts": _lifts_to_json(self.lifts),
            "worth": self.worth.to_json(),
            "channels": [
                {"channel": one.channel, "lifts": _lifts_to_json(one.lifts), "worth": one.worth.to_json()}
                for one in self.channels
            ],
            "response": [span.to_json() for span in self.response],
            "contact_account": self.contact_account.to_json(),
            "contacts": self.contact_account.contacts,
            "cost_jpy": self.worth.cost_jpy,
            "retained_customers": self.worth.retained_customers.value,
            "late": vars(self.late).copy() if self.late else None,
            "covariates": list(self.covariates),
            "notes": notes_to_json(self.notes),
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> CampaignResult:
        """Read what `to_json` wrote."""
        told = {name: each for name, each in values.items() if name not in _DERIVED}
        days = {name: dt.date.fromisoformat(values[name]) for name in ("started_on", "ends_on", "as_of")}
        parts = {
            "lifts": _lifts_from_json(values["lifts"]),
            "worth": CampaignWorth.from_json(values["worth"]),
            "channels": tuple(
                ChannelResult(one["channel"], _lifts_from_json(one["lifts"]), CampaignWorth.from_json(one["worth"]))
                for one in values["channels"]
            ),
            "response": tuple(ResponseSpan.from_json(span) for span in values["response"]),
            "contact_account": ContactAccount.from_json(values["contact_account"]),
            "late": values["late"] and LateResponse(**values["late"]),
            "covariates": tuple(values["covariates"]),
            "notes": notes_from_json(values["notes"]),
        }
        return cls(**{**told, **days, **parts})


def measure_campaign(
    groups: pa.Table,
    days: ibis.Table,
    window: Term,
    as_of: dt.date,
    *,
    contacts: pa.Table | None = None,
    alerts: pd.DataFrame | None = None,
    margins: pd.DataFrame | None = None,
    unit_costs: UnitCosts | None = None,
    unit_jpy: float = 1.0,
) -> CampaignResult:
    """Lift in buyers, sales, gross profit and customers retained, with 95 % intervals and what they cost.

    Args:
        groups: TEST_GROUPS of one campaign as frozen at its start.
        days: CUSTOMER_DAYS, also of two windows before the start, by which lifts are adjusted.
        window: the campaign's term, from its start to its last day.
        as_of: last day known; nothing after it is read.
        contacts: CONTACTS; those of other campaigns are left out.
        alerts: LAPSE_ALERTS of the campaign's month, known at the start: level, risk, day of the predicted fall.
        margins: `customer_id, margin_rate` as known at the start (`forecast.profit.margin_rates`).
        unit_costs: cost of a contact where its own row names none.
        unit_jpy: yen that one unit of an amount in `days` is worth.

    Raises:
        Refused: a group is empty, a customer appears twice, there is more than one campaign, or `as_of` lies before
            the start.
    """
    campaign_id = _refuse_unmeasurable(groups, window, as_of)
    customers = campaign_customers(groups, days, window, as_of, alerts, margins, unit_jpy)
    made, costs = contacts_of(contacts, campaign_id, as_of), unit_costs or UnitCosts()
    adjustment = adjustment_of(customers)
    lifts = group_lifts(customers, adjustment)
    treated = customers[customers["is_treated"]]
    worth = worth_of(lifts, *cost_of(made, treated, costs))
    account = account_of(made, customers, window)
    return CampaignResult(
        campaign_id=campaign_id,
        started_on=window.valid_from,
        ends_on=window.valid_to,
        as_of=as_of,
        term_days=window.days,
        days_observed=(min(as_of, window.valid_to) - window.valid_from).days + 1,
        treated_customers=len(treated),
        control_customers=len(customers) - len(treated),
        lifts=lifts,
        worth=worth,
        channels=_by_channel(customers, made, costs),
        response=response_by_days(customers, made, window.valid_from),
        contact_account=account,
        late=_late_response(customers, window, as_of),
        covariates=adjustment.used,
        notes=tuple(notes_of(customers, adjustment, lifts, worth, account)),
    )


# --- inside -----------------------------------------------------------------------------------------------------------


def _refuse_unmeasurable(groups: pa.Table, window: Term, as_of: dt.date) -> str:
    """The id of the one campaign; Refused where there is nothing to compare."""
    campaigns = pc.unique(groups["campaign_id"]).to_pylist()
    if len(campaigns) > 1:
        raise Refused(f"the groups are of {len(campaigns)} campaigns.", "Measure one campaign at a time.")
    if as_of < window.valid_from:
        raise Refused(
            f"the campaign started on {window.valid_from}, but orders are known only up to {as_of}.",
            "Deliver the orders since its start, or measure it as of a later day.",
        )
    if groups.num_rows and pc.count_distinct(groups["customer_id"]).as_py() < groups.num_rows:
        raise Refused("a customer appears twice in the groups.", "List each customer once, in one group.")
    sizes = {name: pc.sum(pc.equal(groups["test_group"], name)).as_py() or 0 for name in TEST_GROUP_NAMES}
    empty = [name for name, size in sizes.items() if not size]
    if empty:
        raise Refused(
            f"the groups have no customer who is {' or '.join(empty)}.",
            "A lift is a comparison: name customers who were contacted (treated) and who were not (control).",
        )
    return str(campaigns[0])


def _by_channel(customers: pd.DataFrame, contacts: pd.DataFrame, costs: UnitCosts) -> tuple[ChannelResult, ...]:
    """Each planned channel's treated customers; their contacts cost what they cost, in whatever channel they were."""
    results = []
    for channel in sorted(customers.loc[customers["is_treated"], "channel"].dropna().unique()):
        some = customers[~customers["is_treated"] | (customers["channel"] == channel)]
        treated = some[some["is_treated"]]
        cost, _ = cost_of(contacts[contacts["customer_id"].isin(treated["customer_id"])], treated, costs)
        cost = 0.0 if len(contacts) and not contacts["customer_id"].isin(treated["customer_id"]).any() else cost
        lifts = group_lifts(some)
        results.append(ChannelResult(channel, lifts, worth_of(lifts, cost, contacts.empty)))
    return tuple(results)


def _late_response(customers: pd.DataFrame, window: Term, as_of: dt.date) -> LateResponse | None:
    if as_of <= window.valid_to:
        return None
    means = customers.groupby("is_treated")[["late_buyers", "late_sales_jpy"]].mean()
    buyers, sales = means["late_buyers"], means["late_sales_jpy"]
    return LateResponse(
        (as_of - window.valid_to).days,
        float(buyers[True]),
        float(buyers[False]),
        float(sales[True]),
        float(sales[False]),
    )


def _lifts_to_json(lifts: Mapping[str, GroupLift]) -> dict[str, Any]:
    return {name: lift.to_json() for name, lift in lifts.items()}


def _lifts_from_json(values: Mapping[str, Any]) -> dict[str, GroupLift]:
    return {name: GroupLift.from_json(lift) for name, lift in values.items()}
