"""The mapping language: what it understands, and that it names the key that is wrong."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from crm_platform.clients import Catalogue, Client
from crm_platform.clients.mapping import (
    PRESETS,
    ByCases,
    Case,
    Constant,
    FillDown,
    FirstFilled,
    FromColumn,
    Joined,
    KeyedHash,
    NumberWithin,
    OrderDiscount,
    Part,
    SetAside,
    SplitRows,
    hashed_header,
    parse_intake_rules,
)
from crm_platform.intake import rules_of
from crm_platform.intake.mapping.processing import is_special_format, processing_reasons
from crm_platform.refusals import Refused


def rules(**intake):
    return parse_intake_rules(Client("acme", "Acme", intake=intake))


def lines(**said):
    return rules(tables={"order_lines": said}).tables["order_lines"]


def test_nothing_said_means_the_standard_layout_a_small_tolerance_and_no_personal_data():
    found = rules()
    assert (found.tolerated_bad_row_rate, found.personal_data) == (0.005, "drop")
    assert is_special_format(found)
    assert processing_reasons(found) == []


def test_our_own_layout_has_its_price_wherever_it_lies_in_a_file_but_not_once_something_is_mapped():
    lies = {"file": "*.xlsx", "sheet": "取引明細", "encoding": "cp932", "delimiter": ";"}
    assert is_special_format(rules(tables={"order_lines": lies, "products": {"sheet": "商品"}}))
    for mapped in ({"codes": {"status": {"9": "shipped"}}}, {"columns": {"order_id": "番号"}}, {"drop": ["備考"]}):
        assert not is_special_format(rules(tables={"order_lines": {**lies, **mapped}}))
    assert not is_special_format(rules(tables={"media": {"absent": True}}))
    assert not is_special_format(rules(preset="shopify", tables={"order_lines": lies}))


@pytest.mark.parametrize("cart", PRESETS)
def test_a_preset_keeps_all_that_a_client_does_not_say_itself(cart):
    plain = rules(preset=cart).tables["order_lines"]
    found = rules(preset=cart, tables={"order_lines": {"sheet": "受注"}}).tables["order_lines"]
    assert found == replace(plain, sheet="受注")


def test_every_kind_of_source_is_understood():
    columns = lines(
        columns={
            "order_id": "Invoice",
            "unit_price_jpy": {"column": "Price", "times": 135.1},
            "line_no": {"number_within": "order_id"},
            "status": {"column": "Invoice", "pattern": "^C", "then": "returned", "otherwise": "shipped"},
            "order_kind": {"constant": "one_off"},
            "customer_id": {"keyed_hash": ["姓", "電話"]},
            "ordered_at": {"columns": ["注文日", "注文時間"], "join": " "},
            "product_id": {"first_filled": ["sku", "name"]},
            "course": {"column": "X", "part": 2, "separator": "/"},
            "shipped_on": {"column": "Date", "format": "%m/%d/%Y"},
            "discount_jpy": {"column": "値引", "divided_by": 1.1},
        }
    ).columns
    assert columns == {
        "order_id": FromColumn("Invoice"),
        "unit_price_jpy": FromColumn("Price", Decimal("135.1")),
        "line_no": NumberWithin("order_id"),
        "status": ByCases((Case("Invoice", "^C", "returned"),), "shipped"),
        "order_kind": Constant("one_off"),
        "customer_id": KeyedHash(("姓", "電話")),
        "ordered_at": Joined(("注文日", "注文時間"), " "),
        "product_id": FirstFilled(("sku", "name")),
        "course": Part("X", 2, "/"),
        "shipped_on": FromColumn("Date", format="%m/%d/%Y"),
        "discount_jpy": FromColumn("値引", divided_by=Decimal("1.1")),
    }
    assert columns["customer_id"].reads == (hashed_header(["姓", "電話"]),) == ("hash(姓+電話)",)


def test_every_rule_of_a_whole_table_is_understood():
    found = lines(
        sheet="受注",
        fill_down={"within": "Name", "columns": ["Subtotal"]},
        split_rows={"column": "商品", "separator": ",", "first_only": ["小計"]},
        order_discount={"total": "Subtotal", "divided_by": 1.1},
        drop=["備考"],
    )
    assert (found.sheet, found.drop) == ("受注", ("備考",))
    assert found.fill_down == FillDown("Name", ("Subtotal",))
    assert found.split_rows == SplitRows("商品", ",", ("小計",))
    assert found.order_discount == OrderDiscount(total="Subtotal", divided_by=Decimal("1.1"))


def test_every_kind_of_set_aside_rule_is_understood():
    found = lines(
        set_aside=[
            {"rule": "a", "column": "x", "empty": True},
            {"rule": "b", "column": "x", "matching": "^P"},
            {"rule": "c", "column": "x", "one_of": ["POST", "M"]},
        ]
    ).set_aside
    assert found == (
        SetAside("a", "x", empty=True),
        SetAside("b", "x", matching="^P"),
        SetAside("c", "x", one_of=("POST", "M")),
    )


@pytest.mark.parametrize(
    ("intake", "key"),
    [
        ({"admission": {"tolerance": 1}}, "admission.tolerance"),
        ({"admission": {"tolerated_bad_row_rate": 2}}, "admission.tolerated_bad_row_rate"),
        ({"admission": {"tolerated_bad_row_rate": True}}, "admission.tolerated_bad_row_rate"),
        ({"personal_data": {"policy": "keep"}}, "personal_data.policy"),
        ({"tables": {"orders": {}}}, "tables.orders"),
        ({"tables": {"media": {"absent": "yes"}}}, "tables.media.absent"),
        ({"tables": {"order_lines": {"absent": True}}}, "tables.order_lines.absent"),
        ({"tables": {"order_lines": {"derived_from": "customers"}}}, "tables.order_lines.derived_from"),
        ({"tables": {"media": {"encoding": "ebcdic"}}}, "tables.media.encoding"),
        ({"tables": {"media": {"delimiter": "ab"}}}, "tables.media.delimiter"),
        ({"tables": {"media": {"separator": ","}}}, "tables.media.separator"),
        ({"tables": {"media": {"columns": {"media_id": 3}}}}, "tables.media.columns.media_id"),
        ({"tables": {"media": {"columns": {"media_id": {"join": "x"}}}}}, "tables.media.columns.media_id"),
        ({"tables": {"media": {"columns": {"media_id": ""}}}}, "tables.media.columns.media_id"),
        (
            {"tables": {"media": {"columns": {"media_id": {"cases": [], "otherwise": "x"}}}}},
            "tables.media.columns.media_id.cases",
        ),
        ({"tables": {"media": {"columns": {"media_id": {"keyed_hash": "Email"}}}}}, "tables.media.columns.media_id"),
        (
            {"tables": {"media": {"columns": {"media_id": {"column": "x", "part": 0, "separator": ","}}}}},
            "tables.media.columns.media_id.part",
        ),
        (
            {"tables": {"media": {"columns": {"started_on": {"column": "x", "format": "%Y"}}}}},
            "tables.media.columns.started_on.format",
        ),
        (
            {"tables": {"products": {"columns": {"list_price_jpy": {"column": "x", "divided_by": 0}}}}},
            "tables.products.columns.list_price_jpy",
        ),
        ({"tables": {"media": {"split_rows": {}}}}, "tables.media.split_rows"),
        ({"tables": {"order_lines": {"fill_down": {"within": "Name"}}}}, "tables.order_lines.fill_down"),
        ({"tables": {"order_lines": {"split_rows": {"column": "x"}}}}, "tables.order_lines.split_rows"),
        (
            {"tables": {"order_lines": {"order_discount": {"set_aside": "x"}}}},
            "tables.order_lines.order_discount.set_aside",
        ),
        (
            {"tables": {"order_lines": {"order_discount": {"column": "x", "total": "y"}}}},
            "tables.order_lines.order_discount",
        ),
        (
            {"tables": {"order_lines": {"order_discount": {"column": "x"}, "columns": {"discount_jpy": "y"}}}},
            "tables.order_lines.order_discount",
        ),
        ({"tables": {"media": {"derived_columns": {"media_name": "x"}}}}, "tables.media.derived_columns"),
        ({"preset": "base"}, "preset"),
        ({"tables": {"media": {"codes": {"channel": {"1": 2}}}}}, "tables.media.codes.channel"),
        ({"tables": {"media": {"set_aside": [{"rule": "a", "column": "x"}]}}}, "tables.media.set_aside"),
        ({"tables": {"media": {"set_aside": {"rule": "a"}}}}, "tables.media.set_aside"),
        (
            {"tables": {"media": {"set_aside": [{"rule": "a", "column": "x", "one_of": "POST"}]}}},
            "tables.media.set_aside",
        ),
        (
            {"tables": {"products": {"columns": {"list_price_jpy": {"column": "x", "times": float("inf")}}}}},
            "tables.products.columns.list_price_jpy",
        ),
        (
            {"tables": {"media": {"set_aside": [{"rule": "a", "column": "x", "matching": "("}]}}},
            "tables.media.set_aside",
        ),
    ],
)
def test_a_wrong_key_is_refused_by_its_name(intake, key):
    with pytest.raises(Refused) as refusal:
        rules(**intake)
    assert (refusal.value.file, refusal.value.column) == ("acme.toml", key)


@pytest.mark.parametrize(
    ("said", "key"),
    [
        ({"columns": {"price": "x"}}, "columns.price"),
        ({"columns": {"sales_jpy": "x"}}, "columns.sales_jpy"),
        ({"columns": {"quantity": {"column": "x", "times": 2}}}, "columns.quantity"),
        ({"columns": {"cycle_no": {"number_within": "order_id"}}}, "columns.cycle_no"),
        ({"columns": {"line_no": {"number_within": "order_id"}}}, "columns.line_no"),
        ({"columns": {"order_kind": {"constant": "teiki"}}}, "columns.order_kind"),
        ({"columns": {"quantity": {"column": "x", "divided_by": 2}}}, "columns.quantity"),
        ({"columns": {"course": {"column": "x", "format": "%Y%m%d"}}}, "columns.course"),
        (
            {
                "columns": {
                    "status": {"cases": [{"column": "x", "pattern": ".", "then": "gone"}], "otherwise": "shipped"}
                }
            },
            "columns.status",
        ),
        ({"codes": {"status": {"9": "gone"}}}, "codes.status"),
    ],
)
def test_what_no_table_takes_is_refused_by_its_name(said, key):
    with pytest.raises(Refused) as refusal:
        rules_of(Client("acme", "Acme", intake={"tables": {"order_lines": said}}))
    assert refusal.value.column == f"tables.order_lines.{key}"


def test_lines_numbered_within_an_order_number_that_is_not_mapped_are_told_what_is_missing():
    said = {"columns": {"line_no": {"number_within": "order_id"}}}
    with pytest.raises(Refused, match=r'within order_id, which no column is mapped to. Write order_id = "HEADER"'):
        rules_of(Client("acme", "Acme", intake={"tables": {"order_lines": said}}))


def test_every_client_of_the_catalogue_is_sound():
    catalogue = Catalogue(Path(__file__).parents[2] / "data" / "clients")
    reasons = {name: processing_reasons(rules_of(catalogue.load(name))) for name in catalogue.ids()}
    assert reasons["demo"] == []
    assert "order_lines: rows set aside by the rule 'no_customer_id'" in reasons["online-retail-ii"]
