"""Mappings drafted from samples (R04): the right proposals, and a draft that a later run accepts unchanged."""

from __future__ import annotations

import csv
import io
import itertools
import tomllib
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import pytest

from crm_platform.clients import Catalogue
from crm_platform.intake import Admitted, DeliveredFile, HashKey, accept_delivery, read_admitted
from crm_platform.intake.drafting.adoption import accept_draft, client_definition, head_of, write_draft
from crm_platform.intake.drafting.draft_texts import still_to_decide
from crm_platform.intake.drafting.drafting import Draft, draft_mapping
from crm_platform.intake.reading.raw_rows import matching_form
from crm_platform.refusals import Refused
from crm_platform_tests.end_to_end.installation import Installation
from crm_platform_tests.intake import cart_exports
from crm_platform_tests.intake.cart_exports import PLANTED, CartExport
from crm_platform_tests.intake.containers import as_workbook, gzip_of
from crm_platform_tests.intake.deliveries import delivery, file_of, line
from crm_platform_tests.intake.other_formats import other_formats
from crm_platform_tests.intake.proposal_counts import NONE, TODAY, counted, preset_truth

CARTS: list[Callable[[], CartExport]] = [
    cart_exports.ec_cube_4,
    cart_exports.ecforce,
    cart_exports.rakuten_rms,
    cart_exports.shopify,
]
_KEY = HashKey(b"a key of the tests, 32 bytes long")
_SAID_BY_PERSON = {
    "100": "ordered", "200": "ordered", "300": "ordered", "400": "ordered", "500": "shipped", "600": "shipped",
    "700": "shipped", "800": "cancelled", "900": "cancelled", "1": "one_off", "4": "subscription", "5": "subscription",
    "6": "one_off",
}  # fmt: skip


def test_the_discount_of_an_order_is_found_and_where_there_is_none_the_draft_says_so() -> None:
    shop = next(other.file for other in other_formats() if other.name == "futureshop")
    draft = draft_mapping([shop], today=TODAY)
    lines = tomllib.loads(draft.mapping_text(""))["tables"]["order_lines"]
    assert lines.get("order_discount", lines["columns"].get("discount_jpy")) in (
        {"column": "割引合計金額(商品)"},
        "割引合計金額(商品)",
    )
    hub = next(other.file for other in other_formats() if other.name == "Next Engine")
    assert not any("discount" in item for item in draft.to_confirm if "tells" in item)
    assert any("nothing tells a discount" in item for item in draft_mapping([hub], today=TODAY).to_confirm)


@pytest.mark.parametrize("cart", CARTS)
def test_nine_of_ten_columns_of_a_cart_are_proposed_rightly_without_its_preset(cart: Callable[[], CartExport]) -> None:
    export = cart()
    draft = _draft_of(cart, with_presets=False)
    count = counted(draft, preset_truth(export.preset, {sample.table for sample in draft.samples}))
    print(
        f"{export.preset}: all columns {count.share:.1%}, mapped columns {count.mapped_share:.1%}; wrong: {count.wrong}"
    )
    assert count.share >= 0.9
    assert count.mapped_share >= 0.9


def test_nine_of_ten_columns_of_layouts_without_a_preset_are_proposed_rightly() -> None:
    total = NONE
    for other in other_formats():
        right = {"order_lines": {matching_form(header): places for header, places in other.right.items()}}
        count = counted(draft_mapping([other.file], today=TODAY, with_presets=False), right)
        print(
            f"{other.name}: all columns {count.share:.1%}, mapped {count.mapped_right} of {count.mapped}; {count.wrong}"
        )
        total += count
    assert total.share >= 0.9
    assert total.mapped_share >= 0.8


@cache
def _draft_of(cart: Callable[[], CartExport], *, with_presets: bool) -> Draft:
    return draft_mapping(cart().files, today=TODAY, with_presets=with_presets)


