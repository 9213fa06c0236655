"""Dormant customers (休眠, R126): who they are, what their like did, and whether calling them back pays.

Belongs here: the list of dormant customers, the finding on their follow-up. Does not: from which silence on a customer
is dormant (`groundwork`), nor how many are active month by month (`existing_customers.dormancy`).
"""

from crm_platform.diagnosis.dormant.follow_up import dormant_follow_up, past_of
from crm_platform.diagnosis.dormant.listing import dormant_customers_of
from crm_platform.diagnosis.dormant.past_returns import Past

__all__ = ["Past", "dormant_customers_of", "dormant_follow_up", "past_of"]
