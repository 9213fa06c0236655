"""Table definitions (テーブル定義書, R03): read as they come, written, and held against files."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_platform.clients.mapping import TableMapping
from crm_platform.intake import DeliveredFile, accept_delivery
from crm_platform.intake.drafting.definition import DefinedColumn, DefinedTable, Definition, Kind
from crm_platform.intake.drafting.definition_documents import definition_text, is_definition, read_definition
from crm_platform.intake.drafting.holding import differences, hold_files
from crm_platform.intake.reading.raw_rows import RawRows, read_rows
from crm_platform.refusals import Refused
from crm_platform_tests.intake.containers import workbook_of
from crm_platform_tests.intake.deliveries import TODAY, client_with, delivery, file_of, line

_TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Zl", "Zp", "Zs"]), min_size=1, max_size=8)
_KINDS: list[Kind] = ["text", "number", "date", "code", "flag"]


@st.composite
def definitions(draw: st.DrawFn) -> Definition:
    tables = []
    for name in draw(st.lists(_TEXT, min_size=1, max_size=3, unique_by=str.casefold)):
        names = draw(st.lists(st.integers(1, 99), min_size=1, max_size=4, unique=True))
        columns = [
            DefinedColumn(
                name=f"項目{number}",
                kind=draw(st.sampled_from(_KINDS)),
                physical_name=draw(st.one_of(st.just(""), st.just(f"col_{number}"))),
                length=draw(st.one_of(st.none(), st.integers(1, 4000))),
                required=draw(st.booleans()),
                key=draw(st.booleans()),
                codes=tuple(draw(st.dictionaries(_TEXT, _TEXT, max_size=3)).items()),
                meaning=draw(st.one_of(st.just(""), _TEXT)),
            )
            for number in names
        ]
        tables.append(DefinedTable(name, tuple(columns), draw(st.sampled_from(["", "juchu_*.csv"]))))
    return Definition(tuple(tables))


@given(definitions())
@settings(max_examples=60, deadline=None, derandomize=True)
def test_a_definition_that_is_written_is_read_back_equal(definition: Definition) -> None:
    text = definition_text(definition)
    assert read_definition([DeliveredFile("definition.tsv", text.encode())]) == definition


_DOCUMENT = """テーブル定義書\t\t\t\t\t\t\t
テーブル名\t受注明細\t\t作成日\t2025/06/01\t\t\t
\t\t\t\t\t\t\t
No\tカラム論理名\tカラム物理名\tデータ型\t桁数\tNOT NULL\t主キー\t区分値
1\t注文番号\torder_no\tVARCHAR2(20)\t\t○\t1\t
2\t受注日\tjuchu_date\tDATE\t\t○\t\t
3\t状態\tstatus\tchar\t2\t\t\t1:新規受付 3:注文取消し、9：返品
4\t金額\tamount\tNUMBER(10,2)\t\t×\t\t-
5\t退会\tleft\tフラグ\t\t\t\t０＝否、１＝済
"""


def test_a_document_with_titles_and_the_usual_headings_is_understood() -> None:
    (table,) = read_definition([DeliveredFile("def.tsv", _DOCUMENT.encode("cp932"))]).tables
    assert (table.name, [column.kind for column in table.columns]) == (
        "受注明細",
        ["text", "date", "text", "number", "flag"],
    )
    order, day, state, amount, left = table.columns
    assert (order.physical_name, order.length, order.required, order.key) == ("order_no", 20, True, True)
    assert (day.required, day.key, amount.required, amount.length) == (True, False, False, 10)
    assert state.codes == (("1", "新規受付"), ("3", "注文取消し"), ("9", "返品"))
    assert left.codes == (("０", "否"), ("１", "済"))


def test_the_same_document_says_the_same_as_csv_and_as_a_workbook_of_several_sheets() -> None:
    as_text = read_definition([DeliveredFile("def.tsv", _DOCUMENT.encode())])
    as_csv = _DOCUMENT.replace("\t", ",").replace("NUMBER(10,2)", '"NUMBER(10,2)"').encode("cp932")
    rows = [row.split("\t") for row in _DOCUMENT.splitlines()]
    book = workbook_of({"受注明細": rows, "会員": rows})
    assert read_definition([DeliveredFile("def.csv", as_csv)]) == as_text
    both = read_definition([DeliveredFile("定義書.xlsx", book)]).tables
    assert [table.name for table in both] == ["受注明細", "会員"]
    assert both[0].columns == as_text.tables[0].columns


def test_null_columns_say_the_reverse_of_required() -> None:
    text = "項目名,型,NULL\nA,文字列,○\nB,文字列,×\nC,文字列,NOT NULL\nD,文字列,\n"
    (table,) = read_definition([DeliveredFile("def.csv", text.encode())]).tables
    assert [column.required for column in table.columns] == [False, True, True, False]


@pytest.mark.parametrize(
    ("row", "column", "number"),
    [
        ("A\t謎\t\t\t", "型", 3),
        ("A\t文字列\t長い\t\t", "桁数", 3),
        ("A\t文字列\t\tたぶん\t", "必須", 3),
        ("A\t区分\t\t\t別紙参照", "コード値", 3),
        ("ok\t文字列\t\t\t", "項目名", 3),
    ],
)
def test_what_cannot_be_understood_is_refused_with_row_and_column(row: str, column: str, number: int) -> None:
    text = f"項目名\t型\t桁数\t必須\tコード値\nok\t文字列\t\t\t\n{row}\nb\t文字列\t\t\t\nc\t文字列\t\t\t\n"
    with pytest.raises(Refused) as refused:
        read_definition([DeliveredFile("def.tsv", text.encode())])
    assert (refused.value.row, refused.value.column) == (number, column)


def test_data_is_told_from_definitions() -> None:
    assert is_definition(DeliveredFile("def.tsv", _DOCUMENT.encode()))
    products = "name,type,length,price\n青汁,食品,30cm,100\n石鹸,雑貨,5cm,200\n"
    assert not is_definition(DeliveredFile("p.csv", products.encode()))
    assert not any(is_definition(file) for file in delivery([line()]))


_LINES = DefinedTable(
    "受注",
    (
        DefinedColumn("注文番号", "text", length=6, required=True, key=True),
        DefinedColumn("受注日", "date"),
        DefinedColumn("状態", "code", codes=(("1", "受注"), ("9", "返品"))),
        DefinedColumn("金額", "number", physical_name="amount"),
    ),
    "juchu_*",
)


def _read(rows: list[list[str]]) -> RawRows:
    return read_rows(file_of("juchu_2025.tsv", rows), TableMapping("order_lines"))


def _sound(count: int = 400) -> list[list[str]]:
    return [["注文番号", "受注日", "状態", "AMOUNT"], *[[f"A{n}", "2025/05/01", "1", "1,200円"] for n in range(count)]]


def test_a_file_as_defined_shows_no_difference() -> None:
    assert differences(Definition((_LINES,)), [_read(_sound())], 0.0) == []


def test_every_planted_difference_is_listed_at_once_and_none_other() -> None:
    rows = _sound()
    rows[0] = ["注文番号", "受注日", "状態", "備考"]
    rows[5] = ["", "2025/05/01", "7", "x"]
    rows[6] = ["A5", "五月一日", "1", "x"]
    rows[7] = ["A000000006", "2025/05/01", "1", "x"]
    found = differences(Definition((_LINES,)), [_read(rows)], 0.0)
    assert {(item.column, item.kind) for item in found} == {
        ("金額", "missing"),
        ("備考", "added"),
        ("注文番号", "null"),
        ("注文番号", "length"),
        ("受注日", "type"),
        ("状態", "code"),
    }
    assert [str(item) for item in found if item.kind == "code"] == [
        "juchu_2025.tsv, column 状態: undeclared code values: '7'"
    ]


def test_a_tolerated_share_of_bad_values_is_left_to_the_quarantine_but_codes_and_columns_are_not() -> None:
    rows = _sound()
    rows[5] = ["", "五月一日", "7", "x"]
    assert {item.kind for item in differences(Definition((_LINES,)), [_read(rows)], 0.005)} == {"code"}


def test_a_file_of_no_defined_table_is_a_difference() -> None:
    (found,) = differences(Definition((_LINES,)), [read_rows(delivery([line()])[0], TableMapping("products"))], 0.0)
    assert (found.kind, found.file) == ("table", "products.tsv")


def test_a_delivery_that_differs_from_the_definition_is_held_and_nothing_is_written(tmp_path: Path) -> None:
    files = delivery([line()])
    columns = {
        file.stem: [DefinedColumn(name, "text") for name in file.content.decode("cp932").splitlines()[0].split("\t")]
        for file in files
    }
    sound = Definition(tuple(DefinedTable(stem, tuple(named)) for stem, named in columns.items()))
    columns["order_lines"].append(DefinedColumn("定期番号", "text"))
    columns["products"].pop()
    other = Definition(tuple(DefinedTable(stem, tuple(named)) for stem, named in columns.items()))
    with pytest.raises(Refused, match=r"(?s)in 2 places:.*定価.*定期番号"):
        accept_delivery(tmp_path, client_with(), files, today=TODAY, definition=other)
    assert not list(tmp_path.glob("*/[0-9]*"))
    accepted = accept_delivery(tmp_path, client_with(), files, today=TODAY, definition=sound)
    assert accepted.folder.is_dir()
    assert dt.date.fromisoformat(accepted.receipt["examined_on"]) == TODAY


def test_what_is_written_in_our_own_layout_needs_no_definition_of_the_client_unless_it_gives_one() -> None:
    files = delivery([line()])
    named = {file.stem: file.content.decode("cp932").splitlines()[0].split("\t") for file in files}
    tables = [DefinedTable(stem, tuple(DefinedColumn(name, "text") for name in names)) for stem, names in named.items()]
    contacts = file_of("contacts.tsv", [["顧客番号", "施策コード", "コンタクト日", "チャネル"]])
    totals = file_of("検収.tsv", [["年月", "受注件数"], ["2025-05", "1"]])
    ours = [DeliveredFile(contacts.name, contacts.content + b"C0000001\tx\t2025/05/01\tdm\r\n"), totals]
    hold_files(Definition(tuple(tables)), client_with(), [*files, *ours])
    strange = file_of(
        "contacts.tsv", [["顧客番号", "施策コード", "コンタクト日", "手段"], ["C0000001", "x", "2025/05/01", "dm"]]
    )
    with pytest.raises(Refused, match=r"contacts\.tsv: no table of the definition"):
        hold_files(Definition(tuple(tables)), client_with(), [*files, strange])
    own = DefinedTable("contacts", (DefinedColumn("顧客番号", "text"), DefinedColumn("備考", "text")))
    with pytest.raises(Refused, match="column 備考: defined in contacts"):
        hold_files(Definition((*tables, own)), client_with(), [*files, ours[0]])
