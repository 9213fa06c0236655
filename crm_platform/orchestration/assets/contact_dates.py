"""When products run out and whom to contact when, as assets."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

import ibis
import pyarrow as pa

from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.history import customer_history
from crm_platform.orchestration.assets.diagnosis import OF_THE_MONTH, OF_THE_PAST, inputs_of
from crm_platform.orchestration.assets.segments import book_digest
from crm_platform.orchestration.client_month import ClientMonth
from crm_platform.orchestration.client_month_asset import client_month_asset
from crm_platform.orchestration.delivered_history import contacts_until
from crm_platform.orchestration.recipe import Reads, Recipe, everything, rows_digest
from crm_platform.orchestration.term_models import as_it_was
from crm_platform.tables.delivered import CONTACT_OVERRIDES
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
        on=day,
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


def contacts_told(at: ClientMonth) -> Mapping[str, str]:
    """Digest of the contacts up to the as-of date."""
    return {"contacts": rows_digest(contacts_until(at, at.as_of))}


@client_month_asset(
    Recipe(
        "contact_dates_backtest",
        "two_track",
        {
            **_SUPPLY,
            "customer_months": Reads.UP_TO_MONTH,
            **dict.fromkeys(("customers", "subscriptions", "known_subscription_events"), Reads.SAME_MONTH),
        },
        settings=everything,
        further_inputs=contacts_told,
        carry=as_it_was,
    ),
    describe=shares_in_short,
)
def contact_dates_backtest(at: ClientMonth) -> Any:
    """How the call list of half a year before came true, held for the term; null where the history is short."""
    former = at.earlier(supplies.MONTHS_BACK)
    if former is None:
        return None
    bought = at.past("customer_product_months")
    later = bought.filter(bought.month > former.month.first_day)
    return supplies.look_back(known_then(at, former), later, at.expression("products"), at.as_of, at.client.settings)


def known_then(at: ClientMonth, former: ClientMonth) -> supplies.Known:
    """What was known at the end of an earlier month, by the masters of `at`; without overrides, which bear no day."""
    day, products = former.as_of, at.expression("products")
    bought, delivered = former.past("customer_product_months"), former.past("subscription_deliveries")
    return supplies.Known(
        on=day,
        product_months=bought,
        supply=ibis.memtable(supplies.product_supply(bought, delivered, products, **learning_rules(at))),
        history=customer_history(former.past("customer_months"), at.expression("customers"), former.month, day),
        subscriptions=supplies.subscriptions_then(
            at.expression("subscriptions"),
            at.expression("known_subscription_events"),
            day,
            at.as_of,
            at.client.settings.subscription_silent_cycles,
        ),
        contacts=contacts_until(at, day),
        overrides=CONTACT_OVERRIDES.empty(),
    )


def learning_rules(at: ClientMonth) -> dict[str, int]:
    """What counts as a repeat, and how many it takes to learn from them."""
    settings = at.client.settings
    return {"longest_gap_days": settings.cpm_lapsed_gap_days, "least_repeats": settings.supply_least_repeats}


_OF_THE_DATES = ("contact_dates", "product_supply")
_FORMER_DATES = "contact_dates_backtest"


def verdict_in_short(_: ClientMonth, document: Any) -> dict[str, Any]:
    """The verdict on the dates, and how many customers are to be contacted in four weeks."""
    if document is None:
        return {}
    return {"verdict": document["verdict"], "due_customers": document["concerned_customers"]}


@client_month_asset(
    Recipe(
        "contact_timing",
        "two_track",
        {
            **dict.fromkeys(OF_THE_PAST, Reads.UP_TO_MONTH),
            **dict.fromkeys((*OF_THE_MONTH, *_OF_THE_DATES, _FORMER_DATES), Reads.SAME_MONTH),
        },
        settings=everything,
        further_inputs=book_digest,
    ),
    describe=verdict_in_short,
)
def contact_timing(at: ClientMonth) -> Any:
    """The finding on the dates (次回連絡日), for the portfolio and the two tracks; null where nobody has one (R107)."""
    found = supplies.contact_dates(contact_inputs(at))
    return None if found is None else asdict(found)


def contact_inputs(at: ClientMonth) -> DiagnosisInputs:
    """What the finding on the dates reads beyond the second opinion."""
    tables = {name: at.expression(name) for name in _OF_THE_DATES}
    return replace(inputs_of(at), **tables, **{_FORMER_DATES: at.document(_FORMER_DATES)})
