"""Gross margin per customer, where the client's product master knows costs (収益力 × 粗利率, J10).

Expected sales × margin rate is expected gross profit. A rate from few purchases is drawn to the client's, as the weight
of one mean customer would (credibility weighting, Bühlmann 1967).
"""

from __future__ import annotations

import ibis
from ibis import _

LEAST_KNOWN_SHARE = 0.8  # of a customer's sales must be of products with a known cost; else nothing is said


def margin_rates(customer_product_months: ibis.Table, products: ibis.Table) -> ibis.Table:
    """`customer_id, margin_rate, known_share` of every customer in CUSTOMER_PRODUCT_MONTHS, in order of customer.

    Args:
        customer_product_months: CUSTOMER_PRODUCT_MONTHS of the months to be judged by, none after the as-of date.
        products: PRODUCTS with `cost_jpy` per unit, null where it is not known.

    `known_share` is the share of 売上 before credits (standing sales) whose products have a known cost. `margin_rate`
    is 1 − cost ÷ sales over those, shrunk to the client's; below 0 where goods are sold under cost, never above 1; null
    where `known_share` is below 80 % or nothing with a known cost was sold.
    """
    costs = products.select("product_id", "cost_jpy").distinct()
    lines = customer_product_months.left_join(costs, "product_id")
    is_known = lines.cost_jpy.notnull()
    sales = lines.standing_sales_jpy.cast("float64")
    sums = lines.group_by("customer_id").agg(
        sales_jpy=sales.sum(),
        known_jpy=ibis.ifelse(is_known, sales, 0.0).sum(),
        cost_jpy=ibis.ifelse(is_known, lines.cost_jpy * lines.quantity, 0).sum().cast("float64"),
    )
    client = sums.agg(known=_.known_jpy.sum(), cost=_.cost_jpy.sum(), customers=(_.known_jpy > 0).sum())
    joined = sums.cross_join(client)
    client_rate = 1 - joined.cost / joined.known.nullif(0)
    weight = joined.known / joined.customers.nullif(0)
    shrunk = (joined.known_jpy - joined.cost_jpy + weight * client_rate) / (joined.known_jpy + weight)
    known_share = joined.known_jpy / joined.sales_jpy.nullif(0)
    told = joined.select(
        "customer_id",
        margin_rate=ibis.ifelse(known_share >= LEAST_KNOWN_SHARE, shrunk, ibis.null("float64")),
        known_share=known_share,
    )
    return told.order_by("customer_id")
