"""Rows that cannot be admitted, each by its rule; and accounts that close whatever is wrong."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_platform.intake import refuse_beyond_tolerance
from crm_platform.refusals import Refused
from crm_platform.tables import TABLES
from crm_platform_tests.intake.deliveries import (
    CUSTOMERS,
    LINE_HEADERS,
    client_with,
    delivery,
    examine,
    faults_of,
    file_of,
    line,
)

BAD_LINES = {
    "bad date": ({"受注日時": "2025/02/30"}, "受注日時", "not_a_date"),
    "year 2999": ({"受注日時": "2999/01/01"}, "受注日時", "in_the_future"),
    "tomorrow": ({"受注日時": "2025/07/02"}, "受注日時", "in_the_future"),
    "before the first month": ({"受注日時": "2008/12/31 23:59"}, "受注日時", "before_first_month"),
    "no date": ({"受注日時": ""}, "受注日時", "missing"),
    "no customer": ({"顧客番号": "　"}, "顧客番号", "missing"),
    "strange customer": ({"顧客番号": "C9999999"}, "顧客番号", "unknown_customer"),
    "strange product": ({"商品番号": "SP-999"}, "商品番号", "unknown_product"),
    "words for a quantity": ({"数量": "二個"}, "数量", "not_whole"),
    "half a unit": ({"数量": "0.5"}, "数量", "not_whole"),
    "no unit": ({"数量": "0"}, "数量", "zero_quantity"),
    "minus without a return": ({"数量": "-1"}, "数量", "negative_standing_quantity"),
    "no price": ({"単価": ""}, "単価", "missing"),
    "negative price": ({"単価": "-100", "値引": ""}, "単価", "negative_price"),
    "discount too high": ({"値引": "2001"}, "値引", "discount_above_amount"),
    "negative discount": ({"値引": "-5"}, "値引", "below_minimum"),
    "a trillion yen": ({"単価": "999999999999"}, "単価", "amount_too_large"),
    "line 0": ({"明細番号": "0"}, "明細番号", "below_minimum"),
    "no status": ({"状態": ""}, "状態", "missing"),
}


@pytest.mark.parametrize("name", BAD_LINES)
def test_a_bad_line_is_quarantined_by_its_rule(name):
    changes, column, rule = BAD_LINES[name]
    admitted = examine(delivery([line("A1"), line("A2", **changes), line("A3")]))
    assert faults_of(admitted) == [(3, column, rule)]
    assert admitted.tables["order_lines"]["order_id"].to_pylist() == ["A1", "A3"]


def test_a_repeated_key_is_bad_from_its_second_row_on():
    admitted = examine(delivery([line("A1", 数量="1"), line("A1", 数量="7"), line("A1", "2")]))
    assert faults_of(admitted) == [(3, "明細番号", "duplicate_key")]
    assert admitted.tables["order_lines"]["quantity"].to_pylist() == [1, 2]


def test_faults_in_masters_are_found_too():
    customers = [*CUSTOMERS, ["C0000009", "1870", "東京都", "2999/01/01"], ["", "1980", "東京都", ""]]
    files = delivery([line()])
    files[1] = file_of("customers.tsv", customers)
    assert faults_of(examine(files)) == [
        (7, "生年", "below_minimum"),
        (7, "登録日", "in_the_future"),
        (8, "顧客番号", "missing"),
    ]


def test_a_value_at_fault_is_shown_masked():
    admitted = examine(delivery([line(顧客番号="C1234567")]))
    assert admitted.tables["quarantined_rows"]["masked_value"].to_pylist() == ["C******7"]


def test_a_bad_row_in_a_few_refuses_the_delivery():
    admitted = examine(delivery([line("A1"), line("A2", 数量="0")]))
    with pytest.raises(Refused) as refusal:
        refuse_beyond_tolerance(admitted, client_with())
    assert (refusal.value.file, refusal.value.row, refusal.value.column) == ("order_lines.tsv", 3, "数量")
    assert "1 of 2 rows cannot be admitted (zero_quantity: 1)" in refusal.value.problem
    assert "tolerated_bad_row_rate" not in refusal.value.remedy  # half the rows: the file is wrong, not some rows


def test_the_rate_that_the_refusal_names_admits_the_delivery():
    admitted = examine(delivery([line(f"A{n}", 数量="1" if n else "0") for n in range(30)]))
    with pytest.raises(Refused, match=r"tolerated_bad_row_rate = 0\.04$"):
        refuse_beyond_tolerance(admitted, client_with({"admission": {"tolerated_bad_row_rate": 0.03}}))
    refuse_beyond_tolerance(admitted, client_with({"admission": {"tolerated_bad_row_rate": 0.04}}))


def test_unknown_codes_are_listed_and_refused_whatever_the_tolerance():
    client = client_with({"admission": {"tolerated_bad_row_rate": 1.0}})
    with pytest.raises(Refused, match=r"'保留' \(2 rows\), '発送待ち' \(1 rows\)") as refusal:
        examine(
            delivery([line(), line("A2", 状態="保留"), line("A3", 状態="発送待ち"), line("A4", 状態="保留")]), client
        )
    assert refusal.value.row == 3
    assert "[tables.order_lines.codes.status]" in refusal.value.remedy


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("定期", "subscription"),
        ("予約購入", "subscription"),
        ("予約販売", "subscription"),
        ("都度", "one_off"),
        ("まとめ売り", "bulk"),
    ],
)
def test_words_of_the_trade_for_the_kind_of_order(word, kind):
    assert examine(delivery([line(注文区分=word)])).tables["order_lines"]["order_kind"].to_pylist() == [kind]


def test_missing_optional_columns_are_null_and_a_missing_discount_is_0():
    kept = [0, 1, 2, 3, 6, 7, 8]
    rows = [[row[k] for k in kept] for row in (LINE_HEADERS, line())]
    one = examine([*delivery([line()])[:3], file_of("order_lines.tsv", rows)]).tables["order_lines"].to_pylist()[0]
    assert (one["status"], one["order_kind"], one["discount_jpy"], one["media_id"]) == ("shipped", "one_off", 0, None)
    assert one["ordered_jpy"] == 2000


def test_shipping_never_counts():
    rows = [[*LINE_HEADERS, "送料"], [*line(), "500"]]
    admitted = examine([*delivery([line()])[:3], file_of("order_lines.tsv", rows)])
    assert admitted.tables["order_lines"]["ordered_jpy"].to_pylist() == [1900]


def test_late_cancellation_changes_sales_but_not_ordered_amount():
    shipped, cancelled = (
        examine(delivery([line(状態=status)])).tables["order_lines"] for status in ("出荷済", "キャンセル")
    )
    assert shipped["ordered_jpy"] == cancelled["ordered_jpy"]
    assert (shipped["sales_jpy"].to_pylist(), cancelled["sales_jpy"].to_pylist()) == ([1900], [0])


def test_admitted_tables_obey_their_declarations():
    admitted = examine(delivery([line("A1"), line("A2", 数量="-1", 状態="返品"), line("A3", 数量="0")]))
    for name, table in admitted.tables.items():
        assert table.schema == TABLES[name].arrow_schema
        assert TABLES[name].faults(table) == []


def test_months_and_days_covered_are_those_of_admitted_lines():
    lines = [line("A1"), line("A1", "2"), line("A2", 受注日時="2025/06/30 09:00", 状態="返品"), line("A3", 数量="0")]
    receipt = examine(delivery(lines)).receipt
    assert receipt["months"] == [
        {"month": "2025-05", "rows": 2, "orders": 1, "customers": 1, "ordered_jpy": 3800, "sales_jpy": 3800},
        {"month": "2025-06", "rows": 1, "orders": 1, "customers": 1, "ordered_jpy": 1900, "sales_jpy": 0},
    ]
    assert (receipt["data_from"], receipt["data_to"]) == ("2025-05-01", "2025-06-30")


SET_ASIDE = {
    "tables": {
        "order_lines": {
            "columns": {
                "order_id": "注文番号", "line_no": "明細番号", "customer_id": "顧客番号", "ordered_at": "受注日時",
                "status": "状態", "order_kind": "注文区分", "product_id": "商品番号", "quantity": "数量",
                "unit_price_jpy": "単価", "discount_jpy": "値引",
            },
            "set_aside": [
                {"rule": "guests", "column": "顧客番号", "empty": True},
                {"rule": "big", "column": "数量", "matching": r"^\d{2}$"},
            ],
        }
    }
}  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(
    kinds=st.lists(st.sampled_from(["good", "guest", "big", "short", *BAD_LINES]), min_size=1, max_size=40),
    seed=st.integers(0, 1000),
)
def test_accounts_close_under_planted_faults_and_shuffled_rows(kinds, seed):
    lines = []
    for number, kind in enumerate(kinds):
        changes = {"guest": {"顧客番号": "", "数量": "3"}, "big": {"数量": "12"}}.get(kind) or BAD_LINES.get(
            kind, ({},)
        )[0]
        lines.append(line(f"A{number}", **changes)[: 10 if kind == "short" else None])
    shuffled = random.Random(seed).sample(lines, len(lines))
    one, other = (examine(delivery(rows), client_with(SET_ASIDE)) for rows in (lines, shuffled))
    account = one.receipt["accounts"]["order_lines"]
    bad = [kind for kind in kinds if kind == "short" or (kind in BAD_LINES and kind != "no customer")]
    assert account == other.receipt["accounts"]["order_lines"]
    assert account["quarantined"] == len(bad)
    assert account["admitted"] == kinds.count("good") == one.tables["order_lines"].num_rows
    assert account["set_aside"] == {
        "guests": kinds.count("guest") + kinds.count("no customer"),
        "big": kinds.count("big"),
    }
    assert account["delivered"] == account["admitted"] + account["quarantined"] + sum(account["set_aside"].values())
    money = account["amount_jpy"]
    assert money["delivered"] == money["admitted"] + money["quarantined"] + sum(money["set_aside"].values())
    assert money["admitted"] == 1900 * kinds.count("good")
    unreadable = ("short", "words for a quantity", "half a unit", "no price", "a trillion yen")
    assert account["rows_with_unreadable_amount"] == sum(map(kinds.count, unreadable))


def test_a_row_with_several_faults_counts_once():
    account = examine(delivery([line(数量="0", 顧客番号="", 受注日時="x")])).receipt["accounts"]["order_lines"]
    assert account["quarantined"] == 1
    assert account["quarantined_by_rule"] == {
        "missing": 1,
        "not_a_date": 1,
        "zero_quantity": 1,
    }
