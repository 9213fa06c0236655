"""Each customer as known at a month's end.

Belongs here: what the past says of a customer, from the monthly facts up to that month. Does not: anything of the
future.
"""

from crm_platform.history.customer_history import customer_history

__all__ = ["customer_history"]
