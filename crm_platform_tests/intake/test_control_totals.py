"""検収 (R39): the client's own totals hold the delivery; and whether the data came as the last time (R13)."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import ibis
import pytest

from crm_platform.clients import Client
from crm_platform.intake import Accepted, DeliveredFile, accept_delivery, merge_deliveries, read_admitted
from crm_platform.refusals import Refused
from crm_platform.reports import Wording
from crm_platform.reports.acceptance import test_totals_csv as totals_csv
from crm_platform_tests.intake.deliveries import LINE_HEADERS, TODAY, client_with, delivery, examine, file_of, line

# Two months: 2 orders of 2 customers (one cancelled) in April, 1 order in May with a credit line.
LINES = [
    line("A1", 受注日時="2025/04/01 10:00"),
    line("A2", 受注日時="2025/04/30 23:59", 状態="キャンセル", 顧客番号="C0000002"),
    line("A3", 受注日時="2025/05/01 00:00"),
    line("A3", "2", 受注日時="2025/05/09 00:00", 状態="返品", 数量="-1", 単価="300", 値引="0"),
]
HEADERS = ["年月", "受注件数", "顧客数", "受注金額", "売上"]
APRIL, MAY = ["2025-04", "2", "2", "3800", "1900"], ["2025年5月", "1", "1", "1900", "1600"]


def totals(*rows: list[str]) -> DeliveredFile:
    return file_of("検収.tsv", [HEADERS, *rows])


def deliver(folder: Path, files: list[DeliveredFile], client: Client | None = None) -> Accepted:
    return accept_delivery(folder / "inbox", client or client_with(), files, today=TODAY)


def test_totals_that_agree_are_accepted_and_the_comparison_is_in_the_receipt(tmp_path: Path) -> None:
    compared = deliver(tmp_path, [*delivery(LINES), totals(MAY, APRIL)]).receipt["control_totals"]
    assert [(one["month"], one["figure"], one["ours"]) for one in compared] == [
        ("2025-04", "orders", 2), ("2025-04", "customers", 2), ("2025-04", "ordered_jpy", 3800),
        ("2025-04", "sales_jpy", 1900),
        ("2025-05", "orders", 1), ("2025-05", "customers", 1), ("2025-05", "ordered_jpy", 1900),
        ("2025-05", "sales_jpy", 1600),
    ]  # fmt: skip
    assert {one["difference"] for one in compared} == {0}


def test_one_wrong_month_holds_the_delivery_names_it_and_leaves_nothing_behind(tmp_path: Path) -> None:
    wrong = ["2025-05", "1", "1", "1900", "1700"]
    with pytest.raises(Refused, match=r"2025-05 differ: sales_jpy is 1,600 .* 1,700 .*-100\.") as refused:
        deliver(tmp_path, [*delivery(LINES), totals(APRIL, wrong)])
    assert "only one side holds" in str(refused.value)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_the_rate_proposed_for_small_differences_lets_all_of_them_pass(tmp_path: Path) -> None:
    files = [*delivery(LINES), totals(["2025-04", "2", "2", "3700", "1900"], ["2025-05", "1", "1", "1900", "1540"])]
    with pytest.raises(Refused) as refused:
        deliver(tmp_path, files)
    proposed = float(refused.value.remedy.rpartition("tolerated_total_difference_rate = ")[2])
    assert proposed == 0.039
    deliver(tmp_path, files, client_with({"admission": {"tolerated_total_difference_rate": proposed}}))


def test_a_month_of_which_we_have_no_order_differs_by_all_of_it(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"2025-03 differ: orders is 0 .* 7 .*3 other figures differ too"):
        deliver(tmp_path, [*delivery(LINES), totals(["2025-03", "7", "6", "5", "4"])])


@pytest.mark.parametrize(("rate", "admitted"), [(0.0, False), (0.058, False), (0.06, True)])
def test_the_tolerance_is_a_share_of_the_clients_figure(tmp_path: Path, rate: float, admitted: bool) -> None:
    client = client_with({"admission": {"tolerated_total_difference_rate": rate}})
    files = [*delivery(LINES), totals(["2025-05", "1", "1", "1900", "1700"])]
    if admitted:
        differences = [one["difference"] for one in deliver(tmp_path, files, client).receipt["control_totals"]]
        assert differences == [0, 0, 0, -100]
        return
    with pytest.raises(Refused):
        deliver(tmp_path, files, client)


def test_a_figure_that_the_client_does_not_give_is_not_compared(tmp_path: Path) -> None:
    compared = deliver(tmp_path, [*delivery(LINES), totals(["2025-04", "2", "", "", ""])]).receipt["control_totals"]
    assert [one["figure"] for one in compared] == ["orders"]


def test_the_totals_of_a_later_delivery_are_held_against_all_that_is_known(tmp_path: Path) -> None:
    deliver(tmp_path, delivery(LINES[:2]))
    later = file_of("order_lines.tsv", [LINE_HEADERS, *LINES[2:]])
    compared = deliver(tmp_path, [later, totals(APRIL, MAY)]).receipt["control_totals"]
    assert len(compared) == 8
    assert {one["difference"] for one in compared} == {0}


def test_the_acceptance_shows_ours_theirs_and_the_difference_and_leaves_empty_what_was_not_delivered(
    tmp_path: Path,
) -> None:
    client = client_with({"admission": {"tolerated_total_difference_rate": 0.5}})
    deliver(tmp_path, [*delivery(LINES), totals(["2025-05", "1", "", "1900", "1700"])], client)
    merged = merge_deliveries(read_admitted(tmp_path / "inbox", client))
    content = totals_csv(ibis.memtable(merged["order_lines"]), merged["control_totals"], Wording.of("en"))
    april, may = csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""))
    assert (april["orders"], april["client_orders"], april["difference_orders"]) == ("2", "", "")
    assert (may["orders"], may["client_orders"], may["difference_orders"]) == ("1", "1", "0")
    assert (may["customers"], may["client_customers"]) == ("1", "")
    assert (may["sales_jpy"], may["client_sales_jpy"], may["difference_sales_jpy"]) == ("1600", "1700", "-100")


# --- same specification (R13) -----------------------------------------------------------------------------------------


def spec_of(later: DeliveredFile, client: Client | None = None, **intake: Any) -> tuple[bool | None, list[str]]:
    first = examine(delivery(LINES), client)
    receipt = examine([later], client_with(intake) if intake else client, number=2, former=[first]).receipt
    return receipt["same_spec"], receipt["spec_differences"]


def lines_file(headers: list[str], *rows: list[str], encoding: str = "cp932", delimiter: str = "\t") -> DeliveredFile:
    return file_of("order_lines.tsv", [headers, *rows], encoding, delimiter)


def test_the_first_delivery_has_nothing_to_be_the_same_as() -> None:
    receipt = examine(delivery(LINES)).receipt
    assert (receipt["same_spec"], receipt["spec_differences"]) == (None, [])


def test_a_later_delivery_of_one_table_in_the_same_form_is_the_same_specification() -> None:
    assert spec_of(lines_file(LINE_HEADERS, line("B1", 値引=""))) == (True, [])


def test_every_change_of_form_makes_it_another_specification_and_is_told_in_words() -> None:
    moved = [*LINE_HEADERS[1:], LINE_HEADERS[0]]
    sound = line("B1")
    found = {
        "added": spec_of(lines_file([*LINE_HEADERS, "送料"], [*sound, "500"])),
        "removed": spec_of(lines_file(LINE_HEADERS[:-1], sound[:-1])),
        "moved": spec_of(lines_file(moved, [*sound[1:], sound[0]])),
        "encoding": spec_of(lines_file(LINE_HEADERS, sound, encoding="utf-8")),
        "delimiter": spec_of(lines_file(LINE_HEADERS, sound, delimiter=",")),
        "kind": spec_of(lines_file(LINE_HEADERS, line("B1", 媒体コード="17"))),
        "codes": spec_of(
            lines_file(LINE_HEADERS, sound), tables={"order_lines": {"codes": {"status": {"発送": "shipped"}}}}
        ),
    }
    assert {same for same, _ in found.values()} == {False}
    assert found["added"][1] == ["order_lines: column '送料' added"]
    assert found["removed"][1] == ["order_lines: column '媒体コード' removed"]
    assert "moved" in found["moved"][1][0]
    assert found["encoding"][1] == ["order_lines: encoding is 'utf-8', was 'cp932'"]
    assert found["delimiter"][1] == ["order_lines: delimiter is ',', was '\\t'"]
    assert found["kind"][1] == ["order_lines: column '媒体コード' is of kind number, was text"]
    assert found["codes"][1] == ["order_lines: codes of status changed"]


def test_a_table_that_comes_for_the_first_time_changes_nothing_of_the_others() -> None:
    first = examine(delivery(LINES))
    receipt = examine([lines_file(LINE_HEADERS, line("B1")), totals(MAY)], number=2, former=[first]).receipt
    assert receipt["same_spec"] is True
