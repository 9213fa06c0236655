"""The words of the reports, per language: page furniture in `report.*.toml`, findings in `findings/`."""

from crm_platform.reports.wording.wording import NOTHING, TWELVE_MONTHS, MissingWordingError, MoneyScale, Wording

__all__ = ["NOTHING", "TWELVE_MONTHS", "MissingWordingError", "MoneyScale", "Wording"]
