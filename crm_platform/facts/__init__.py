"""Sums by month: what the past comes down to. Every later chapter reads these, not the order lines.

Belongs here: sums over the lines of one month each, as Ibis expressions over any span of months. Does not: anything
that must look at two months at once.
"""

from crm_platform.facts.customer_days import customer_days
from crm_platform.facts.customer_months import customer_months, customer_product_months
from crm_platform.facts.lines import described_lines
from crm_platform.facts.order_kinds import one_off_sales_at_share_jpy, order_kinds
from crm_platform.facts.sales_months import media_months, product_months
from crm_platform.facts.subscription_deliveries import subscription_deliveries

__all__ = [
    "customer_days",
    "customer_months",
    "customer_product_months",
    "described_lines",
    "media_months",
    "one_off_sales_at_share_jpy",
    "order_kinds",
    "product_months",
    "subscription_deliveries",
]
