"""Products bought together (併売しやすい商品, R62), and how many customers buy across groups."""

from __future__ import annotations

from typing import Any

import ibis
from ibis import _

from crm_platform.diagnosis.finding import Exhibit, Finding, Scalar, Verdict
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.products.groups import group_purchases
from crm_platform.diagnosis.rows import client_text, one_row, rows, yen_sum
from crm_platform.diagnosis.spans import Span
from crm_platform.diagnosis.trends import YEAR_MONTHS, share

LEAST_TOGETHER = 20
TOP_PRODUCTS = 200
SHOWN_PAIRS = 10


def product_pairs(inputs: DiagnosisInputs) -> Finding | None:
    """Pairs of products that the same customers buy within twelve months, by lift, and the share who buy two groups.

    Healthy where that share is not below the year before's (R61). At stake: the cross-buyers lost × what they buy more
    than others in half a year. None where no two products are bought by the same 20 customers.
    """
    year, before = inputs.span(YEAR_MONTHS), inputs.span(YEAR_MONTHS, back=YEAR_MONTHS)
    pairs = pair_rows(inputs, year) if year else []
    if not pairs or year is None:
        return None
    now = cross_buyers(inputs, year)
    former = cross_buyers(inputs, before) if before else None
    rate = share(now["cross"], now["buyers"])
    former_rate = share(former["cross"], former["buyers"]) if former else None
    verdict: Verdict = "undetermined"
    effect_jpy = None
    more_jpy = _more_spent_jpy(now)
    if rate is not None and former_rate is not None:
        verdict = "issue" if rate < former_rate else "healthy"
        effect_jpy = round(max(former_rate - rate, 0.0) * now["buyers"] * max(more_jpy or 0, 0) / 2) or None
    best = pairs[0]
    numbers: dict[str, Scalar] = {
        **inputs.period,
        "cross_rate": rate,
        "cross_rate_before": former_rate,
        "change_points": rate - former_rate if rate is not None and former_rate is not None else None,
        "cross_customers": now["cross"],
        "single_customers": now["buyers"] - now["cross"],
        "buyers": now["buyers"],
        "more_spent_jpy": more_jpy,
        "best_first": best["first_product"],
        "best_second": best["second_product"],
        "best_lift": best["lift"],
        "best_together": best["together"],
        "effect_jpy": effect_jpy,
    }
    return Finding(
        key="product_pairs",
        chapter="products",
        verdict=verdict,
        numbers=numbers,
        exhibits=(_table(pairs),),
        threshold=former_rate,
        yen_effect_jpy=effect_jpy,
        concerned_customers=now["buyers"] - now["cross"],
    )


def pair_rows(inputs: DiagnosisInputs, year: Span) -> list[dict[str, Any]]:
    """The ten pairs with the highest lift among the 200 best-sold products, with 20 customers or more in common.

    lift = customers of both × all buyers ÷ (customers of one × customers of the other); 1 is chance.
    """
    bought = group_purchases(inputs).filter(year.holds(_.month))
    totals = bought.group_by("product_id").agg(sales_jpy=yen_sum(_.standing_sales_jpy))
    best = totals.order_by(ibis.desc("sales_jpy"), "product_id").limit(TOP_PRODUCTS).select("product_id")
    owned = bought.semi_join(best, "product_id").select("customer_id", "product_id").distinct()
    sizes = owned.group_by("product_id").agg(customers=_.count())
    buyers = one_row(bought.agg(buyers=_.customer_id.nunique()))["buyers"]
    names = inputs.products.select("product_id", name=client_text(ibis.coalesce(_.product_name, _.product_id)))
    left = owned.select("customer_id", first_id=_.product_id)
    right = owned.select("customer_id", second_id=_.product_id)
    both = left.inner_join(right, "customer_id").filter(_.first_id < _.second_id)
    counted = both.group_by("first_id", "second_id").agg(together=_.count()).filter(_.together >= LEAST_TOGETHER)
    for side in ("first", "second"):
        traits = sizes.inner_join(names, "product_id")
        traits = traits.select(
            **{f"{side}_id": traits.product_id, f"{side}_product": traits.name, f"{side}_customers": traits.customers}
        )
        counted = counted.inner_join(traits, f"{side}_id")
    lifted = counted.mutate(lift=_.together * buyers / (_.first_customers * _.second_customers))
    shown = ("first_product", "second_product", "together", "first_customers", "second_customers", "lift")
    ordered = lifted.order_by(ibis.desc("lift"), ibis.desc("together"), "first_id", "second_id")
    return rows(ordered.limit(SHOWN_PAIRS).select(*shown))


def cross_buyers(inputs: DiagnosisInputs, year: Span) -> dict[str, Any]:
    """Buyers of the span, those of two product groups or more (`cross`), and what both kinds spent."""
    bought = group_purchases(inputs).filter(year.holds(_.month)).group_by("customer_id")
    people = bought.agg(groups=_.product_group.nunique(), sales_jpy=yen_sum(_.standing_sales_jpy))
    is_cross = people.groups >= 2
    return one_row(
        people.agg(
            buyers=people.count(),
            cross=people.count(where=is_cross),
            cross_jpy=yen_sum(people.sales_jpy, is_cross),
            single_jpy=yen_sum(people.sales_jpy, ~is_cross),
        )
    )


def _more_spent_jpy(found: dict[str, Any]) -> int | None:
    single: int = found["buyers"] - found["cross"]
    if not single or not found["cross"]:
        return None
    more_jpy: float = found["cross_jpy"] / found["cross"] - found["single_jpy"] / single
    return round(more_jpy)


def _table(pairs: list[dict[str, Any]]) -> Exhibit:
    return Exhibit(
        "pairs",
        "table",
        tuple(pairs),
        columns=(
            ("first_product", "text"),
            ("second_product", "text"),
            ("together", "count"),
            ("first_customers", "count"),
            ("second_customers", "count"),
            ("lift", "index"),
        ),
    )
