"""Pairs bought together (併売しやすい商品・商品群): support, lift and its interval, in rows (R62).

A basket is a customer's purchases of one day, as in basket analysis; where hardly anybody buys two things on one day, a
customer's purchases of the whole year. A lift over years alone would put those first who buy much of everything.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal

import ibis
from ibis import _

from crm_platform.diagnosis.estimates import Estimate, errors_for
from crm_platform.diagnosis.groundwork.product_levels import Level, group_purchases
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.rows import client_text, one_row, rows, yen_sum
from crm_platform.diagnosis.spans import Span

LEAST_TOGETHER = 20  # customers; of fewer no pair is told
TOP_ITEMS = 200
SHOWN_PAIRS = 10
Basis = Literal["day", "year"]
Row = dict[str, Any]


def product_pair_rows(inputs: DiagnosisInputs, year: Span) -> tuple[Basis, list[Row]]:
    """The pairs of the 200 best-sold products that go together most surely (see `ranked`), and what a basket is."""
    named = inputs.products.filter(~_.is_gift.fill_null(False)).select(
        "product_id", name=client_text(ibis.coalesce(_.product_name, _.product_id))
    )
    bought = inputs.customer_product_months.filter(year.holds(_.month)).semi_join(named, "product_id")
    bought = bought.mutate(item=_.product_id)
    best = _best_sold(bought)
    of_best = named.semi_join(best, named.product_id == best.item).order_by("product_id")
    return _pairs(bought, best, {row["product_id"]: row["name"] for row in rows(of_best)})


def group_pair_rows(inputs: DiagnosisInputs, year: Span, level: Level) -> tuple[Basis, list[Row]]:
    """The same of product groups or brands."""
    bought = group_purchases(inputs, level).filter(year.holds(_.month)).mutate(item=_.product_group)
    return _pairs(bought, _best_sold(bought), None)


def _best_sold(bought: ibis.Table) -> ibis.Table:
    """`item`: the 200 that sold most; a master without groups has one for every product."""
    totals = bought.group_by("item").agg(sales_jpy=yen_sum(_.standing_sales_jpy))
    return totals.order_by(ibis.desc("sales_jpy"), "item").limit(TOP_ITEMS).select("item")


def log_lift(sums: Mapping[str, int]) -> Estimate:
    """The logarithm of the lift, both · baskets ÷ (first · second), and its error over customers.

    `sums` are the counts of baskets with `both`, `first`, `second`, and `baskets` in all, and Σ over customers of their
    products, such as `both_first`. By the delta method: the variance is Σ (b/B + n/N − f/F − s/S)², where small letters
    are one customer's baskets. With one basket a customer it is 1/B − 1/F − 1/S + (2 · lift − 1)/N.
    """
    signs = {"both": 1, "baskets": 1, "first": -1, "second": -1}
    names = list(signs)
    variance = sum(
        signs[a] * signs[b] * sums[f"{a}_{b}" if f"{a}_{b}" in sums else f"{b}_{a}"] / (sums[a] * sums[b])
        for a in names
        for b in names
    )
    lift = sums["both"] * sums["baskets"] / (sums["first"] * sums["second"])
    return Estimate(math.log(lift), math.sqrt(max(variance, 0.0)))


def ranked(found: list[Row]) -> list[Row]:
    """Pairs by the lower end of their lift, so low that even the luckiest of so many chance pairs seldom gets above 1.

    A pair of few customers with a large lift by luck comes after one of many with a sure one. `lift_low` and
    `lift_high` are the 95 % interval.
    """
    errors = errors_for(len(found))
    lifts = [log_lift(row) for row in found]
    told = [
        {
            **row,
            "support_rate": row["both"] / row["baskets"],
            "lift": row["both"] * row["baskets"] / (row["first"] * row["second"]),
            "lift_low": math.exp(lift.low),
            "lift_high": math.exp(lift.high),
            "sure_lift": math.exp(lift.value - errors * lift.error),
        }
        for row, lift in zip(found, lifts, strict=True)
    ]
    return sorted(told, key=lambda row: (-row["sure_lift"], row["first_id"], row["second_id"]))


def _pairs(bought: ibis.Table, items: ibis.Table, names: Mapping[str, str] | None) -> tuple[Basis, list[Row]]:
    basis: Basis
    for basis in ("day", "year"):
        counted = _counted(bought, items, basis)
        if counted:
            break
    return basis, [
        {
            **row,
            "first_product": names[row["first_id"]] if names else row["first_id"],
            "second_product": names[row["second_id"]] if names else row["second_id"],
        }
        for row in ranked(counted)[:SHOWN_PAIRS]
    ]


def _counted(bought: ibis.Table, items: ibis.Table, basis: Basis) -> list[Row]:
    """Per pair of 20 customers or more: the sums of `log_lift`; `together` have it in a basket, `in_year` in the year.

    Known of a month are the first and the last day of an item: of who bought it three times or more in one month, a
    basket in the middle goes unseen.
    """
    held = _baskets(bought, basis).cache()  # read three times
    sizes = held.select("person", "basket").distinct().group_by("person").agg(baskets=_.count())
    whole = one_row(sizes.agg(baskets=yen_sum(_.baskets), baskets_baskets=yen_sum(_.baskets * _.baskets)))
    numbers = _numbers(held.semi_join(items, "item")).cache()
    inside = held.inner_join(numbers, "item").select("person", "basket", "number").cache()
    counts = inside.group_by("person", "number").agg(times=_.count()).inner_join(sizes, "person").cache()
    single = counts.group_by("number").agg(
        times=yen_sum(_.times), squares=yen_sum(_.times * _.times), products=yen_sum(_.times * _.baskets)
    )
    found = {row["number"]: row for row in rows(single.inner_join(numbers, "number").order_by("number"))}
    return [
        {**row, **whole, **_of("first", found[row["first_no"]]), **_of("second", found[row["second_no"]])}
        for row in rows(_both(inside, counts))
    ]


def _baskets(bought: ibis.Table, basis: Basis) -> ibis.Table:
    """Person × item × basket, each once; a person is the hash of a customer number, which is counted only."""
    person = bought.customer_id.hash()
    if basis == "year":
        return bought.select("item", person=person, basket=ibis.literal(0)).distinct()
    first = bought.select("item", person=person, basket=bought.first_purchased_on)
    more = bought.filter(bought.last_purchased_on > bought.first_purchased_on)
    more = more.select("item", person=more.customer_id.hash(), basket=more.last_purchased_on)
    return ibis.union(first, more, distinct=True)


def _numbers(held: ibis.Table) -> ibis.Table:
    """`item`, `number`: the items in their order, numbered, since pairs of numbers count sooner than pairs of texts."""
    return held.select("item").distinct().mutate(number=ibis.row_number().over(order_by=_.item).cast("int16"))


def _both(inside: ibis.Table, counts: ibis.Table) -> ibis.Table:
    """Per pair: baskets with both, and sums over customers of products of counts of baskets."""
    left = inside.select("person", "basket", first_no=_.number)
    right = inside.select("person", "basket", second_no=_.number)
    baskets = left.inner_join(right, ["person", "basket"]).filter(_.first_no < _.second_no)
    together = baskets.group_by("person", "first_no", "second_no").agg(both=_.count())
    firsts = counts.select("person", "baskets", first_no=_.number, first=_.times)
    seconds = counts.select("person", second_no=_.number, second=_.times)
    pair = ["first_no", "second_no"]
    of_both = together.inner_join(firsts, ["person", "first_no"]).inner_join(seconds, ["person", "second_no"])
    sums = of_both.group_by(pair).agg(
        both=yen_sum(_.both),
        together=_.count(),
        both_both=yen_sum(_.both * _.both),
        both_baskets=yen_sum(_.both * _.baskets),
        both_first=yen_sum(_.both * _["first"]),
        both_second=yen_sum(_.both * _.second),
    )
    people = firsts.inner_join(seconds, "person").filter(_.first_no < _.second_no)
    in_year = people.group_by(pair).agg(in_year=_.count(), first_second=yen_sum(_["first"] * _.second))
    return sums.filter(_.together >= LEAST_TOGETHER).inner_join(in_year, pair).order_by(pair)


def _of(side: str, row: Row) -> Row:
    return {
        f"{side}_id": row["item"],
        side: row["times"],
        f"{side}_{side}": row["squares"],
        f"{side}_baskets": row["products"],
    }
