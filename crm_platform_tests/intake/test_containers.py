"""Archives and workbooks: the same delivery however it is packed, and no harm from what pretends to be one."""

import datetime as dt
import io
import stat
import struct
import zipfile
import zlib

import pytest

from crm_platform.intake import DeliveredFile, accept_delivery, delivery_id_for, read_inbox
from crm_platform.intake.reading.archives import expand_archives, left_by_systems
from crm_platform.intake.reading.spreadsheets import cell_text, sheet_as_text
from crm_platform.intake.reading.unpacking import Allowance
from crm_platform.refusals import Refused
from crm_platform_tests.intake.containers import (
    PACKINGS,
    as_workbook,
    gzip_of,
    with_part_changed,
    workbook_of,
    zip_of,
    zip_with,
)
from crm_platform_tests.intake.deliveries import (
    LINE_HEADERS,
    PRODUCTS,
    TODAY,
    client_with,
    delivery,
    examine,
    faults_of,
    file_of,
    line,
    masters,
)

ROWS = [LINE_HEADERS, line("A1"), line("A2", 数量="x"), line("A3", 顧客番号="C0000005")]
SHEET = "xl/worksheets/sheet1.xml"


@pytest.mark.parametrize("packing", PACKINGS)
def test_the_same_rows_load_to_identical_tables_however_they_are_packed(packing):
    expected = examine([*masters(), file_of("order_lines.csv", ROWS)])
    packed = PACKINGS[packing]("order_lines", ROWS)
    admitted = examine([*masters(), packed])
    assert admitted.tables["order_lines"] == expected.tables["order_lines"]
    assert faults_of(admitted) == [(3, "数量", "not_whole")]


def test_a_delivery_has_the_same_id_packed_or_not(tmp_path):
    files = delivery([line()])
    packed = [zip_of(files), [gzip_of(file) for file in files], zip_of(files[:2], folder="書き出し/")]
    ids = [delivery_id_for(tmp_path, "acme", given) for given in ([packed[0]], packed[1], [packed[2], *files[2:]])]
    assert set(ids) == {delivery_id_for(tmp_path, "acme", files)}


def test_the_inbox_keeps_the_members_of_an_archive(tmp_path):
    files = delivery([line()])
    accepted = accept_delivery(tmp_path, client_with(), [zip_of(files)], today=TODAY)
    [stored] = read_inbox(tmp_path, "acme")
    assert {file.name: file.content for file in stored.files()} == {file.name: file.content for file in files}
    assert accept_delivery(tmp_path, client_with(), files, today=TODAY).folder == accepted.folder


def test_member_names_of_old_windows_are_cp932():
    archive = zip_of([DeliveredFile("ABCDEFGHIJKL.tsv", file_of("x", PRODUCTS).content)])
    in_cp932 = "商品マスタ表".encode("cp932")  # its last character ends in the byte of a backslash
    renamed = DeliveredFile(archive.name, archive.content.replace(b"ABCDEFGHIJKL", in_cp932))
    assert [file.name for file in expand_archives([renamed])] == ["商品マスタ表.tsv"]


def test_what_systems_add_to_an_archive_is_left_out_and_said(tmp_path):
    members = {file.name: file.content for file in delivery([line()])}
    junk = {"__MACOSX/._media.tsv": b"x", ".DS_Store": b"x", "export/Thumbs.db": b"x", "._media.tsv": b"x"}
    archive = zip_with({**members, **junk, "export/": b""})
    assert {file.name for file in expand_archives([archive])} == set(members)
    assert left_by_systems([archive]) == [f"delivery.zip: {name}" for name in junk]
    assert accept_delivery(tmp_path, client_with(), [archive], today=TODAY).left_out == tuple(
        left_by_systems([archive])
    )


def plain_texts(files) -> list[bytes]:
    return [file.plain for file in expand_archives(files)]


def link() -> zipfile.ZipInfo:
    info = zipfile.ZipInfo("order_lines.tsv")
    info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    return info


def marked(flag: int) -> DeliveredFile:
    """An archive that says of its member that it is encrypted, in both places where it can."""
    content = bytearray(zip_of(masters()[:1]).content)
    content[6:8] = struct.pack("<H", flag)
    central = content.index(b"PK\1\2")
    content[central + 8 : central + 10] = struct.pack("<H", flag)
    return DeliveredFile("delivery.zip", bytes(content))


def by_method(method: int) -> DeliveredFile:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        archive.writestr("order_lines.tsv", "x")
    return DeliveredFile("delivery.zip", out.getvalue())


