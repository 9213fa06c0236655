"""Exports of systems that no preset knows: a list of Excel with a title, totals, dates of eras and discounts with △.

And files whose headers only a table definition explains.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence

import pytest

from crm_platform.intake import DeliveredFile
from crm_platform.intake.drafting.adoption import head_of
from crm_platform.intake.drafting.drafting import draft_mapping
from crm_platform.refusals import Refused
from crm_platform_tests.intake.containers import as_workbook, workbook_of
from crm_platform_tests.intake.deliveries import client_with, examine, file_of
from crm_platform_tests.intake.proposal_counts import TODAY

HEADERS = ["受注No", "受注日", "受注時刻", "会員コード", "受注区分", "品番", "数量", "単価(税抜)", "値引額", "受注状態"]
ORDERS = [
    [
        f"J{n}",
        f"令和7年5月{n}日",
        f"{n - 9}:10",
        f"{n % 3:06d}",
        "TS"[n % 2],
        "00101",
        1,
        "3,980",
        "△500" if n % 2 else "0",
        state,
    ]
    for n, state in zip(range(10, 28), "121229312122231221", strict=True)
]
TOTAL = ["合計", "", "", "", "", "", len(ORDERS), "", "", ""]
DECIDED = {
    "status": {"1": "ordered", "2": "shipped", "3": "returned", "9": "cancelled"},
    "order_kind": {"T": "subscription", "S": "one_off"},
}


def listed(*above: Sequence[object]) -> DeliveredFile:
    return as_workbook("受注.xlsx", [*above, HEADERS, *ORDERS, TOTAL])


def test_a_line_of_totals_does_not_turn_unknown_states_and_kinds_into_constants() -> None:
    draft = draft_mapping([listed()], today=TODAY)
    lines = tomllib.loads(draft.mapping_text(""))["tables"]["order_lines"]
    assert (lines["columns"]["status"], lines["columns"]["order_kind"]) == ("受注状態", "受注区分")
    assert {item.split(":")[0] for item in draft.to_decide} == {
        "status '1'", "status '2'", "status '3'", "status '9'", "order_kind 'S'", "order_kind 'T'",
    }  # fmt: skip


def test_a_draft_whose_codes_a_person_decides_admits_every_line_with_its_discount() -> None:
    said = tomllib.loads(draft_mapping([listed()], today=TODAY).mapping_text(""))
    said["tables"]["order_lines"]["codes"] = DECIDED
    found = examine([listed()], client_with(said))
    assert found.receipt["accounts"]["order_lines"]["set_aside"] == {"guest": 1}
    table = found.tables["order_lines"]
    assert table.num_rows == len(ORDERS)
    assert sum(table["discount_jpy"].to_pylist()) == 500 * sum(row[8] == "△500" for row in ORDERS)


def test_a_day_and_a_time_that_are_both_empty_leave_the_rows_below_in_their_place() -> None:
    said = tomllib.loads(draft_mapping([listed()], today=TODAY).mapping_text(""))
    said["tables"]["order_lines"]["codes"] = DECIDED
    found = examine([as_workbook("受注.xlsx", [HEADERS, *ORDERS[:9], TOTAL, *ORDERS[9:]])], client_with(said))
    days = dict(
        zip(*(found.tables["order_lines"][name].to_pylist() for name in ("order_id", "ordered_at")), strict=True)
    )
    assert [days[row[0]].day for row in ORDERS] == list(range(10, 28))


def test_a_title_above_the_headers_is_told_as_such() -> None:
    with pytest.raises(Refused, match="names 1 of 10 columns; is it a title") as refusal:
        draft_mapping([listed(["受注一覧表"])], today=TODAY)
    assert (refusal.value.file, refusal.value.row) == ("受注.xlsx", 1)
    assert "above the headers" in refusal.value.remedy


def test_orders_without_their_lines_are_told_to_be_joined() -> None:
    orders = [["受注番号", "受注日", "顧客番号", "送料"], ["J1", "2025/05/01", "K1", "500"]]
    with pytest.raises(Refused) as refusal:
        draft_mapping([file_of("受注.csv", orders, "cp932", ",")], today=TODAY)
    assert "joined by the order number, with a row per line" in refusal.value.remedy


def test_a_file_that_lacks_one_needed_column_is_told_which() -> None:
    said = tomllib.loads(draft_mapping([listed()], today=TODAY).mapping_text(""))
    said["tables"]["order_lines"]["codes"] = DECIDED
    del said["tables"]["order_lines"]["file"]
    without = [row[:6] + row[7:] for row in (HEADERS, *ORDERS)]
    with pytest.raises(Refused, match="for order_lines it lacks '数量'"):
        examine([as_workbook("無題.xlsx", without)], client_with(said))


@pytest.mark.parametrize("rate", [0, "-1", float("nan"), -1e9, True])
def test_a_factor_below_zero_is_a_number_of_a_plausible_size(rate: object) -> None:
    column = {"discount_jpy": {"column": "値引額", "times": rate}}
    with pytest.raises(Refused, match="not a rate"):
        examine([listed()], client_with({"tables": {"order_lines": {"columns": column}}}))


def test_a_draft_of_a_client_that_has_one_says_what_is_to_decide_once() -> None:
    own = 'name = "見本"\n# our own remark\n'
    first = draft_mapping([listed()], today=TODAY).mapping_text(own)
    second = draft_mapping([listed()], today=TODAY).mapping_text(head_of(first, "acme.toml"))
    assert second.split() == first.split()
    assert "# our own remark" in second


SHORT = ["JUC_NO", "JUC_YMD", "KOK_CD", "KOK_NM", "SEI_KBN", "JUC_KBN", "JUC_STS", "SHO_CD", "SURYO", "TANKA", "NEBIKI"]
SHORT_ORDERS = [
    [f"J{n}", f"202505{n}", f"K{n % 3}", "架空 花子", "12"[n % 3 % 2], "12"[n % 2], state, "S1", "1", "980", "80"]
    for n, state in zip(range(10, 28), "ABACABADABACABADAB", strict=True)
]
DEFINED = [
    ["テーブル名", "受注明細"],
    ["項目名", "物理名", "型", "桁数", "備考"],
    ["受注番号", "JUC_NO", "CHAR", "9", ""],
    ["受注日", "JUC_YMD", "CHAR", "8", "YYYYMMDD"],
    ["顧客コード", "KOK_CD", "CHAR", "8", ""],
    ["顧客名", "KOK_NM", "VARCHAR", "40", ""],
    ["性別区分", "SEI_KBN", "CHAR", "1", "1:男 2:女 9:不明"],
    ["受注区分", "JUC_KBN", "CHAR", "1", "1:都度 2:定期"],
    ["受注状態", "JUC_STS", "CHAR", "1", "A:受注 B:出荷済 C:キャンセル D:返品"],
    ["商品コード", "SHO_CD", "CHAR", "6", ""],
    ["数量", "SURYO", "NUMBER", "5", ""],
    ["販売単価(税抜)", "TANKA", "NUMBER", "9", ""],
    ["値引額", "NEBIKI", "NUMBER", "9", ""],
]


def short() -> DeliveredFile:
    return file_of("JUCHU.csv", [SHORT, *SHORT_ORDERS], "cp932", ",")


@pytest.mark.parametrize("packed", ["workbook", "text"])
def test_short_headers_and_codes_are_read_as_the_definition_words_them(packed: str) -> None:
    document = DeliveredFile("定義書.xlsx", workbook_of({"表紙": [["定義書"]], "受注明細": DEFINED}))
    given = document if packed == "workbook" else file_of("定義書.tsv", [[*row, "", "", ""][:5] for row in DEFINED])
    draft = draft_mapping([short(), given], today=TODAY)
    assert draft.to_decide == []
    found = examine([short()], client_with(tomllib.loads(draft.mapping_text(""))))
    lines = found.tables["order_lines"]
    assert [line["status"] for line in lines.to_pylist()[:4]] == ["ordered", "shipped", "ordered", "cancelled"]
    assert set(lines["order_kind"].to_pylist()) == {"one_off", "subscription"}
    assert sum(lines["ordered_jpy"].to_pylist()) == 900 * len(SHORT_ORDERS)


def test_personal_columns_that_only_the_definition_names_are_cut_and_stand_in_no_draft() -> None:
    draft = draft_mapping([short(), file_of("定義書.tsv", [[*row, "", "", ""][:5] for row in DEFINED])], today=TODAY)
    said = draft.mapping_text("")
    assert tomllib.loads(said)["tables"]["order_lines"]["drop"] == ["KOK_NM"]
    found = examine([short()], client_with(tomllib.loads(said)))
    assert [column["column"] for column in found.receipt["files"][0]["dropped_columns"]] == ["KOK_NM"]
    stored = b"".join(file.content for file in found.files)
    assert "花子" not in stored.decode("utf-8") + said + draft.profile_text()


def test_a_master_shows_coded_values_in_the_words_of_the_definition() -> None:
    members = [["KOK_CD", "SEI_KBN", "ENTRY"], *([f"K{n}", "12"[n % 2], f"202401{n + 10}"] for n in range(6))]
    defined = [["項目名", "物理名", "型", "備考"], ["顧客コード", "KOK_CD", "CHAR", ""]]
    defined += [["性別区分", "SEI_KBN", "CHAR", "1:男 2:女 9:不明"], ["登録日", "ENTRY", "CHAR", ""]]
    files = [file_of("KOKYAKU.csv", members, "cp932", ","), file_of("定義書.tsv", defined)]
    draft = draft_mapping(files, today=TODAY)
    codes = tomllib.loads(draft.mapping_text(""))["tables"]["customers"]["codes"]
    assert codes == {"sex": {"1": "男", "2": "女", "9": "不明"}}
