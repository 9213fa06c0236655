"""The words of a mapping, carried out: joined, cut, filled down, split and spread; each said on the estimate."""

import datetime as dt

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_platform.intake import refuse_unmapped, rules_of
from crm_platform.intake.mapping.order_discount import OrderLines, spread_difference, spread_exactly
from crm_platform.intake.mapping.processing import processing_reasons
from crm_platform.refusals import Refused
from crm_platform_tests.intake.deliveries import client_with, delivery, examine, faults_of, file_of, line

COLUMNS = {
    "order_id": "注文",
    "line_no": {"number_within": "order_id"},
    "customer_id": "客",
    "ordered_at": "日",
    "status": {"constant": "shipped"},
    "order_kind": {"constant": "one_off"},
    "product_id": "品",
    "quantity": "数",
    "unit_price_jpy": "値",
}
HEADERS = ["注文", "客", "日", "品", "数", "値"]
DERIVED = {
    "products": {"derived_from": "order_lines"},
    "customers": {"derived_from": "order_lines"},
    "media": {"absent": True},
}


def client_saying(columns=None, **lines):
    return client_with({"tables": {**DERIVED, "order_lines": {"columns": COLUMNS | (columns or {}), **lines}}})


def admitted(rows, columns=None, headers=(), **said):
    """The admission of order lines with more headers and words than the plain ones."""
    file = file_of("order_lines.tsv", [[*HEADERS, *headers], *rows])
    return examine([file], client_saying(columns, **said))


def lines_of(found, *columns):
    return found.tables["order_lines"].select(list(columns)).to_pylist()


def row(order="A", price="1000", quantity="1", *more, product="P", day="2025/05/01"):
    return [order, "C1", day, product, quantity, price, *more]


def test_a_date_and_a_time_are_joined_and_an_empty_part_leaves_no_blank():
    joined = {"ordered_at": {"columns": ["日", "時"], "join": " "}}
    found = admitted([row("A", "1", "1", "10:23"), row("B", "1", "1", "")], joined, ["時"])
    at = [line["ordered_at"] for line in lines_of(found, "ordered_at")]
    assert at == [dt.datetime(2025, 5, 1, 10, 23), dt.datetime(2025, 5, 1)]


def test_the_first_filled_of_several_columns_is_taken():
    found = admitted(
        [row("A", "1", "1", "sku"), row("B", "1", "1", "")], {"product_id": {"first_filled": ["副", "品"]}}, ["副"]
    )
    assert [line["product_id"] for line in lines_of(found, "product_id")] == ["sku", "P"]


def test_a_part_is_cut_out_and_missing_parts_are_empty():
    course = {"course": {"column": "組", "part": 2, "separator": "/"}}
    found = admitted([row("A", "1", "1", "a/ b /c"), row("B", "1", "1", "a")], course, ["組"])
    assert [line["course"] for line in lines_of(found, "course")] == ["b", None]


def test_a_stated_date_format_is_kept_to():
    american = {"ordered_at": {"column": "日", "format": "%m/%d/%Y"}}
    found = admitted([row(day="05/04/2025"), row("B", day="25/04/2025")], american)
    assert [line["ordered_at"] for line in lines_of(found, "ordered_at")] == [dt.datetime(2025, 5, 4)]
    assert faults_of(found) == [(3, "日", "not_a_date")]


def test_a_price_with_tax_is_divided_by_the_rate():
    found = admitted([row(price="1,100", quantity="3")], {"unit_price_jpy": {"column": "値", "divided_by": 1.1}})
    assert lines_of(found, "unit_price_jpy", "ordered_jpy") == [{"unit_price_jpy": 1000.0, "ordered_jpy": 3000}]


def test_the_first_case_that_holds_says_the_state():
    cases = [
        {"column": "取消", "pattern": ".", "then": "cancelled"},
        {"column": "送", "pattern": "^済$", "then": "shipped"},
    ]
    rows = [row("A", "1", "1", "x", "済"), row("B", "1", "1", "", "済"), row("C", "1", "1", "", "未済")]
    found = admitted(rows, {"status": {"cases": cases, "otherwise": "ordered"}}, ["取消", "送"])
    assert [line["status"] for line in lines_of(found, "status")] == ["cancelled", "shipped", "ordered"]


