"""Is a one-off business beside the subscription worth building (事業化の可能性, 000:39-47, 206-209)?

Belongs here: LTV on both tracks, the one-off share and what it can become, reference cases, bulk selling apart. Does
not: whom to contact.
"""

from crm_platform.two_track.business.bulk_dependence import bulk_dependence
from crm_platform.two_track.business.business_case import (
    BusinessCase,
    business_case,
    is_inferred,
    stopped_case,
    stopped_notice,
)
from crm_platform.two_track.business.one_off_scenarios import one_off_scenarios
from crm_platform.two_track.business.one_off_share import one_off_share
from crm_platform.two_track.business.reference_cases import ReferenceCase, lent_case
from crm_platform.two_track.business.subscriber_year import Past, SubscriberYear, subscriber_year
from crm_platform.two_track.business.two_track_ltv import two_track_ltv
from crm_platform.two_track.business.values import conservation_faults, two_track_values

BUSINESS_QUESTIONS = (two_track_ltv, one_off_share, one_off_scenarios, bulk_dependence)

__all__ = [
    "BUSINESS_QUESTIONS",
    "BusinessCase",
    "Past",
    "ReferenceCase",
    "SubscriberYear",
    "bulk_dependence",
    "business_case",
    "conservation_faults",
    "is_inferred",
    "lent_case",
    "one_off_scenarios",
    "one_off_share",
    "stopped_case",
    "stopped_notice",
    "subscriber_year",
    "two_track_ltv",
    "two_track_values",
]
