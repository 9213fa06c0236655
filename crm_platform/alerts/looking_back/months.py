"""How good customers came and went, month by month, and what keeping one cost (R89, seed 003:53, 003:68-80).

Three figures tell whether the shopping alert works: the number of upper customers (上位顧客) grows, the dormancy rate
(休眠化率) falls, and so does the cost of a customer who was kept (経費効率).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import ibis
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
from ibis import _

from crm_platform.alerts.listing.upper_customers import upper_threshold_jpy
from crm_platform.clients import Settings
from crm_platform.periods import Month, Term
from crm_platform.tables.alerts import ALERT_MONTHS

WARM_UP_MONTHS = 12  # before them no two terms of sales are known: no row
MOST_MONTHS = 60
_LONG_AGO, _NEVER = -(10**6), 10**6  # days since 1970 that no history reaches

Wholes: TypeAlias = npt.NDArray[np.int64]


def alert_months(
    days: ibis.Table,
    months: Sequence[Month],
    as_of: dt.date,
    settings: Settings,
    campaign_results: Sequence[Mapping[str, Any]],
) -> pa.Table:
    """ALERT_MONTHS of the last `MOST_MONTHS` months that have a whole year of history before them.

    An upper customer (上位顧客) has sales in the last term and brought at least `upper_threshold_jpy` in the last two:
    one amount for all months, so that they can be compared; at `as_of` they are those among whom alerts are raised. An
    active one has been silent for less than `settings.lapse_silent_days`; who passes that silence during the month
    became dormant, also if they bought again before its end.

    Args:
        days: CUSTOMER_DAYS of all `months`; days after `as_of` are left out.
        months: every month of the history, in order, the last one that of `as_of`.
        as_of: the last day known.
        settings: `alert_top_share` and `lapse_silent_days`.
        campaign_results: the campaigns measured so far, as `CampaignResult.to_json` tells them.

    A campaign counts in the month in which it began, with what is known of it at `as_of`.
    """
    told = list(months[WARM_UP_MONTHS:])[-MOST_MONTHS:]
    if not told:
        return ALERT_MONTHS.empty()
    threshold_jpy = upper_threshold_jpy(days, as_of, settings.alert_top_share)
    past = _read_past(days, months, as_of)
    walked = list(_walk(past, months, as_of, threshold_jpy, settings.lapse_silent_days))[-len(told) :]
    rows = [{**changes, **_efficiency(changes["month"], campaign_results)} for changes in walked]
    return ALERT_MONTHS.from_pandas(pd.DataFrame(rows))


# --- inside -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Past:
    """Days with a line in order of months: whose, when (days since 1970), 売上, and whether it is a purchase day."""

    customer: Wholes  # a number from 0 for each customer
    day: Wholes
    sales_jpy: Wholes
    buys: npt.NDArray[np.bool_]
    edges: Wholes  # where each month begins, and the end of the last
    customers: int

    def of(self, place: int) -> slice:
        """The days of the month at `place`; none before the first."""
        return slice(int(self.edges[place]), int(self.edges[place + 1])) if place >= 0 else slice(0, 0)


def _read_past(days: ibis.Table, months: Sequence[Month], as_of: dt.date) -> _Past:
    known = days.filter(days.day <= as_of).select(
        "customer_id", "day", sales_jpy=_.standing_sales_jpy - _.returned_jpy, buys=_.standing_sales_jpy > 0
    )
    rows = known.to_pyarrow()
    customers = rows["customer_id"].dictionary_encode().combine_chunks()
    day = rows["day"].cast(pa.int32()).to_numpy()
    in_order = np.argsort(day, kind="stable")
    starts = [_since_1970(month.first_day) for month in [*months, months[-1].plus(1)]]
    return _Past(
        customer=customers.indices.to_numpy()[in_order],
        day=day[in_order],
        sales_jpy=rows["sales_jpy"].to_numpy()[in_order],
        buys=rows["buys"].to_numpy()[in_order],
        edges=np.searchsorted(day[in_order], starts),
        customers=len(customers.dictionary),
    )


def _walk(
    past: _Past, months: Sequence[Month], as_of: dt.date, threshold_jpy: float | None, silent_days: int
) -> Iterator[dict[str, Any]]:
    """What changed in each month, from the first one on, as every customer's state is brought from end to end."""
    term_days = Term.after(as_of).days
    term, two_terms = _Window(past, term_days), _Window(past, 2 * term_days)
    last_bought = np.full(past.customers, _LONG_AGO, past.day.dtype)
    was_upper = np.zeros(past.customers, bool)
    for place, month in enumerate(months):
        end, here = min(month.last_day, as_of), past.of(place)
        active = last_bought > _since_1970(month.first_day) - 1 - silent_days
        dormant = active & _falls_silent(past, here, last_bought + silent_days, _since_1970(end))
        bought = past.buys[here]
        np.maximum.at(last_bought, past.customer[here][bought], past.day[here][bought])
        level, sales = term.up_to(_since_1970(end)), two_terms.up_to(_since_1970(end))
        upper = (level > 0) & (sales >= threshold_jpy) if threshold_jpy is not None else np.zeros_like(was_upper)
        yield {
            "month": month.first_day,
            "is_complete": month.last_day <= as_of,
            **_upper_balance(was_upper, upper),
            **_dormancy(int(active.sum()), int(dormant.sum())),
        }
        was_upper = upper


