"""Two targets for one-off purchases (都度): cancelled subscribers who buy again, continuing ones who buy in addition.

Belongs here: who is a subscriber, past or present, the one-off sales to expect of each, the product group to offer,
who is worth a contact, how former lists came true. Does not: reconstructing subscriptions, running campaigns.
"""

from crm_platform.two_track.targets.backtest import backtest_targets, outcome_at
from crm_platform.two_track.targets.candidates import one_off_candidates, targets
from crm_platform.two_track.targets.known import KnownSubscribers
from crm_platform.two_track.targets.one_off_forecast import OneOffForecast, fit_one_off_forecast, foresee_one_off
from crm_platform.two_track.targets.one_off_targets import one_off_targets
from crm_platform.two_track.targets.subscriber_needs import subscriber_needs
from crm_platform.two_track.targets.target_accuracy import target_accuracy
from crm_platform.two_track.targets.worth import expected_returns, group_margins

TARGET_QUESTIONS = (one_off_targets, target_accuracy, subscriber_needs)

__all__ = [
    "TARGET_QUESTIONS",
    "KnownSubscribers",
    "OneOffForecast",
    "backtest_targets",
    "expected_returns",
    "fit_one_off_forecast",
    "foresee_one_off",
    "group_margins",
    "one_off_candidates",
    "one_off_targets",
    "outcome_at",
    "subscriber_needs",
    "target_accuracy",
    "targets",
]
