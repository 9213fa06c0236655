import csv
import json
from collections import defaultdict
from pathlib import Path

import pytest

from crm_platform.demo import Demo, make_demo, write_delivery, write_truth
from crm_platform.periods import Month
from crm_platform.refusals import Refused

ORDER_LINES_HEADER = [
    "注文番号", "明細番号", "顧客番号", "受注日時", "出荷日", "状態", "注文区分", "定期番号", "定期回数", "定期コース",
    "商品番号", "数量", "単価", "値引", "送料", "媒体コード", "キャンセル日",
]  # fmt: skip
FILES = ["products.tsv", "customers.tsv", "media.tsv", "order_lines.tsv", "subscription_events.tsv"]


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="cp932", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", strict=True))


def delivered(demo: Demo, folder: Path, **options: Month) -> dict[str, list[dict[str, str]]]:
    return {path.name: rows_of(path) for path in write_delivery(demo, folder, **options)}


def line_key(row: dict[str, str]) -> tuple[str, str]:
    return row["注文番号"], row["明細番号"]


def amount_jpy(row: dict[str, str]) -> int:
    return int(row["数量"]) * int(row["単価"]) - int(row["値引"])


def sums_of(rows: list[dict[str, str]], key: str, length: int | None = None) -> dict[str, dict[str, int]]:
    sums: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    orders: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for row in rows:
        name, status = row[key][:length], row["状態"]
        sums[name]["lines"] += 1
        sums[name]["ordered_jpy"] += amount_jpy(row)
        sums[name]["sales_jpy"] += 0 if status in ("キャンセル", "返品") else amount_jpy(row)
        orders[name]["orders"].add(row["注文番号"])
        if status in ("キャンセル", "返品"):
            orders[name]["cancelled_orders" if status == "キャンセル" else "returned_orders"].add(row["注文番号"])
    for name, kinds in orders.items():
        for count in ("orders", "cancelled_orders", "returned_orders"):
            sums[name][count] = len(kinds[count])
    return {name: dict(values) for name, values in sums.items()}


def test_the_files_add_up_to_the_truth_to_the_yen(house: Demo, tmp_path: Path) -> None:
    rows = delivered(house, tmp_path)["order_lines.tsv"]
    truth = json.loads(write_truth(house, tmp_path).read_text("utf-8"))
    by_month = {name.replace("/", "-"): values for name, values in sums_of(rows, "受注日時", 7).items()}
    assert by_month == {row.pop("month"): row for row in truth["months"]}
    kinds = {"subscription": "定期", "one_off": "都度", "bulk": "まとめ売り"}
    assert sums_of(rows, "注文区分") == {kinds[row.pop("order_kind")]: row for row in truth["order_kinds"]}
    assert len(by_month) == 60


def test_the_delivery_has_the_headers_and_spellings_of_the_standard_layout(small_house: Demo, tmp_path: Path) -> None:
    assert [path.name for path in write_delivery(small_house, tmp_path)] == FILES
    content = (tmp_path / "order_lines.tsv").read_bytes()
    header, first = content.split(b"\r\n")[:2]
    assert header.decode("cp932").split("\t") == ORDER_LINES_HEADER
    assert content.endswith(b"\r\n")
    assert content.count(b"\n") == content.count(b"\r\n") == small_house.tables["order_lines"].num_rows + 1
    assert len(first.split(b"\t")) == 17
    rows = rows_of(tmp_path / "order_lines.tsv")
    assert {row["状態"] for row in rows} == {"受注", "出荷済", "キャンセル", "返品"}
    assert {row["注文区分"] for row in rows} <= {"定期", "都度", "まとめ売り"}
    assert {row["お試し品"] for row in rows_of(tmp_path / "products.tsv")} == {"0", "1"}


def test_difficult_characters_survive_the_way_through_cp932(small_house: Demo, tmp_path: Path) -> None:
    written = delivered(small_house, tmp_path)
    names = small_house.tables["products"]["product_name"].to_pylist()
    assert [row["商品名"] for row in written["products.tsv"]] == names
    media = small_house.tables["media"]["media_name"].to_pylist()
    assert [row["媒体名"] for row in written["media.tsv"]] == media
    text = "".join(names + media + [row["ブランド"] for row in written["products.tsv"]])
    assert all(character in text for character in "髙①㈱～№Ⅱ㏄ﾘ")


def test_the_same_seed_gives_the_same_bytes_and_another_seed_gives_others(tmp_path: Path) -> None:
    def content(seed: int, folder: str) -> list[bytes]:
        demo = make_demo(300, seed=seed, faults=9)
        paths = [*write_delivery(demo, tmp_path / folder), write_truth(demo, tmp_path / folder)]
        return [path.read_bytes() for path in paths]

    once, again, other = content(5, "once"), content(5, "again"), content(6, "other")
    assert once == again
    assert once[1:] != other[1:]
    assert all(mine != theirs for mine, theirs in zip(once[1:], other[1:], strict=True))


