"""The four carts: an unmodified export, one word in the client's file, and every order is what it was, to the yen."""

import csv
import io
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from crm_platform.cli.receipts import show_accepted
from crm_platform.clients import Client
from crm_platform.clients.mapping import PRESETS, BulkLines
from crm_platform.intake import (
    Accepted,
    DeliveredFile,
    HashKey,
    accept_delivery,
    examine_delivery,
    read_admitted,
    refuse_unmapped,
    rules_of,
)
from crm_platform.intake.mapping.processing import is_special_format, processing_reasons
from crm_platform.refusals import Refused
from crm_platform_tests.intake.cart_exports import (
    CARTS,
    PEOPLE,
    PRODUCTS,
    CartExport,
    csv_bytes,
    ec_cube_4,
    ecforce,
    shopify,
)
from crm_platform_tests.intake.deliveries import TODAY, file_of

KEY = HashKey(b"a secret of the tests' client")
NOTHING_CHANGED = dict.fromkeys(("orders_new", "lines_undone", "lines_changed", "lines_removed"), 0)
EXPORTS = {name: make() for name, make in CARTS.items()}


def examine_export(export: CartExport, files=None, former=(), **intake):
    client = Client("acme", "Acme", intake={"preset": export.preset, **intake})
    return examine_delivery(
        client, files or export.files, delivery_id="0001-x", today=TODAY, former=former, hash_key=KEY
    )


def orders_of(admitted):
    """(ordered, sales, kind) by order."""
    lines = admitted.tables["order_lines"].to_pandas()
    found = lines.groupby("order_id").agg({"ordered_jpy": "sum", "sales_jpy": "sum", "order_kind": "first"})
    return {order_id: (int(row.iloc[0]), int(row.iloc[1]), row.iloc[2]) for order_id, row in found.iterrows()}


def truth_of(export):
    return {key: (order.ordered_jpy, order.sales_jpy, order.kind) for key, order in export.orders.items()}


def rewritten(file: DeliveredFile, change, encoding="utf-8") -> DeliveredFile:
    """The file with its rows (header first) changed."""
    rows = list(csv.reader(io.StringIO(file.content.decode(encoding), newline="")))
    headers, *others = change(rows)
    return DeliveredFile(file.name, csv_bytes(headers, others, encoding, "\n"))


def columns_taken(rows, positions):
    return [[row[position] for position in positions] for row in rows]


def without_columns(rows, names):
    return columns_taken(rows, [at for at, header in enumerate(rows[0]) if header not in names])


@pytest.fixture(scope="module")
def admitted():
    return {name: examine_export(export) for name, export in EXPORTS.items()}


@pytest.mark.parametrize("cart", CARTS)
def test_an_unmodified_export_tells_every_order_to_the_yen(cart, admitted):
    assert orders_of(admitted[cart]) == truth_of(EXPORTS[cart])
    assert admitted[cart].tables["quarantined_rows"].num_rows == 0


@pytest.mark.parametrize("cart", CARTS)
def test_every_customer_is_one_customer_and_has_its_own_amount(cart, admitted):
    lines = admitted[cart].tables["order_lines"].to_pandas()
    customer_of = lines.groupby("order_id")["customer_id"].unique().map(lambda ids: ids[0] if len(ids) == 1 else None)
    pairs = {(order.customer, customer_of[order_id]) for order_id, order in EXPORTS[cart].orders.items()}
    assert len(pairs) == len({true for true, _ in pairs}) == len({found for _, found in pairs})
    true_sales = Counter()
    for order in EXPORTS[cart].orders.values():
        true_sales[dict(pairs)[order.customer]] += order.sales_jpy
    assert true_sales == Counter(lines.groupby("customer_id")["sales_jpy"].sum().astype(int).to_dict())


