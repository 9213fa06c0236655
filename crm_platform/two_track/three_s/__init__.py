"""The 3S of subscriptions (Skip, Switch, Stop; 000:57-62, R33): counts and rates, continuation, early warning.

Belongs here: what happens after the deliveries of a subscription, how long it goes on, who is about to stop. Does not:
the events themselves (`history.subscriptions`), one-off purchases.
"""

from crm_platform.two_track.three_s.clustering import design_effects
from crm_platform.two_track.three_s.continuation import continuation
from crm_platform.two_track.three_s.curves import continuation_curves
from crm_platform.two_track.three_s.delivered_cycles import KnownPast
from crm_platform.two_track.three_s.early_warning import early_warning
from crm_platform.two_track.three_s.stop_risk import StopRisk, fit_stop_risk
from crm_platform.two_track.three_s.stop_signs import Subscribers
from crm_platform.two_track.three_s.stop_warnings import Lessons, lessons, stop_warnings
from crm_platform.two_track.three_s.three_s import three_s
from crm_platform.two_track.three_s.three_s_months import three_s_months
from crm_platform.two_track.three_s.warnings_backtest import backtest_warnings

THREE_S_QUESTIONS = (three_s, continuation, early_warning)

__all__ = [
    "THREE_S_QUESTIONS",
    "KnownPast",
    "Lessons",
    "StopRisk",
    "Subscribers",
    "backtest_warnings",
    "continuation",
    "continuation_curves",
    "design_effects",
    "early_warning",
    "fit_stop_risk",
    "lessons",
    "stop_warnings",
    "three_s",
    "three_s_months",
]
