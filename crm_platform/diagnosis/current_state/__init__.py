"""診断① The current state: retention and purchasing power, profitability, segments, kinds of buyer, rank (seed 001)."""

from crm_platform.diagnosis.current_state.buyer_kinds import buyer_kinds
from crm_platform.diagnosis.current_state.client_rank import client_rank, missed_customers
from crm_platform.diagnosis.current_state.customer_list import customer_list
from crm_platform.diagnosis.current_state.profitability import profitability
from crm_platform.diagnosis.current_state.purchasing_power import purchasing_power
from crm_platform.diagnosis.current_state.retention_power import retention_power
from crm_platform.diagnosis.current_state.value_segments import value_segments

__all__ = [
    "buyer_kinds",
    "client_rank",
    "customer_list",
    "missed_customers",
    "profitability",
    "purchasing_power",
    "retention_power",
    "value_segments",
]
