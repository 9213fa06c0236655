"""Orders and rows that say two things at once are told, never settled by chance."""

from __future__ import annotations

import csv
import io

import pytest

from crm_platform.intake import Admitted, DeliveredFile, examine_delivery
from crm_platform.refusals import Refused
from crm_platform_tests.intake import cart_exports
from crm_platform_tests.intake.cart_exports import EC_CUBE_ORDER_HEADERS, csv_bytes
from crm_platform_tests.intake.deliveries import (
    LINE_HEADERS,
    client_with,
    delivery,
    examine,
    faults_of,
    file_of,
    line,
    masters,
)
from crm_platform_tests.intake.test_hostile_deliveries import COLUMNS, KEY, SHOPIFY, TODAY, saying, shopify_file


def test_a_name_in_a_coded_column_is_not_shown_by_the_refusal() -> None:
    with pytest.raises(Refused) as refused:
        examine(delivery([line(状態="架空山試子"), line("A2")]))
    assert "架空山" not in str(refused.value)


def test_an_order_in_two_overlapping_exports_is_not_counted_twice_where_its_lines_are_numbered_by_us() -> None:
    files = [shopify_file({}, name="a.csv"), shopify_file({}, name="b.csv")]
    found = examine_delivery(SHOPIFY, files, delivery_id="0001-000000000000", today=TODAY, hash_key=KEY)
    assert sum(found.tables["order_lines"]["quantity"].to_pylist()) == 1


def _rows_of_shopify() -> tuple[list[list[str]], dict[str, cart_exports.TrueOrder]]:
    export = cart_exports.shopify()
    text = export.files[0].content.decode("utf-8")
    return list(csv.reader(io.StringIO(text, newline=""))), dict(export.orders)


def _admitted_from(rows: list[list[str]]) -> Admitted:
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\n").writerows(rows)
    file = DeliveredFile("orders_export.csv", out.getvalue().encode())
    return examine_delivery(SHOPIFY, [file], delivery_id="0001-000000000000", today=TODAY, hash_key=KEY)


@pytest.mark.parametrize("behind", [True, False])
def test_an_order_that_stands_again_in_an_export_is_quarantined_and_the_first_keeps_goods_and_yen(behind: bool) -> None:
    rows, orders = _rows_of_shopify()
    name = rows[0].index("Name")
    discounted = next(row[name] for row in rows[1:] if row[rows[0].index("Discount Amount")] not in {"", "0"})
    several = next(row[name] for row in rows[2:] if not row[rows[0].index("Subtotal")])
    again = [row for row in rows if row[name] in {discounted, several}]
    last = max(position for position, row in enumerate(rows) if row[name] in {discounted, several})
    place = last + 1 if behind else len(rows)
    once, twice = _admitted_from(rows), _admitted_from([*rows[:place], *again, *rows[place:]])
    assert twice.tables["order_lines"].equals(once.tables["order_lines"])
    assert [rule for _, _, rule in faults_of(twice)] == ["duplicate_key"] * len(again)
    admitted = twice.tables["order_lines"].to_pylist()
    yen = sum(line["quantity"] * line["unit_price_jpy"] - line["discount_jpy"] for line in admitted)
    assert yen == sum(order.ordered_jpy for order in orders.values())


def test_two_equal_lines_of_an_order_stay_two_where_every_line_holds_the_values_to_fill() -> None:
    full = {"Name": "#1", "Lineitem sku": "A"}
    found = examine_delivery(
        SHOPIFY,
        [shopify_file(full, full, full | {"Lineitem sku": "B"})],
        delivery_id="0001-000000000000",
        today=TODAY,
        hash_key=KEY,
    )
    assert found.tables["order_lines"]["product_id"].to_pylist() == ["A", "A", "B"]


def _ec_cube(*rows: dict[str, str]) -> DeliveredFile:
    plain = {
        "注文番号": "1",
        "会員ID": "7",
        "対応状況(ID)": "5",
        "受注日": "2025-05-01 10:00:00",
        "商品名": "n",
        "個数": "1",
    }
    values = [[(plain | row).get(header, "") for header in EC_CUBE_ORDER_HEADERS] for row in rows]
    return DeliveredFile("order.csv", csv_bytes(EC_CUBE_ORDER_HEADERS, values, "cp932", "\r\n"))


@pytest.mark.parametrize("bad", [{"価格": "-300円引"}, {"価格": "-300", "個数": ""}])
def test_a_discount_row_that_cannot_be_read_is_not_silently_no_discount(bad: dict[str, str]) -> None:
    goods = {"注文詳細ID": "1", "商品コード": "A", "価格": "1000", "明細区分(ID)": "1"}
    discount = {"注文詳細ID": "2", "明細区分(ID)": "4"} | bad
    found = examine([_ec_cube(goods, discount)], client_with({"preset": "ec-cube-4"}))
    assert found.receipt["accounts"]["order_lines"]["quarantined"]