def test_months_delivered_as_differences_are_the_whole_delivery_cut_in_pieces(
    small_house: Demo, tmp_path: Path
) -> None:
    cut = Month(2023, 4)
    whole = delivered(small_house, tmp_path / "whole")
    early = delivered(small_house, tmp_path / "early", last=cut)
    late = delivered(small_house, tmp_path / "late", first=cut.plus(1))
    assert early["order_lines.tsv"] + late["order_lines.tsv"] == whole["order_lines.tsv"]
    assert max(row["受注日時"] for row in early["order_lines.tsv"]) < "2023/05"
    for master in FILES[:3]:
        assert early[master] == late[master] == whole[master]


def test_a_delivery_known_at_the_last_month_is_the_delivery(small_house: Demo, tmp_path: Path) -> None:
    whole = write_delivery(small_house, tmp_path / "whole")
    known = write_delivery(small_house, tmp_path / "known", known_at=small_house.last_month)
    assert [path.read_bytes() for path in whole] == [path.read_bytes() for path in known]


def test_a_delivery_knows_no_cancellation_shipment_customer_or_placement_of_later(house: Demo, tmp_path: Path) -> None:
    known_at, end = Month(2024, 3), "2024/03/31"
    then = delivered(house, tmp_path / "then", known_at=known_at)
    now = {line_key(row): row for row in delivered(house, tmp_path / "now")["order_lines.tsv"]}
    lines = then["order_lines.tsv"]
    assert {line_key(row) for row in lines} == {key for key, row in now.items() if row["受注日時"][:10] <= end}
    assert all(max(row["出荷日"], row["キャンセル日"], row["受注日時"][:10]) <= end for row in lines)
    changed = [row for row in lines if row != now[line_key(row)]]
    later_returns = [row for row in changed if now[line_key(row)]["状態"] == "返品"]
    assert later_returns
    assert all(row["状態"] in ("受注", "出荷済") and not row["キャンセル日"] for row in changed)
    assert all(now[line_key(row)]["キャンセル日"] > end or now[line_key(row)]["出荷日"] > end for row in changed)
    customers = {row["顧客番号"] for row in then["customers.tsv"]}
    assert customers == {row["顧客番号"] for row in lines}
    assert max(row["掲載開始日"] for row in then["media.tsv"]) <= end
    assert {row["媒体コード"] for row in lines} - {""} <= {row["媒体コード"] for row in then["media.tsv"]}


@pytest.mark.parametrize("customers", [1, 7, 300])
def test_every_planted_fault_lies_on_the_line_that_the_truth_names(customers: int, tmp_path: Path) -> None:
    demo = make_demo(customers, faults=16)
    clean = {line_key(row) for row in delivered(make_demo(customers), tmp_path / "clean")["order_lines.tsv"]}
    write_delivery(demo, tmp_path)
    content = (tmp_path / "order_lines.tsv").read_bytes().split(b"\r\n")[:-1]
    header = content[0].decode("cp932").split("\t")
    assert len(content) == 1 + demo.tables["order_lines"].num_rows + 16
    at = header.index
    for fault in demo.truth.faults:
        fields = content[fault.line_number - 1].split(b"\t")
        before = content[fault.line_number - 2].split(b"\t")
        match fault.kind:
            case "bad_date":
                assert fields[at("受注日時")] == b"2024/02/30 10:00"
            case "year_2999":
                assert fields[at("受注日時")].startswith(b"2999/")
            case "unknown_customer":
                assert fields[at("顧客番号")].decode() not in demo.tables["customers"]["customer_id"].to_pylist()
            case "unknown_product":
                assert fields[at("商品番号")].decode() not in demo.tables["products"]["product_id"].to_pylist()
            case "non_numeric_quantity":
                assert not fields[at("数量")].isdigit()
            case "broken_bytes":
                with pytest.raises(UnicodeDecodeError):
                    fields[at("定期コース")].decode("cp932")
            case "wrong_field_count":
                assert len(fields) == len(header) - 1
            case "duplicate_key":
                assert fields == before or before[0].startswith(b"X")
                assert (fields[0].decode(), fields[1].decode()) in clean
            case kind:
                raise AssertionError(f"a fault of unknown kind {kind}")
    assert {fault.kind for fault in demo.truth.faults} >= {"broken_bytes", "duplicate_key"}
    good = set(range(2, len(content) + 1)) - {fault.line_number for fault in demo.truth.faults}
    assert {tuple(content[number - 1].decode("cp932").split("\t")[:2]) for number in good} == clean


@pytest.mark.parametrize(
    "months",
    [
        {"first": Month(2024, 2), "last": Month(2024, 1)},
        {"last": Month(2020, 6)},
        {"first": Month(2025, 7)},
        {"known_at": Month(2020, 6)},
        {"first": Month(2024, 2), "known_at": Month(2024, 1)},
    ],
)
def test_a_delivery_of_no_month_is_refused(small_house: Demo, months: dict[str, Month], tmp_path: Path) -> None:
    with pytest.raises(Refused, match="no month"):
        write_delivery(small_house, tmp_path / "none", **months)
    assert not (tmp_path / "none").exists()
