"""Which class a customer is in: the frozen book, the CPM portfolio, kinds of buyer, plain RFM beside them.

Belongs here: rules that give every customer exactly one class. Does not: what the classes mean for the business.
"""

from crm_platform.segments.buyer_kinds import BuyerKindRules, buyer_kinds, median_value_jpy
from crm_platform.segments.cpm import (
    CpmThresholds,
    amount_threshold,
    assign_cpm_classes,
    cpm_class,
    cpm_thresholds,
    proposed_amount_jpy,
    purchase_count,
)
from crm_platform.segments.cpm_cross_sell import cross_sell
from crm_platform.segments.cpm_moves import cpm_moves
from crm_platform.segments.former import ClientRanks, FormerBook, former_segments
from crm_platform.segments.rfm import rfm_cells, rfm_classes
from crm_platform.segments.value_classes import assign_segments, issue_book, value_classes
from crm_platform.segments.value_groups import VALUE_GROUPS, value_group, vip_classes

# The columns of CUSTOMER_HISTORY that the rules above read of every customer; all forty are dear in pandas.
SEGMENTS_READ = (
    "customer_id",
    "as_of",
    "returned_on",
    "tenure_days",
    "gap_days",
    "purchase_days",
    "standing_orders",
    "sales_jpy",
)

__all__ = [
    "SEGMENTS_READ",
    "VALUE_GROUPS",
    "BuyerKindRules",
    "ClientRanks",
    "CpmThresholds",
    "FormerBook",
    "amount_threshold",
    "assign_cpm_classes",
    "assign_segments",
    "buyer_kinds",
    "cpm_class",
    "cpm_moves",
    "cpm_thresholds",
    "cross_sell",
    "former_segments",
    "issue_book",
    "median_value_jpy",
    "proposed_amount_jpy",
    "purchase_count",
    "rfm_cells",
    "rfm_classes",
    "value_classes",
    "value_group",
    "vip_classes",
]
