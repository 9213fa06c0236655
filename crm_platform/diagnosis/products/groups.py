"""What a product belongs to: its group (商品群), or itself where the master has none."""

from __future__ import annotations

import ibis
from ibis import _

from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.rows import client_text


def grouped_products(inputs: DiagnosisInputs) -> ibis.Table:
    """`product_id` and `product_group` of products that are sold, give-aways left out."""
    sold = inputs.products.filter(~_.is_gift.fill_null(False))
    name = ibis.coalesce(sold.category, sold.product_name, sold.product_id)
    return sold.select("product_id", product_group=client_text(name))


def group_purchases(inputs: DiagnosisInputs) -> ibis.Table:
    """CUSTOMER_PRODUCT_MONTHS with `product_group`."""
    return inputs.customer_product_months.inner_join(grouped_products(inputs), "product_id")
