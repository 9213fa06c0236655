"""Files as Japanese systems export them: encodings, delimiters, quotation, damage."""

import gzip

import pytest

from crm_platform.clients import Client
from crm_platform.intake import DeliveredFile
from crm_platform.intake.reading.encodings import choose_encoding
from crm_platform.refusals import Refused
from crm_platform_tests.intake.deliveries import (
    CUSTOMERS,
    LINE_HEADERS,
    MEDIA,
    PRODUCTS,
    client_with,
    delivery,
    examine,
    faults_of,
    file_of,
    line,
    masters,
    text_of,
)


def with_lines(content: bytes, name: str = "order_lines.tsv") -> list[DeliveredFile]:
    return [*masters(), DeliveredFile(name, content)]


@pytest.mark.parametrize("delimiter", ["\t", ","])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932"])
def test_the_same_rows_load_to_identical_tables_in_any_encoding_and_delimiter(encoding, delimiter):
    files = [
        file_of("products.csv", PRODUCTS, encoding, delimiter),
        file_of("customers.csv", CUSTOMERS, encoding, delimiter),
        file_of("media.csv", MEDIA, encoding, delimiter),
        file_of("order_lines.csv", [LINE_HEADERS, line(), line("A2")], encoding, delimiter),
    ]
    expected = examine(delivery([line(), line("A2")]))
    assert examine(files).tables == expected.tables


def test_difficult_cp932_characters_arrive_whole():
    names = examine(delivery([line()])).tables["products"]["product_name"].to_pylist()
    assert names == ["青汁①", "㈱髙橋の石鹸～"]


def test_a_packed_file_is_the_same_delivery():
    plain = delivery([line()])
    packed = [*plain[:3], DeliveredFile("order_lines.tsv.gz", gzip.compress(plain[3].content))]
    assert examine(packed).tables == examine(plain).tables


def test_a_broken_archive_is_refused():
    with pytest.raises(Refused, match=r"order_lines\.tsv\.gz: the file cannot be unpacked"):
        examine(with_lines(b"\x1f\x8bnot gzip", "order_lines.tsv.gz"))


def test_japanese_file_names_are_found_even_decomposed():
    renamed = dict(
        zip([f.name for f in masters()], ["商品マスター.tsv", "顧客マスター.tsv", "媒体マスター.tsv"], strict=True)
    )
    files = [DeliveredFile(renamed.get(f.name, "取引明細.tsv"), f.content) for f in delivery([line()])]
    assert examine(files).tables["order_lines"].num_rows == 1


def test_english_headers_load_to_the_same_lines():
    english = (
        "order_id line_no customer_id ordered_at status order_kind product_id quantity unit_price_jpy "
        "discount_jpy media_id"
    )
    rows = [english.split(), line(状態="shipped", 注文区分="one_off")]
    files = [*masters(), file_of("order_lines.tsv", rows, "utf-8")]
    assert examine(files).tables["order_lines"] == examine(delivery([line()])).tables["order_lines"]


def test_full_width_headers_match():
    rows = [[header.replace("注文番号", "注文番号　") for header in LINE_HEADERS], line()]
    assert examine([*masters(), file_of("order_lines.tsv", rows)]).tables["order_lines"].num_rows == 1


def test_bad_bytes_cost_their_row_and_nothing_else():
    good = text_of([LINE_HEADERS, line("A1"), line("A2"), line("A3")]).encode("cp932")
    admitted = examine(with_lines(good.replace(b"A2", b"A\x81")))
    assert faults_of(admitted) == [(3, "注文番号", "unreadable_bytes")]
    assert admitted.tables["order_lines"]["order_id"].to_pylist() == ["A1", "A3"]


def test_bad_bytes_before_a_tab_leave_the_tab_a_delimiter():
    good = text_of([LINE_HEADERS, line("A1"), line("A2")]).encode("cp932")
    admitted = examine(with_lines(good.replace(b"A2\t", b"A2\xe0\t")))
    assert faults_of(admitted) == [(3, "注文番号", "unreadable_bytes")]


