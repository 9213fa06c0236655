"""Which class a customer is in: the frozen book, the CPM portfolio, kinds of buyer, plain RFM beside them.

Belongs here: rules that give every customer exactly one class. Does not: what the classes mean for the business.
Here stand the names of the classes, which reports tell; each rule is imported from its module, as it loads pandas.
"""

from crm_platform.segments.value_groups import VALUE_GROUPS, value_group, vip_classes

# The columns of CUSTOMER_HISTORY that the rules of this folder read of every customer; all forty are dear in pandas.
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

__all__ = ["SEGMENTS_READ", "VALUE_GROUPS", "value_group", "vip_classes"]
