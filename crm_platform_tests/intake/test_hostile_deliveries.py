"""Deliveries that would slip money, persons or a false difference past the intake, each met once in an attack on it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from crm_platform.clients import Client
from crm_platform.intake import (
    Admitted,
    DeliveredFile,
    HashKey,
    accept_delivery,
    examine_delivery,
    read_admitted,
    rules_of,
)
from crm_platform.intake.guard.shown_values import is_shown_reason, shown_code
from crm_platform.intake.guard.telling_headers import kind_told
from crm_platform.refusals import Refused
from crm_platform_tests.intake.cart_exports import SHOPIFY_HEADERS, csv_bytes
from crm_platform_tests.intake.containers import workbook_of
from crm_platform_tests.intake.deliveries import (
    LINE_HEADERS,
    TODAY,
    client_with,
    delivery,
    examine,
    file_of,
    line,
    masters,
)

PERSONAL_HEADERS = """
    注文者名前 顧客名称 お客さま名 名義人 カード名義 ご芳名 宛先 領収書宛先 届け先 お届先名 送り主 贈り主名
    受取人 担当 受注担当者 市区町村 町域 マンション名 号室 ビル名 所在地 ご連絡先 PCメール Ｅメール 携帯アドレス
    ログインID user_name ニックネーム 誕生月日 法人名 部署名 屋号 IPアドレス カード下4桁 card_last4
    LINEユーザーID マイナンバー パスワード 緯度 住所（都道府県以降） 都道府県以下住所 都道府県市区町村
    媒体担当者氏名 メール配信用アドレス 名入れ 配送指示 置き配場所 name_kana
"""
HARMLESS_HEADERS = """
    注文者住所都道府県 配送先_都道府県(名称) 都道府県(ID) 都道府県区分 Billing_Province 送付先ID 送付先合計金額
    媒体名 広告主名 会員ステータス(名称) 出荷メール送信日 メールキャリアコード 複数送付先フラグ 購入オファー
    市区町村コード 媒体コード 配送先_都道府県(ID) キャンペーン名 メール便送料