def test_filling_down_stays_within_the_order():
    rows = [row("A", "1", "1", "x"), row("B", "1", "1", ""), row("A", "1", "1", ""), row("B", "1", "1", "y")]
    found = admitted(rows, {"course": "組"}, ["組"], fill_down={"within": "注文", "columns": ["組"]})
    assert lines_of(found, "order_id", "course") == [
        {"order_id": order, "course": course} for order, course in (("A", "x"), ("A", "x"), ("B", "y"), ("B", "y"))
    ]


def test_a_row_that_lists_products_becomes_a_line_for_each_with_its_own_row_number():
    split = {"column": "品", "separator": ",", "first_only": ["値"]}
    file = file_of(
        "order_lines.csv", [HEADERS, row(product='"P1, P2,,P3"'), row("B", "500", "0", product="P9")], delimiter=","
    )
    found = examine([file], client_saying(split_rows=split))
    assert lines_of(found, "line_no", "product_id", "ordered_jpy") == [
        {"line_no": 1, "product_id": "P1", "ordered_jpy": 1000},
        {"line_no": 2, "product_id": "P2", "ordered_jpy": 0},
        {"line_no": 3, "product_id": "P3", "ordered_jpy": 0},
    ]
    assert faults_of(found) == [(3, "数", "zero_quantity")]
    account = found.receipt["accounts"]["order_lines"]
    assert (account["delivered"], account["added_by_splitting"], account["admitted"], account["quarantined"]) == (
        2,
        2,
        3,
        1,
    )


@pytest.mark.parametrize("amounts", [("100", "100"), ("100", ""), ("", "-100")])
def test_a_discount_repeated_or_on_one_line_is_taken_once(amounts):
    rows = [row("A", "1000", "2", amounts[0]), row("A", "999", "1", amounts[1]), row("B", "700", "1", "")]
    found = admitted(rows, headers=["割"], order_discount={"column": "割"})
    assert [line["ordered_jpy"] for line in lines_of(found, "ordered_jpy")] == [1933, 966, 700]
    assert found.receipt["accounts"]["order_lines"]["orders_that_do_not_add_up"] == 0


def test_a_discount_above_the_lines_takes_them_to_nothing_and_is_counted():
    found = admitted([row("A", "1000", "1", "1500")], headers=["割"], order_discount={"column": "割"})
    assert [line["ordered_jpy"] for line in lines_of(found, "ordered_jpy")] == [0]
    assert found.receipt["accounts"]["order_lines"]["orders_that_do_not_add_up"] == 1


def test_a_free_order_with_prices_divided_by_the_tax_is_admitted():
    price = {"unit_price_jpy": {"column": "値", "divided_by": 1.1}}
    found = admitted([row("A", "1200", "1", "0")], price, ["計"], order_discount={"total": "計"})
    assert [line["ordered_jpy"] for line in lines_of(found, "ordered_jpy")] == [0]


def test_an_order_amount_that_is_no_number_is_quarantined():
    found = admitted([row("A", "1", "1", "約百円")], headers=["割"], order_discount={"column": "割"})
    assert faults_of(found) == [(2, "割", "not_a_number")]


def kinds_of(rows, **bulk):
    found = admitted(
        rows,
        {"discount_jpy": "割", "order_kind": "区"},
        ["割", "区"],
        codes={"order_kind": {"頒": "subscription"}},
        **bulk,
    )
    return [line["order_kind"] for line in lines_of(found, "order_kind")]


