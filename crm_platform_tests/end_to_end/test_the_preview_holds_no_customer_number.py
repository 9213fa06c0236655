"""The preview plan (R40): counts and a watermarked report of the same data, and no customer number in any byte."""

from __future__ import annotations

import csv
import io
import re
import shutil
import subprocess
from collections import Counter

import pytest

from crm_platform.tables.targets import TARGETS
from crm_platform_tests.end_to_end.conftest import MONTH
from crm_platform_tests.end_to_end.installation import Installation
from crm_platform_tests.end_to_end.stored_texts import places_of

FILES = {"preview/counts.csv", "preview/preview_report.html", "preview/preview_report.pdf"}


@pytest.mark.needs_program("pdftotext", "poppler-utils")
def test_no_customer_number_stands_in_any_file_of_the_preview(onboarded: Installation, customers: list[str]) -> None:
    month = onboarded.data / "outbox" / "demo" / str(MONTH)
    assert {path.name for path in (month / "preview").iterdir()} == {path.split("/")[1] for path in FILES}
    assert places_of(customers, month / "preview") == {}
    some = customers[::40]
    assert set(places_of(some, month / "second_opinion")) == set(some)  # they would be found


@pytest.mark.needs_program("pdftotext", "poppler-utils")
def test_every_page_of_the_preview_bears_the_watermark(onboarded: Installation) -> None:
    files = onboarded.outbox("demo", str(MONTH))
    read = subprocess.run(
        ["pdftotext", "-", "-"], input=files["preview/preview_report.pdf"], capture_output=True, check=True
    )
    pages = read.stdout.decode().rstrip("\f").split("\f")
    assert len(pages) >= 4
    assert all("プレビュー" in re.sub(r"\s", "", page) for page in pages)
    html = files["preview/preview_report.html"].decode()
    assert '<div class="watermark" aria-hidden="true">プレビュー</div>' in html
    assert b'class="watermark"' not in files["second_opinion/diagnosis_report.html"]


def test_counts_are_those_of_the_lists_that_the_preview_withholds(
    onboarded: Installation, customers: list[str]
) -> None:
    counted = counts_of(onboarded)
    assert counted["顧客", "登録客"] == len(customers)
    for analysis, path, column in (
        ("価値区分", "second_opinion/segments.csv", "セグメント"),
        ("CPM区分", "portfolio/cpm_classes.csv", "CPM区分"),
        ("アラートのテスト", "shopping_alert/test_groups.csv", "グループ"),
    ):
        listed = Counter(row[column] for row in onboarded.rows("demo", str(MONTH), path))
        assert {group: many for (of, group), many in counted.items() if of == analysis and many} == listed
    for analysis, path in (
        ("ショッピングアラート", "shopping_alert/alert_customers.csv"),
        ("休眠客", "portfolio/dormant_customers.csv"),
        ("次回連絡日", "portfolio/contact_dates.csv"),
    ):
        listed = Counter(row["顧客番号"] for row in onboarded.rows("demo", str(MONTH), path))
        assert counted[analysis, "対象客"] == len(listed)
    targets = onboarded.platform.lake.read("demo", TARGETS, MONTH).num_rows  # the list itself may be withheld
    assert sum(many for (of, _), many in counted.items() if of == "都度購入のターゲット") == targets


def counts_of(installation: Installation) -> dict[tuple[str, str], int]:
    text = installation.outbox("demo", str(MONTH))["preview/counts.csv"].decode("utf-8-sig")
    return {(row["分析"], row["区分"]): int(row["人数"]) for row in csv.DictReader(io.StringIO(text))}


def test_a_preview_alone_publishes_nothing_else_and_the_same_bytes(onboarded: Installation) -> None:
    whole = onboarded.outbox("demo", str(MONTH))
    shutil.rmtree(onboarded.data / "outbox")
    answer = onboarded.run("preview", "--client", "demo")
    assert answer.code == 0, answer.err
    assert onboarded.outbox("demo", str(MONTH)) == {path: whole[path] for path in FILES}
    assert "without a customer number" in answer.out
