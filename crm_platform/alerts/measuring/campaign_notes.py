"""What a reader of a result should know (注記): by how much it is adjusted, what is assumed, what went wrong."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from crm_platform.alerts.measuring.campaign_contacts import ContactAccount
from crm_platform.alerts.measuring.campaign_worth import CampaignWorth
from crm_platform.alerts.measuring.group_lifts import GroupLift
from crm_platform.alerts.measuring.lift import Adjustment
from crm_platform.forecast.notes import Note

LARGEST_SALES_SHARE = 0.2  # of a group by one customer: above it an interval of yen is not to be trusted


def notes_of(
    customers: pd.DataFrame,
    adjustment: Adjustment,
    lifts: Mapping[str, GroupLift],
    worth: CampaignWorth,
    account: ContactAccount,
) -> list[Note]:
    """What a reader should know, in the order of weight; words are in `reports/wording` (`measurement_note.<key>`)."""
    notes = _adjustment_notes(customers, adjustment, lifts)
    share = _largest_share(customers)
    if share > LARGEST_SALES_SHARE:
        notes.append(Note("sales_of_few", {"share": share}))
    if not customers["is_alerted"].any():
        notes.append(Note("without_alert", {}))
    elif not customers["is_alerted"].all():
        notes.append(Note("not_alerted", {"unknown": int((~customers["is_alerted"]).sum())}))
    if "profit" not in lifts:
        notes.append(Note("profit_unknown", {}))
    elif customers["profit"].isna().any():
        notes.append(Note("profit_of_some", {"unknown": int(customers["profit"].isna().sum())}))
    if worth.cost_jpy is None:
        notes.append(Note("cost_unknown", {}))
    elif worth.cost_is_assumed:
        notes.append(Note("cost_assumed", {"cost_jpy": worth.cost_jpy}))
    if worth.cost_per_retained_jpy is None:
        notes.append(Note("retained_uncertain", {}))
    return [*notes, *_contact_notes(account)]


# --- inside -----------------------------------------------------------------------------------------------------------


def _adjustment_notes(customers: pd.DataFrame, adjustment: Adjustment, lifts: Mapping[str, GroupLift]) -> list[Note]:
    """By how much of the past the lifts are adjusted, and why by no more."""
    treated = int(customers["is_treated"].sum())
    because: Mapping[str | None, Note] = {
        "few_customers": Note("few_customers", {"treated": treated, "customers": len(customers)}),
        "collinear": Note("past_tells_nothing", {}),
        "outlier": Note("past_outlier", {}),
    }
    notes = [because[adjustment.reason]] if adjustment.reason in because else []
    if any(lift.adjusted.method == "cuped" for lift in lifts.values()):
        notes.append(Note("one_covariate", {}))
    if adjustment.used and adjustment.dropped:
        notes.append(Note("covariates_left_out", {"left_out": len(adjustment.dropped), "used": len(adjustment.used)}))
    return notes


def _largest_share(customers: pd.DataFrame) -> float:
    """Share of a group's sales that one customer makes, the larger of the two groups."""
    sales = customers["sales"].clip(lower=0).groupby(customers["is_treated"])
    shares = sales.max() / sales.sum().where(sales.sum() > 0)
    return float(shares.max()) if shares.notna().any() else 0.0


def _contact_notes(account: ContactAccount) -> list[Note]:
    found = (
        Note("control_contacted", {"customers": account.control_contacted}),
        Note("unknown_contacted", {"customers": account.unknown_customers}),
        Note("several_channels", {"customers": account.in_several_channels}),
    )
    return [note for note in found if note.numbers["customers"]]