@pytest.mark.parametrize("cart", CARTS)
def test_the_accounts_of_rows_and_money_close(cart, admitted):
    for account in admitted[cart].receipt["accounts"].values():
        outcome = account["admitted"] + account["quarantined"] + sum(account["set_aside"].values())
        assert account["delivered"] + account["added_by_splitting"] == outcome
    money = admitted[cart].receipt["accounts"]["order_lines"]["amount_jpy"]
    assert money["delivered"] == money["admitted"] + money["quarantined"] + sum(money["set_aside"].values())
    assert money["admitted"] == sum(order.ordered_jpy for order in EXPORTS[cart].orders.values())


@pytest.mark.parametrize("cart", CARTS)
def test_the_masters_hold_whatever_the_lines_name(cart, admitted):
    tables = admitted[cart].tables
    for master, column in (("customers", "customer_id"), ("products", "product_id")):
        assert set(tables["order_lines"][column].to_pylist()) <= set(tables[master][column].to_pylist())
    if cart != "ecforce":
        assert set(tables["customers"]["prefecture"].to_pylist()) == {person.prefecture for person in PEOPLE}
        assert "青汁① 30包" in tables["products"]["product_name"].to_pylist()


@pytest.mark.parametrize("cart", CARTS)
def test_files_copied_into_one_hold_their_headers_again_and_these_are_no_rows(cart, admitted, tmp_path):
    encoding = "utf-8" if cart == "shopify" else "cp932"
    copied = [
        rewritten(file, lambda rows: [*rows[:2], rows[0], *rows[2:], rows[0]], encoding) for file in EXPORTS[cart].files
    ]
    found = examine_export(EXPORTS[cart], copied)
    assert {name: table.to_pylist() for name, table in found.tables.items()} == {
        name: table.to_pylist() for name, table in admitted[cart].tables.items()
    }
    for file, plain in zip(found.receipt["files"], admitted[cart].receipt["files"], strict=True):
        assert len(file["header_again_on_lines"]) == 2
        assert (file["rows"], file["spec_fingerprint"]) == (plain["rows"], plain["spec_fingerprint"])
    accept_delivery(tmp_path, Client("acme", "Acme", intake={"preset": cart}), copied, today=TODAY, hash_key=KEY)
    changed = Client("acme", "Acme", intake={"preset": cart, "admission": {"tolerated_bad_row_rate": 0.1}})
    (again,) = read_admitted(tmp_path, changed)
    assert again.tables["order_lines"].equals(found.tables["order_lines"])
    assert [file["header_again_on_lines"] for file in again.receipt["files"]] == [
        file["header_again_on_lines"] for file in found.receipt["files"]
    ]


@pytest.mark.parametrize("cart", CARTS)
def test_a_preset_is_processing_and_every_word_of_it_is_sound(cart, admitted):
    rules = rules_of(Client("acme", "Acme", intake={"preset": cart}))
    refuse_unmapped(rules)
    assert processing_reasons(rules)
    assert not is_special_format(rules)
    assert admitted[cart].receipt["processing"] is True


@pytest.mark.parametrize("cart", CARTS)
def test_the_order_of_columns_means_nothing(cart, admitted):
    encoding = "utf-8" if cart == "shopify" else "cp932"
    mixed = [
        rewritten(file, lambda rows: columns_taken(rows, np.random.default_rng(7).permutation(len(rows[0]))), encoding)
        for file in EXPORTS[cart].files
    ]
    for name, table in examine_export(EXPORTS[cart], mixed).tables.items():
        assert table.equals(admitted[cart].tables[name]), name


@pytest.mark.parametrize("cart", CARTS)
def test_the_name_of_a_file_means_nothing(cart):
    renamed = [DeliveredFile(f"無題{n}.csv", file.content) for n, file in enumerate(EXPORTS[cart].files)]
    assert orders_of(examine_export(EXPORTS[cart], renamed)) == truth_of(EXPORTS[cart])


def test_every_preset_has_an_export_here():
    assert set(PRESETS) == set(CARTS)


# --- EC-CUBE ----------------------------------------------------------------------------------------------------------


