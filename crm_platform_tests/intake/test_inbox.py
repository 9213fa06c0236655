"""The inbox: a delivery is there whole or not at all, once, and is read back as it was admitted."""

import datetime as dt
import hashlib
import random
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from crm_platform.intake import (
    DeliveredFile,
    accept_delivery,
    delivery_id_for,
    examine_delivery,
    merge_deliveries,
    put_in_inbox,
    read_admitted,
    read_inbox,
)
from crm_platform.refusals import Refused
from crm_platform_tests.intake.deliveries import (
    LINE_HEADERS,
    TODAY,
    client_with,
    delivery,
    examine,
    file_of,
    line,
)

NOTHING_KNOWN = {"orders_new": 1, "lines_removed": 0, "lines_undone": 0, "lines_changed": 0}


def of_an_early_edition(delivery: Path) -> None:
    """As stored before there were digests and seals."""
    (delivery / "SHA256SUMS").unlink()
    shutil.rmtree(delivery.parents[1] / ".sealed")


def test_a_delivery_is_read_back_as_it_was_admitted(tmp_path):
    accepted = accept_delivery(tmp_path, client_with(), delivery([line()]), today=TODAY)
    [stored] = read_inbox(tmp_path, "acme")
    assert stored.folder == accepted.folder
    assert stored.receipt == accepted.receipt
    expected = examine_delivery(client_with(), delivery([line()]), delivery_id=stored.delivery_id, today=TODAY)
    assert stored.load() == replace(
        expected, receipt={**expected.receipt, "control_totals": [], "changes": NOTHING_KNOWN}
    )
    assert {file.name for file in stored.files()} == {file.name for file in delivery([line()])}


def test_a_table_still_held_is_not_read_again_and_its_damage_is_seen_all_the_same(tmp_path):
    accept_delivery(tmp_path, client_with(), delivery([line()]), today=TODAY)
    [stored] = read_inbox(tmp_path, "acme")
    held = stored.load()
    assert stored.load().tables["order_lines"] is held.tables["order_lines"]
    path = stored.folder / "admitted" / "order_lines.parquet"
    path.write_bytes(path.read_bytes()[::-1])
    with pytest.raises(Refused, match="missing or damaged"):
        stored.load()


def test_the_same_content_twice_adds_nothing(tmp_path):
    first = accept_delivery(tmp_path, client_with(), delivery([line()]), today=TODAY)
    again = accept_delivery(tmp_path, client_with(), delivery([line()]), today=TODAY)
    assert (first.is_known, again.is_known, again.folder) == (False, True, first.folder)
    assert len(read_inbox(tmp_path, "acme")) == 1


def test_files_that_an_older_export_overwrote_count_again_for_a_stated_reason_and_once_for_each(tmp_path):
    def accept(files, **said):
        return accept_delivery(tmp_path, client_with(), files, today=TODAY, **said)

    def states():
        lines = merge_deliveries(read_admitted(tmp_path, client_with()))["order_lines"]
        return dict(zip(lines["order_id"].to_pylist(), lines["status"].to_pylist(), strict=True))

    accept(delivery([line("A1", 状態="受注"), line("A2")]))
    newer = [file_of("order_lines.tsv", [LINE_HEADERS, line("A1", 状態="キャンセル")])]
    older = [file_of("order_lines.tsv", [LINE_HEADERS, line("A1", 状態="出荷済")])]
    second = accept(newer)
    accept(older)
    assert states() == {"A1": "shipped", "A2": "shipped"}
    assert accept(newer).is_known
    again = accept(newer, again="古い方を後から届けたため")
    assert (again.is_known, states()) == (False, {"A1": "cancelled", "A2": "shipped"})
    assert (again.receipt["again"], again.receipt["again_of"]) == ("古い方を後から届けたため", second.folder.name)
    assert again.receipt["changes"]["lines_undone"] == 1
    assert accept(newer, again="古い方を後から届けたため").folder == again.folder
    known = accept(newer)
    assert (known.folder, known.others_to) == (again.folder, None)  # nothing came later that says otherwise
    codes = client_with({"tables": {"order_lines": {"codes": {"status": {"返品": "cancelled"}}}}})
    assert read_admitted(tmp_path, codes)[-1].receipt["again"] == "古い方を後から届けたため"
    shutil.rmtree(again.folder)
    assert accept(newer, again="古い方を後から届けたため").folder == again.folder
    assert [one.delivery_id[:5] for one in read_inbox(tmp_path, "acme")] == ["0001-", "0002-", "0003-", "0004-"]


