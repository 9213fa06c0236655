"""How former dates came true: the call list of half a year ago, held against what its customers bought since."""

from __future__ import annotations

import datetime as dt
from typing import Any

import ibis
from ibis import _

from crm_platform.clients import Settings
from crm_platform.diagnosis.rows import one_row, rows
from crm_platform.two_track.contact_dates.last_supply import Known, plus_days
from crm_platform.two_track.contact_dates.next_contacts import next_contact_dates
from crm_platform.two_track.turns import runs_by, turns_of

WITHIN_DAYS = 7  # a call comes in time where the customer buys from that day on, and not so long after the run-out
FIXED_DAYS = 30  # the yardstick of a house that calls everyone after so many days
MONTHS_BACK = 6
METHODS = ("product", "own_cycle", "fixed")
STATES = ("coming", "overdue", "lapsed")


def look_back(
    then: Known, later: ibis.Table, products: ibis.Table, as_of: dt.date, settings: Settings
) -> dict[str, Any]:
    """How the dates of a former day came true by `as_of`, beside an own cycle and fixed 30 days.

    The dates are those of `next_contact_dates` then, one per customer, without subscribers; an overdue call is made on
    the day after. In time is a call where the customer bought the product again between that day and WITHIN_DAYS after
    the run-out, which is the lead days after the call; of a trial size (お試し) anything of its product group counts.
    Who never did is a miss. All three rules are held against one another over those on the list who have an own cycle
    and whose calls were all over by `as_of`.

    Args:
        then: what was known on that day; its overrides are to be empty, as nobody knows when they were set.
        later: CUSTOMER_PRODUCT_MONTHS of the months after it.
        products: PRODUCTS.
        as_of: the last day that is known now.
        settings: the client's, as for the dates of today.

    Returns:
        `origin` and `as_of` (ISO days), `compared`, `again` (of them bought again), `hits` per method, `only_product`
        and `only_yardstick` per yardstick (hits of one without the other), `median_error_days` per method over those
        who bought again (null of none); `states`: `customers` and `in_time` of coming, overdue and lapsed calls.
    """
    dated = _dated(then, settings)
    came = dated.left_join(_bought_again(dated, later, products, as_of), "customer_id", rname="{name}_again")
    judged = _judged(came, as_of, settings.contact_lead_days).cache()
    return {"origin": then.on.isoformat(), "as_of": as_of.isoformat(), **_summed(judged), "states": _by_state(judged)}


def subscriptions_then(
    subscriptions: ibis.Table, events: ibis.Table, on: dt.date, as_of: dt.date, silent_cycles: int
) -> ibis.Table:
    """Of SUBSCRIPTIONS at `as_of` those that ran on the earlier day `on`, by what was known then.

    Their next delivery is given as of that day, since nobody who subscribed is judged by it.
    """
    turns = turns_of(subscriptions, events, as_of, silent_cycles)
    running = subscriptions.semi_join(runs_by(turns, on).filter(_.runs), "subscription_id")
    return running.mutate(state=ibis.literal("continuing"), next_due_on=ibis.literal(on))


def _dated(then: Known, settings: Settings) -> ibis.Table:
    """Who had a date then, but for subscribers: product, state, and by each method the day of the call."""
    dates = ibis.memtable(next_contact_dates(then, settings)).filter(_.supply_source != "subscription")
    rhythm = then.history.select("customer_id", "last_purchased_on", "cycle_days")
    people = dates.inner_join(rhythm, "customer_id")
    own_days, lead_days = people.cycle_days.round().cast("int64"), settings.contact_lead_days
    is_overdue = people.next_contact_on <= ibis.literal(then.on)
    first_on = ibis.literal(then.on + dt.timedelta(days=1))
    calls = {
        "product": people.next_contact_on,
        "own_cycle": plus_days(people.last_purchased_on, own_days - lead_days),
        "fixed": plus_days(people.supplied_on, FIXED_DAYS - lead_days),
    }
    return people.select(
        "customer_id",
        "product_id",
        has_cycle=own_days.notnull(),
        state=ibis.cases((people.reason == "lapsed", "lapsed"), (is_overdue, "overdue"), else_="coming"),
        **{f"{method}_on": ibis.greatest(day, first_on) for method, day in calls.items()},
    )