def test_rows_of_ec_cube_that_are_no_goods_are_set_aside_by_name(admitted):
    account = admitted["ec-cube-4"].receipt["accounts"]["order_lines"]
    assert set(account["set_aside"]) == {
        "not_an_order", "guest", "never_placed", "shipping", "fee", "discount", "tax", "points",
    }  # fmt: skip
    assert all(rows for rule, rows in account["set_aside"].items() if rule != "never_placed")
    assert account["amount_jpy"]["set_aside"]["discount"] == 0  # the order's lines took it over


def test_doubling_the_shipping_changes_no_order_of_ec_cube(admitted):
    def doubled(rows):
        kind, price = rows[0].index("明細区分(ID)"), rows[0].index("価格")
        return [[f"{float(v) * 2}" if (at == price and r[kind] == "2") else v for at, v in enumerate(r)] for r in rows]

    files = [rewritten(EXPORTS["ec-cube-4"].files[0], doubled, "cp932"), *EXPORTS["ec-cube-4"].files[1:]]
    assert (
        examine_export(EXPORTS["ec-cube-4"], files)
        .tables["order_lines"]
        .equals(admitted["ec-cube-4"].tables["order_lines"])
    )


def test_masters_of_ec_cube_complete_the_lines_and_are_not_needed(admitted):
    with_files = admitted["ec-cube-4"]
    assert with_files.receipt["accounts"]["customers"]["derived"] == 1  # the member that 会員CSV lacks
    assert with_files.tables["products"]["category"].to_pylist() == ["健康食品"] * 5
    alone = examine_export(EXPORTS["ec-cube-4"], EXPORTS["ec-cube-4"].files[:1])
    assert orders_of(alone) == truth_of(EXPORTS["ec-cube-4"])
    assert alone.receipt["accounts"]["products"]["source"] == "derived from order_lines"


def test_a_difference_without_masters_leaves_delivered_ones_as_they_are(admitted):
    later = examine_export(EXPORTS["ec-cube-4"], EXPORTS["ec-cube-4"].files[:1], former=[admitted["ec-cube-4"]])
    assert later.tables["customers"].num_rows == later.tables["products"].num_rows == 0


def test_an_unknown_state_is_listed_and_not_guessed():
    states = rewritten(
        EXPORTS["ec-cube-4"].files[0], lambda rows: [["77" if v == "4" else v for v in row] for row in rows], "cp932"
    )
    with pytest.raises(Refused, match="no meaning is known for '77'"):
        examine_export(EXPORTS["ec-cube-4"], [states])


def test_a_payment_that_nobody_finished_has_no_day_of_order_and_is_no_order():
    export = EXPORTS["ec-cube-4"]
    never = {key for key, order in export.orders.items() if int(key) % 4 == 0}

    def begun(rows):
        number, day, state = (rows[0].index(name) for name in ("注文番号", "受注日", "対応状況(ID)"))
        changes = {day: "", state: "7"}
        return [
            [changes.get(at, value) if row[number] in never else value for at, value in enumerate(row)] for row in rows
        ]

    found = examine_export(export, [rewritten(export.files[0], begun, "cp932"), *export.files[1:]])
    assert orders_of(found) == {key: value for key, value in truth_of(export).items() if key not in never}
    assert found.receipt["accounts"]["order_lines"]["set_aside"]["never_placed"] > 0
    assert found.receipt["accounts"]["order_lines"]["quarantined"] == 0


def test_products_in_several_sizes_without_codes_are_known_by_their_size():
    export = EXPORTS["ec-cube-4"]

    def uncoded(rows):
        at = rows[0].index("商品コード")
        return [rows[0], *([*row[:at], "", *row[at + 1 :]] for row in rows[1:])]

    def in_two_sizes(rows):
        size = rows[0].index("商品規格ID")
        return uncoded([*rows, *([*row[:size], f"9{row[size]}", *row[size + 1 :]] for row in rows[1:])])

    orders, members, products = export.files
    files = [rewritten(orders, uncoded, "cp932"), members, rewritten(products, in_two_sizes, "cp932")]
    found = examine_export(export, files)
    assert orders_of(found) == truth_of(export)
    assert found.receipt["accounts"]["products"]["quarantined"] == 0
    assert found.tables["products"].num_rows == 2 * len(PRODUCTS)


