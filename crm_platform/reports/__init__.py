"""Findings become pages: one page model, drawn as PDF, HTML and CSV.

Belongs here: words, looks, layouts, files for the client. Does not: computing a number that a page shows.
"""

from crm_platform.reports.alert_report import alert_report
from crm_platform.reports.csv_files import (
    alert_customers_csv,
    alert_reasons_csv,
    contact_dates_csv,
    contact_lists_csv,
    cpm_classes_csv,
    cross_sell_csv,
    dormant_customers_csv,
    due_contacts_csv,
    missed_by_client_rank_csv,
    regular_buyers_csv,
    segments_csv,
    test_groups_csv,
)
from crm_platform.reports.customer_powers_csv import customer_powers_csv
from crm_platform.reports.diagnosis_report import diagnosis_report
from crm_platform.reports.exhibits import exhibit_png
from crm_platform.reports.html import write_html, write_htmls
from crm_platform.reports.manifest import manifest, published_manifest
from crm_platform.reports.monthly_letter import letter_report
from crm_platform.reports.outbox import publish
from crm_platform.reports.pages import Report
from crm_platform.reports.pdf import write_pdf
from crm_platform.reports.portfolio_report import portfolio_report
from crm_platform.reports.preview_report import preview_counts_csv, preview_report
from crm_platform.reports.quote_json import quote_document, quote_json
from crm_platform.reports.two_track_csvs import stop_warnings_csv, targets_csv
from crm_platform.reports.two_track_report import two_track_report
from crm_platform.reports.wording import MissingWordingError, Wording

__all__ = [
    "MissingWordingError",
    "Report",
    "Wording",
    "alert_customers_csv",
    "alert_reasons_csv",
    "alert_report",
    "contact_dates_csv",
    "contact_lists_csv",
    "cpm_classes_csv",
    "cross_sell_csv",
    "customer_powers_csv",
    "diagnosis_report",
    "dormant_customers_csv",
    "due_contacts_csv",
    "exhibit_png",
    "letter_report",
    "manifest",
    "missed_by_client_rank_csv",
    "portfolio_report",
    "preview_counts_csv",
    "preview_report",
    "publish",
    "published_manifest",
    "quote_document",
    "quote_json",
    "regular_buyers_csv",
    "segments_csv",
    "stop_warnings_csv",
    "targets_csv",
    "test_groups_csv",
    "two_track_report",
    "write_html",
    "write_htmls",
    "write_pdf",
]