def _drafted(folder: Path, cart: Callable[[], CartExport], *, with_presets: bool) -> tuple[Catalogue, Draft]:
    catalogue = Catalogue(folder / "clients")
    path = catalogue.add("acme", "Acme")
    draft = _draft_of(cart, with_presets=with_presets)
    write_draft(folder / "drafts", "acme", draft, head_of(path.read_text("utf-8"), path.name))
    return catalogue, draft


def _delivered(folder: Path, catalogue: Catalogue, files: Sequence[DeliveredFile]) -> Admitted:
    client = catalogue.load("acme")
    definition = client_definition(catalogue.folder, "acme")
    assert definition is not None
    inbox = folder / "inbox"
    accept_delivery(inbox, client, files, today=TODAY, hash_key=_KEY, definition=definition)
    return read_admitted(inbox, client)[0]


def _amounts(admitted: Admitted) -> dict[str, tuple[int, int]]:
    orders: dict[str, tuple[int, int]] = {}
    for row in admitted.tables["order_lines"].to_pylist():
        ordered, sales = orders.get(row["order_id"], (0, 0))
        orders[row["order_id"]] = (ordered + row["ordered_jpy"], sales + row["sales_jpy"])
    return orders


@pytest.mark.parametrize("with_presets", [True, False])
@pytest.mark.parametrize("cart", CARTS)
def test_an_accepted_draft_admits_its_own_sample_to_the_yen(
    cart: Callable[[], CartExport], with_presets: bool, tmp_path: Path
) -> None:
    export = cart()
    catalogue, draft = _drafted(tmp_path, cart, with_presets=with_presets)
    assert (draft.preset is not None) == with_presets
    mapping = tmp_path / "drafts" / "acme" / "acme.toml"
    if draft.to_decide:
        mapping.write_text(_decided(mapping.read_text("utf-8")), "utf-8")
    accept_draft(tmp_path / "drafts", catalogue.folder, "acme")
    admitted = _delivered(tmp_path, catalogue, export.files)
    assert _amounts(admitted) == {
        order_id: (order.ordered_jpy, order.sales_jpy) for order_id, order in export.orders.items()
    }


def _decided(text: str) -> str:
    """What a person does with the codes that no wording explains."""
    lines = []
    for row in text.splitlines():
        code = row.removeprefix('# "').split('"')[0]
        lines.append(f'"{code}" = "{_SAID_BY_PERSON[code]}"' if row.startswith('# "') else row)
    return "\n".join(lines)


def test_codes_without_a_known_meaning_are_never_guessed(tmp_path: Path) -> None:
    catalogue, draft = _drafted(tmp_path, cart_exports.rakuten_rms, with_presets=False)
    assert sum("what does it stand for" in item for item in draft.to_decide) == 11
    accept_draft(tmp_path / "drafts", catalogue.folder, "acme")
    with pytest.raises(Refused, match="no meaning is known"):
        _delivered(tmp_path, catalogue, cart_exports.rakuten_rms().files)


def test_states_that_no_code_explains_are_asked_for_though_a_day_of_cancellation_is_there() -> None:
    rows = [[*row, "キャンセル日" if not n else "2025/05/01" * (n % 5 == 0)] for n, row in enumerate(_odd_rows())]
    states = {"発送済み": "3", "キャンセル": "8", "出荷待ち": "1", "返品": "9"}
    coded = [[states.get(cell, cell) for cell in row] for row in rows]
    sample = file_of("売上.csv", [[f'"{cell}"' for cell in row] for row in coded], "cp932", ",")
    text = draft_mapping([sample], today=TODAY).mapping_text("")
    assert 'status = "処理状況"' in text
    assert [code for code in "1389" if f'# "{code}" = "ordered | shipped' in text] == list("1389")


def test_only_what_the_corrected_draft_leaves_open_is_still_to_decide() -> None:
    asked = [
        "status '1': what does it stand for?",
        "status '9': what does it stand for?",
        "customer_id (Customer number (顧客番号)): no column was recognised; it is required",
        "order_id (Order number (注文番号)): no column was recognised; it is required",
        "明細区分 'X': are these rows goods?",
    ]
    corrected = (
        '[tables.customers.columns]\ncustomer_id = "会員"\n[tables.order_lines.columns]\norder_id = "番号"\n'
        '[tables.order_lines.codes.status]\n# "1" = "ordered"\n"9" = "returned"\n'
    )
    text = "".join(f"# TO DECIDE  {item}\n" for item in asked) + corrected
    assert still_to_decide(text) == [asked[0], asked[2], asked[4]]


