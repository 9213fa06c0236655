"""The guard that keeps personal data out: what it catches, and the codes at which it must stay quiet."""

import csv
import gzip
import io
from itertools import product

import pytest

from crm_platform.intake import Accepted, Admitted, DeliveredFile, accept_delivery, read_inbox
from crm_platform.intake.admission.faults import masked
from crm_platform.intake.guard.telling_headers import kind_told
from crm_platform.intake.guard.telling_values import passes_luhn, positions_by_kind
from crm_platform.intake.mapping.standard_layout import DELIVERED, JAPANESE_HEADERS
from crm_platform.refusals import Refused
from crm_platform_tests.intake.containers import as_workbook
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

STRICT = client_with({"personal_data": {"policy": "strict"}})
CUSTOMER_COLUMNS = ["customer_id", "birth_year", "prefecture", "registered_on"]
READS_FOUR_COLUMNS = client_with(
    {"tables": {"customers": {"columns": dict(zip(CUSTOMER_COLUMNS, CUSTOMERS[0], strict=True))}}}
)
TOLERANT = client_with({"admission": {"tolerated_bad_row_rate": 0.5}})


def dropped(examined: Admitted | Accepted) -> dict[str, tuple[str, int, int]]:
    """Kind, first row and filled cells of every column that was cut, by its header."""
    return {
        column["column"]: (column["kind"], column["first_row"], column["filled_cells"])
        for file in examined.receipt["files"]
        for column in file["dropped_columns"]
    }


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
        "date_of_birth", "Zip", "postal_code", "よみ", "読み仮名", "ｼﾒｲ", "本名", "メルアド", "Eメ-ル", "ご家族名",
        "世帯主", "勤め先",
    ],
)  # fmt: skip
def test_a_header_that_tells_is_enough(header):
    files = with_customers(header, "x", encoding="utf-8")
    assert dropped(examine(files)) == {header: ("personal data by its name", 1, 1)}
    with pytest.raises(Refused) as refusal:
        examine(files, STRICT)
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
        ("神南一丁目４番地", "street"),
        ("大字見本4番地の2", "street"),
        ("虻田郡倶知安町字見本3", "street"),
        ("4111111111111111", "card"),
        ("4111-1111-1111-1111", "card"),
        ("1958/03/04", "birth"),
        ("19580304", "birth"),
        ("+819012345678", "telephone"),
    ],
)
def test_a_value_that_tells_is_cut_with_its_column_and_never_shown(value, kind):
    files = with_customers("項目１", "", "", value, "なし")
    [(header, (found, row, cells))] = dropped(examine(files)).items()
    assert (header, row, cells) == ("項目１", 4, 2)
    assert kind in found
    with pytest.raises(Refused, match=kind) as refusal:
        examine(files, STRICT)
    assert (refusal.value.column, refusal.value.row) == ("項目１", 4)
    assert value not in str(refusal.value)


@pytest.mark.parametrize("names", [["テスト　タロウ", "ミホン　ハナコ"], ["ﾃｽﾄ ﾀﾛｳ", "ﾐﾎﾝ ﾊﾅｺ"]])
def test_names_in_kana_are_recognised_in_a_column_of_any_name(names):
    assert dropped(examine(with_customers("項目１", *names))) == {"項目１": ("a name in kana", 2, 2)}


@pytest.mark.parametrize(
    ("spelled", "kind"),
    [
        ("テスト{}", "a name in kana"),
        ("ﾃｽﾄ{}", "a name in kana"),
        ("みほん {}", "a name in kana"),
        ("90{:08d}", "a mobile telephone number without its zero"),
    ],
)
def test_a_column_that_nothing_needs_is_cut_where_many_values_tell_what_one_alone_does_not(spelled, kind):
    """One word in kana or one number of ten digits is anything; fifty different ones of a customer file are people."""
    letters = "いうえお" if "み" in spelled else "イウエオ"
    endings = range(64) if "{:" in spelled else ["".join(three) for three in product(letters, repeat=3)]
    customers = [[*CUSTOMERS[0], "項目１"]]
    customers += [[f"C{k:07d}", "1970", "東京都", "2024/01/05", spelled.format(end)] for k, end in enumerate(endings)]
    wide, narrow = delivery([line()]), delivery([line()])
    wide[1], narrow[1] = file_of("customers.tsv", customers), file_of("customers.tsv", customers[:21])
    assert dropped(examine(wide, READS_FOUR_COLUMNS)) == {"項目１": (kind, 2, 64)}
    assert dropped(examine(narrow, READS_FOUR_COLUMNS)) == {}


