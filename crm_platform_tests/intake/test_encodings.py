"""Which encoding a file is in: told by its bytes, or declared; and the text that comes out."""

import codecs

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_platform.clients.mapping import TableMapping
from crm_platform.intake import DeliveredFile
from crm_platform.intake.reading.characters import UNREADABLE, decoded
from crm_platform.intake.reading.encodings import choose_encoding
from crm_platform.intake.reading.raw_rows import read_rows
from crm_platform.refusals import Refused

PROSE = "夏の定番、青汁を毎日つづける方へのお知らせです。カタログ同封。東京都の健康食品ストア"
DETECTED = ["utf-8", "utf-8-sig", "cp932", "euc_jp", "iso2022_jp", "utf-16", "utf-16-le", "utf-16-be"]


def read(content: bytes, **mapping):
    return read_rows(DeliveredFile("products.tsv", content), TableMapping("products", **mapping))


def as_file(*values: str) -> str:
    return "\r\n".join(["商品番号\t商品名", *[f"SP-{n:03}\t{value}" for n, value in enumerate(values)]]) + "\r\n"


@pytest.mark.parametrize("encoding", DETECTED)
def test_japanese_prose_is_read_in_every_encoding_without_a_word_from_the_client(encoding):
    rows = read(as_file(PROSE, "石鹸").encode(encoding))
    assert rows.columns["商品名"].texts.to_pylist() == [PROSE, "石鹸"]
    assert rows.reading.encoding == encoding
    assert rows.reading.encoding_reason
    assert rows.row_numbers.tolist() == [2, 3]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.text(st.sampled_from(PROSE + "①髙㈱ｱﾎﾟabc012 "), max_size=12), min_size=1, max_size=5),
    st.sampled_from(DETECTED),
)
def test_whatever_an_encoding_can_hold_comes_back(values, encoding):
    try:
        content = as_file(PROSE, *values).encode(encoding)
    except UnicodeEncodeError:
        return
    rows = read(content)
    assert rows.columns["商品名"].texts.to_pylist() == [PROSE, *[value.strip() for value in values]]


@settings(max_examples=100, deadline=None)
@given(st.text(st.sampled_from(PROSE + "①髙㈱ｱﾎﾟabc012"), max_size=8), st.sampled_from(DETECTED[2:]))
def test_a_declared_encoding_always_wins(value, declared):
    content = as_file(PROSE, f"x{value}x").encode("cp932")
    try:
        rows = read(content, encoding=declared, delimiter="\t")
    except Refused:
        return
    assert rows.reading.encoding == ("utf-16-le" if declared == "utf-16" else declared)
    assert rows.reading.encoding_reason == "declared"


def test_a_file_that_is_declared_as_utf_16_and_is_not_is_refused_as_such():
    with pytest.raises(Refused, match="declared as utf-16, which it is not"):
        read(as_file(PROSE).encode("cp932"), encoding="utf-16")
    assert read(as_file(PROSE).encode("utf-16-le"), encoding="utf-16").reading.encoding == "utf-16-le"


def test_a_byte_order_mark_outdoes_a_declaration():
    assert read(as_file(PROSE).encode("utf-8-sig"), encoding="cp932").reading.encoding == "utf-8-sig"


@pytest.mark.parametrize("text", ["ｱｵｼﾞﾙ", "ｵﾁｬ\tﾐｽﾞ\tｺｰﾋｰ", "ﾃｽﾄ", "ﾄｳｷｮｳﾄ ｼﾌﾞﾔｸ"])
def test_half_width_kana_in_cp932_are_not_mistaken_for_euc(text):
    assert choose_encoding(text.encode("cp932"))[0] == "cp932"


@pytest.mark.parametrize("text", ["カタログ", "健康食品", "東京都", "あおじる\tお茶", "顧客番号\t氏名"])
def test_a_few_words_in_euc_are_not_mistaken_for_half_width_kana(text):
    assert choose_encoding(text.encode("euc_jp"))[0] == "euc_jp"
    assert choose_encoding(text.encode("cp932"))[0] == "cp932"
    assert choose_encoding(text.encode())[0] == "utf-8"


def test_characters_of_windows_are_read_in_euc_and_jis_too():
    row_and_cell = {"①": b"\x2d\x21", "㈱": b"\x2d\x6a", "髙": b"\x7c\x62", "纊": b"\x79\x21"}
    for character, jis in row_and_cell.items():
        euc = bytes(byte | 0x80 for byte in jis)
        assert decoded(euc, "euc_jp") == character
        written = as_file(PROSE).encode("iso2022_jp") + b"SP-9\t\x1b$B" + jis + b"\x1b(B\r\n"
        assert read(written).columns["商品名"].texts.to_pylist() == [PROSE, character]


def test_damage_in_utf_16_costs_its_row():
    content = as_file("石鹸", "壊れた", "青汁").encode("utf-16").replace("壊".encode("utf-16-le"), b"\x00\xd8")
    rows = read(content)
    assert rows.columns["商品名"].texts.to_pylist() == ["石鹸", "青汁"]
    assert [(item.row_number, item.rule) for item in rows.broken] == [(3, "unreadable_bytes")]


def test_damaged_bytes_become_one_mark_and_leave_what_follows():
    assert decoded(b"A\x81\tB", "cp932") == f"A{UNREADABLE}\tB"
    assert decoded(codecs.BOM_UTF8[:2] + b"\tB", "utf-8") == f"{UNREADABLE * 2}\tB"


def test_a_bar_within_a_cp932_character_is_no_delimiter():
    assert b"|" in "ポ".encode("cp932")
    rows = read("商品番号|商品名\r\nSP-1|ポット\r\n".encode("cp932"), delimiter="|")
    assert rows.columns["商品名"].texts.to_pylist() == ["ポット"]


def test_a_header_that_is_there_twice_gets_a_number_and_an_unnamed_one_a_name():
    rows = read("番号,送料,送料,送　料,\n1,100,200,300,x\n".encode())
    assert rows.reading.headers == ("番号", "送料", "送料 (2)", "送　料 (3)", "(column 5)")
    assert [column.texts.to_pylist() for column in rows.columns.values()] == [["1"], ["100"], ["200"], ["300"], ["x"]]


def test_the_mark_by_which_a_spreadsheet_keeps_digits_is_no_part_of_them():
    rows = read("Customer ID,名\n'0123,O'Neil\n'7,'abc\n".encode())
    assert rows.columns["Customer ID"].texts.to_pylist() == ["0123", "7"]
    assert rows.columns["名"].texts.to_pylist() == ["O'Neil", "'abc"]


def test_values_are_read_alike_whether_all_are_quoted_or_none():
    plain = as_file(*[f"{PROSE}{n}" for n in range(50)])
    quoted = "\r\n".join("\t".join(f'"{cell}"' for cell in row.split("\t")) for row in plain.splitlines()) + "\r\n"
    one, other = read(plain.encode("cp932")), read(quoted.encode("cp932"))
    assert one.columns["商品名"].texts.equals(other.columns["商品名"].texts)
    assert one.row_numbers.tolist() == other.row_numbers.tolist()