def test_columns_that_a_shop_switches_off_are_null_and_the_receipt_says_so():
    names = {"発送日", "都道府県(名称)", "お届け希望日"}
    file = rewritten(EXPORTS["ec-cube-4"].files[0], lambda rows: without_columns(rows, names), "cp932")
    found = examine_export(EXPORTS["ec-cube-4"], [file])
    assert orders_of(found) == truth_of(EXPORTS["ec-cube-4"])
    assert found.receipt["files"][0]["lacking_columns"] == ["発送日", "都道府県(名称)"]
    assert found.tables["order_lines"]["shipped_on"].null_count == found.tables["order_lines"].num_rows


def test_a_column_that_decides_on_money_cannot_be_switched_off():
    for needed in ("対応状況(ID)", "明細区分(ID)"):
        file = rewritten(EXPORTS["ec-cube-4"].files[0], lambda rows: without_columns(rows, {needed}), "cp932")  # noqa: B023
        named = DeliveredFile("order_lines.csv", file.content)
        with pytest.raises(Refused, match=f"lacks the column '{needed[:4]}"):
            examine_export(EXPORTS["ec-cube-4"], [named])


# --- ecforce ----------------------------------------------------------------------------------------------------------


def test_the_subtotal_of_ecforce_counts_once_and_give_aways_are_free(admitted):
    lines = admitted["ecforce"].tables["order_lines"].to_pandas()
    assert (lines.loc[lines["product_id"].isin(["aisatsu_1", "guide-1"]), "ordered_jpy"] == 0).all()
    assert (lines.groupby("order_id")["ordered_jpy"].apply(lambda amounts: (amounts > 0).sum()) <= 1).all()


def test_an_export_that_tells_no_state_says_that_cancelled_orders_would_be_sales(admitted, capsys):
    found = admitted["ecforce"]
    show_accepted(Accepted(Path("0001-x"), {**found.receipt, "changes": NOTHING_CHANGED, "control_totals": []}, False))
    said = " ".join(capsys.readouterr().out.split())
    assert "every line counts as shipped, for no column is mapped to status: cancelled orders would be sales" in said
    assert all(file["status_of_every_row"] is None for file in admitted["shopify"].receipt["files"])


def test_saved_exports_by_month_are_told_once_where_they_are_alike(admitted, capsys):
    receipt = {**admitted["rakuten-rms"].receipt, "changes": NOTHING_CHANGED, "control_totals": []}
    months = [{**receipt["files"][0], "name": f"2025-0{month}.csv"} for month in (1, 2, 3)]
    show_accepted(Accepted(Path("0001-x"), {**receipt, "files": months}, False))
    said = " ".join(capsys.readouterr().out.split())
    assert said.count("cut out as personal data") == said.count("kept, but not used") == 1
    assert "2025-01.csv and 2 more alike: cut out as personal data" in said


def test_subscriptions_of_ecforce_count_their_cycles(admitted):
    lines = admitted["ecforce"].tables["order_lines"].to_pandas()
    regular = lines[lines["order_kind"] == "subscription"].drop_duplicates("order_id").sort_values("ordered_at")
    for _, cycles in regular.groupby("subscription_id")["cycle_no"]:
        assert cycles.tolist() == list(range(1, len(cycles) + 1))
    assert lines.loc[lines["order_kind"] == "one_off", "subscription_id"].isna().all()


def test_media_of_ecforce_are_derived_until_a_master_is_delivered(admitted):
    assert admitted["ecforce"].tables["media"].select(["media_id", "channel"]).to_pylist() == [
        {"media_id": "LP_A_検索", "channel": "見本広告"},
        {"media_id": "LP_B_動画", "channel": "見本広告"},
    ]
    master = file_of("media.tsv", [["媒体コード", "媒体費"], ["LP_A_検索", "500000"]])
    media = examine_export(ecforce(), [*EXPORTS["ecforce"].files, master]).tables["media"]
    assert media.select(["media_id", "cost_jpy"]).to_pylist() == [
        {"media_id": "LP_A_検索", "cost_jpy": 500000},
        {"media_id": "LP_B_動画", "cost_jpy": None},
    ]