def test_ranks_and_products_in_kana_are_no_names():
    files = with_customers("顧客ランク", *["ゴールド カイイン", "シルバー カイイン"] * 2, "")
    files[0] = file_of(
        "products.tsv", [["商品番号", "商品名"], ["SP-001", "ビタミン ドリンク"], ["2", "コラーゲン ゼリー"]]
    )
    admitted = examine(files)
    assert dropped(admitted) == {}
    assert admitted.tables["customers"]["client_rank"].to_pylist()[0] == "ゴールド カイイン"


def test_full_birthdays_in_place_of_the_year_are_cut():
    files = delivery([line()])
    files[1] = file_of("customers.tsv", [CUSTOMERS[0], ["C0000001", "1970/04/01", "東京都", "2024/01/05"]])
    admitted = examine(files)
    assert dropped(admitted) == {"生年": ("a full date of birth", 2, 1)}
    assert admitted.tables["customers"]["birth_year"].to_pylist() == [None]


@pytest.mark.parametrize("value", ["昭和45年4月1日", "S45.4.1", "Ｈ２．１０．３", "平成元年4月1日"])
def test_birthdays_of_an_era_are_cut_as_those_of_the_calendar(value):
    assert dropped(examine(with_customers("項目１", value))) == {"項目１": ("a full date of birth", 2, 1)}


@pytest.mark.parametrize("value", ["令和5年4月1日", "S45", "H30.4.1", "S5-12"])
def test_late_days_and_parts_of_days_of_an_era_are_no_birthdays(value):
    files = with_customers("項目１", value)
    assert dropped(examine(files, READS_FOUR_COLUMNS)) == {}


@pytest.mark.parametrize("value", ["お届け先 03-1234-5678 まで", "hanako@example.com", "港区芝公園4-2-8"])
def test_free_text_of_order_lines_is_guarded_too(value):
    rows = [[*LINE_HEADERS, "定期コース"], [*line(), value]]
    files = [*delivery([line()])[:3], file_of("order_lines.tsv", rows)]
    assert list(dropped(examine(files))) == ["定期コース"]
    with pytest.raises(Refused, match=r"order_lines\.tsv, row 2, column 定期コース"):
        examine(files, STRICT)


@pytest.mark.parametrize(
    "header",
    ["備考", "ショップ用メモ欄", "通信欄", "のし", "ひとことメモ", "メール差込文", "Notes", "Note Attributes", "Tags"],
)
def test_free_text_is_cut_by_its_header_whatever_it_holds(header):
    assert dropped(examine(with_customers(header, "なし"))) == {header: ("free text", 1, 1)}


@pytest.mark.parametrize("header", ["商品日本名", "見本名"])
def test_a_thing_named_in_japanese_and_a_sample_are_no_real_names_of_people(header):
    assert kind_told(header, "order_lines") == ""


def test_no_header_of_the_standard_layout_tells():
    for table, declared in DELIVERED.items():
        headers = [*JAPANESE_HEADERS[table], *declared.names]
        assert [header for header in headers if kind_told(header, table)] == [], table


@pytest.mark.parametrize(
    ("column", "value"),
    [("商品名", "お問合せ hanako@example.com"), ("商品番号", "090-1234-5678"), ("ブランド", "+81 90-1234-5678")],
)
def test_a_few_personal_values_cost_their_rows_and_not_the_column(column, value, tmp_path):
    headers = ["商品番号", "商品名", "ブランド"]
    products = [[f"SP-00{n}", f"青汁{n}", f"銘柄{n}"] for n in range(1, 6)]
    products[3][headers.index(column)] = value
    files = delivery([line()])
    files[0] = file_of("products.tsv", [headers, *products])
    accepted = accept_delivery(tmp_path, TOLERANT, files, today=TODAY)
    assert accepted.receipt["accounts"]["products"]["quarantined_by_rule"]["personal_data"] == 1
    [stored] = read_inbox(tmp_path, "acme")
    first = stored.load()
    faults = {(row["row_number"], row["column"], row["rule"]) for row in first.tables["quarantined_rows"].to_pylist()}
    assert faults == {(5, column, "personal_data")}  # and not "missing", for the cell was filled
    assert all(value not in str(row) for row in first.tables["quarantined_rows"].to_pylist())
    assert first.tables["products"].num_rows == 4
    assert first.tables["products"]["product_name"].null_count == 0
    for path in (path for path in tmp_path.rglob("*") if path.is_file()):
        assert not any(value.encode(code) in path.read_bytes() for code in ("utf-8", "cp932"))
    again = examine(stored.files(), TOLERANT)
    assert again.receipt["accounts"] == accepted.receipt["accounts"]
    assert again.tables["quarantined_rows"].drop(["delivery_id"]) == first.tables["quarantined_rows"].drop(
        ["delivery_id"]
    )
    with pytest.raises(Refused, match=r"products\.tsv, row 5"):
        examine(files, STRICT)


