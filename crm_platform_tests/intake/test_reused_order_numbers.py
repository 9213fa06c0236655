"""Order numbers that begin anew are not the orders of long ago: such a delivery would wipe the first years out."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from crm_platform.intake import Accepted, DeliveredFile, accept_delivery, read_admitted, read_inbox
from crm_platform.refusals import Refused
from crm_platform_tests.intake.deliveries import LINE_HEADERS, client_with, delivery, file_of, line

TODAY = dt.date(2026, 1, 31)
LONG_AGO = [
    line("N1", 顧客番号="C0000001", 受注日時="2020/07/01 10:00"),
    line("N2", 顧客番号="C0000001", 受注日時="2020/07/02 10:00"),
]


def difference(*lines: list[str]) -> list[DeliveredFile]:
    return [file_of("order_lines.tsv", [LINE_HEADERS, *lines])]


def accept(inbox: Path, files: list[DeliveredFile]) -> Accepted:
    return accept_delivery(inbox, client_with(), files, today=TODAY)


def test_numbers_that_begin_anew_are_refused_with_both_days_and_what_makes_them_differ(tmp_path: Path) -> None:
    accept(tmp_path, delivery(LONG_AGO))
    with pytest.raises(Refused) as refused:
        accept(tmp_path, difference(line("N1", 顧客番号="C0000002", 受注日時="2025/05/01 10:00"), line("N9")))
    assert "1 of the order numbers stand for other orders than before" in refused.value.problem
    assert "one of 2025-05-01 has the number of another customer's order of 2020-07-01" in refused.value.problem
    assert "order_id = { columns = [" in refused.value.remedy
    assert len(read_inbox(tmp_path, "acme")) == 1
    (known,) = read_admitted(tmp_path, client_with())
    assert known.tables["order_lines"]["order_id"].to_pylist() == ["N1", "N2"]


@pytest.mark.parametrize(
    "again",
    [
        line("N1", 顧客番号="C0000002", 受注日時="2020/07/01 10:00"),  # two customers were merged
        line("N1", 顧客番号="C0000001", 受注日時="2021/07/01 10:00"),  # its year was corrected
        line("N1", 顧客番号="C0000002", 受注日時="2020/07/31 10:00"),  # both, within a month
        line("N1", 顧客番号="C0000001", 受注日時="2020/07/01 10:00", 状態="返品"),
    ],
)
def test_an_order_that_was_corrected_is_the_same_order(tmp_path: Path, again: list[str]) -> None:
    accept(tmp_path, delivery(LONG_AGO))
    assert accept(tmp_path, difference(again)).receipt["changes"]["orders_new"] == 0


def test_it_is_told_how_far_the_deliveries_before_reach_and_whether_others_came_since(tmp_path: Path) -> None:
    first, second = delivery(LONG_AGO), difference(line("N3", 受注日時="2020/08/05 10:00"))
    assert accept(tmp_path, first).others_to is None
    assert accept(tmp_path, second).others_to == dt.date(2020, 7, 2)
    assert accept(tmp_path, first).others_to == dt.date(2020, 8, 5)
    assert accept(tmp_path, second).others_to is None
