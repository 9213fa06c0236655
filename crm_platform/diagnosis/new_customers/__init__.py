"""診断② 対新規客: how many come, from where, what they cost, whether they return (seeds 001, 004)."""

from crm_platform.diagnosis.new_customers.acquisition import acquisition
from crm_platform.diagnosis.new_customers.cohort_break import cohort_break
from crm_platform.diagnosis.new_customers.cohort_retention import cohort_retention
from crm_platform.diagnosis.new_customers.entry_products import entry_products
from crm_platform.diagnosis.new_customers.f2_conversion import f2_conversion
from crm_platform.diagnosis.new_customers.media_decline import media_decline
from crm_platform.diagnosis.new_customers.media_efficiency import media_efficiency
from crm_platform.diagnosis.new_customers.media_quality import media_quality

__all__ = [
    "acquisition",
    "cohort_break",
    "cohort_retention",
    "entry_products",
    "f2_conversion",
    "media_decline",
    "media_efficiency",
    "media_quality",
]
