"""The questions of the shopping alert (ショッピングアラート): who is about to stop, what is at stake, did it work.

Each module answers one question as a finding; `alert_diagnosis` asks them all.
"""

from crm_platform.diagnosis.shopping_alert.alert_diagnosis import QUESTIONS, alert_diagnosis
from crm_platform.diagnosis.shopping_alert.inputs import AlertInputs

__all__ = ["QUESTIONS", "AlertInputs", "alert_diagnosis"]
