"""Who is about to stop, two groups to test a measure on, what it would bring, and how former alerts came true.

Belongs here: the list of customers at risk and its consequences in yen. Does not: the wording of a report.
"""

from crm_platform.alerts.lapse import find_lapse_alerts, lapse_candidates, lapse_risk
from crm_platform.alerts.outcome import measure_alerts
from crm_platform.alerts.simulation import CampaignSimulation, simulate_campaign
from crm_platform.alerts.test_groups import split_test_and_control

__all__ = [
    "CampaignSimulation",
    "find_lapse_alerts",
    "lapse_candidates",
    "lapse_risk",
    "measure_alerts",
    "simulate_campaign",
    "split_test_and_control",
]
