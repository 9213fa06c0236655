"""Who is about to stop, two groups for a test, what it would bring, how former forecasts and alerts came true.

Belongs here: the list of customers at risk and its consequences in yen. Does not: the wording of a report.
"""

from crm_platform.alerts.lapse import find_lapse_alerts, lapse_candidates, lapse_risk
from crm_platform.alerts.outcome import measure_alerts
from crm_platform.alerts.simulation import CampaignSimulation, simulate_campaign
from crm_platform.alerts.test_groups import split_test_and_control
from crm_platform.alerts.track_record import MONTHS_NEEDED, track_record

__all__ = [
    "MONTHS_NEEDED",
    "CampaignSimulation",
    "find_lapse_alerts",
    "lapse_candidates",
    "lapse_risk",
    "measure_alerts",
    "simulate_campaign",
    "split_test_and_control",
    "track_record",
]
