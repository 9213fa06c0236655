"""When products run out and whom to contact when, as assets."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from crm_platform.orchestration.client_month import ClientMonth
from crm_platform.orchestration.client_month_asset import client_month_asset
from crm_platform.orchestration.delivered_history import contacts_until
from crm_platform.orchestration.recipe import Reads, Recipe, everything, rows_digest
from crm_platform.two_track import contact_dates as supplies

_OVERRIDES = "contact_overrides"
_SUPPLY = {
    **dict.fromkeys(("customer_product_months", "subscription_deliveries"), Reads.UP_TO_MONTH),
    "products": Reads.SAME_MONTH,
}


@client_month_asset(Recipe("product_supply", "two_track", _SUPPLY, settings=everything))
def product_supply(at: ClientMonth) -> pa.Table:
    """How long a unit of each product lasts: the master's days of supply, beside those of repeat purchases (R107)."""
    return supplies.product_supply(
        at.past("customer_product_months"),
        at.past("subscription_deliveries"),
        at.expression("products"),
        **learning_rules(at),
    )


def what_was_told(at: ClientMonth) -> Mapping[str, str]:
    """Digests of the contacts up to the as-of date and of what operators set."""
    return {
        "contacts": rows_digest(contacts_until(at, at.as_of)),
        _OVERRIDES: rows_digest(at.data.merged[_OVERRIDES]),
    }


@client_month_asset(
    Recipe(
        "contact_dates",
        "two_track",
        {
            "customer_product_months": Reads.UP_TO_MONTH,
            **dict.fromkeys(("product_supply", "customer_history", "subscriptions"), Reads.SAME_MONTH),
        },
        settings=everything,
        further_inputs=what_was_told,
    )
)
def contact_dates(at: ClientMonth) -> pa.Table:
    """When the product of each active customer (現役) runs out, and so when to contact the customer (R107, R108)."""
    return supplies.next_contact_dates(known_on(at, at.as_of), at.client.settings)


def known_on(at: ClientMonth, day: dt.date) -> supplies.Known:
    """What is known of supplies at the month's end, and of contacts up to `day`."""
    return supplies.Known(
        product_months=at.past("customer_product_months"),
        supply=at.expression("product_supply"),
        history=at.expression("customer_history"),
        subscriptions=at.expression("subscriptions"),
        contacts=contacts_until(at, day),
        overrides=at.data.merged[_OVERRIDES],
    )


def shares_in_short(_: ClientMonth, document: Any) -> dict[str, Any]:
    """How many of the former dates came true, by each method."""
    if document is None or not document["compared"]:
        return {}
    return {f"in_time_{method}": hits / document["compared"] for method, hits in document["hits"].items()}


@client_month_asset(
    Recipe("contact_dates_backtest", "two_track", _SUPPLY, settings=everything), describe=shares_in_short
)
def contact_dates_backtest(at: ClientMonth) -> Any:
    """How the run-outs foreseen half a year ago came true; null where the history is short."""
    former = at.earlier(supplies.MONTHS_BACK)
    if former is None:
        return None
    return supplies.look_back(
        at.past("customer_product_months"),
        at.past("subscription_deliveries"),
        at.expression("products"),
        former.month,
        at.as_of,
        **learning_rules(at),
    )


def learning_rules(at: ClientMonth) -> dict[str, int]:
    """What counts as a repeat, and how many it takes to learn from them."""
    settings = at.client.settings
    return {"longest_gap_days": settings.cpm_lapsed_gap_days, "least_repeats": settings.supply_least_repeats}
