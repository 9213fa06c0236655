"""The guard that keeps personal data out: what it catches, and the codes at which it must stay quiet."""

import pytest

from crm_platform.intake import DeliveredFile, accept_delivery, read_inbox
from crm_platform.intake.admission.faults import masked
from crm_platform.refusals import Refused
from crm_platform_tests.intake.deliveries import (
    CUSTOMERS,
    LINE_HEADERS,
    TODAY,
    client_with,
    delivery,
    examine,
    file_of,
    line,
    text_of,
)

DROP = {"personal_data": {"policy": "drop"}}


def with_customers(header: str, *values: str, encoding: str = "cp932") -> list[DeliveredFile]:
    files = delivery([line()])
    filled = [*values, *[""] * 5][:5]
    rows = [[*CUSTOMERS[0], header], *[[*row, value] for row, value in zip(CUSTOMERS[1:], filled, strict=True)]]
    files[1] = file_of("customers.tsv", rows, encoding)
    return files


@pytest.mark.parametrize(
    "header",
    [
        "氏名", "氏　名", "名前", "お名前(姓)", "お名前（名）", "姓", "名", "カナ", "ﾌﾘｶﾞﾅ", "住所1", "番地",
        "電話番号", "ＴＥＬ", "携帯番号", "FAX", "メールアドレス", "E-Mail", "郵便番号", "生年月日", "誕生日",
        "クレジットカード番号", "Name", "first name", "Billing Phone", "Shipping Address1", "birthday",
        "date_of_birth", "Zip", "postal_code",
    ],
)  # fmt: skip
def test_a_header_that_tells_is_refused(header):
    with pytest.raises(Refused) as refusal:
        examine(with_customers(header, "x", encoding="utf-8"))
    assert (refusal.value.file, refusal.value.column, refusal.value.row) == ("customers.tsv", header, 1)
    assert 'policy = "drop"' in refusal.value.remedy


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("taro.yamada@example.co.jp", "e-mail"),
        ("03-1234-5678", "telephone"),
        ("０９０－１２３４－５６７８", "telephone"),
        ("09012345678", "telephone"),
        ("0312345678", "telephone"),
        ("+81 90-1234-5678", "telephone"),
        ("〒150-0001", "postal"),
        ("150-0001", "postal"),
        ("渋谷区神宮前1-2-3", "street"),
        ("大阪市北区梅田三丁目", "street"),
        ("4111111111111111", "card"),
        ("4111-1111-1111-1111", "card"),
        ("1958/03/04", "birth"),
        ("19580304", "birth"),
    ],
)
def test_a_value_that_tells_is_refused_and_never_shown(value, kind):
    with pytest.raises(Refused, match=kind) as refusal:
        examine(with_customers("メモ", "", "", value))
    assert (refusal.value.column, refusal.value.row) == ("メモ", 4)
    assert value not in str(refusal.value)


def test_a_full_birthday_in_place_of_the_year_is_refused():
    files = delivery([line()])
    files[1] = file_of("customers.tsv", [CUSTOMERS[0], ["C0000001", "1970/04/01", "東京都", "2024/01/05"]])
    with pytest.raises(Refused, match="full date of birth"):
        examine(files)


@pytest.mark.parametrize("value", ["お届け先 03-1234-5678 まで", "hanako@example.com", "港区芝公園4-2-8"])
def test_free_text_of_order_lines_is_guarded_too(value):
    rows = [[*LINE_HEADERS, "定期コース"], [*line(), value]]
    with pytest.raises(Refused, match=r"order_lines\.tsv, row 2, column 定期コース"):
        examine([*delivery([line()])[:3], file_of("order_lines.tsv", rows)])