def test_several_pieces_at_a_discount_are_bulk_where_the_client_says_so_and_subscriptions_never():
    lines = [("3", "300", "都度"), ("2", "900", "都度"), ("5", "499", "都度"), ("3", "900", "頒"), ("9", "", "都度")]
    rows = [row(f"A{n}", "1000", many, off, kind) for n, (many, off, kind) in enumerate(lines)]
    told = ["bulk", "one_off", "one_off", "subscription", "one_off"]
    assert kinds_of(rows) == kinds_of(rows, bulk=False) == ["one_off" if kind == "bulk" else kind for kind in told]
    assert kinds_of(rows, bulk={}) == told
    assert kinds_of(rows[::-1], bulk={}) == told
    assert kinds_of(rows, bulk={"least_quantity": 2})[1] == "bulk"
    assert kinds_of(rows, bulk={"least_discount_rate": 0.0})[2] == "bulk"


@pytest.mark.parametrize(
    "said", [{"least_quantity": 1}, {"least_quantity": True}, {"least_discount_rate": 2}, {"pieces": 3}, 3]
)
def test_a_rule_of_bulk_lines_that_says_nothing_possible_is_refused(said):
    with pytest.raises(Refused, match=r"tables\.order_lines\.bulk"):
        kinds_of([row("A", "1", "1", "", "都度")], bulk=said)


def test_codes_of_rows_that_are_set_aside_need_no_meaning():
    rule = {"rule": "unfinished", "column": "状", "one_of": ["仮"]}
    found = admitted(
        [row("A", "1", "1", "仮"), row("B", "1", "1", "出荷済")], {"status": "状"}, ["状"], set_aside=[rule]
    )
    assert [line["order_id"] for line in lines_of(found, "order_id")] == ["B"]
    with pytest.raises(Refused, match="no meaning is known for '仮'"):
        admitted([row("A", "1", "1", "仮")], {"status": "状"}, ["状"])


def test_the_unmapped_codes_of_all_columns_of_a_table_are_listed_at_once():
    rows = [
        row("A", "1", "1", "出荷済", "都度"),
        row("B", "1", "1", "保留", "都度"),
        row("C", "1", "1", "受注", "サンプル"),
    ]
    with pytest.raises(Refused) as refusal:
        admitted(rows, {"status": "状", "order_kind": "区"}, ["状", "区"])
    said = str(refusal.value)
    for where, column, value in [
        ("row 3, column 状", "status", "保留"),
        ("row 4, column 区", "order_kind", "サンプル"),
    ]:
        assert f"{where}: no meaning is known for '{value}' (1 rows)" in said
        assert f'[tables.order_lines.codes.{column}]\n"{value}" = ""' in said


def test_a_mapped_column_that_a_hand_written_mapping_names_must_be_there():
    with pytest.raises(Refused, match="lacks the column '組'"):
        admitted([row()], {"course": "組"})
    with pytest.raises(Refused, match="lacks this column"):
        admitted([row()], fill_down={"within": "注文", "columns": ["組"]})


def test_a_file_is_known_by_its_headers_whatever_its_name():
    found = examine([file_of("無題.csv", [HEADERS, row()], delimiter=",")], client_saying())
    assert found.tables["order_lines"].num_rows == 1
    with pytest.raises(Refused, match="belongs to no table"):
        examine([file_of("無題.csv", [HEADERS[1:], row()[1:]], delimiter=",")], client_saying())


@pytest.mark.parametrize("encoding", ["cp932", "utf-8-sig", "utf-16"])
def test_a_long_file_is_known_by_its_beginning_in_any_encoding(encoding):
    rows = [row(f"A{n}", product="長い商品名" * 30) for n in range(4000)]
    found = examine([file_of("無題.csv", [HEADERS, *rows], encoding, ",")], client_saying())
    assert found.tables["order_lines"].num_rows == 4000


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"columns": COLUMNS | {"ordered_at": {"columns": ["日", "時"], "join": " "}}}, "ordered_at is joined"),
        ({"columns": COLUMNS | {"course": {"column": "組", "part": 1, "separator": "/"}}}, "course is cut out"),
        ({"columns": COLUMNS | {"course": {"first_filled": ["組", "副"]}}}, "course is the first filled"),
        ({"columns": COLUMNS | {"customer_id": {"keyed_hash": ["客"]}}}, "customer_id is a keyed hash"),
        ({"columns": COLUMNS, "fill_down": {"within": "注文", "columns": ["日"]}}, "filled down within 注文"),
        (
            {"columns": COLUMNS, "split_rows": {"column": "品", "separator": ",", "first_only": ["値"]}},
            "rows split at 品",
        ),
        ({"columns": COLUMNS, "bulk": {}}, "bulk lines told by quantity"),
        ({"columns": COLUMNS, "order_discount": {"column": "割"}}, "discount of an order spread"),
    ],
)
def test_whatever_is_more_than_mapping_is_on_the_estimate(said, reason):
    reasons = processing_reasons(rules_of(client_with({"tables": {"order_lines": said}})))
    assert any(reason in each for each in reasons)


