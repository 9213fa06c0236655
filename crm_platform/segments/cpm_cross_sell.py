"""Whom to cross-sell what (クロスセル, R104-R106): by what customers alike bought next in the past year.

初回客 are left alone in principle; the exception is the first 定期 order, where the client says so (鉄は熱いうちに).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ibis
import pyarrow as pa
from ibis import _

from crm_platform.clients import Settings
from crm_platform.periods import Month
from crm_platform.tables.portfolio import CROSS_SELL

LEAST_ALIKE = 50  # a rate of fewer customers says too little
FIRST_ORDER_DAYS = 31  # how long after the first 定期 order the iron is hot
_TERM_MONTHS = 6
_OFFERED = ("product_group", "because_group", "alike_customers", "expected_rate")
_MOST_GROUPS = 62  # the groups of a customer are the bits of one whole number


@dataclass(frozen=True)
class Offer:
    """What to offer to the owners of a group: the group, because of which, and how many alike took it."""

    product_group: str
    because_group: str
    alike_customers: int
    expected_rate: float


@dataclass(frozen=True)
class PastTerm:
    """Six months of the past: who was known at the end of `then`, and what they did up to the end of `until`."""

    then: dt.date
    until: dt.date


def past_terms(closed_months: Sequence[Month]) -> list[PastTerm]:
    """The last two terms of six closed months, so that every season is in them once; fewer where history is short."""
    ends = [closed_months[-1 - back] for back in (0, _TERM_MONTHS) if len(closed_months) > back + _TERM_MONTHS]
    return [PastTerm(end.plus(-_TERM_MONTHS).last_day, end.last_day) for end in ends]


def cross_sell(
    customer_product_months: ibis.Table,
    customer_months: ibis.Table,
    products: ibis.Table,
    history: ibis.Table,
    cpm_classes: ibis.Table,
    closed_months: Sequence[Month],
    settings: Settings,
) -> pa.Table:
    """CROSS_SELL: one group for each customer who may be offered one, the likeliest of those never bought.

    May be offered: active customers (現役) who are no 初回客, from `settings.crosssell_min_orders` purchases on; and
    with `settings.crosssell_at_first_subscription` those whose first purchase, 31 days ago at most, was a 定期. The
    likeliest is the group that most customers alike bought within six months: active then, purchases enough, owners of
    the one group and not of the other. Pairs with fewer than 50 such customers are left out.
    """
    terms = past_terms(closed_months)
    groups = sold_groups(customer_product_months, products, closed_months[-12:])
    if not terms or len(groups) < 2:
        return CROSS_SELL.empty()
    owned = ibis.memtable(_owned(customer_product_months, products, groups, terms))
    states = _past_states(customer_months, history, terms, settings)
    offers = _offers(_outcomes(owned.inner_join(states, "customer_id"), terms), groups)
    allowed = may_be_offered(history, cpm_classes, settings)
    sets = owned.inner_join(allowed.select("customer_id"), "customer_id").select("owned").distinct().to_pyarrow()
    best = _best_offers(sets["owned"].to_pylist(), offers)
    if best.num_rows == 0:
        return CROSS_SELL.empty()
    listed = allowed.inner_join(owned, "customer_id").inner_join(ibis.memtable(best), "owned")
    return CROSS_SELL.cast(listed.select(*CROSS_SELL.names).to_pyarrow())


def may_be_offered(history: ibis.Table, cpm_classes: ibis.Table, settings: Settings) -> ibis.Table:
    """`customer_id`, `cpm_class` and `purchases` of the customers whom the rules allow to be offered another group."""
    people = history.select("customer_id", "first_order_kind", "gap_days", purchases=_.purchase_days)
    people = people.inner_join(cpm_classes.select("customer_id", "cpm_class"), "customer_id")
    is_first = people.cpm_class == "first_active"
    allowed = people.cpm_class.endswith("_active") & ~is_first & (people.purchases >= settings.crosssell_min_orders)
    if settings.crosssell_at_first_subscription:
        is_fresh = (people.purchases == 1) & (people.gap_days <= FIRST_ORDER_DAYS)
        allowed = allowed | (is_first & is_fresh & (people.first_order_kind == "subscription").fill_null(False))
    return people.filter(allowed).select("customer_id", "cpm_class", "purchases")


def grouped(products: ibis.Table) -> ibis.Table:
    """`product_id` and `product_group`, or the product itself where the master has none; give-aways left out."""
    sold = products.filter(~_.is_gift.fill_null(False))
    return sold.select("product_id", product_group=ibis.coalesce(_.category, _.product_name, _.product_id))


def sold_groups(customer_product_months: ibis.Table, products: ibis.Table, months: Sequence[Month]) -> list[str]:
    """The groups sold in `months`, by sales; the 62 largest of them."""
    if not months:
        return []
    year = customer_product_months.filter(_.month.between(months[0].first_day, months[-1].first_day))
    sales = year.group_by("product_id").agg(sales_jpy=_.standing_sales_jpy.sum().cast("int64"))
    by_group = sales.inner_join(grouped(products), "product_id").group_by("product_group")
    found = by_group.agg(sales_jpy=_.sales_jpy.sum().cast("int64")).filter(_.sales_jpy > 0)
    ordered = found.order_by(ibis.desc("sales_jpy"), "product_group").limit(_MOST_GROUPS)
    names: list[str] = ordered.to_pyarrow()["product_group"].to_pylist()
    return names


def _owned(
    customer_product_months: ibis.Table, products: ibis.Table, groups: Sequence[str], terms: Sequence[PastTerm]
) -> pa.Table:
    """Per customer the groups bought so far (`owned`), before each past term and in it, as bits of whole numbers."""
    bits = ibis.memtable(
        pa.table({"product_group": pa.array(groups, pa.string()), "bit": [1 << place for place in range(len(groups))]})
    )
    known = grouped(products).inner_join(bits, "product_group").select("product_id", "bit")
    bought = customer_product_months.select("customer_id", "product_id", "month").inner_join(known, "product_id")
    firsts = bought.group_by("customer_id", "bit").agg(first_in=_.month.min())
    masks = {"owned": firsts.bit.sum().cast("int64")}
    for place, term in enumerate(terms):
        is_new = (firsts.first_in > term.then) & (firsts.first_in <= term.until)
        masks[f"owned_{place}"] = firsts.bit.sum(where=firsts.first_in <= term.then).fill_null(0).cast("int64")
        masks[f"taken_{place}"] = firsts.bit.sum(where=is_new).fill_null(0).cast("int64")
    table: pa.Table = firsts.group_by("customer_id").agg(**masks).to_pyarrow()
    return table


def _past_states(
    customer_months: ibis.Table, history: ibis.Table, terms: Sequence[PastTerm], settings: Settings
) -> ibis.Table:
    """`customer_id` and, per past term, whether the customer was then one to be offered something (`alike_<n>`)."""
    gap_days = settings.cpm_lapsed_gap_days
    since = min(term.then for term in terms) - dt.timedelta(days=gap_days + 31)
    recent = customer_months.filter(_.month >= since).select(
        "customer_id", "month", "purchase_days", "last_purchased_on"
    )
    sums: dict[str, ibis.Value] = {}
    for place, term in enumerate(terms):
        sums[f"after_{place}"] = recent.purchase_days.sum(where=recent.month > term.then).fill_null(0)
        sums[f"last_{place}"] = recent.last_purchased_on.max(where=recent.month <= term.then)
    states = recent.group_by("customer_id").agg(**sums)
    joined = states.inner_join(history.select("customer_id", "purchase_days"), "customer_id")
    alike = {}
    for place, term in enumerate(terms):
        was_active = ibis.literal(term.then).delta(joined[f"last_{place}"], unit="day") < gap_days
        enough = joined.purchase_days - joined[f"after_{place}"] >= max(settings.crosssell_min_orders, 2)
        alike[f"alike_{place}"] = (was_active & enough).fill_null(False)
    return joined.select("customer_id", **alike)


def _outcomes(joined: ibis.Table, terms: Sequence[PastTerm]) -> list[tuple[int, int, int]]:
    """(groups owned then, groups taken in the term, customers) of customers alike, over all terms."""
    found: list[tuple[int, int, int]] = []
    for place in range(len(terms)):
        alike = joined.filter(joined[f"alike_{place}"]).group_by(f"owned_{place}", f"taken_{place}")
        counted = alike.agg(customers=_.count()).order_by(f"owned_{place}", f"taken_{place}")
        found += [tuple(row.values()) for row in counted.to_pyarrow().to_pylist()]
    return found


def _offers(outcomes: Iterable[tuple[int, int, int]], groups: Sequence[str]) -> Mapping[tuple[int, int], Offer]:
    """(place of the group owned, place of the group to offer) → what came of it, where 50 customers alike are known."""
    alike: dict[tuple[int, int], int] = {}
    took: dict[tuple[int, int], int] = {}
    for owned, taken, customers in outcomes:
        have = [place for place in range(len(groups)) if owned >> place & 1]
        lack = [place for place in range(len(groups)) if not owned >> place & 1]
        for pair in ((one, other) for one in have for other in lack):
            alike[pair] = alike.get(pair, 0) + customers
            took[pair] = took.get(pair, 0) + customers * (taken >> pair[1] & 1)
    return {
        pair: Offer(groups[pair[1]], groups[pair[0]], alike[pair], took[pair] / alike[pair])
        for pair in sorted(alike)
        if alike[pair] >= LEAST_ALIKE and took[pair]
    }


def _best_offers(sets: Iterable[int], offers: Mapping[tuple[int, int], Offer]) -> pa.Table:
    """For every set of groups owned: the likeliest group outside it, and which one of it that follows."""
    found: list[dict[str, Any]] = []
    for owned in sorted(sets):
        fitting = [offer for (one, other), offer in offers.items() if owned >> one & 1 and not owned >> other & 1]
        if fitting:
            best = max(fitting, key=lambda offer: (offer.expected_rate, offer.alike_customers, offer.product_group))
            found.append({"owned": owned, **vars(best)})
    schema = pa.schema([("owned", pa.int64()), *((name, CROSS_SELL[name].type) for name in _OFFERED)])
    return pa.Table.from_pylist(found, schema=schema)
