"""The periods and thresholds that the formulas of the KPIs name."""

from __future__ import annotations

PULL_UP_MONTHS = 6  # after the month of the first purchase
ANSWER_DAYS = 30  # a purchase up to so many days after a contact, its own day included, counts as an answer to it
SILENT_MONTHS = 3  # without a subscription order for so many months a subscriber has stopped silently