@pytest.mark.parametrize("cart", CARTS)
def test_no_planted_personal_value_stands_in_a_draft(cart: Callable[[], CartExport], tmp_path: Path) -> None:
    _drafted(tmp_path, cart, with_presets=False)
    written = "".join(path.read_text("utf-8") for path in sorted((tmp_path / "drafts" / "acme").iterdir()))
    assert [value for value in PLANTED if value in written] == []


_ODD = [
    "伝票番号",
    "お客様コード",
    "購入年月日",
    "品番",
    "品名",
    "購入点数",
    "税抜単価",
    "処理状況",
    "購入区分",
    "メールアドレス",
]


def _odd_rows() -> list[list[str]]:
    states, kinds = ["発送済み", "キャンセル", "出荷待ち", "返品"], ["定期", "都度"]
    rows = []
    for n, k in itertools.product(range(40), range(2)):
        goods = ["送料", "送料"] if k and n % 4 == 0 else [f"P-{(n + k) % 7}", f"品{(n + k) % 7}"]
        state = [states[n % 4], kinds[n % 2], f"a{n}@example.jp"]
        rows.append([f"D{n:04d}", f"K{n % 9:03d}", f"2025/0{1 + n % 3}/15", *goods, "2", "1,500", *state])
    return [_ODD, *rows]


def test_an_odd_layout_goes_from_draft_to_delivery_on_the_command_line(tmp_path: Path) -> None:
    here, file = Installation.at(tmp_path / "data"), tmp_path / "売上データ_202503.csv"
    file.write_bytes(file_of(file.name, [[f'"{cell}"' for cell in row] for row in _odd_rows()], "cp932", ",").content)
    assert here.run("clients", "add", "odd", "--name", "奇妙堂").code == 0
    drafted = here.run("mapping", "draft", "--client", "odd", file)
    assert (drafted.code, "2025-01-15 to 2025-03-15, 60 days" in drafted.out) == (0, True)
    assert "to confirm: rows with 品名 送料 are set aside as 'shipping'" in drafted.out
    accepted = here.run("mapping", "accept", "--client", "odd")
    assert accepted.code == 0, accepted.err
    again = here.run("mapping", "accept", "--client", "odd")
    assert (again.code, "--replace" in again.err) == (1, True)
    assert here.run("mapping", "check", "--client", "odd", file).code == 0
    delivered = here.run("deliver", "--client", "odd", file)
    assert delivered.code == 0, delivered.err
    file.write_bytes(file.read_bytes().replace("キャンセル".encode("cp932"), "謎の状態".encode("cp932")))
    held = here.run("deliver", "--client", "odd", file)
    assert (held.code, "undeclared code values: '謎の状態'" in held.err) == (1, True)


def test_a_definition_document_beside_the_sample_becomes_the_definition_and_differences_are_told() -> None:
    document = "項目名,型,必須\n" + "".join(f"{header},文字列,\n" for header in [*_ODD[:-1], "備考"])
    sample = file_of("売上.csv", [[f'"{cell}"' for cell in row] for row in _odd_rows()], "cp932", ",")
    draft = draft_mapping([DeliveredFile("売上.定義.csv", document.encode()), sample], today=TODAY)
    assert {(item.column, item.kind) for item in draft.differences} == {
        ("備考", "missing"),
        ("メールアドレス", "added"),
    }
    assert [column.name for column in draft.definition.tables[0].columns] == [*_ODD[:-1], "備考"]


def _rows_of(file: DeliveredFile) -> list[list[str]]:
    return list(csv.reader(io.StringIO(file.content.decode("cp932"), newline="")))


def _text(rows: Sequence[Sequence[str]], encoding: str) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out).writerows(rows)
    return out.getvalue().encode(encoding)


