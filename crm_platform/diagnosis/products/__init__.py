"""商品別診断: which product groups win customers, which keep them, what is bought together (seed 001)."""

from crm_platform.diagnosis.products.product_groups import product_groups
from crm_platform.diagnosis.products.product_pairs import product_pairs

__all__ = ["product_groups", "product_pairs"]
