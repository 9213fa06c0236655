"""The words of the reports, per language: page furniture in `report.*.toml`, findings in `findings.*.toml`."""

from crm_platform.reports.wording.wording import MissingWordingError, MoneyScale, Wording

__all__ = ["MissingWordingError", "MoneyScale", "Wording"]