@pytest.mark.parametrize("fault", ["無料", "-4296"])
def test_a_row_of_several_products_is_admitted_whole_or_not_at_all(fault):
    def spoilt(rows):
        amount, products = (rows[0].index(header) for header in ("小計", "購入商品（商品コード）"))
        row = next(row for row in rows[1:] if "," in row[products])
        row[amount] = fault
        return rows

    export = EXPORTS["ecforce"]
    found = examine_export(export, [rewritten(file, spoilt, "cp932") for file in export.files])
    account = found.receipt["accounts"]["order_lines"]
    assert len(truth_of(export).keys() - orders_of(found).keys()) == 1
    assert account["quarantined"] > 1  # each product of the row
    told = found.tables["quarantined_rows"].select(["row_number", "column"]).to_pylist()
    assert [fault["column"] for fault in told] == ["小計"]  # of the row, once


def test_an_order_of_ecforce_that_is_there_twice_counts_once_and_is_told():
    export = EXPORTS["ecforce"]
    twice = [rewritten(file, lambda rows: [*rows, rows[1], rows[4]], "cp932") for file in export.files]
    found = examine_export(export, twice)
    assert orders_of(found) == truth_of(export)
    faults = found.tables["quarantined_rows"].select(["column", "rule"]).to_pylist()
    assert faults == [{"column": "受注番号", "rule": "duplicate_key"}] * 2


# --- Shopify and RMS --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cart", ["shopify", "rakuten-rms"])
def test_customers_without_a_number_are_keyed_hashes_of_the_secret(cart, admitted):
    ids = set(admitted[cart].tables["customers"]["customer_id"].to_pylist())
    assert len(ids) == len(PEOPLE)
    assert all(len(each) == 32 for each in ids)
    client = Client("acme", "Acme", intake={"preset": cart})
    with pytest.raises(Refused, match="no secret"):
        examine_delivery(client, EXPORTS[cart].files, delivery_id="0001-x", today=TODAY)


def test_shopify_from_the_japan_order_csv_app_is_the_same(admitted):
    found = examine_export(shopify("cp932", "\r\n"))
    assert found.tables["order_lines"].equals(admitted["shopify"].tables["order_lines"])
    assert found.receipt["files"][0]["encoding"] == "cp932"


def test_shopify_without_columns_that_nobody_needs_is_the_same():
    gone = {"Vendor", "Location", "Device ID", "Tax 5 Name", "Tax 5 Value", "Lineitem discount", "Billing Province"}
    file = rewritten(EXPORTS["shopify"].files[0], lambda rows: without_columns(rows, gone))
    found = examine_export(EXPORTS["shopify"], [file])
    assert orders_of(found) == truth_of(EXPORTS["shopify"])
    assert found.receipt["files"][0]["lacking_columns"] == ["Billing Province"]


def test_a_kind_that_would_be_read_from_free_text_is_told_as_such():
    kind = {"cases": [{"column": "Tags", "pattern": "Subscription", "then": "subscription"}], "otherwise": "one_off"}
    own = {"order_lines": {"drop": ["Notes"], "columns": {"order_kind": kind}}}
    with pytest.raises(Refused, match="'Tags' is cut as personal data or free text") as refusal:
        examine_export(EXPORTS["shopify"], tables=own)
    assert "Name another column" in refusal.value.remedy