@pytest.mark.parametrize(
    ("archive", "message"),
    [
        *[
            (zip_with({name: b"x"}), "outside of itself")
            for name in ("../x.tsv", "a/../../x.tsv", "/x.tsv", "C:\\x.tsv")
        ],
        (zip_with({"a\\x.tsv": b"x"}), "outside of itself"),
        (zip_with({link(): b"/etc/passwd"}), "is a link"),
        (zip_with({"inner.zip": zip_of(masters()).content}), "is itself packed"),
        (zip_with({"inner.csv": gzip_of(masters()[0]).content}), "is itself packed"),
        (gzip_of(gzip_of(masters()[0]), "x.csv"), "packed more than once"),
        (gzip_of(zip_of(masters()), "x.csv"), "packed more than once"),
        (marked(0x1), "has a password"),
        (by_method(zipfile.ZIP_LZMA), "unusual method"),
        (by_method(zipfile.ZIP_BZIP2), "unusual method"),
        (zip_with({"a/x.tsv": b"1", "b/X.tsv": b"2"}), "two files named 'X.tsv'"),
        (zip_with({f"{n}.tsv": b"x" for n in range(101)}), "holds 101 files"),
        (zip_with({}), "holds 0 files"),
        (zip_with({"__MACOSX/x": b""}), "holds 0 files"),
        (DeliveredFile("delivery.zip", zip_of(masters()).content[:-30]), "cannot be unpacked"),
        (DeliveredFile("x.csv", gzip_of(masters()[0]).content[:-9]), "cannot be unpacked"),
        (DeliveredFile("x.csv", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)), "old .xls or has a password"),
    ],
)
def test_an_archive_that_is_no_plain_pack_of_files_is_refused(archive, message):
    with pytest.raises(Refused, match=message) as refusal:
        plain_texts([archive])
    assert refusal.value.file == archive.name
    assert refusal.value.remedy


def with_false_size(archive: DeliveredFile) -> DeliveredFile:
    """The archive with a central directory that promises ten bytes."""
    content = bytearray(archive.content)
    central = content.index(b"PK\1\2")
    content[central + 24 : central + 28] = struct.pack("<I", 10)
    return DeliveredFile(archive.name, bytes(content))


ZEROS = zip_with({"x.tsv": bytes(20 << 20)})


@pytest.mark.parametrize(
    "bomb",
    [
        ZEROS,
        zip_with({f"{n}.tsv": bytes(3 << 20) for n in range(6)}),
        gzip_of(DeliveredFile("x.tsv", bytes(20 << 20))),
        DeliveredFile(
            "x.xlsx", with_part_changed(workbook_of({"a": [["x"]]}), SHEET, lambda xml: xml + bytes(20 << 20))
        ),
    ],
)
def test_a_bomb_is_refused_while_it_unpacks(bomb):
    with pytest.raises(Refused, match=r"unpacks to more than 1[6-9] MiB out of") as refusal:
        plain_texts([bomb])
    assert refusal.value.file == bomb.name


def test_the_size_that_a_header_states_is_not_believed():
    with pytest.raises(Refused):
        expand_archives([with_false_size(ZEROS)])


def test_no_content_is_larger_than_allowed_however_well_it_is_packed():
    allowance = Allowance("x.zip", packed_bytes=1 << 30, most_bytes=1000)
    allowance.read(io.BytesIO(bytes(600)))
    with pytest.raises(Refused, match=r"x\.zip"):
        allowance.read(io.BytesIO(bytes(600)))


def test_a_list_that_packs_well_is_no_bomb():
    rows = "".join(f"A{n}\t1\tC0000001\t2025/05/01\t出荷済\r\n" for n in range(600_000)).encode("cp932")
    assert len(rows) > 16 << 20
    assert [file.content for file in expand_archives([zip_with({"x.tsv": rows})])] == [rows]


# --- workbooks --------------------------------------------------------------------------------------------------------


def texts_of(rows, sheet=None) -> list[list[str]]:
    text = sheet_as_text(workbook_of({"受注": rows}), sheet, "x.xlsx").decode()
    return [text_line.split("\t") for text_line in text.split("\n")[:-1]]


def test_cells_become_the_text_that_the_platform_casts():
    cells = {
        dt.datetime(2025, 5, 1): "2025-05-01",
        dt.datetime(2025, 5, 1, 10, 14, 3): "2025-05-01 10:14:03",
        dt.time(10, 5): "10:05:00",
        45778.0: "45778",
        3980: "3980",
        0.1: "0.1",
        -1500: "-1500",
        1e21: "1" + "0" * 21,
        2.5e-7: "0.00000025",
        True: "1",
        "2行\nの\tメモ": "2行 の メモ",
        "㈱髙橋①": "㈱髙橋①",
        "0001": "0001",
    }
    assert texts_of([[str(n) for n in range(len(cells))], list(cells)])[1] == list(cells.values())
    assert cell_text(dt.timedelta(hours=30, minutes=15)) == "30:15:00"


def test_the_row_numbers_are_those_of_the_sheet():
    rows = [LINE_HEADERS, line("A1"), [], [], line("A2", 数量="x"), line("A3", 数量="0")]
    admitted = examine([*masters(), as_workbook("order_lines.xlsx", rows)])
    assert faults_of(admitted) == [(5, "数量", "not_whole"), (6, "数量", "zero_quantity")]
    assert admitted.receipt["accounts"]["order_lines"]["delivered"] == 3