def test_order_of_columns_encoding_and_container_do_not_change_the_proposals() -> None:
    def places(files: Sequence[DeliveredFile]) -> dict[str, dict[str, tuple[str, float]]]:
        proposals = draft_mapping(files, today=TODAY, with_presets=False).proposals
        return {
            file.split(".")[0]: {item.header: (item.place, item.confidence) for item in items}
            for file, items in proposals.items()
        }

    export = cart_exports.ec_cube_4().files[1:]  # customers and products
    rows = {file.stem: _rows_of(file) for file in export}
    expected = places(export)
    reversed_columns = [
        DeliveredFile(f"{stem}.csv", _text([row[::-1] for row in of_file], "cp932")) for stem, of_file in rows.items()
    ]
    assert places(reversed_columns) == expected
    assert places([DeliveredFile(f"{stem}.csv", _text(of, "utf-8-sig")) for stem, of in rows.items()]) == expected
    assert places([gzip_of(file) for file in export]) == expected
    assert places([as_workbook(f"{stem}.xlsx", of) for stem, of in rows.items()]) == expected


@pytest.mark.parametrize("ending", ["コード", "CD", "ＣＤ", "_cd"])
def test_codes_are_recognised_however_they_are_abbreviated(ending: str) -> None:
    """商品CD is 商品コード: as a key of the master, by which its file is told, and in the order lines."""
    texts = [file.content.decode("cp932") for file in delivery([line(), line("A2")])]
    for header, said in [("商品番号", "商品"), ("顧客番号", "得意先"), ("媒体コード", "広告")]:
        texts = [text.replace(header, said + ending, 1) for text in texts]
    names = ["shohin.tsv", "tokuisaki.tsv", "kokoku.tsv", "juchu.tsv"]
    files = [DeliveredFile(name, text.encode("utf-8")) for name, text in zip(names, texts, strict=True)]
    draft = draft_mapping(files, today=TODAY, with_presets=False)
    placed = {(name, item.header): item.place for name, items in draft.proposals.items() for item in items}
    assert placed["shohin.tsv", f"商品{ending}"] == "products.product_id"
    assert placed["tokuisaki.tsv", f"得意先{ending}"] == "customers.customer_id"
    assert placed["kokoku.tsv", f"広告{ending}"] == "media.media_id"
    assert placed["juchu.tsv", f"商品{ending}"] == "order_lines.product_id"
    assert placed["juchu.tsv", f"広告{ending}"] == "order_lines.media_id"


def test_the_standard_layout_needs_no_mapping_and_a_draft_is_the_same_twice() -> None:
    files = delivery([line(), line("A2")])
    draft, again = (draft_mapping(files, today=TODAY) for _ in range(2))
    text = draft.mapping_text('name = "Acme"\n\n[settings]\nalert_seed = 1\n')
    assert (draft.to_decide, all(table.is_standard for table in draft.tables.values())) == ([], True)
    assert "columns" not in str(tomllib.loads(text)["tables"])
    assert text == again.mapping_text('name = "Acme"\n\n[settings]\nalert_seed = 1\n')


def test_a_client_keeps_all_but_its_mapping_when_a_draft_replaces_it(tmp_path: Path) -> None:
    head = '# ours\nname = "Acme"\n\n[settings]\nalert_seed = 7\n\n[admission]\ntolerated_bad_row_rate = 0.01\n'
    rule = "[[tables.order_lines.set_aside]]\nrule = 'x'\ncolumn = 'y'\nempty = true\n"
    mapped = f"{head}\n[tables.media]\nabsent = true\n\n{rule}"
    assert head_of(mapped, "acme.toml").strip() == head.strip()
    catalogue, draft = _drafted(tmp_path, cart_exports.shopify, with_presets=True)
    values = tomllib.loads(draft.mapping_text(head))
    assert (values["preset"], values["settings"], values["admission"]) == (
        "shopify",
        {"alert_seed": 7},
        {"tolerated_bad_row_rate": 0.01},
    )
    assert catalogue.load("acme").name == "Acme"