def test_shopify_orders_that_come_to_less_than_their_subtotal_are_counted():
    def raised(rows):
        subtotal = rows[0].index("Subtotal")
        return [rows[0], [v if at != subtotal else "9999999" for at, v in enumerate(rows[1])], *rows[2:]]

    found = examine_export(EXPORTS["shopify"], [rewritten(EXPORTS["shopify"].files[0], raised)])
    assert found.receipt["accounts"]["order_lines"]["orders_that_do_not_add_up"] == 1
    assert sum(found.tables["order_lines"]["ordered_jpy"].to_pylist()) >= sum(
        order.ordered_jpy for order in EXPORTS["shopify"].orders.values()
    )


def test_shopify_days_of_cancellation_are_on_every_line_of_the_order(admitted):
    lines = admitted["shopify"].tables["order_lines"].to_pandas()
    assert (lines["cancelled_on"].notna() == (lines["status"] == "cancelled")).all()
    assert (lines["status"] == "cancelled").sum() > 5


@pytest.mark.parametrize("cart", CARTS)
def test_a_stored_delivery_is_read_again_without_the_secret_and_says_the_same(cart, admitted, tmp_path):
    client = Client("acme", "Acme", intake={"preset": cart})
    accept_delivery(tmp_path, client, EXPORTS[cart].files, today=TODAY, hash_key=KEY)
    changed = Client("acme", "Acme", intake={"preset": cart, "admission": {"tolerated_bad_row_rate": 0.1}})
    (again,) = read_admitted(tmp_path, changed)
    for name, table in again.tables.items():
        assert table.equals(admitted[cart].tables[name]), name


# --- the client's own words go first ----------------------------------------------------------------------------------


def test_the_clients_own_words_go_before_those_of_the_preset():
    own = {
        "order_lines": {
            "columns": {"unit_price_jpy": {"column": "価格", "divided_by": 1.1}},
            "codes": {"status": {"5": "ordered", "99": "shipped"}},
            "set_aside": [{"rule": "guest", "column": "会員ID", "matching": "^0?$"}],
        }
    }
    lines = rules_of(Client("acme", "Acme", intake={"preset": "ec-cube-4", "tables": own})).tables["order_lines"]
    assert str(lines.columns["unit_price_jpy"].divided_by) == "1.1"
    assert lines.codes["status"] == {
        "1": "ordered", "4": "ordered", "6": "ordered", "7": "ordered", "3": "cancelled", "9": "returned",
        "5": "ordered", "99": "shipped",
    }  # fmt: skip
    assert [rule.rule for rule in lines.set_aside][:2] == ["not_an_order", "guest"]
    assert (lines.set_aside[1].matching, lines.set_aside[1].empty) == ("^0?$", False)


def test_a_discount_of_the_clients_own_replaces_that_of_the_preset():
    own = {"order_lines": {"columns": {"discount_jpy": "Lineitem discount"}}}
    lines = rules_of(Client("acme", "Acme", intake={"preset": "shopify", "tables": own})).tables["order_lines"]
    assert lines.order_discount is None


@pytest.mark.parametrize("preset", ["ec-cube-4", "rakuten-rms", "shopify"])
def test_carts_without_a_mark_for_bulk_lines_tell_them_by_quantity_and_discount_until_the_client_says_no(preset):
    """The seed keeps まとめ売り out of 都度 (000:41-47), and these exports cannot say so themselves."""

    def rule(**own):
        intake = {"preset": preset, "tables": {"order_lines": own}}
        return rules_of(Client("acme", "Acme", intake=intake)).tables["order_lines"].bulk

    assert rule() == BulkLines(least_quantity=3, least_discount_rate=0.1)
    assert rule(bulk={"least_quantity": 6}) == BulkLines(least_quantity=6)
    assert rule(bulk=False) is None


def test_a_column_that_the_client_names_itself_must_be_there():
    own = {"order_lines": {"columns": {"media_id": "流入元"}}}
    with pytest.raises(Refused, match="lacks the column '流入元'"):
        examine_export(ec_cube_4(), None, tables=own)


def test_an_unknown_preset_is_refused_with_the_known_ones():
    with pytest.raises(Refused, match="Use one of ec-cube-4, ecforce"):
        rules_of(Client("acme", "Acme", intake={"preset": "base"}))
