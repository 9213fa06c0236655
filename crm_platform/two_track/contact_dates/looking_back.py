"""How former dates came true: what ran out when, foreseen half a year ago, and when the customer bought again."""

from __future__ import annotations

import datetime as dt
from typing import Any

import ibis
from ibis import _

from crm_platform.diagnosis.rows import one_row
from crm_platform.periods import Month
from crm_platform.two_track.contact_dates.last_supply import plus_days
from crm_platform.two_track.contact_dates.supply import product_supply

WITHIN_DAYS = 7  # a call comes in time where the customer buys again so many days before or after the run-out
FIXED_DAYS = 30  # the yardstick of a house that calls everyone after so many days
MONTHS_BACK = 6
METHODS = ("product", "own_cycle", "fixed")
_PAIR = ["customer_id", "product_id"]


def look_back(
    product_months: ibis.Table,
    subscription_deliveries: ibis.Table,
    products: ibis.Table,
    origin: Month,
    as_of: dt.date,
    *,
    longest_gap_days: int,
    least_repeats: int,
) -> dict[str, Any]:
    """How the run-outs foreseen at the end of `origin` came true by `as_of`, beside an own cycle and fixed 30 days.

    Foreseen is the run-out of what was delivered in the month `origin`, by what was known at its end; true where the
    customer bought the product again within WITHIN_DAYS of it. Who never did is a miss. All three are held against one
    another over those who have an own cycle; what a subscription delivers is left out, as nobody is called for it.

    Returns:
        `origin` and `as_of` (ISO days), `deliveries` foreseen, `compared` (of them with an own cycle), `again` (bought
        again), `hits` per method, `only_product` and `only_yardstick` per yardstick (hits of one without the other),
        `median_error_days` per method over those who bought again (null of none).
    """
    then = product_months.filter(_.month <= origin.first_day)
    delivered = subscription_deliveries.filter((_.month <= origin.first_day) & _.stands)
    supply = ibis.memtable(
        product_supply(then, delivered, products, longest_gap_days=longest_gap_days, least_repeats=least_repeats)
    )
    foreseen = _foreseen(then.anti_join(delivered.select(*_PAIR).distinct(), _PAIR), supply, origin)
    came = foreseen.left_join(_next_purchases(product_months, origin, as_of), _PAIR)
    judged = _judged(came.drop("customer_id_right", "product_id_right"))
    return {"origin": origin.last_day.isoformat(), "as_of": as_of.isoformat(), **_summed(judged)}


def _foreseen(product_months: ibis.Table, supply: ibis.Table, origin: Month) -> ibis.Table:
    """What was delivered in the month: the day of the purchase and of its run-out by each method."""
    cycles = _own_cycles(product_months)
    bought = product_months.filter(_.month == origin.first_day).inner_join(
        supply.filter(_.supply_days.notnull()).select("product_id", "supply_days"), "product_id"
    )
    bought = bought.left_join(cycles, "customer_id")
    return bought.select(
        "customer_id",
        "product_id",
        runs_out_product_on=plus_days(bought.last_delivered_on, bought.supply_days * bought.last_quantity),
        runs_out_own_cycle_on=plus_days(bought.last_purchased_on, bought.cycle_days.round().cast("int64")),
        runs_out_fixed_on=plus_days(bought.last_delivered_on, FIXED_DAYS),
    )


def _own_cycles(product_months: ibis.Table) -> ibis.Table:
    """Mean days between a customer's purchases of whatever product, months counted by their first and last purchase."""
    ends = product_months.group_by("customer_id", "month").agg(
        first_on=_.first_purchased_on.min(), last_on=_.last_purchased_on.max()
    )
    days = ends.group_by("customer_id").agg(
        tenure_days=_.last_on.max().delta(_.first_on.min(), unit="day").cast("int64"),
        gaps=_.count() - 1 + (_.last_on > _.first_on).sum(),
    )
    return days.filter((_.gaps > 0) & (_.tenure_days > 0)).select(
        "customer_id", cycle_days=_.tenure_days.cast("float64") / _.gaps
    )


def _next_purchases(product_months: ibis.Table, origin: Month, as_of: dt.date) -> ibis.Table:
    later = product_months.filter((_.month > origin.first_day) & (_.first_purchased_on <= as_of))
    return later.group_by(*_PAIR).agg(bought_on=_.first_purchased_on.min())


def _judged(rows_: ibis.Table) -> ibis.Table:
    errors = {}
    for method in METHODS:
        off = rows_.bought_on.delta(rows_[f"runs_out_{method}_on"], unit="day").cast("int64").abs()
        errors[f"{method}_off_days"] = off
        errors[f"{method}_hit"] = (off <= WITHIN_DAYS).fill_null(False)
    return rows_.mutate(**errors, is_compared=rows_.runs_out_own_cycle_on.notnull())


def _summed(judged: ibis.Table) -> dict[str, Any]:
    compared = judged.is_compared
    sums: dict[str, Any] = {
        "deliveries": judged.count(),
        "compared": judged.count(where=compared),
        "again": judged.count(where=compared & judged.bought_on.notnull()),
    }
    for method in METHODS:
        sums[f"hits_{method}"] = judged.count(where=compared & judged[f"{method}_hit"])
        sums[f"off_{method}"] = judged[f"{method}_off_days"].median(where=compared)
    for method in METHODS[1:]:
        ours, theirs = judged.product_hit, judged[f"{method}_hit"]
        sums[f"only_product_{method}"] = judged.count(where=compared & ours & ~theirs)
        sums[f"only_{method}"] = judged.count(where=compared & theirs & ~ours)
    found = one_row(judged.agg(**sums))
    return {
        **{name: found[name] for name in ("deliveries", "compared", "again")},
        "hits": {method: found[f"hits_{method}"] for method in METHODS},
        "only_product": {method: found[f"only_product_{method}"] for method in METHODS[1:]},
        "only_yardstick": {method: found[f"only_{method}"] for method in METHODS[1:]},
        "median_error_days": {method: found[f"off_{method}"] for method in METHODS},
    }