def _bought_again(dated: ibis.Table, later: ibis.Table, products: ibis.Table, as_of: dt.date) -> ibis.Table:
    """`customer_id, bought_on`: when the product was bought next; after a trial size, anything of its group."""
    groups = products.select("product_id", "category", is_trial=_.is_trial.fill_null(False) & _.category.notnull())
    awaited = dated.select("customer_id", "product_id").left_join(groups, "product_id")
    bought = later.filter(_.first_purchased_on <= as_of).select("customer_id", "product_id", "first_purchased_on")
    bought = bought.left_join(groups, "product_id").rename(bought_id="product_id", bought_group="category")
    pairs = awaited.inner_join(bought, "customer_id", rname="{name}_bought")
    is_same = ibis.ifelse(pairs.is_trial, pairs.bought_group == pairs.category, pairs.bought_id == pairs.product_id)
    return pairs.filter(is_same.fill_null(False)).group_by("customer_id").agg(bought_on=_.first_purchased_on.min())


def _judged(came: ibis.Table, as_of: dt.date, lead_days: int) -> ibis.Table:
    """`came` with hit and error of each method; `is_over` where the platform's call was, `is_compared` where all were.

    The fixed days were over before, or bear the same days.
    """
    judged: dict[str, ibis.Value] = {}
    for method in METHODS:
        called_on = came[f"{method}_on"]
        is_hit = came.bought_on.between(called_on, plus_days(called_on, lead_days + WITHIN_DAYS))
        off_days = came.bought_on.delta(plus_days(called_on, lead_days), unit="day").cast("int64").abs()
        judged |= {f"{method}_hit": is_hit.fill_null(False), f"{method}_off_days": off_days}
    last_on = ibis.literal(as_of - dt.timedelta(days=lead_days + WITHIN_DAYS))
    is_over = came.product_on <= last_on
    all_over = is_over & came.has_cycle & (came.own_cycle_on <= last_on) & (came.fixed_on <= last_on)
    return came.mutate(**judged, is_over=is_over, is_compared=(all_over & (came.state != "lapsed")).fill_null(False))


def _summed(judged: ibis.Table) -> dict[str, Any]:
    compared = judged.filter(_.is_compared)
    sums: dict[str, Any] = {"compared": compared.count(), "again": compared.bought_on.count()}
    for method in METHODS:
        sums[f"hits_{method}"] = compared[f"{method}_hit"].sum().fill_null(0)
        sums[f"off_{method}"] = compared[f"{method}_off_days"].median()
    for method in METHODS[1:]:
        ours, theirs = compared.product_hit, compared[f"{method}_hit"]
        sums[f"only_product_{method}"] = compared.count(where=ours & ~theirs)
        sums[f"only_{method}"] = compared.count(where=theirs & ~ours)
    found = one_row(compared.agg(**sums))
    return {
        **{name: found[name] for name in ("compared", "again")},
        "hits": {method: found[f"hits_{method}"] for method in METHODS},
        "only_product": {method: found[f"only_product_{method}"] for method in METHODS[1:]},
        "only_yardstick": {method: found[f"only_{method}"] for method in METHODS[1:]},
        "median_error_days": {method: found[f"off_{method}"] for method in METHODS},
    }


def _by_state(judged: ibis.Table) -> dict[str, dict[str, int]]:
    """Per state of the call then: customers whose call was over, and how many of them were in time."""
    over = judged.filter(_.is_over).group_by("state").agg(customers=_.count(), in_time=_.product_hit.sum())
    found = {row["state"]: {name: int(row[name]) for name in ("customers", "in_time")} for row in rows(over)}
    return {state: found.get(state, {"customers": 0, "in_time": 0}) for state in STATES}
