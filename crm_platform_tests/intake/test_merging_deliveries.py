"""Differences: the latest delivery of a key wins, and how a history was split makes no difference."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_platform.intake import Admitted, DeliveredFile, merge_deliveries
from crm_platform.intake.keeping.merging import changes, known_before
from crm_platform.refusals import Refused
from crm_platform_tests.intake.deliveries import (
    CUSTOMERS,
    LINE_HEADERS,
    client_with,
    delivery,
    examine,
    file_of,
    line,
    masters,
)


def difference(lines, former, number=2, client=None):
    files = [file_of("order_lines.tsv", [LINE_HEADERS, *lines])]
    return examine(files, client, number=number, former=former)


def test_a_later_cancellation_replaces_the_line_and_a_vanished_order_stays():
    full = examine(delivery([line("A1"), line("A2")]))
    later = difference([line("A2", 状態="キャンセル"), line("A3")], [full])
    merged = merge_deliveries([full, later])["order_lines"]
    assert merged.select(["order_id", "status"]).to_pylist() == [
        {"order_id": "A1", "status": "shipped"},
        {"order_id": "A2", "status": "cancelled"},
        {"order_id": "A3", "status": "shipped"},
    ]


def test_full_equals_old_and_difference():
    old, new = [line("A1"), line("A2")], [line("A2", 状態="返品"), line("A3")]
    first = examine(delivery(old))
    merged = merge_deliveries([first, difference(new, [first])])
    full = examine(delivery([line("A1"), line("A2", 状態="返品"), line("A3")]))
    assert merged == merge_deliveries([full])


def test_a_line_that_a_redelivered_order_no_longer_holds_is_removed():
    first = examine(delivery([line("A1", "1"), line("A1", "2"), line("A2", "1")]))
    later = difference([line("A1", "2", 単価="900")], [first])
    merged = merge_deliveries([first, later])["order_lines"]
    assert merged.select(["order_id", "line_no", "unit_price_jpy"]).to_pylist() == [
        {"order_id": "A1", "line_no": 2, "unit_price_jpy": 900.0},
        {"order_id": "A2", "line_no": 1, "unit_price_jpy": 1000.0},
    ]
    assert changes(known_before([first], later), later) == {
        "orders_new": 0,
        "lines_removed": 1,
        "lines_undone": 0,
        "lines_changed": 1,
    }


def test_a_line_in_the_quarantine_does_not_remove_what_was_known_of_it():
    first = examine(delivery([line("A1", "1"), line("A1", "2"), line("A1", "3")]))
    later = difference([line("A1", "1", 単価="900"), line("A1", "2", 数量="x")], [first])
    merged = merge_deliveries([first, later])["order_lines"]
    assert merged["unit_price_jpy"].to_pylist() == [900.0, 1000.0, 1000.0]
    assert later.receipt["orders_with_quarantined_lines"] == ["A1"]
    mended = difference([line("A1", "1", 単価="900"), line("A1", "2")], [first, later], number=3)
    assert merge_deliveries([first, later, mended])["order_lines"]["line_no"].to_pylist() == [1, 2]


def test_a_client_that_delivers_single_lines_loses_no_other_line_of_the_order():
    client = client_with({"tables": {"order_lines": {"differences": "lines"}}})
    first = examine(delivery([line("A1", "1"), line("A1", "2")]), client)
    later = difference([line("A1", "2", 状態="キャンセル")], [first], client=client)
    merged = merge_deliveries([first, later])["order_lines"]
    assert merged["status"].to_pylist() == ["shipped", "cancelled"]
    assert changes(known_before([first], later), later) == {
        "orders_new": 0,
        "lines_removed": 0,
        "lines_undone": 1,
        "lines_changed": 0,
    }


def test_a_difference_without_masters_needs_former_ones():
    with pytest.raises(Refused, match="lacks products"):
        difference([line()], [])


def test_a_difference_is_held_against_former_masters():
    first = examine(delivery([line()]))
    later = difference([line("A2", 顧客番号="C0000005"), line("A3", 顧客番号="C0000006")], [first])
    assert later.tables["quarantined_rows"]["rule"].to_pylist() == ["unknown_customer"]


def customer_file(*numbers: int) -> DeliveredFile:
    return file_of("customers.tsv", [CUSTOMERS[0], *(CUSTOMERS[number] for number in numbers)])


def on_file(*deliveries: Admitted) -> list[int]:
    """The last digits of the customers on file."""
    return [int(customer[-1]) for customer in merge_deliveries(deliveries)["customers"]["customer_id"].to_pylist()]


def test_a_customer_whose_number_was_merged_into_another_is_on_file_no_more() -> None:
    one, two = "C0000001", "C0000002"
    first = examine(delivery([line("A1"), line("A2"), line("A3", 顧客番号=two)]))
    half = difference([line("A1", 顧客番号=two)], [first])
    assert on_file(first, half) == [1, 2, 3, 4, 5]  # who never bought is a customer, too
    merged = difference([line("A2", 顧客番号=two, 状態="返品")], [first, half], number=3)
    assert on_file(first, half, merged) == [2, 3, 4, 5]
    again = difference([line("A4", 顧客番号=one)], [first, half, merged], number=4)
    assert on_file(first, half, merged, again) == [1, 2, 3, 4, 5]
    whole = examine(
        [
            *masters()[:1],
            *masters()[2:],
            customer_file(2, 3, 4, 5),
            *delivery([line("A1", 顧客番号=two), line("A2", 顧客番号=two, 状態="返品"), line("A3", 顧客番号=two)])[3:],
        ]
    )
    assert merge_deliveries([whole])["customers"] == merge_deliveries([first, half, merged])["customers"]


def test_a_customer_without_orders_whom_the_master_still_names_stays_on_file() -> None:
    first = examine(delivery([line("A1")]))
    lines = file_of("order_lines.tsv", [LINE_HEADERS, line("A1", 顧客番号="C0000002")])
    named, unnamed = (
        examine([lines, customer_file(*numbers)], number=2, former=[first]) for numbers in ((1, 2), (2, 3))
    )
    assert (on_file(first, named), on_file(first, unnamed)) == ([1, 2, 3, 4, 5], [2, 3, 4, 5])
    later = examine([customer_file(1)], number=3, former=[first, unnamed])
    assert on_file(first, unnamed, later) == [1, 2, 3, 4, 5]


def test_a_customer_whose_orders_came_before_under_another_number_is_told_by_the_move_and_not_by_what_followed() -> (
    None
):
    first = examine(delivery([line("A1")]))
    moved = difference([line("A1", 顧客番号="C0000002")], [first])
    renewed = examine([customer_file(1, 2)], number=3, former=[first, moved])
    cancelled = difference([line("A1", 顧客番号="C0000002", 状態="キャンセル")], [first, moved, renewed], number=4)
    assert on_file(first, moved, renewed, cancelled) == [1, 2, 3, 4, 5]


def test_a_move_that_older_files_took_back_and_that_came_again_takes_the_customer_off_the_file_again() -> None:
    first = examine(delivery([line("A1")]))
    moved = [file_of("order_lines.tsv", [LINE_HEADERS, line("A1", 顧客番号="C0000002")])]
    merged = examine(moved, number=2, former=[first])
    before_it = [file_of("order_lines.tsv", [LINE_HEADERS, line("A1")]), customer_file(1, 2)]
    older = examine(before_it, number=3, former=[first, merged])
    again = examine(moved, number=4, former=[first, merged, older])
    assert on_file(first, merged) == [2, 3, 4, 5]
    assert on_file(first, merged, older) == [1, 2, 3, 4, 5]
    assert on_file(first, merged, older, again) == [2, 3, 4, 5]


def test_the_latest_master_row_of_a_customer_wins():
    first = examine(delivery([line()]))
    files = [file_of("customers.tsv", [CUSTOMERS[0], ["C0000001", "", "沖縄県", "2024/01/05"]])]
    later = examine(files, number=2, former=[first])
    customers = merge_deliveries([first, later])["customers"].to_pylist()
    assert [row["prefecture"] for row in customers] == ["沖縄県", *["東京都"] * 4]
    assert customers[0]["birth_year"] is None


VERSIONS_OF_ORDERS = st.lists(
    st.tuples(
        st.integers(1, 6),
        st.dictionaries(
            st.integers(1, 3),
            st.tuples(st.sampled_from(["受注", "出荷済", "キャンセル", "返品"]), st.integers(1, 9)),
            min_size=1,
        ),
    ),
    min_size=1,
    max_size=20,
)


@settings(max_examples=20, deadline=None)
@given(events=VERSIONS_OF_ORDERS, cuts=st.sets(st.integers(1, 19), max_size=4))
def test_any_split_of_a_history_merges_to_the_same(events, cuts):
    """Every version of an order is delivered at some time; a file holds the last version before it was written."""

    def lines_of(part):
        return [
            line(f"A{order}", str(number), 状態=status, 数量=str(quantity))
            for order, lines in dict(part).items()
            for number, (status, quantity) in lines.items()
        ]

    whole = merge_deliveries([examine(delivery(lines_of(events)))])
    bounds = [0, *sorted(cut for cut in cuts if cut < len(events)), len(events)]
    parts = [events[start:stop] for start, stop in pairwise(bounds)]
    admitted = [examine(delivery(lines_of(parts[0])))]
    for number, part in enumerate(parts[1:], start=2):
        admitted.append(difference(lines_of(part), tuple(admitted), number))
    assert merge_deliveries(admitted) == whole


DERIVED = {
    "tables": {
        "customers": {"derived_from": "order_lines", "include_set_aside": True},
        "products": {"derived_from": "order_lines", "derived_columns": {"brand": "媒体コード"}},
        "media": {"absent": True},
        "order_lines": {
            "columns": {
                "order_id": "注文番号", "line_no": {"number_within": "order_id"}, "customer_id": "顧客番号",
                "ordered_at": "受注日時", "order_kind": {"constant": "one_off"}, "product_id": "商品番号",
                "quantity": "数量", "unit_price_jpy": "単価",
                "status": {"column": "注文番号", "pattern": "^C", "then": "returned", "otherwise": "shipped"},
            },
            "set_aside": [{"rule": "no_goods", "column": "商品番号", "one_of": ["POST"]}],
        },
    }
}  # fmt: skip


def test_masters_are_derived_from_the_lines_and_merge_as_one():
    client = client_with(DERIVED)
    rows = [
        line("A1", 顧客番号="1", 受注日時="2025/03/02", 媒体コード="x"),
        line("A1", 顧客番号="1", 受注日時="2025/03/01", 媒体コード="y"),
        line("C2", 顧客番号="2", 商品番号="POST"),
        line("C2", 顧客番号="1", 商品番号="SP-9", 数量="-3", 媒体コード=""),
        line("A3", 顧客番号="3", 商品番号="SP-9", 媒体コード="z"),
    ]
    whole = examine([file_of("order_lines.tsv", [LINE_HEADERS, *rows])], client)
    customers = whole.tables["customers"].select(["customer_id", "registered_on"]).to_pylist()
    assert [(row["customer_id"], str(row["registered_on"])) for row in customers] == [
        ("1", "2025-03-01"), ("2", "2025-05-01"), ("3", "2025-05-01"),
    ]  # fmt: skip
    products = whole.tables["products"].select(["product_id", "brand"]).to_pylist()
    assert products == [{"product_id": "SP-001", "brand": "x"}, {"product_id": "SP-9", "brand": "z"}]
    assert whole.tables["order_lines"]["line_no"].to_pylist() == [1, 2, 1, 2]
    assert whole.tables["order_lines"]["status"].to_pylist() == ["shipped"] * 3 + ["returned"]
    assert whole.receipt["processing"] is True
    first = difference(rows[:2], [], 1, client)
    parts = [first, difference(rows[2:], [first], 2, client)]
    assert merge_deliveries(parts) == merge_deliveries([whole])
