"""What a one-off purchase (都度) of a subscriber is, of which product group, and whether own buyers suffice (R36)."""

from __future__ import annotations

import ibis


def goods_of(products: ibis.Table) -> ibis.Table:
    """`product_id, product_group, is_trial`: the group, or the product itself where the master (PRODUCTS) names none.

    Give-aways count as trial sizes (お試し).
    """
    return products.select(
        "product_id",
        product_group=ibis.coalesce(products.category, products.product_name, products.product_id),
        is_trial=products.is_trial.fill_null(False) | products.is_gift.fill_null(False),
    )


def one_off_jpy(days: ibis.Table) -> ibis.Value:
    """売上 of one-off lines (都度) of each row of CUSTOMER_DAYS, credits deducted; bulk sales are none (R24)."""
    value: ibis.Value = (
        days.standing_sales_jpy - days.returned_jpy - days.subscription_sales_jpy - days.bulk_sales_jpy
    ).cast("float64")
    return value


def is_repeat(days: ibis.Table) -> ibis.Value:
    """Whether a row of CUSTOMER_DAYS beside `goods_of` is a one-off purchase whose main line is no trial size."""
    is_trial = days.is_trial.fill_null(False) & (days.order_kind == "one_off").fill_null(False)
    value: ibis.Value = (one_off_jpy(days) > 0) & ~is_trial
    return value


def one_off_buyers(days: ibis.Table, goods: ibis.Table, subscribers: ibis.Table) -> int:
    """How many customers of `subscribers` have a one-off purchase in `days` (CUSTOMER_DAYS), trial sizes left out."""
    known = days.semi_join(subscribers, "customer_id").left_join(goods, "product_id", rname="{name}_master")
    bought = known.filter(is_repeat(known))
    return int(bought.customer_id.nunique().to_pyarrow().as_py())


def is_own_data(buyers: int, least_buyers: int) -> bool:
    """Whether so many `one_off_buyers` suffice for figures of the client's own (自社データ); if not, 推論 (R36).

    `least_buyers` is the client's setting `two_track_least_buyers`.
    """
    return buyers >= least_buyers
