"""The words of the reports, per language: page furniture in `report.*.toml`, findings in `findings/`."""

from crm_platform.reports.wording.wording import NOTHING, MissingWordingError, MoneyScale, Wording

__all__ = ["NOTHING", "MissingWordingError", "MoneyScale", "Wording"]
