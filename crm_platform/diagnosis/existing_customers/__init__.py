"""診断② 対既存客: where they stop, how many sleep, whose custom fades, who is about to go (seeds 001, 003, 004)."""

from crm_platform.diagnosis.existing_customers.alerts import alerts
from crm_platform.diagnosis.existing_customers.dormancy import dormancy
from crm_platform.diagnosis.existing_customers.lapse_points import lapse_points
from crm_platform.diagnosis.existing_customers.profit_class_moves import profit_class_moves
from crm_platform.diagnosis.existing_customers.stagnant_groups import stagnant_groups

__all__ = ["alerts", "dormancy", "lapse_points", "profit_class_moves", "stagnant_groups"]
