"""The customer portfolio (顧客ポートフォリオマネジメント, seed 002): classes now, before, and the moves between."""

from crm_platform.diagnosis.cpm.portfolio import cpm_portfolio

__all__ = ["cpm_portfolio"]