def test_files_count_again_each_time_that_older_ones_overwrote_them_and_come_back_where_they_were_lost(tmp_path):
    def accept(files, **said):
        return accept_delivery(tmp_path, client_with(), files, today=TODAY, **said).folder

    def status():
        return merge_deliveries(read_admitted(tmp_path, client_with()))["order_lines"]["status"].to_pylist()

    newer, older = (delivery([line("A1", 状態=state)]) for state in ("キャンセル", "出荷済"))
    first, _ = accept(newer), accept(older)
    times = [first]
    for said in ("逆順", "逆順", "別の理由"):  # a reason may be stated twice
        times.append(accept(newer, again=said))
        assert status() == ["cancelled"]
        accept(older, again=said)
        assert status() == ["shipped"]
    assert [folder.name[:4] for folder in times] == ["0001", "0003", "0005", "0007"]
    for folder in times:
        shutil.rmtree(folder)
        assert accept(newer) == folder  # without the reason, which was lost with it
        assert status() == ["shipped"]
    assert len(read_inbox(tmp_path, "acme")) == 8


def test_files_that_never_came_cannot_come_again(tmp_path):
    accept_delivery(tmp_path, client_with(), delivery([line()]), today=TODAY)
    other = [file_of("order_lines.tsv", [LINE_HEADERS, line("A2")])]
    with pytest.raises(Refused, match="not delivered before"):
        accept_delivery(tmp_path, client_with(), other, today=TODAY, again="二度目")
    with pytest.raises(Refused, match="not delivered before"):
        accept_delivery(tmp_path, client_with(), delivery([line()]), today=TODAY, data_to=TODAY, again="二度目")
    assert len(read_inbox(tmp_path, "acme")) == 1


def test_deliveries_are_numbered_in_the_order_of_arrival(tmp_path):
    accept_delivery(tmp_path, client_with(), delivery([line()]), today=TODAY)
    later = [file_of("order_lines.tsv", [LINE_HEADERS, line("A2")])]
    accept_delivery(tmp_path, client_with(), later, today=TODAY)
    assert [stored.delivery_id[:5] for stored in read_inbox(tmp_path, "acme")] == ["0001-", "0002-"]
    assert [one.tables["order_lines"].num_rows for one in read_admitted(tmp_path, client_with())] == [1, 1]


def test_a_refused_delivery_leaves_nothing(tmp_path):
    with pytest.raises(Refused):
        accept_delivery(tmp_path, client_with(), delivery([line(数量="0")]), today=TODAY)
    assert list(tmp_path.rglob("*")) == []


def test_a_writer_that_breaks_off_leaves_nothing_to_be_read(tmp_path):
    files = delivery([line()])
    sound = examine_delivery(client_with(), files, delivery_id=delivery_id_for(tmp_path, "acme", files), today=TODAY)
    unwritable = replace(sound, receipt={**sound.receipt, "data_to": float("nan")})  # breaks off after files and tables
    with pytest.raises(ValueError, match="JSON"):
        put_in_inbox(tmp_path, "acme", files, unwritable)
    assert [path.name for path in (tmp_path / "acme").iterdir()] == [".lock"]
    assert read_inbox(tmp_path, "acme") == []


def test_what_a_killed_writer_left_is_ignored_and_cleared_away(tmp_path):
    left = tmp_path / "acme" / ".staged-left"
    (left / "files").mkdir(parents=True)
    assert read_inbox(tmp_path, "acme") == []
    accept_delivery(tmp_path, client_with(), delivery([line()]), today=TODAY)
    assert not left.exists()


def test_a_place_taken_meanwhile_is_refused(tmp_path):
    files = delivery([line("A9")])
    late = examine_delivery(client_with(), files, delivery_id=delivery_id_for(tmp_path, "acme", files), today=TODAY)
    accept_delivery(tmp_path, client_with(), delivery([line()]), today=TODAY)
    with pytest.raises(Refused, match="Another delivery arrived meanwhile"):
        put_in_inbox(tmp_path, "acme", files, late)


def test_another_mapping_reads_the_stored_files_anew_and_once(tmp_path):
    accept_delivery(tmp_path, client_with(), delivery([line(状態="返品")]), today=TODAY)
    codes = {"tables": {"order_lines": {"codes": {"status": {"返品": "cancelled"}}}}}
    [stored] = read_inbox(tmp_path, "acme")
    assert stored.is_current(client_with())
    assert not stored.is_current(client_with(codes))
    assert stored.readmitted(client_with(codes)) is None
    [again] = read_admitted(tmp_path, client_with(codes))
    assert again.tables["order_lines"]["status"].to_pylist() == ["cancelled"]
    assert stored.readmitted(client_with(codes)) == again
    assert read_admitted(tmp_path, client_with())[0].tables["order_lines"]["status"].to_pylist() == ["returned"]