def test_one_damaged_line_does_not_turn_utf8_into_cp932():
    content = "\n".join(["名前", *["東京都", "大阪府", "青汁"] * 5]).encode() + b"\n\x83\xff\n"
    assert choose_encoding(content)[0] == "utf-8"


def test_a_wrong_number_of_fields_costs_its_row():
    rows = [LINE_HEADERS, line("A1"), line("A2")[:-1], [*line("A3"), ""], line("A4")]
    admitted = examine([*masters(), file_of("order_lines.tsv", rows)])
    assert faults_of(admitted) == [(3, "(whole row)", "field_count"), (4, "(whole row)", "field_count")]
    assert admitted.tables["order_lines"]["order_id"].to_pylist() == ["A1", "A4"]


def test_quoted_line_breaks_and_delimiters_keep_physical_row_numbers():
    rows = [["商品番号", "商品名"], ["SP-001", '"青\r\n汁\t""極"""'], ["SP-002", "石鹸"], ["SP-001", "again"]]
    admitted = examine([file_of("products.tsv", rows), *delivery([line()])[1:]])
    assert admitted.tables["products"]["product_name"][0].as_py() == '青\n汁\t"極"'
    assert faults_of(admitted) == [(5, "商品番号", "duplicate_key")]


def test_a_quotation_that_is_never_closed_costs_its_line_only():
    rows = [["商品番号", "商品名"], ["SP-001", '"青汁'], ["SP-002", "石鹸"], ["SP-003", '12" 皿']]
    lines = [line(商品番号="SP-002"), line("A2", 商品番号="SP-003")]
    admitted = examine([file_of("products.tsv", rows), *delivery(lines)[1:]])
    assert faults_of(admitted) == [(2, "(whole row)", "quotation")]
    assert admitted.tables["products"]["product_name"].to_pylist() == ["石鹸", '12" 皿']


def test_blank_lines_and_an_old_end_mark_are_no_rows():
    content = text_of([LINE_HEADERS, line("A1")]).encode() + b"\r\n" + text_of([line("A2")]).encode() + b"\r\n\x1a"
    admitted = examine(with_lines(content))
    assert admitted.receipt["accounts"]["order_lines"]["delivered"] == 2


def test_a_header_that_stands_again_between_the_rows_is_no_row_and_its_line_is_named():
    files = with_lines(text_of([LINE_HEADERS, line("A1"), LINE_HEADERS, line("A2")]).encode())
    admitted = examine(files)
    assert admitted.tables["order_lines"]["order_id"].to_pylist() == ["A1", "A2"]
    assert [file["header_again_on_lines"] for file in admitted.receipt["files"]] == [[], [], [], [3]]
    assert admitted.receipt["accounts"]["order_lines"]["delivered"] == 2


def test_a_header_that_stands_there_twice_and_nothing_else_is_a_file_without_rows():
    with pytest.raises(Refused, match="a header but no rows"):
        examine(with_lines(text_of([LINE_HEADERS, LINE_HEADERS]).encode()))


@pytest.mark.parametrize("intake", [{}, {"tables": {"subscription_events": {"file": "定期の出来事.txt"}}}])
def test_a_month_without_a_new_product_or_event_is_delivered_with_files_of_a_header_alone(intake):
    client = client_with(intake)
    first = examine(delivery([line()]), client)
    empty = [
        file_of(file.name, [text.split("\t") for text in file.content.decode("cp932").split("\r\n")[:1]])
        for file in masters()
    ]
    events = file_of("定期の出来事.txt" if intake else "subscription_events.tsv", [["定期番号", "イベント", "発生日"]])
    second = examine([*empty, events, file_of("order_lines.tsv", [LINE_HEADERS, line("A2")])], client, 2, [first])
    assert second.tables["order_lines"]["order_id"].to_pylist() == ["A2"]
    assert {name: second.receipt["accounts"][name]["delivered"] for name in second.receipt["accounts"]} == {
        "products": 0,
        "customers": 0,
        "media": 0,
        "order_lines": 1,
        "subscription_events": 0,
    }
    assert (second.receipt["same_spec"], faults_of(second)) == (True, [])