@pytest.mark.parametrize(("personal", "is_cut"), [(0, False), (4, False), (5, True), (10, True)])
def test_half_of_the_values_make_a_column_personal(personal, is_cut):
    values = [f"港区芝公園4-2-{n}" if n < personal else f"東京都{n}" for n in range(10)]
    files = delivery([line()])
    rows = [[f"C000000{n}", value] for n, value in enumerate(values)]
    files[1] = file_of("customers.tsv", [["顧客番号", "都道府県"], *rows])
    admitted = examine(files)
    assert dropped(admitted) == ({"都道府県": ("a street address", 2, 10)} if is_cut else {})
    rules = admitted.receipt["accounts"]["customers"]["quarantined_by_rule"]
    assert rules == ({"personal_data": personal} if personal and not is_cut else {})


def test_columns_that_the_mapping_leaves_out_are_neither_stored_nor_read_nor_refused(tmp_path):
    headers = {"customer_id": "会員", "registered_on": "登録日"}
    tables = {"customers": {"columns": headers, "drop": ["ｱﾝｹｰﾄ"]}}
    client = client_with({"personal_data": {"policy": "strict"}, "tables": tables})
    files = delivery([line()])
    files[1] = file_of("customers.tsv", [["会員", "登録日", "アンケート"], ["C0000001", "2024/01/05", "内緒の話"]])
    accepted = accept_delivery(tmp_path, client, files, today=TODAY)
    assert dropped(accepted) == {"アンケート": ("left out by the mapping", 1, 1)}
    assert (accepted.folder / "files" / "customers.tsv").read_text("utf-8-sig").split() == [
        "会員",
        "登録日",
        "C0000001",
        "2024/01/05",
    ]


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


def test_the_published_test_numbers_of_cards_pass_the_checksum_and_one_digit_off_fails():
    for number in ("4111111111111111", "5555555555554444", "378282246310005", "6011111111111117", "30569309025904"):
        assert passes_luhn(number)
        assert not passes_luhn(number[:-1] + str((int(number[-1]) + 1) % 10))


def test_long_numbers_of_which_one_in_ten_passes_the_checksum_by_chance_are_no_cards():
    numbers = {n: str(4000000000000000 + 97 * n) for n in range(100)}
    assert 5 <= sum(map(passes_luhn, numbers.values())) <= 20
    assert positions_by_kind(numbers) == {}


def test_telephone_numbers_as_customer_numbers_are_refused_with_a_way_out():
    files = delivery([line()])
    files[1] = file_of("customers.tsv", [CUSTOMERS[0], *[[f"0901234567{n}", "1950", "大阪府", ""] for n in range(5)]])
    with pytest.raises(Refused, match="telephone") as refusal:
        examine(files)
    assert 'customer_id = { keyed_hash = ["顧客番号"] }' in refusal.value.remedy


def test_dropped_columns_are_in_no_stored_byte(tmp_path):
    secrets = ("山田太郎", "鈴木", "佐藤", "田中", "高橋")
    client = TOLERANT
    files = with_customers("氏名", *secrets)
    files[1] = DeliveredFile(
        "customers.tsv",
        files[1].content
        + 'C7\t1970\t東京都\t2024/01/05\t"山田\r\n花子"\r\n余計\t山田太郎\r\n\r\n"山田"太郎\t\t\t\t\r\n'.encode("cp932")
        + b"C8\t1970\t\x81\xff\t2024/01/05\t\x8eR\r\nC9\t1970\t\t2024/01/05\t\r\n",
    )
    admitted = accept_delivery(tmp_path, client, files, today=TODAY)
    assert dropped(admitted) == {"氏名": ("personal data by its name", 1, 6)}
    for path in tmp_path.rglob("*.*"):
        if path.is_file():
            content = path.read_bytes()
            assert not any(part.encode(code) in content for part in (*secrets, "花子") for code in ("utf-8", "cp932"))
    [stored] = read_inbox(tmp_path, "acme")
    again = examine(stored.files(), client)
    assert again.tables["customers"] == stored.load().tables["customers"]
    assert again.receipt["accounts"] == admitted.receipt["accounts"]
    assert admitted.receipt["accounts"]["customers"]["quarantined_by_rule"] == {
        "field_count": 1, "quotation": 1, "unreadable_bytes": 1
    }  # fmt: skip
    numbers = [one.tables["quarantined_rows"]["row_number"].to_pylist() for one in (again, stored.load())]
    assert numbers[0] == numbers[1] == [9, 11, 12]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932", "euc_jp", "utf-16"])
