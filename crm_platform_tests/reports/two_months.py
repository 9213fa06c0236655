"""An outbox of two months, by their manifests: files that are new, changed, as before, gone, withheld and left out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from crm_platform.periods import Month
from crm_platform.reports import manifest, publish, quote_json
from crm_platform.reports.manifest import FILE_NAME

CLIENT = "<script>alert(1)</script>\u202e株式会社👍&\"'"
DOCS = {f"acceptance/data_docs/{page}.html": b"x" for page in ("index", "gaps")}
QUOTES = [
    {"service": "two_track", "total_jpy": 480_000, "rule": {"sentence": "50億円まで<b>"}, "provisional": []},
    {
        "service": "second_opinion",
        "total_jpy": None,
        "rule": {"sentence": "2,000,000名を超えるため"},
        "provisional": [{"sentence": "3ヶ月分のデータです。"}],
    },
]
MAY = {
    **DOCS,
    "second_opinion/diagnosis_report.pdf": b"May",
    "second_opinion/diagnosis_report.html": b"May",
    "second_opinion/segments.csv": "\ufeff顧客番号\r\nC1\r\n".encode(),
    "shopping_alert/contact_list_dm.csv": "\ufeff顧客番号\r\n".encode(),
    "two_track/targets.csv": "\ufeff顧客番号\r\n".encode(),
}
JUNE = {
    **DOCS,
    "second_opinion/diagnosis_report.pdf": b"June",
    "second_opinion/diagnosis_report.html": b"May",
    "second_opinion/segments.csv": "\ufeff顧客番号\r\nC1\r\nC2\r\n".encode(),
    "shopping_alert/contact_list_<b>&+#%-0123456789abcdef.csv": "\ufeff顧客番号\r\n".encode(),
    "proposals/alert_test_plan.pdf": b"x",
    "proposals/alert_test_plan.docx": b"x",
    "quote.json": quote_json({"on": "2025-06-30", "quotes": QUOTES}),
}


def delivered(outbox: Path, month: Month, files: dict[str, bytes], **further: Any) -> None:
    """A month of `files` with its manifest, put in place; `further` is what else the manifest says."""
    listed = manifest(
        files, client="demo", months=[Month(2020, 7), month], spec_fingerprint="f", versions={}, **further
    )
    publish(outbox, "demo", month, {**files, FILE_NAME: listed})


def deliver_two_months(outbox: Path) -> None:
    """May and June 2025 of the client `demo`."""
    delivered(outbox, Month(2025, 5), MAY)
    delivered(
        outbox,
        Month(2025, 6),
        JUNE,
        left_out={"portfolio/contact_dates.csv": {"reason": "no", "sentence": "定期購入の注文がありません。"}},
        withheld={"two_track/": "'demo' cannot enter the stage 'study'"},
        project={
            "gates": [{"stage": "specification", "on": "2025-06-02"}],
            "open": {"production": "x"},
            "deliveries": [],
        },
    )