def test_line_ends_that_were_translated_twice_are_line_ends():
    content = text_of([LINE_HEADERS, line("A1"), line("A2")], line_end="\r\r\n").encode("cp932")
    for damaged in (content, content.removesuffix(b"\n")):
        admitted = examine(with_lines(damaged))
        assert faults_of(admitted) == []
        assert admitted.tables["order_lines"]["order_id"].to_pylist() == ["A1", "A2"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b"\r\n\r\n", "the file is empty"),
        (text_of([LINE_HEADERS]).encode(), "a header but no rows"),
        (text_of([[*LINE_HEADERS, "別の項目"], [*line(), "x"]]).encode(), "the header '別の項目' is not known"),
        (text_of([LINE_HEADERS[1:], line()[1:]]).encode(), "lacks the required column order_id"),
        (text_of([[*LINE_HEADERS, "数　量"], [*line(), "1"]]).encode(), "the header '数　量 .2.' is not known"),
        (text_of([[*LINE_HEADERS, ""], [*line(), "1"]]).encode(), "the header '.column 12.' is not known"),
        ("注文番号".encode("utf-16"), "a header but no rows"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "is not known"),
        (text_of([line(), line("A2")]).encode(), "the first line holds values"),
        (b"\x00\x01\x02\n\x00", "the header of column 1 is no text in the encoding"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_by_name(content, message):
    with pytest.raises(Refused, match=message) as refusal:
        examine(with_lines(content))
    assert refusal.value.file == "order_lines.tsv"
    assert refusal.value.remedy


def test_every_missing_file_is_named_at_once():
    with pytest.raises(Refused, match=r"lacks customers .*, media .*") as refusal:
        examine([delivery([line()])[0], delivery([line()])[3]])
    assert "products (" not in refusal.value.problem


def test_a_file_that_belongs_to_no_table_is_refused():
    with pytest.raises(Refused, match=r"notes\.txt: the file belongs to no table"):
        examine([*delivery([line()]), DeliveredFile("notes.txt", b"x")])


@pytest.mark.parametrize(
    "name", ["../order_lines.tsv", "a/b.tsv", ".hidden.tsv", "order_lines.xlsx", "", "x" * 300 + ".tsv"]
)
def test_names_that_are_no_plain_text_files_are_refused(name):
    with pytest.raises(Refused):
        examine([*masters(), DeliveredFile(name, b"x")])


def test_two_spellings_of_one_name_are_refused():
    files = delivery([line()])
    with pytest.raises(Refused, match="two files of this name"):
        examine([*files, DeliveredFile("ORDER_LINES.tsv", files[3].content)])


def test_a_table_may_come_in_several_files():
    parts = [file_of(f"order_lines_{n}.tsv", [LINE_HEADERS, line(f"A{n}")]) for n in (2024, 2025)]
    admitted = examine([*masters(), *parts])
    assert admitted.tables["order_lines"]["order_id"].to_pylist() == ["A2024", "A2025"]
    assert [file["rows"] for file in admitted.receipt["files"]] == [2, 5, 1, 1, 1]


def test_the_receipt_says_how_a_file_was_read():
    read = examine(delivery([line()])).receipt["files"][0]
    assert (read["encoding"], read["delimiter"]) == ("cp932", "\t")
    assert read["encoding_reason"] == "3 of 3 lines with other than ASCII characters are valid cp932"


def test_the_specification_is_the_same_until_a_column_is_added_or_moved():
    def fingerprint(headers, row, client: Client):
        return examine([*masters(), file_of("order_lines.tsv", [headers, row])], client).receipt["files"][3][
            "spec_fingerprint"
        ]

    usual = fingerprint(LINE_HEADERS, line(), client_with())
    assert usual == fingerprint(LINE_HEADERS, line("B7", 数量="９", 値引=""), client_with())
    assert usual != fingerprint([*LINE_HEADERS, "送料"], [*line(), "500"], client_with())
    assert usual != fingerprint(LINE_HEADERS[::-1], line()[::-1], client_with())
