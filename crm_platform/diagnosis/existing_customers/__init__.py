"""診断② 対既存客: where they stop, how many sleep, who is about to (seeds 001, 003, 004)."""

from crm_platform.diagnosis.existing_customers.alerts import alerts
from crm_platform.diagnosis.existing_customers.dormancy import dormancy
from crm_platform.diagnosis.existing_customers.lapse_points import lapse_points

__all__ = ["alerts", "dormancy", "lapse_points"]
