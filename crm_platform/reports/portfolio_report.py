"""From the portfolio's diagnosis to the pages of its report (顧客ポートフォリオ報告)."""

from __future__ import annotations

from collections.abc import Sequence

from crm_platform.diagnosis.finding import Diagnosis
from crm_platform.diagnosis.lineage import Delivered
from crm_platform.reports.assembly import assembled, words_for
from crm_platform.reports.diagnosis_report import priorities
from crm_platform.reports.pages import Report
from crm_platform.reports.wording import Wording

CHAPTERS = ("cpm", "repeat", "dormant", "contact_dates", "customer_value", "kpis")


def portfolio_report(
    diagnosis: Diagnosis, language: str, wording: Wording | None = None, deliveries: Sequence[Delivered] = ()
) -> Report:
    """The report of a portfolio's diagnosis in `language` (`ja`, `en`).

    `wording` replaces the platform's own texts of that language; `deliveries` are told in the lineage of the numbers.
    ValueError for another report's diagnosis, MissingWordingError for a missing text or number.
    """
    if diagnosis.report != "portfolio":
        raise ValueError(f"a diagnosis of the kind '{diagnosis.report}' is no portfolio")
    words = wording or words_for(diagnosis, language)
    return assembled(diagnosis, CHAPTERS, priorities, words.of_report("portfolio"), deliveries)
