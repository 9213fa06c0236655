"""The index of a client's outbox says what the manifests say: no more months, no other files, nothing that runs."""

from __future__ import annotations

import base64
import hashlib
import html
import itertools
import re
import shutil
from pathlib import Path
from urllib.parse import unquote

import pytest

from crm_platform.reports import Wording
from crm_platform.reports.client_index import ClientIndex, MonthListed, index_of_outbox
from crm_platform.reports.client_index_html import write_client_index
from crm_platform.reports.listed_fees import Fees
from crm_platform.reports.manifest import FILE_NAME
from crm_platform_tests.reports.two_months import CLIENT, JUNE, MAY, deliver_two_months

JA, EN = Wording.of("ja"), Wording.of("en")


@pytest.fixture
def outbox(tmp_path: Path) -> Path:
    deliver_two_months(tmp_path)
    return tmp_path


def index_of(outbox: Path, words: Wording = JA, name: str = CLIENT) -> ClientIndex:
    return index_of_outbox(outbox, "demo", name, words)


def page_of(outbox: Path, words: Wording = JA) -> str:
    return write_client_index(index_of(outbox, words)).decode()


def entries(month: MonthListed) -> dict[str, tuple[str, tuple[str, ...]]]:
    return {one.name: (one.state, one.size) for folder in month.folders for one in folder.entries}


def test_the_newest_month_comes_first_and_a_month_that_was_taken_away_is_gone(outbox: Path) -> None:
    assert [month.month for month in index_of(outbox).months] == ["2025-06", "2025-05"]
    shutil.rmtree(outbox / "demo" / "2025-06")
    (outbox / "demo" / "2025-13").mkdir()
    (outbox / "demo" / "2025-13" / FILE_NAME).write_bytes(b"{}")
    index = index_of(outbox)
    assert [month.month for month in index.months] == ["2025-05"]
    assert index.months[0].news == (JA.text("client_index.first", files=len(MAY) + 1),)
    assert index_of(outbox / "nowhere").months == ()


def test_each_deliverable_says_whether_it_is_new_changed_or_as_before(outbox: Path) -> None:
    june = index_of(outbox).months[0]
    found = entries(june)
    assert found["CRM診断レポート"] == ("changed", ())
    assert found["セグメント"] == ("changed", ("2件", "前回 1件"))
    assert found["納品データの検証結果"] == ("same", ("ほか1ファイル",))
    assert found["企画書：ランクダウン予防テスト"] == ("new", ())
    assert june.news[0] == "2025年5月と比べて、新しいファイルは4件、更新は3件、変わらないものは3件です。"
    assert june.news[1] == "今回はないもの：案内先の一覧：dm、都度購入の対象者"


def test_every_format_of_a_listed_file_is_linked_once_and_resolves(outbox: Path) -> None:
    links = re.findall(r'<a href="([^"#]+)"', page_of(outbox))
    files = [unquote(html.unescape(link)) for link in links]
    assert all((outbox / "demo" / file).is_file() for file in files)
    listed = {f"2025-06/{path}" for path in JUNE if path != "acceptance/data_docs/gaps.html"} | {
        "2025-06/manifest.json"
    }
    assert sorted(file for file in files if file.startswith("2025-06")) == sorted(listed)


@pytest.mark.parametrize("words", [JA, EN], ids=["ja", "en"])
def test_what_is_not_included_is_named_with_its_reason_and_how_far_the_project_is(outbox: Path, words: Wording) -> None:
    june = index_of(outbox, words).months[0]
    dates, two_tracks = words.text("client_index.files.portfolio.contact_dates.name"), "client_index.folders.two_track"
    waits = words.text("client_index.waits", stage=words.text("client_index.stages.production"))
    assert june.not_included == ((dates, "定期購入の注文がありません。"), (words.text(two_tracks), waits))
    page = page_of(outbox, words)
    assert all(html.escape(text) in page for pair in (*june.not_included, *june.stages) for text in pair)
    assert [state for _, state in june.stages] == [
        words.text("client_index.passed", on="2025-06-02"),
        words.text("client_index.is_open"),
    ]


