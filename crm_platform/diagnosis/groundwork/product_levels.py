"""What a product belongs to: its group (商品群), or itself where the master has none; and its brand (ブランド)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import ibis
from ibis import _

from crm_platform.diagnosis.finding import client_word
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.rows import client_text, one_row, rows

Level = Literal["product_group", "brand"]
NO_BRAND = "@product_level.no_brand"  # of products without one in the master


def group_of(products: ibis.Table) -> ibis.Value:
    """The product group of each product as exhibits show it."""
    return client_text(ibis.coalesce(products.category, products.product_name, products.product_id))


def grouped_products(inputs: DiagnosisInputs, level: Level = "product_group") -> ibis.Table:
    """`product_id` and `product_group`, its group or brand, of products that are sold; give-aways are left out."""
    sold = inputs.products.filter(~_.is_gift.fill_null(False))
    name = group_of(sold) if level == "product_group" else ibis.coalesce(client_text(sold.brand), NO_BRAND)
    return sold.select("product_id", product_group=name)


def group_purchases(inputs: DiagnosisInputs, level: Level = "product_group") -> ibis.Table:
    """CUSTOMER_PRODUCT_MONTHS with `product_group`."""
    return inputs.customer_product_months.inner_join(grouped_products(inputs, level), "product_id")


def product_names(inputs: DiagnosisInputs, products: Iterable[str]) -> dict[str, str]:
    """What these products are called; the code of one that the master does not name."""
    wanted = sorted(set(products))
    named = inputs.products.filter(_.product_id.isin(wanted)).select(
        "product_id", name=client_text(ibis.coalesce(_.product_name, _.product_id))
    )
    found = {row["product_id"]: row["name"] for row in rows(named.order_by("product_id"))} if wanted else {}
    return {product: found.get(product, client_word(product)) for product in wanted}


def brand_count(inputs: DiagnosisInputs) -> int:
    """How many brands the master names."""
    found: int = one_row(inputs.products.agg(brands=_.brand.nunique()))["brands"]
    return found