@pytest.mark.parametrize("has_digests", [True, False])
@pytest.mark.parametrize("content", [b"{", b"[1]", b"\xff", b""])
def test_a_damaged_receipt_is_refused_by_name(tmp_path, content, has_digests):
    accepted = accept_delivery(tmp_path, client_with(), delivery([line()]), today=TODAY)
    if not has_digests:
        of_an_early_edition(accepted.folder)
    (accepted.folder / "receipt.json").write_bytes(content)
    with pytest.raises(Refused, match=r"receipt\.json: this file of the inbox is missing or damaged.*backup"):
        read_inbox(tmp_path, "acme")


def flipped(content: bytes, position: int) -> bytes:
    return content[:position] + bytes([content[position] ^ 0x40]) + content[position + 1 :]


def test_a_single_flipped_byte_of_an_admitted_table_is_refused(tmp_path):
    accept_delivery(tmp_path, client_with(), delivery([line()]), today=TODAY)
    [stored] = read_inbox(tmp_path, "acme")
    path, sound = stored.folder / "admitted" / "order_lines.parquet", stored.load()
    content = path.read_bytes()
    for position in random.Random(1).sample(range(len(content)), 60):
        path.write_bytes(flipped(content, position))
        with pytest.raises(Refused, match=r"missing or damaged.*deliver again") as refusal:
            stored.load()
        assert refusal.value.file == str(path)
    path.write_bytes(content)
    assert stored.load() == sound


@pytest.mark.parametrize("has_digests", [True, False])
@pytest.mark.parametrize("content", [None, b"", b"PAR1"])
def test_an_admitted_table_that_is_lost_or_cut_off_is_refused_by_name(tmp_path, content, has_digests):
    accept_delivery(tmp_path, client_with(), delivery([line()]), today=TODAY)
    [stored] = read_inbox(tmp_path, "acme")
    if not has_digests:
        of_an_early_edition(stored.folder)
    path = stored.folder / "admitted" / "customers.parquet"
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(Refused, match=r"customers\.parquet: this file of the inbox is missing or damaged"):
        read_admitted(tmp_path, client_with())


def test_a_stored_delivery_can_be_checked_without_the_platform(tmp_path):
    accepted = accept_delivery(tmp_path, client_with(), delivery([line()]), today=TODAY)
    digests = dict(text.split("  ")[::-1] for text in (accepted.folder / "SHA256SUMS").read_text().splitlines())
    files = {
        path.relative_to(accepted.folder).as_posix(): path for path in accepted.folder.rglob("*") if path.is_file()
    }
    del files["SHA256SUMS"]
    assert digests == {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in files.items()}


def test_lost_files_are_refused_where_they_are_to_be_read_again(tmp_path):
    accepted = accept_delivery(tmp_path, client_with(), delivery([line()]), today=TODAY)
    shutil.rmtree(accepted.folder / "files")
    assert len(read_admitted(tmp_path, client_with())) == 1
    with pytest.raises(Refused, match=r"files/customers\.tsv: this file of the inbox is missing or damaged"):
        read_admitted(tmp_path, client_with({"tables": {"order_lines": {"codes": {"status": {"返品": "cancelled"}}}}}))


def test_examining_twice_gives_the_same():
    assert examine(delivery([line()])) == examine(delivery([line()]))


def test_a_delivery_that_a_later_mapping_cannot_read_stays_as_it_was_admitted(tmp_path):
    accept_delivery(tmp_path, client_with(), delivery([line("A1")]), today=TODAY)
    headers = {"状態": "対応状況"}
    renamed = [[headers.get(header, header) for header in LINE_HEADERS], line("A2")]
    columns = {"order_id": "注文番号", "line_no": "明細番号", "customer_id": "顧客番号", "ordered_at": "受注日時"}
    columns |= {"status": "対応状況", "order_kind": "注文区分", "product_id": "商品番号", "quantity": "数量"}
    client = client_with({"tables": {"order_lines": {"columns": {**columns, "unit_price_jpy": "単価"}}}})
    accept_delivery(tmp_path, client, [file_of("order_lines.tsv", renamed)], today=TODAY)
    first, second = read_admitted(tmp_path, client)
    assert first.tables["order_lines"]["order_id"].to_pylist() == ["A1"]
    assert "対応状況" in first.receipt["kept_as_admitted"]
    assert second.tables["order_lines"]["order_id"].to_pylist() == ["A2"]
    assert merge_deliveries([first, second])["order_lines"].num_rows == 2