@pytest.mark.parametrize("words", [JA, EN], ids=["ja", "en"])
def test_the_fees_are_those_of_the_latest_quote_with_the_rule_of_each_and_the_tax(outbox: Path, words: Wording) -> None:
    june, may = index_of(outbox, words).months
    assert june.fees is not None
    assert may.fees is None
    two_track, second_opinion = june.fees.rows
    assert (two_track.service, two_track.amount) == (words.text("quote.service.two_track"), "480,000")
    assert second_opinion.amount == words.text("quote.individual")
    assert all(part in second_opinion.rule for part in ("2,000,000名を超えるため", "3ヶ月分のデータです。"))
    assert "2025-06-30" in june.fees.note
    assert words.text("quote.tax") in june.fees.note
    body = re.sub(r"<wbr>|</?span[^>]*>", "", page_of(outbox, words).split("<body>")[1])
    assert body.count('class="fees"') == 1
    assert all(text in html.unescape(body) for fee in june.fees.rows for text in (fee.service, fee.amount))


def test_a_month_without_a_quote_or_with_another_than_its_manifest_lists_shows_no_fee_and_says_why(
    outbox: Path,
) -> None:
    (outbox / "demo" / "2025-06" / "quote.json").write_text('{"on": "2025-06-30", "quotes": []}', "utf-8")
    assert index_of(outbox).months[0].fees == Fees((), JA.text("client_index.quote_differs"))
    (outbox / "demo" / "2025-06" / "quote.json").unlink()
    assert index_of(outbox).months[0].fees == Fees((), JA.text("client_index.quote_differs"))
    shutil.rmtree(outbox / "demo" / "2025-06")
    assert index_of(outbox).months[0].fees == Fees((), JA.text("client_index.no_quote"))
    assert JA.text("client_index.no_quote") in page_of(outbox).replace("<wbr>", "")


def test_a_damaged_manifest_is_told_and_the_other_months_stand(outbox: Path) -> None:
    (outbox / "demo" / "2025-05" / FILE_NAME).write_bytes(b'{"files": [')
    june, may = index_of(outbox).months
    assert (may.problem, may.folders) == (JA.text("client_index.unreadable"), ())
    assert june.news == (JA.text("client_index.first", files=len(JUNE) + 1),)
    assert may.problem in page_of(outbox)


def test_nothing_hostile_runs_and_nothing_is_fetched(outbox: Path) -> None:
    page = page_of(outbox)
    assert "<script" not in page
    assert "<b>" not in page
    assert "\u202e" not in page
    assert "&lt;script&gt;" in page
    assert not re.search(r"""(?:src|href)=["']?(?:https?:)?//""", page)
    style = page.split("<style>")[1].split("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'sha256-{digest}'" in page
    assert "script-src" not in page


def test_no_customer_number_is_in_it(outbox: Path) -> None:
    body = page_of(outbox).split("<body>")[1]
    assert "C1" not in body
    assert "C2" not in body


@pytest.mark.parametrize("words", [JA, EN], ids=["ja", "en"])
def test_the_same_outbox_gives_the_same_bytes_and_the_page_says_its_language(outbox: Path, words: Wording) -> None:
    page = page_of(outbox, words)
    assert page == page_of(outbox, words)
    assert f'<html lang="{words.language}">' in page
    levels = [int(level) for level in re.findall(r"<h(\d)", page)]
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    assert page.count("<table") == page.count("<caption>") == page.count("<thead>")


def test_every_deliverable_of_the_wording_has_a_name_and_a_purpose_in_one_sentence() -> None:
    for words, end in ((JA, "。"), (EN, ".")):
        keys = {key.rsplit(".", 1)[0] for key in words.texts if key.startswith("client_index.files.")}
        assert len(keys) >= 30
        for key in keys:
            assert words.has(f"{key}.name"), key
            assert words.texts[f"{key}.purpose"].endswith(end), key
            assert words.texts[f"{key}.purpose"].count(end) == 1, key
