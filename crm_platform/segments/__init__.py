"""Which class a customer is in: the frozen book of value classes, the CPM portfolio, plain RFM beside them.

Belongs here: rules that give every customer exactly one class. Does not: what the classes mean for the business.
"""

from crm_platform.segments.cpm import (
    CpmThresholds,
    amount_threshold,
    assign_cpm_classes,
    cpm_class,
    cpm_thresholds,
    purchase_count,
)
from crm_platform.segments.rfm import rfm_cells, rfm_classes
from crm_platform.segments.value_classes import assign_segments, issue_book, value_classes

__all__ = [
    "CpmThresholds",
    "amount_threshold",
    "assign_cpm_classes",
    "assign_segments",
    "cpm_class",
    "cpm_thresholds",
    "issue_book",
    "purchase_count",
    "rfm_cells",
    "rfm_classes",
    "value_classes",
]
