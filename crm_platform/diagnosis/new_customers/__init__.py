"""診断② 対新規客: how many come, what they cost, whether they return (seeds 001, 004)."""

from crm_platform.diagnosis.new_customers.acquisition import acquisition
from crm_platform.diagnosis.new_customers.cohort_retention import cohort_retention
from crm_platform.diagnosis.new_customers.f2_conversion import f2_conversion
from crm_platform.diagnosis.new_customers.media_efficiency import media_efficiency

__all__ = ["acquisition", "cohort_retention", "f2_conversion", "media_efficiency"]