@pytest.mark.parametrize("column", ["line_no", "status"])
def test_a_mapping_without_a_column_that_is_needed_is_told_before_anything_is_delivered(column):
    refuse_unmapped(rules_of(client_saying()))
    mapped = {name: source for name, source in COLUMNS.items() if name != column}
    tables = {**DERIVED, "order_lines": {"columns": mapped}}
    with pytest.raises(Refused, match=f"required column {column}") as refused:
        refuse_unmapped(rules_of(client_with({"tables": tables})))
    assert refused.value.column == "tables.order_lines.columns"


def test_renaming_scaling_and_stating_a_date_format_are_no_processing():
    columns = {
        "line_no": "行",
        "order_kind": "区",
        "ordered_at": {"column": "日", "format": "%m/%d/%Y"},
        "unit_price_jpy": {"column": "値", "divided_by": 1.1},
    }
    rules = rules_of(
        client_with(
            {"tables": {"order_lines": {"columns": COLUMNS | columns, "codes": {"order_kind": {"0": "one_off"}}}}}
        )
    )
    assert processing_reasons(rules) == []


def test_the_standard_layout_stays_what_it_was():
    plain = examine(delivery([line(), line("A2")]))
    account = plain.receipt["accounts"]["order_lines"]
    assert (account["added_by_splitting"], plain.receipt["special_format"]) == (0, True)
    assert "orders_that_do_not_add_up" not in account
    assert all(file["lacking_columns"] == [] for file in plain.receipt["files"])


orders = st.lists(st.lists(st.integers(0, 10**9), min_size=1, max_size=6), min_size=1, max_size=8)


@given(orders, st.data())
def test_a_spread_amount_is_exact_to_the_yen_and_never_more_than_the_line(amounts, data):
    wanted = np.array([data.draw(st.integers(0, sum(lines))) for lines in amounts], np.int64)
    order = np.repeat(np.arange(len(amounts), dtype=np.int32), [len(lines) for lines in amounts])
    weights = np.array([amount for lines in amounts for amount in lines], np.int64)
    share = spread_exactly(wanted, order, weights)
    assert np.bincount(order, share, len(wanted)).astype(np.int64).tolist() == wanted.tolist()
    assert ((share >= 0) & (share <= weights)).all()
    sums = np.bincount(order, weights, len(wanted))
    exact = np.where(sums[order] > 0, wanted[order] * weights / np.maximum(sums[order], 1), 0)
    assert (np.abs(share - exact) < 1 + 1e-6).all()


@given(orders, st.randoms(use_true_random=False))
def test_what_an_order_comes_to_does_not_depend_on_the_order_of_its_lines(amounts, random):
    rows = [(number, amount) for number, lines in enumerate(amounts) for amount in lines]
    totals = [sum(lines) * 2 // 3 for lines in amounts]

    def discounts(shuffled):
        order = np.array([number for number, _ in shuffled], np.int32)
        lines = OrderLines(order, pa.array([1] * len(rows)), pa.array([float(a) for _, a in shuffled]), {})
        spread = spread_difference(lines, pa.array([totals[number] for number, _ in shuffled]))
        return np.bincount(order, spread.discount_jpy, len(amounts)).astype(int).tolist()

    mixed = random.sample(rows, len(rows))
    assert discounts(mixed) == discounts(rows) == [sum(a) - t for a, t in zip(amounts, totals, strict=True)]