def test_what_a_delivery_was_held_against_on_its_arrival_is_not_asked_again(tmp_path):
    tolerant = client_with({"admission": {"tolerated_bad_row_rate": 0.5}})
    accept_delivery(tmp_path, tolerant, delivery([line("A1"), line("A2", 数量="x")]), today=TODAY)
    strict = client_with({"admission": {"tolerated_bad_row_rate": 0.0}})
    later = [file_of("order_lines.tsv", [LINE_HEADERS, line("A3")])]
    accept_delivery(tmp_path, strict, later, today=TODAY)
    assert len(read_admitted(tmp_path, strict)) == 2


def two_months(inbox: Path) -> list[list[DeliveredFile]]:
    """Two deliveries in the inbox: what was delivered."""
    both = [delivery([line("A1")]), [file_of("order_lines.tsv", [LINE_HEADERS, line("A2")])]]
    for files in both:
        accept_delivery(inbox, client_with(), files, today=TODAY)
    return both


@pytest.mark.parametrize("which", [0, 1])
def test_a_lost_delivery_is_refused_by_name_until_its_files_are_delivered_again_in_its_place(tmp_path, which):
    both = two_months(tmp_path)
    shutil.rmtree(lost := read_inbox(tmp_path, "acme")[which].folder)
    for read in (lambda: read_inbox(tmp_path, "acme"), lambda: read_admitted(tmp_path, client_with())):
        with pytest.raises(Refused, match=f"the delivery {lost.name} of 'acme' was admitted.*deliver its files again"):
            read()
    another = [file_of("order_lines.tsv", [LINE_HEADERS, line("A3")])]
    with pytest.raises(Refused, match=lost.name):
        accept_delivery(tmp_path, client_with(), another, today=TODAY)
    again = accept_delivery(tmp_path, client_with(), both[which], today=TODAY + dt.timedelta(days=9))
    assert (again.folder, again.is_known) == (lost, False)
    assert [one.tables["order_lines"].num_rows for one in read_admitted(tmp_path, client_with())] == [1, 1]


def test_two_lost_deliveries_come_back_one_after_another(tmp_path):
    both = two_months(tmp_path)
    names = [one.delivery_id for one in read_inbox(tmp_path, "acme")]
    shutil.rmtree(tmp_path / "acme")
    with pytest.raises(Refused, match=names[0]):
        accept_delivery(tmp_path, client_with(), both[1], today=TODAY)
    assert [accept_delivery(tmp_path, client_with(), files, today=TODAY).folder.name for files in both] == names


def test_digests_that_are_lost_or_another_are_refused_and_a_seal_removed_gives_the_delivery_up(tmp_path):
    two_months(tmp_path)
    [first, second] = [one.folder for one in read_inbox(tmp_path, "acme")]
    digests = second / "SHA256SUMS"
    said = digests.read_bytes()
    for damage in (digests.unlink, lambda: digests.write_bytes(said + b"\n")):
        damage()
        with pytest.raises(Refused, match=f"the delivery {second.name} of 'acme' is not as it was admitted") as refusal:
            read_inbox(tmp_path, "acme")
        assert refusal.value.file == str(digests)
        digests.write_bytes(said)
    assert len(read_inbox(tmp_path, "acme")) == 2
    shutil.rmtree(first)
    (tmp_path / ".sealed" / "acme" / first.name).unlink()
    assert [one.delivery_id for one in read_inbox(tmp_path, "acme")] == [second.name]


def test_deliveries_of_before_the_seals_are_sealed_when_they_are_read_next(tmp_path):
    two_months(tmp_path)
    [first, second] = [one.folder for one in read_inbox(tmp_path, "acme")]
    of_an_early_edition(first)
    assert len(read_inbox(tmp_path, "acme")) == len(read_admitted(tmp_path, client_with())) == 2
    shutil.rmtree(second)
    with pytest.raises(Refused, match=second.name):
        read_inbox(tmp_path, "acme")


def test_what_was_examined_anew_is_refused_where_its_digests_are_lost(tmp_path):
    accept_delivery(tmp_path, client_with(), delivery([line(状態="返品")]), today=TODAY)
    codes = {"tables": {"order_lines": {"codes": {"status": {"返品": "cancelled"}}}}}
    read_admitted(tmp_path, client_with(codes))
    next(tmp_path.glob("acme/*/readmitted/*/SHA256SUMS")).unlink()
    with pytest.raises(Refused, match="missing or damaged"):
        read_admitted(tmp_path, client_with(codes))
