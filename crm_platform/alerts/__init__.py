"""Who is about to stop, two groups for a test, what it would bring, how former forecasts and alerts came true.

Belongs here: the list of customers at risk and its consequences in yen; four rooms, in which the list leads to looking
back and the campaign to its measuring. Does not: the wording of a report.
"""

from crm_platform.alerts.campaigns.balance import balance_of, largest_difference
from crm_platform.alerts.campaigns.campaign import Campaign, campaign_id_of, campaign_of, end_of, last_start
from crm_platform.alerts.campaigns.power import (
    sizes_for_lift_in_buyers,
    sizes_for_lift_in_sales,
    smallest_lift_in_buyers,
    smallest_lift_in_sales,
)
from crm_platform.alerts.campaigns.simulation import CampaignSimulation, simulate_campaign
from crm_platform.alerts.campaigns.test_groups import design_test
from crm_platform.alerts.listing.lapse import find_lapse_alerts
from crm_platform.alerts.listing.shopping_alert import alert_candidates, shopping_alert
from crm_platform.alerts.listing.upper_customers import upper_customers, upper_threshold_jpy
from crm_platform.alerts.looking_back.months import alert_months
from crm_platform.alerts.looking_back.outcome import measure_alerts
from crm_platform.alerts.looking_back.track_record import MONTHS_NEEDED, track_record
from crm_platform.alerts.measuring.measurement import CampaignResult, measure_campaign

__all__ = [
    "MONTHS_NEEDED",
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
    "upper_customers",
    "upper_threshold_jpy",
]
