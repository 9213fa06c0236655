"""From which silence on a customer is dormant: by the product group of the first purchase (R125).

A threshold decides only who is called active and who dormant; no amount and no other finding's group depends on it.
"""

from __future__ import annotations

import ibis

from crm_platform.clients import Settings
from crm_platform.diagnosis.finding import client_word
from crm_platform.diagnosis.groundwork.product_levels import group_of


def first_groups(products: ibis.Table) -> ibis.Table:
    """`first_product_id` and `product_group` (商品群): the master's group, else the product itself."""
    return products.select(first_product_id=products.product_id, product_group=group_of(products))


def with_threshold(people: ibis.Table, products: ibis.Table, settings: Settings) -> ibis.Table:
    """`people` (with `first_product_id`) and each one's `product_group` and `threshold_days`.

    The days are `settings.lapse_silent_days_by_group` where it names the group, else `settings.lapse_silent_days`. The
    group is null where the first product is unknown.
    """
    joined = people.left_join(first_groups(products), "first_product_id").drop("first_product_id_right")
    return joined.mutate(threshold_days=_threshold(joined.product_group, settings))


def _threshold(group: ibis.Value, settings: Settings) -> ibis.Value:
    usual = ibis.literal(settings.lapse_silent_days, "int64")
    own = [(group == days_of, ibis.literal(days, "int64")) for days_of, days in by_group(settings).items()]
    return ibis.cases(*own, else_=usual) if own else usual


def by_group(settings: Settings) -> dict[str, int]:
    """Product group as exhibits name it → its own threshold in days."""
    return {client_word(group): days for group, days in settings.lapse_silent_days_by_group.items()}


def threshold_of(group: str | None, settings: Settings) -> int:
    """The threshold of a product group in days."""
    return by_group(settings).get(group or "", settings.lapse_silent_days)
