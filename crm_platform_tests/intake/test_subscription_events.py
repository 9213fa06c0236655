"""Events of subscriptions as delivered: which contradict themselves, and what may not be written in a reason."""

from __future__ import annotations

import pytest

from crm_platform.intake import DeliveredFile
from crm_platform_tests.intake.deliveries import LINE_HEADERS, delivery, examine, faults_of, file_of, line, masters

HEADERS = ["定期番号", "イベント", "発生日", "理由コード"]


def events(*rows: list[str]) -> DeliveredFile:
    return file_of("定期履歴.tsv", [HEADERS, *rows])


def lines_of(subscription: str, *days: str, first_no: int = 1) -> list[DeliveredFile]:
    rows = [
        [*line(f"A{number}", 受注日時=day, 注文区分="定期"), subscription, str(number)]
        for number, day in enumerate(days, first_no)
    ]
    return [*masters(), file_of("order_lines.tsv", [[*LINE_HEADERS, "定期番号", "定期回数"], *rows])]


STOP, START = ["T1", "解約", "2025/04/01", ""], ["T1", "開始", "2025/05/01", ""]


def test_a_stop_before_the_start_is_quarantined_and_told_in_the_receipt() -> None:
    found = examine([*lines_of("T1", "2025/05/01", "2025/06/01"), events(STOP, START)])
    assert faults_of(found) == [(2, "発生日", "stop_before_start")]
    assert found.receipt["accounts"]["subscription_events"]["quarantined_by_rule"] == {"stop_before_start": 1}
    assert found.tables["subscription_events"]["event"].to_pylist() == ["start"]


@pytest.mark.parametrize(
    ("days", "first_no"), [(("2025/03/01", "2025/05/01"), 1), (("2025/05/01",), 4)], ids=["delivered", "older"]
)
def test_a_stop_of_a_subscription_that_ran_before_it_stands(days: tuple[str, ...], first_no: int) -> None:
    assert faults_of(examine([*lines_of("T1", *days, first_no=first_no), events(STOP, START)])) == []


def test_a_delivery_of_one_month_is_judged_with_those_before_it() -> None:
    former = examine(lines_of("T1", "2025/03/01"))
    found = examine([*delivery([line("B1")]), events(STOP, START)], number=2, former=[former])
    assert faults_of(found) == []


@pytest.mark.parametrize("written", ["090-1234-5678へ", "taro@example.jp", "東京都港区芝1丁目2-3"])
def test_a_number_or_address_in_a_reason_is_never_admitted(written: str) -> None:
    codes = ("価格", "効果", "多すぎる", "体質", "その他")
    rows = [["T1", "解約", f"2025/05/{day:02}", code] for day, code in enumerate(codes, 1)]
    found = examine([*delivery([line()]), events(*rows, ["T1", "解約", "2025/05/20", written])])
    assert [rule for _, _, rule in faults_of(found)] == ["personal_data"]
    assert written not in str(found.tables["subscription_events"].to_pylist())
