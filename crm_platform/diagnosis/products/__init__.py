"""商品別診断: what wins customers, what keeps them, what goes together, comes next, rises and falls (seed 001)."""

from crm_platform.diagnosis.products.next_purchases import next_purchases
from crm_platform.diagnosis.products.product_groups import brands, product_groups
from crm_platform.diagnosis.products.product_pairs import product_pairs
from crm_platform.diagnosis.products.product_series import product_series

__all__ = ["brands", "next_purchases", "product_groups", "product_pairs", "product_series"]
