"""Subscription and one-off side by side (定期 × 都度): so far, when to contact each customer next.

Belongs here: what follows from supply and order kinds. Does not: value classes and alerts.
"""

from crm_platform.two_track.contact_dates import Known, next_contact_dates, product_supply

__all__ = ["Known", "next_contact_dates", "product_supply"]