"""
KEY = HashKey(b"of sixteen bytes or more")
SHOPIFY = client_with({"preset": "shopify"})


def shopify_file(*rows: Mapping[str, str], header_of_email: str = "Email", name: str = "orders.csv") -> DeliveredFile:
    """An orders_export.csv; a row holds what differs from a plain order of one line for 1,000 yen."""
    plain = {"Name": "#1", "Email": "a@mihon.example.jp", "Financial Status": "paid", "Currency": "JPY"}
    plain |= {"Subtotal": "1000", "Created at": "2025-05-01 10:00:00 +0900", "Lineitem quantity": "1"}
    plain |= {"Lineitem name": "P", "Lineitem price": "1000", "Lineitem sku": "S1"}
    headers = [header_of_email if header == "Email" else header for header in SHOPIFY_HEADERS]
    values = [[(plain | row).get(header, "") for header in SHOPIFY_HEADERS] for row in rows]
    return DeliveredFile(name, csv_bytes(headers, values, "utf-8", "\n"))


def examined(file: DeliveredFile, client: Client = SHOPIFY) -> Admitted:
    """The one file, examined with a hash key."""
    return examine_delivery(client, [file], delivery_id="0001-000000000000", today=TODAY, hash_key=KEY)


@pytest.mark.parametrize("header", PERSONAL_HEADERS.split())
def test_a_header_that_names_a_person_or_where_to_find_one_is_told_in_whatever_words(header: str) -> None:
    assert kind_told(header, "order_lines")
    assert kind_told(header, "customers")


@pytest.mark.parametrize("header", HARMLESS_HEADERS.split())
def test_a_header_that_names_no_person_is_left_alone(header: str) -> None:
    assert not kind_told(header, "order_lines")


def test_a_column_that_only_claims_to_be_a_keyed_hash_is_refused_and_its_addresses_are_not_shown() -> None:
    with pytest.raises(Refused, match="named as a keyed hash") as refused:
        examined(shopify_file({}, header_of_email="hash(Email)"))
    assert "mihon.example" not in str(refused.value)


def test_a_stored_workbook_holds_nothing_but_the_sheet_that_was_read() -> None:
    planted = "架空山試子"
    rows = {"受注": [LINE_HEADERS, line()], "名簿": [["氏名"], [planted]]}
    client = client_with({"tables": {"order_lines": {"sheet": "受注"}}})
    delivered = [*masters(), DeliveredFile("order_lines.xlsx", workbook_of(rows))]
    first = examine(delivered, client)
    stored = next(file for file in first.files if file.name == "order_lines.xlsx")
    assert not stored.is_workbook
    assert planted not in stored.plain.decode("utf-8-sig")
    assert examine(first.files, client).tables["order_lines"].equals(first.tables["order_lines"])


def test_a_workbook_with_cut_columns_is_read_again_whatever_delimiter_is_declared() -> None:
    rows = {"受注": [[*LINE_HEADERS, "氏名"], [*line(), "架空山試子"], [*line("A2", 注文区分="定期"), "a,b"]]}
    columns = dict(
        zip(["order_id", "line_no", "customer_id", "ordered_at", "status", "order_kind"], LINE_HEADERS, strict=False)
    )
    columns |= {"product_id": "商品番号", "quantity": "数量", "unit_price_jpy": "単価"}
    client = client_with({"tables": {"order_lines": {"delimiter": ",", "columns": columns}}})
    first = examine([*masters(), DeliveredFile("order_lines.xlsx", workbook_of(rows))], client)
    assert examine(first.files, client).tables["order_lines"].equals(first.tables["order_lines"])


def test_orders_in_another_currency_are_never_taken_for_yen() -> None:
    further = {"Subtotal": "", "Currency": "", "Created at": "", "Financial Status": ""}
    dollars = {"Name": "#2", "Currency": "USD", "Subtotal": "19.99", "Lineitem price": "19.99"}
    found = examined(shopify_file({}, dollars, {"Name": "#2", "Lineitem price": "5.00"} | further))
    assert found.tables["order_lines"]["order_id"].to_pylist() == ["#1"]
    assert found.receipt["accounts"]["order_lines"]["set_aside"]["foreign_currency"] == 2


@pytest.mark.parametrize("name", ["order_lines_090-0000-5678.tsv", "order_lines_kakuu.01@mihon.example.jp.tsv"])
def test_a_file_whose_name_is_personal_is_refused_without_showing_it(name: str, tmp_path: Path) -> None:
    files = [*masters(), DeliveredFile(name, delivery([line()])[-1].content)]
    with pytest.raises(Refused, match="the name of a file") as refused:
        accept_delivery(tmp_path, client_with(), files, today=TODAY)
    assert name not in str(refused.value)
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["order_lines_20250701093000.tsv", "order_lines_2025-0701-0930.tsv"])
def test_a_file_named_by_its_day_and_hour_is_no_telephone_number(name: str, tmp_path: Path) -> None:
    files = [*masters(), DeliveredFile(name, delivery([line()])[-1].content)]
    assert not accept_delivery(tmp_path, client_with(), files, today=TODAY).is_known


def _with_a_personal_column(order: str) -> list[DeliveredFile]:
    """cp932 with commas, so that what is stored after the cut is encoded otherwise."""
    rows = [[*LINE_HEADERS, "氏名"], [*line(order), "架空山試子"]]
    return [*masters(), file_of("order_lines.csv", rows, delimiter=",")]


def test_a_changed_mapping_makes_no_difference_between_equal_files(tmp_path: Path) -> None:
    before, after = (_mapped_client({"status": {"済": "shipped"}} if changed else {}) for changed in (False, True))
    first = accept_delivery(tmp_path, before, _with_a_personal_column("A1"), today=TODAY)
    second = accept_delivery(tmp_path, after, _with_a_personal_column("A2"), today=TODAY)
    assert (second.receipt["same_spec"], second.receipt["spec_differences"]) == (True, [])
    again = read_admitted(tmp_path, after)[0].receipt
    cut = [file["dropped_columns"] for file in first.receipt["files"]]
    assert [file["dropped_columns"] for file in again["files"]] == cut
    assert any(cut)


def test_a_changed_mapping_does_not_hide_a_column_that_is_new(tmp_path: Path) -> None:
    accept_delivery(tmp_path, _mapped_client({}), _with_a_personal_column("A1"), today=TODAY)
    rows = [[*LINE_HEADERS, "新項目"], [*line("A2"), "x"]]
    files = [*masters(), file_of("order_lines.csv", rows, delimiter=",")]
    second = accept_delivery(tmp_path, _mapped_client({"status": {"済": "shipped"}}), files, today=TODAY)
    assert second.receipt["same_spec"] is False
    assert second.receipt["spec_differences"] == [
        "order_lines: column '新項目' added",
        "order_lines: column '氏名' removed",
    ]


def _mapped_client(codes: Mapping[str, Any]) -> Client:
    targets = ["order_id", "line_no", "customer_id", "ordered_at", "status", "order_kind", "product_id", "quantity"]
    columns = dict(zip([*targets, "unit_price_jpy"], LINE_HEADERS, strict=False))
    return client_with({"tables": {"order_lines": {"columns": columns, "codes": dict(codes)}}})


@pytest.mark.parametrize(
    "text", ["2", "X9", "SHIP-03", "出荷準備中", "入金待ち", "partially_paid", "未着", "on hold", "取消し"]
)
def test_an_unknown_code_is_shown_so_that_it_can_be_mapped(text: str) -> None:
    assert shown_code(text) == f"'{text}'"


@pytest.mark.parametrize(
    "text", ["架空山試子", "田中", "ヤマダ ハナコ", "Hanako Yamada", "09000005678", "03-0000-1234", "a@b.jp"]
)
def test_what_may_be_a_person_in_a_coded_column_is_not_shown(text: str) -> None:
    assert text not in shown_code(text)


@pytest.mark.parametrize(
    "text", ["01", "R-3", "no_effect", "price", "first_only", "価格が高い", "余っている", "お客様都合", "味が合わない"]
)
def test_a_code_or_a_word_for_why_people_stop_is_shown(text: str) -> None:
    assert is_shown_reason(text)


@pytest.mark.parametrize(
    "text", ["架空山試子", "田中", "佐藤様", "価格 田中様", "Yamada", "ito", "ヤマダ ハナコ", "a@b.jp", "高い" * 11]
)
def test_a_reason_that_may_be_a_person_or_a_sentence_is_not_shown(text: str) -> None:
    assert not is_shown_reason(text)


@pytest.mark.parametrize(
    ("header", "value"),
    [("数量", "ヤマダ ハナコ"), ("単価", "架空市見本町1丁目2-3"), ("受注日時", "03-0000-1234"), ("値引", "990-8001")],
)
def test_a_person_where_a_number_or_a_date_belongs_is_in_no_stored_byte(header: str, value: str) -> None:
    lines = [line(f"A{n}", **{header: "1000" if n % 2 else "2000"} if header != "受注日時" else {}) for n in range(4)]
    dates = [line(f"B{n}", 受注日時=f"2025/05/0{n} 10:23") for n in range(1, 4)]
    found = examine(delivery([*lines, *dates, line("A9", **{header: value})]))
    assert not any(value.encode(encoding) in file.content for file in found.files for encoding in ("utf-8", "cp932"))
    assert found.receipt["accounts"]["order_lines"]["quarantined"] == 1


SPLIT = {"column": "商品番号", "separator": ";", "first_only": ["単価"]}
FREE_MASTERS = {"products": {"derived_from": "order_lines"}, "customers": {"derived_from": "order_lines"}}
COLUMNS = {
    **{
        "order_id": "注文番号",
        "line_no": {"number_within": "order_id"},
        "customer_id": "顧客番号",
        "ordered_at": "受注日時",
    },
    **{
        "status": "状態",
        "order_kind": "注文区分",
        "product_id": "商品番号",
        "quantity": "数量",
        "unit_price_jpy": "単価",
    },
}


def saying(**words: object) -> Client:
    """A client of the standard headers that delivers order lines alone and says these words of them."""
    return client_with(
        {"tables": {**FREE_MASTERS, "media": {"absent": True}, "order_lines": {"columns": COLUMNS, **words}}}
    )


@pytest.mark.parametrize("listed", ["挨拶状;SP-001;SP-002", "SP-001;挨拶状;SP-002", "SP-001;SP-002;挨拶状"])
def test_a_give_away_that_is_set_aside_never_takes_the_amount_of_its_order_along(listed: str) -> None:
    gift = {"rule": "gift", "column": "商品番号", "one_of": ["挨拶状"]}
    lines = file_of("order_lines.tsv", [LINE_HEADERS, line(商品番号=listed, 単価="4296", 数量="1")])
    account = examine([lines], saying(split_rows=SPLIT, set_aside=[gift])).receipt["accounts"]["order_lines"]
    assert account["amount_jpy"] == {"delivered": 4296, "admitted": 4296, "quarantined": 0, "set_aside": {"gift": 0}}


def test_an_amount_that_a_split_would_multiply_is_refused() -> None:
    with pytest.raises(Refused, match="first_only"):
        rules_of(saying(split_rows=SPLIT | {"first_only": ["小計"]}))


def test_a_preset_that_lists_products_is_not_overridden_halfway() -> None:
    columns = {"unit_price_jpy": "支払い合計"}
    with pytest.raises(Refused, match="支払い合計"):
        rules_of(client_with({"preset": "ecforce", "tables": {"order_lines": {"columns": columns}}}))


def test_a_column_is_not_both_read_and_dropped() -> None:
    with pytest.raises(Refused, match="dropped"):
        rules_of(saying(drop=["単 価"]))
