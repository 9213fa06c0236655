"""The customer portfolio (顧客ポートフォリオ, CPM, seed 002): classes, the moves between, what to do with each.

Belongs here: questions on the ten classes of `segments.cpm` and on cross-selling by them. Does not: the rule itself.
"""

from crm_platform.diagnosis.cpm.actions import cpm_actions
from crm_platform.diagnosis.cpm.beside_rfm import rfm_beside_cpm
from crm_platform.diagnosis.cpm.cross_selling import cross_sell
from crm_platform.diagnosis.cpm.moves import cpm_moves
from crm_platform.diagnosis.cpm.portfolio import cpm_portfolio

__all__ = ["cpm_actions", "cpm_moves", "cpm_portfolio", "cross_sell", "rfm_beside_cpm"]
