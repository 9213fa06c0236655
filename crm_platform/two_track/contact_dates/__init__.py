"""When the product runs out: days of supply, each customer's next contact, how former dates came true (R107, R108).

Belongs here: what follows from supplies, contacts and what operators set. Does not: subscriptions rebuilt, alerts.
"""

from crm_platform.two_track.contact_dates.contact_dates import contact_dates
from crm_platform.two_track.contact_dates.due import coming_contacts, due_contacts, lapsed_contacts
from crm_platform.two_track.contact_dates.last_supply import Known
from crm_platform.two_track.contact_dates.looking_back import MONTHS_BACK, look_back, subscriptions_then
from crm_platform.two_track.contact_dates.next_contacts import next_contact_dates
from crm_platform.two_track.contact_dates.supply import product_supply
from crm_platform.two_track.contact_dates.term_plans import term_plans

CONTACT_QUESTIONS = (term_plans,)

__all__ = [
    "CONTACT_QUESTIONS",
    "MONTHS_BACK",
    "Known",
    "coming_contacts",
    "contact_dates",
    "due_contacts",
    "lapsed_contacts",
    "look_back",
    "next_contact_dates",
    "product_supply",
    "subscriptions_then",
    "term_plans",
]
