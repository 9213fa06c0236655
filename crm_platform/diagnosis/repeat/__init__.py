"""単品リピート: from order to order, through the funnel, and what it adds up to by cohort (seed 004)."""

from crm_platform.diagnosis.repeat.cohort_ltv import cohort_ltv
from crm_platform.diagnosis.repeat.order_steps import order_steps
from crm_platform.diagnosis.repeat.regular_buyers import regular_buyers
from crm_platform.diagnosis.repeat.repeat_funnel import repeat_funnel
from crm_platform.diagnosis.repeat.stop_reasons import declared_reasons, stop_reasons

__all__ = ["cohort_ltv", "declared_reasons", "order_steps", "regular_buyers", "repeat_funnel", "stop_reasons"]