@pytest.mark.parametrize("header", ["注文番号", "商品番号", "顧客番号"])
def test_a_key_that_a_spreadsheet_rounded_is_quarantined(header: str) -> None:
    found = examine(delivery([line("A1"), line("A2", **{header: "1.23E+11"})]), client_with({}))
    assert [rule for _, column, rule in faults_of(found) if column == header][:1] == ["rounded_by_spreadsheet"]


def test_an_order_of_two_customers_is_not_admitted_in_silence() -> None:
    found = examine(delivery([line("A1", "1"), line("A1", "2", 顧客番号="C0000002"), line("A2")]))
    rule = "customer_differs_within_order"
    assert faults_of(found) == [(2, "顧客番号", rule), (3, "顧客番号", rule)]


def test_a_line_with_a_day_of_cancellation_that_still_stands_is_not_sold() -> None:
    headers = [*LINE_HEADERS, "キャンセル日"]
    lines = [[*line("A1"), "2025/05/02"], [*line("A2", 状態="キャンセル"), "2025/05/02"], [*line("A3"), ""]]
    found = examine([*masters(), file_of("order_lines.tsv", [headers, *lines])])
    assert faults_of(found) == [(2, "キャンセル日", "cancelled_but_standing")]


def test_a_state_is_never_assumed_in_a_mapped_file() -> None:
    columns = {name: source for name, source in COLUMNS.items() if name != "status"}
    with pytest.raises(Refused, match="shipped, cancelled or returned"):
        examine([file_of("order_lines.tsv", [LINE_HEADERS, line()])], saying(columns=columns))


def test_a_line_that_differs_between_two_files_of_a_delivery_is_a_fault_and_no_repetition() -> None:
    prices = {"1": "900", "2": "800"}
    parts = [file_of(f"order_lines_{n}.tsv", [LINE_HEADERS, line("A1", 単価=p)]) for n, p in prices.items()]
    found = examine([*masters(), *parts])
    assert [rule for _, _, rule in faults_of(found)] == ["duplicate_key"]
    same = [file_of(f"order_lines_{n}.tsv", [LINE_HEADERS, line("A1")]) for n in "12"]
    account = examine([*masters(), *same]).receipt["accounts"]["order_lines"]
    assert (account["admitted"], account["quarantined"]) == (1, 0)
    assert account["set_aside"] == {"repeated_in_another_file": 1}


def test_a_code_of_a_rule_is_met_in_any_width() -> None:
    rule = {"rule": "x", "column": "媒体コード", "one_of": ["A1"]}
    client = client_with({"tables": {"order_lines": {"set_aside": [rule]}}})
    found = examine(delivery([line("A1", 媒体コード="Ａ１"), line("A2")]), client)
    assert found.receipt["accounts"]["order_lines"]["set_aside"] == {"x": 1}


def test_a_derived_master_tells_of_the_latest_order_whatever_the_order_of_the_rows() -> None:
    client = client_with(
        {"tables": {"customers": {"derived_from": "order_lines", "derived_columns": {"prefecture": "媒体コード"}}}}
    )
    lines = [line("A1", 受注日時="2025/05/02", 媒体コード="新"), line("A2", 受注日時="2025/05/01", 媒体コード="旧")]
    for order in (lines, lines[::-1]):
        files = [file for file in delivery(order) if not file.name.startswith("customers")]
        assert examine(files, client).tables["customers"]["prefecture"].to_pylist() == ["新"]


def test_the_specification_is_the_same_where_a_month_holds_no_japanese_or_leaves_a_column_empty() -> None:
    first = examine(delivery([line("A1", 媒体コード="5")]))
    later = [[*line("A2", 媒体コード="")]]
    second = examine([file_of("order_lines.tsv", [LINE_HEADERS, *later])], number=2, former=[first])
    assert (second.receipt["same_spec"], second.receipt["spec_differences"]) == (True, [])


def test_the_specification_is_the_same_where_a_number_is_written_in_full_width() -> None:
    first = examine(delivery([line("A1", 媒体コード="5")]))
    later = file_of("order_lines.tsv", [LINE_HEADERS, line("A2", 媒体コード="５")])
    second = examine([later], number=2, former=[first])
    assert (second.receipt["same_spec"], second.receipt["spec_differences"]) == (True, [])


def test_a_month_like_one_of_several_saved_files_has_their_specification_and_one_like_none_says_how() -> None:
    saved = [
        file_of("order_lines_2023.tsv", [LINE_HEADERS, line("A1", 媒体コード="5")]),
        file_of("order_lines_2024.tsv", [LINE_HEADERS, line("A2", 媒体コード="2025-01-01")]),
    ]
    first = examine([*delivery([line()])[:3], *saved])
    for media_id, same, differences in [("6", True, 0), ("2025-02-01", True, 0), ("web", False, 1)]:
        later = file_of("order_lines.tsv", [LINE_HEADERS, line("A3", 媒体コード=media_id)])
        receipt = examine([later], number=2, former=[first]).receipt
        assert (receipt["same_spec"], len(receipt["spec_differences"])) == (same, differences)
        assert all("column '媒体コード' is of kind text" in said for said in receipt["spec_differences"])