def test_codes_of_the_trade_are_no_false_alarm():
    products = [
        ["商品番号", "商品名", "ブランド", "商品群"],
        ["4901234567894", "北海道中札内村枝豆 3-5人前", "03-1234", "123-4567"],
        ["4006381333931", "名前入りタオル", "A-01", "食品"],
        ["012-345-678", "お届け0120-333-906", "B", "4111111111111111個"],
        ["SP-001", "メール便専用石鹸", "B", "化粧品"],
    ]
    lines = [
        line(f"{4000000000000000 + 97 * n}", 商品番号=products[1 + n % 3][0], 顧客番号=f"C000000{1 + n % 5}")
        for n in range(40)
    ]
    files = delivery(lines)
    files[0] = file_of("products.tsv", products)
    assert examine(files).tables["order_lines"].num_rows == 40


def test_numeric_customer_numbers_and_registration_days_are_no_false_alarm():
    ids = [f"00{12345678 + n}" for n in range(20)]
    files = delivery([line(顧客番号=number) for number in ids[:1]])
    files[1] = file_of("customers.tsv", [CUSTOMERS[0], *[[number, "1950", "大阪府", "1999/04/01"] for number in ids]])
    assert examine(files).tables["customers"].num_rows == 20


def test_telephone_numbers_as_customer_numbers_are_refused():
    files = delivery([line()])
    files[1] = file_of("customers.tsv", [CUSTOMERS[0], *[[f"0901234567{n}", "1950", "大阪府", ""] for n in range(5)]])
    with pytest.raises(Refused, match="telephone"):
        examine(files)


def test_dropped_columns_are_in_no_stored_byte(tmp_path):
    secrets = ("山田太郎", "鈴木", "佐藤", "田中", "高橋")
    client = client_with(DROP | {"admission": {"tolerated_bad_row_rate": 0.5}})
    files = with_customers("氏名", *secrets)
    files[1] = DeliveredFile(
        "customers.tsv",
        files[1].content + 'C7\t1970\t東京都\t2024/01/05\t"山田\r\n花子"\r\n余計\t山田太郎\r\n'.encode("cp932"),
    )
    admitted = accept_delivery(tmp_path, client, files, today=TODAY)
    assert admitted.receipt["files"][1]["dropped_columns"] == [
        {"column": "氏名", "kind": "personal data by its name", "first_row": 1}
    ]
    for path in tmp_path.rglob("*.*"):
        if path.is_file():
            content = path.read_bytes()
            assert not any(part.encode(code) in content for part in (*secrets, "花子") for code in ("utf-8", "cp932"))
    [stored] = read_inbox(tmp_path, "acme")
    again = examine(stored.files(), client)
    assert again.tables["customers"] == stored.load().tables["customers"]
    assert again.receipt["accounts"] == admitted.receipt["accounts"]


def test_dropping_a_needed_column_is_refused():
    lines = [LINE_HEADERS, *[line(f"A{n}", 顧客番号=f"a{n}@example.com") for n in range(3)]]
    files = [*delivery([line()])[:3], DeliveredFile("order_lines.tsv", text_of(lines).encode())]
    with pytest.raises(Refused, match="lacks the required column customer_id"):
        examine(files, client_with(DROP))


def test_a_customer_file_without_a_header_is_refused_without_showing_its_first_row():
    files = delivery([line()])
    files[1] = file_of("customers.tsv", [["山田太郎", "1970", "東京都"], ["鈴木", "1980", "大阪府"]])
    with pytest.raises(Refused, match="holds values, not headers") as refusal:
        examine(files)
    assert "山田" not in str(refusal.value)


@pytest.mark.parametrize("intake", [{}, {"tables": {"customers": {"columns": {"customer_id": "会員"}}}}])
def test_a_file_without_its_header_line_is_refused_without_showing_whose_row_stands_there(intake):
    files = delivery([line()])
    files[1] = file_of("customers.tsv", [["山田花子", "東京都", "女"], ["佐藤太郎", "大阪府", "男"]], "cp932")
    with pytest.raises(Refused, match="none of the headers") as refusal:
        examine(files, client_with(intake))
    assert not set("山田花子東京都女佐藤太郎大阪府男") & set(str(refusal.value))


def test_a_name_that_slipped_into_another_column_is_masked_whole():
    assert (masked("山田花子"), masked("Tokyo 1"), masked("ab")) == ("****", "T*****1", "**")