@pytest.mark.parametrize("name", ["customers.tsv", "customers.csv.gz"])
def test_a_cut_file_reads_as_before_in_every_encoding(encoding, name, tmp_path):
    delimiter = "," if "csv" in name else "\t"
    rows = [["顧客番号", "氏名", "都道府県"], *[[f"C000000{n}", "山田太郎", '東京都, "江戸"'] for n in range(1, 6)]]
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter).writerows(rows)
    content = out.getvalue().encode(encoding)
    files = delivery([line()])
    files[1] = DeliveredFile(name, gzip.compress(content, mtime=0) if name.endswith(".gz") else content)
    accept_delivery(tmp_path, client_with(), files, today=TODAY)
    [stored] = read_inbox(tmp_path, "acme")
    assert examine(stored.files()).tables["customers"] == stored.load().tables["customers"]
    assert stored.load().tables["customers"]["prefecture"].to_pylist() == ['東京都, "江戸"'] * 5
    [file] = [file for file in stored.files() if file.name == name]
    assert "山田".encode() not in file.plain


def test_row_numbers_stay_true_across_blank_lines_and_line_breaks_in_values(tmp_path):
    content = (
        '氏名\t顧客番号\t生年\t都道府県\r\n\r\n"山田\r\n太郎"\tC1\t1970\t"東\r\n京"\r\n'
        "鈴木\tC2\t1970\t大阪府\r\n\r\n佐藤\tC3\t19七十\t\r\n"
    )
    files = delivery([line(顧客番号="C1")])
    files[1] = DeliveredFile("customers.tsv", content.encode("cp932"))
    accept_delivery(tmp_path, TOLERANT, files, today=TODAY)
    [stored] = read_inbox(tmp_path, "acme")
    for admitted in (stored.load(), examine(stored.files(), TOLERANT)):
        assert admitted.tables["quarantined_rows"]["row_number"].to_pylist() == [8]
        assert admitted.tables["customers"]["prefecture"].to_pylist() == ["東\n京", "大阪府"]


def test_a_spreadsheet_with_personal_columns_is_stored_as_text_without_them(tmp_path):
    rows = [["顧客番号", "氏名", "登録日"], *[[f"C000000{n}", "山田太郎", "2024-01-05"] for n in range(1, 6)]]
    files = delivery([line()])
    files[1] = as_workbook("customers.xlsx", rows)
    accept_delivery(tmp_path, client_with(), files, today=TODAY)
    [stored] = read_inbox(tmp_path, "acme")
    text = (stored.folder / "files" / "customers.xlsx").read_text("utf-8-sig")
    assert text.splitlines()[:2] == ["顧客番号\t登録日", "C0000001\t2024-01-05"]
    assert examine(stored.files()).tables["customers"] == stored.load().tables["customers"]


def test_a_row_that_cannot_be_split_and_looks_personal_is_not_stored(tmp_path):
    files = delivery([line(f"A{n}") for n in range(5)])
    files[3] = DeliveredFile("order_lines.tsv", files[3].content + b"oops\thanako@example.com\r\n")
    accept_delivery(tmp_path, TOLERANT, files, today=TODAY)
    assert all(b"hanako" not in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    [stored] = read_inbox(tmp_path, "acme")
    assert examine(stored.files(), TOLERANT).receipt["accounts"] == stored.receipt["accounts"]


def test_a_file_without_personal_data_is_stored_as_it_came(tmp_path):
    files = delivery([line()])
    accept_delivery(tmp_path, client_with(), files, today=TODAY)
    [stored] = read_inbox(tmp_path, "acme")
    assert {file.name: file.content for file in stored.files()} == {file.name: file.content for file in files}


def test_a_needed_column_that_is_personal_is_refused_with_the_reason():
    lines = [LINE_HEADERS, *[line(f"A{n}", 顧客番号=f"a{n}@example.com") for n in range(3)]]
    files = [*delivery([line()])[:3], DeliveredFile("order_lines.tsv", text_of(lines).encode())]
    with pytest.raises(Refused, match="customer_id is required, but this column holds an e-mail address") as refusal:
        examine(files)
    assert "keyed_hash" in refusal.value.remedy


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