def test_an_error_in_a_cell_costs_its_row_and_is_not_taken_for_an_empty_cell():
    broken = [number if header != "値引" else "=NA()" for header, number in zip(LINE_HEADERS, line("A2"), strict=True)]
    content = workbook_of({"a": [LINE_HEADERS, line("A1"), broken]})
    content = with_part_changed(
        content, SHEET, lambda xml: xml.replace(b"<f>NA()</f><v>0</v>", b"<f>NA()</f><v>#N/A</v>")
    )
    content = with_part_changed(content, SHEET, lambda xml: xml.replace(b'<c r="J3">', b'<c r="J3" t="e">'))
    admitted = examine([*masters(), DeliveredFile("order_lines.xlsx", content)])
    assert faults_of(admitted) == [(3, "値引", "not_a_number")]


def test_quotation_marks_and_delimiters_in_a_cell_stay_in_it():
    products = [["商品番号", "商品名"], ["SP-001", '12" 皿, "大"'], ["SP-002", "a;b,c\td"]]
    admitted = examine([as_workbook("products.xlsx", products), *delivery([line()])[1:]])
    assert admitted.tables["products"]["product_name"].to_pylist() == ['12" 皿, "大"', "a;b,c d"]


def test_phonetic_marks_are_no_part_of_a_text():
    def with_reading(xml: bytes) -> bytes:
        return xml.replace("<t>東京</t>".encode(), "<t>東京</t><rPh sb='0' eb='2'><t>トウキョウ</t></rPh>".encode())

    content = with_part_changed(workbook_of({"a": [["東京"]]}), "xl/sharedStrings.xml", with_reading)
    assert sheet_as_text(content, None, "x.xlsx").decode() == "東京\n"


def test_the_one_visible_sheet_that_holds_anything_is_read_or_the_one_that_is_named():
    content = workbook_of({"空": [], "受注": [["a"]], "コード": [["b"]]}, hidden=["コード"])
    assert sheet_as_text(content, None, "x.xlsx") == b"a\n"
    assert sheet_as_text(content, "コード", "x.xlsx") == b"b\n"
    assert sheet_as_text(content, "ｺｰﾄﾞ", "x.xlsx") == b"b\n"
    assert DeliveredFile("x.csv", content).of_sheet("コード").plain == b"b\n"


def extended(content: bytes, cell: bytes) -> bytes:
    row = b"<row><c r='" + cell + b"'><v>1</v></c></row></sheetData>"
    return with_part_changed(content, SHEET, lambda xml: xml.replace(b"</sheetData>", row))


ONE = workbook_of({"受注": [["a"], ["b"]]})


@pytest.mark.parametrize(
    ("content", "sheet", "message"),
    [
        (workbook_of({"受注": [["a"]], "商品": [["b"]]}), None, "2 sheets: '受注', '商品'"),
        (ONE, "商品", "no sheet '商品' .it has '受注'"),
        (workbook_of({"受注": []}), None, "the workbook is empty"),
        (workbook_of({"受注": [[], ["a"]]}), None, "the first row of the sheet is empty"),
        (extended(ONE, b"XFD1048576"), None, "reaches to row 1,048,576 and column 16,384, but holds only 3 cells"),
        (extended(ONE, b"A99999999"), None, "reaches to row 99,999,999"),
        (zip_with({"[Content_Types].xml": b"", "word/document.xml": b""}).content, None, "no .xlsx workbook"),
        (with_part_changed(ONE, SHEET, lambda xml: xml[:400]), None, "damaged"),
        (with_part_changed(ONE, "xl/workbook.xml", lambda _: b"<"), None, "damaged|empty"),
        (ONE[:-100], None, "cannot be unpacked"),
    ],
)
def test_a_workbook_that_cannot_be_used_is_refused(content, sheet, message):
    with pytest.raises(Refused, match=message) as refusal:
        sheet_as_text(content, sheet, "x.xlsx")
    assert refusal.value.file == "x.xlsx"
    assert refusal.value.remedy


def test_a_workbook_of_a_sheet_per_table_is_told_that_a_file_is_one_table():
    content = workbook_of({"取引明細": [LINE_HEADERS, line()], "商品マスター": [["商品番号"], ["P1"]]})
    with pytest.raises(
        Refused, match="belongs to no table: the workbook has 2 sheets, and a file is one table"
    ) as refused:
        examine([*masters(), DeliveredFile("1月.xlsx", content)])
    assert "Save each sheet as a file of its own, named after its table" in refused.value.remedy


def test_a_text_that_a_million_cells_share_is_no_way_to_fill_the_memory():
    cells = b"".join(b"<row><c t='s'><v>0</v></c></row>" for _ in range(70_000))
    content = workbook_of({"a": [["q" * 32_000]]})
    content = with_part_changed(content, SHEET, lambda xml: xml.replace(b"</sheetData>", cells + b"</sheetData>"))
    with pytest.raises(Refused, match="texts of a sheet are too long"):
        sheet_as_text(content, None, "x.xlsx")


@pytest.mark.parametrize("name", ["order_lines.xls", "order_lines.pdf", "a\udcff.csv", "a\n.csv"])
def test_files_of_other_kinds_are_refused_by_name(name):
    with pytest.raises(Refused):
        examine([*masters(), DeliveredFile(name, zlib.compress(b"x"))])
