"""Each customer as known at the end of a day: the rhythm, the amounts, the state. Nothing here knows the future.

Belongs here: what can be said of a customer from its past alone. Does not: models, classes, forecasts.
"""

from crm_platform.history.customer_features import (
    KINDS_OF_PAST,
    customer_features,
    features_at,
    sales_after,
    sales_to_come,
)
from crm_platform.history.customer_history import LONG_SILENCE_DAYS, customer_history

__all__ = [
    "KINDS_OF_PAST",
    "LONG_SILENCE_DAYS",
    "customer_features",
    "customer_history",
    "features_at",
    "sales_after",
    "sales_to_come",
]