class _Window:
    """売上 per customer of the last so many days, brought from one end to the next: what comes in, what leaves."""

    def __init__(self, past: _Past, length_days: int) -> None:
        self.past, self.length_days = past, length_days
        self.sales_jpy = np.zeros(past.customers, np.int64)
        self.first, self.after = 0, 0  # places of the days that are in it

    def up_to(self, end: int) -> Wholes:
        """The sums with `end` as the last day; later than any end before."""
        first = int(np.searchsorted(self.past.day, end - self.length_days, side="right"))
        after = int(np.searchsorted(self.past.day, end, side="right"))
        comes, leaves = slice(self.after, after), slice(self.first, first)
        np.add.at(self.sales_jpy, self.past.customer[comes], self.past.sales_jpy[comes])
        np.subtract.at(self.sales_jpy, self.past.customer[leaves], self.past.sales_jpy[leaves])
        self.first, self.after = first, after
        return self.sales_jpy


def _falls_silent(past: _Past, here: slice, dormant_on: Wholes, end: int) -> npt.NDArray[np.bool_]:
    """Whose day of passing the silence lies before the month's `end`, with no purchase up to it."""
    first_bought, bought = np.full(past.customers, _NEVER, past.day.dtype), past.buys[here]
    np.minimum.at(first_bought, past.customer[here][bought], past.day[here][bought])
    found: npt.NDArray[np.bool_] = (dormant_on <= end) & (first_bought > dormant_on)
    return found


def _upper_balance(was: npt.NDArray[np.bool_], upper: npt.NDArray[np.bool_]) -> dict[str, int]:
    return {
        "upper_opening": int(was.sum()),
        "upper_in": int((upper & ~was).sum()),
        "upper_out": int((was & ~upper).sum()),
        "upper_closing": int(upper.sum()),
    }


def _dormancy(active: int, dormant: int) -> dict[str, Any]:
    rate = dormant / active if active else None
    return {"active_opening": active, "became_dormant": dormant, "dormancy_rate": rate}


def _since_1970(day: dt.date) -> int:
    return (day - dt.date(1970, 1, 1)).days


def _efficiency(month: dt.date, campaign_results: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Contacts, their cost and whom they kept, of the campaigns that began in the month."""
    begun = [one for one in campaign_results if dt.date.fromisoformat(one["started_on"]).replace(day=1) == month]
    priced = all(one["cost_jpy"] is not None for one in begun)
    cost_jpy = sum(one["cost_jpy"] or 0 for one in begun)
    retained = sum(one["retained_customers"] for one in begun) if begun else None
    # A campaign tells no cost per customer where it is not sure that it kept any, or where a price is unknown.
    sure = priced and all(one["worth"]["cost_per_retained_jpy"] is not None for one in begun)
    return {
        "contacts": sum(one["contacts"] for one in begun),
        "contact_cost_jpy": round(cost_jpy) if priced else None,
        "retained_customers": retained,
        "cost_per_retained_jpy": cost_jpy / retained if retained and sure else None,
    }
