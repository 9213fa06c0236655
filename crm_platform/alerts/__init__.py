"""Who is about to stop, two groups for a test, what it would bring, how former forecasts and alerts came true.

Belongs here: the list of customers at risk and its consequences in yen. Does not: the wording of a report.
"""

from crm_platform.alerts.balance import Balance, balance_of, largest_difference
from crm_platform.alerts.campaigns import Campaign, campaign_id_of, campaign_of, end_of, last_start
from crm_platform.alerts.lapse import find_lapse_alerts, lapse_candidates
from crm_platform.alerts.measurement import CampaignResult, measure_campaign
from crm_platform.alerts.months import alert_months, upper_threshold_jpy
from crm_platform.alerts.outcome import measure_alerts
from crm_platform.alerts.power import (
    sizes_for_lift_in_buyers,
    sizes_for_lift_in_sales,
    smallest_lift_in_buyers,
    smallest_lift_in_sales,
)
from crm_platform.alerts.shopping_alert import alert_candidates, shopping_alert
from crm_platform.alerts.simulation import CampaignSimulation, simulate_campaign
from crm_platform.alerts.test_groups import design_test, group_sizes
from crm_platform.alerts.track_record import MONTHS_NEEDED, track_record

__all__ = [
    "MONTHS_NEEDED",
    "Balance",
    "Campaign",
    "CampaignResult",
    "CampaignSimulation",
    "alert_candidates",
    "alert_months",
    "balance_of",
    "campaign_id_of",
    "campaign_of",
    "design_test",
    "end_of",
    "find_lapse_alerts",
    "group_sizes",
    "lapse_candidates",
    "largest_difference",
    "last_start",
    "measure_alerts",
    "measure_campaign",
    "shopping_alert",
    "simulate_campaign",
    "sizes_for_lift_in_buyers",
    "sizes_for_lift_in_sales",
    "smallest_lift_in_buyers",
    "smallest_lift_in_sales",
    "track_record",
    "upper_threshold_jpy",
]
