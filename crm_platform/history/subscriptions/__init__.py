"""Subscriptions (定期) reconstructed: their rhythm, what happened to them, how each stands at an as-of date (3S, R33).

Belongs here: what deliveries and delivered events tell of a subscription's past. Does not: curves, forecasts, targets.
"""

from crm_platform.history.subscriptions.cycles import subscription_cycles, subscription_orders
from crm_platform.history.subscriptions.parts import spans_of
from crm_platform.history.subscriptions.reconstruction import (
    REPAIR_RULES,
    Past,
    known_subscription_events,
    repairs_of,
    subscriptions,
)
from crm_platform.history.subscriptions.regular_buyers import (
    LEAST_PURCHASES,
    READ_MONTHS,
    one_off_days,
    regular_buyers_of,
    regular_one_off_buyers,
    subscribers,
    who_buys_regularly,
)
from crm_platform.history.subscriptions.rhythms import Rhythm, Rhythms, learn_rhythms, named_months

__all__ = [
    "LEAST_PURCHASES",
    "READ_MONTHS",
    "REPAIR_RULES",
    "Past",
    "Rhythm",
    "Rhythms",
    "known_subscription_events",
    "learn_rhythms",
    "named_months",
    "one_off_days",
    "regular_buyers_of",
    "regular_one_off_buyers",
    "repairs_of",
    "spans_of",
    "subscribers",
    "subscription_cycles",
    "subscription_orders",
    "subscriptions",
    "who_buys_regularly",
]
