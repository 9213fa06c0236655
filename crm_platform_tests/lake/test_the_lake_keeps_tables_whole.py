from __future__ import annotations

import fcntl
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from crm_platform.lake import Lake, MadeFrom, digest_of, place_of
from crm_platform.periods import Month
from crm_platform.refusals import Refused
from crm_platform.tables.table import Table, count, key, yen

TABLE = Table(
    "shelf",
    grain="item",
    meaning="A table of this test",
    key=("item_id",),
    columns=(key("item_id", "Item"), yen("sales_jpy", "Sales")),
)
JUNE, JULY = Month(2025, 6), Month(2025, 7)


def rows(**sales: int) -> pa.Table:
    return pa.table({"item_id": list(sales), "sales_jpy": list(sales.values())})


@pytest.fixture
def folder(tmp_path: Path) -> Lake:
    return Lake(tmp_path)


@pytest.fixture(params=["folder", "bucket"])
def lake(request: pytest.FixtureRequest, tmp_path: Path) -> Lake:
    """What holds of a lake in a folder holds of one in a bucket."""
    if request.param == "folder":
        return Lake(tmp_path)
    return Lake(place_of(f"{request.getfixturevalue('s3').new_bucket()}/lake"), copies=tmp_path)


def test_what_is_written_is_read_back_sorted_by_key_and_typed_as_declared(lake: Lake) -> None:
    lake.write("acme", TABLE, JUNE, rows(b=2, a=1), MadeFrom())
    assert lake.read("acme", TABLE, JUNE).to_pylist() == [
        {"item_id": "a", "sales_jpy": 1},
        {"item_id": "b", "sales_jpy": 2},
    ]
    assert lake.read("acme", TABLE, JUNE).schema.equals(TABLE.arrow_schema)


def test_the_same_rows_in_any_order_give_the_same_bytes(lake: Lake) -> None:
    first = lake.write("acme", TABLE, JUNE, rows(b=2, a=1), MadeFrom())
    second = lake.write("other", TABLE, JUNE, rows(a=1, b=2), MadeFrom())
    assert first.sha256 == second.sha256
    assert first.path.read_bytes() == second.path.read_bytes()


def test_a_month_written_again_replaces_the_former_and_leaves_no_other_file(lake: Lake) -> None:
    lake.write("acme", TABLE, JUNE, rows(a=1), MadeFrom())
    lake.write("acme", TABLE, JUNE, rows(a=5), MadeFrom())
    assert lake.read("acme", TABLE, JUNE)["sales_jpy"].to_pylist() == [5]
    assert len(list((lake.root / "acme" / "shelf").iterdir())) == 2


def test_a_write_that_breaks_off_leaves_the_old_month_readable(folder: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = folder
    lake.write("acme", TABLE, JUNE, rows(a=1), MadeFrom())

    def break_off(*_: Path) -> Path:
        raise OSError("disk full")

    monkeypatch.setattr(Path, "replace", break_off)
    with pytest.raises(OSError, match="disk full"):
        lake.write("acme", TABLE, JUNE, rows(a=5), MadeFrom())
    monkeypatch.undo()
    assert lake.read("acme", TABLE, JUNE)["sales_jpy"].to_pylist() == [1]
    assert not list((lake.root / "acme" / "shelf").glob(".*"))


@pytest.mark.parametrize("damage", [lambda path: path.unlink(), lambda path: path.write_bytes(path.read_bytes()[:-9])])
def test_a_lost_or_damaged_file_is_not_current_and_whoever_reads_it_is_told_what_to_do(
    lake: Lake, damage: Callable[[Path], object]
) -> None:
    written = lake.write("acme", TABLE, JUNE, rows(a=1), MadeFrom(code="c"))
    assert lake.is_current("acme", "shelf", JUNE, MadeFrom(code="c"))
    damage(written.path)
    assert not lake.is_current("acme", "shelf", JUNE, MadeFrom(code="c"))
    for read in (lambda: lake.read("acme", TABLE, JUNE), lambda: lake.scan("acme", TABLE, [JUNE])):
        with pytest.raises(Refused, match=r"missing or damaged.*[Rr]estore .*refresh --client acme --month 2025-06"):
            read()


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"file": "x"}'])
def test_a_damaged_record_is_refused_and_named(lake: Lake, content: str) -> None:
    lake.write("acme", TABLE, JUNE, rows(a=1), MadeFrom())
    (lake.root / "acme" / "shelf" / "2025-06.json").write_text(content)
    with pytest.raises(Refused, match=r"shelf/2025-06\.json: .*damaged"):
        lake.read("acme", TABLE, JUNE)


def test_what_a_killed_writer_left_is_gone_after_the_next_write_of_the_month(folder: Lake) -> None:
    lake = folder
    lake.write("acme", TABLE, JULY, rows(a=9), MadeFrom())
    shelf = lake.root / "acme" / "shelf"
    for left in ("2025-06.0123456789abcdef.parquet", ".x1y2.staged"):
        (shelf / left).write_bytes(b"half")
    kept = lake.write("acme", TABLE, JUNE, rows(a=1), MadeFrom()).path
    assert {path.name.split(".")[0] for path in shelf.iterdir()} == {"2025-06", "2025-07"}
    assert len(list(shelf.iterdir())) == 4
    assert kept.exists()


def test_nobody_else_works_on_a_client_while_somebody_does(folder: Lake) -> None:
    lake = folder

    def try_lock(client: str) -> None:
        with (lake.root / client / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)

    with lake.alone("acme"), lake.alone("other"), pytest.raises(BlockingIOError):
        try_lock("acme")
    try_lock("acme")


def test_a_scan_over_a_gap_is_refused_and_names_the_month(lake: Lake) -> None:
    lake.write("acme", TABLE, JUNE, rows(a=1), MadeFrom())
    with pytest.raises(Refused, match="2025-07"):
        lake.scan("acme", TABLE, [JUNE, JULY])


def test_a_scan_reads_exactly_the_months_asked_for(lake: Lake) -> None:
    lake.write("acme", TABLE, JUNE, rows(a=1), MadeFrom())
    lake.write("acme", TABLE, JULY, rows(a=2), MadeFrom())
    assert lake.scan("acme", TABLE, [JUNE, JULY]).sales_jpy.sum().execute() == 3
    assert lake.scan("acme", TABLE, [JULY]).sales_jpy.sum().execute() == 2
    assert lake.months("acme", "shelf") == [JUNE, JULY]


def test_a_month_is_current_only_while_inputs_code_and_settings_are_the_same_and_else_it_says_why(lake: Lake) -> None:
    made_from = MadeFrom({"order_lines": "1"}, code="c", settings="s")
    written = lake.write("acme", TABLE, JUNE, rows(a=1), made_from)
    assert lake.is_current("acme", "shelf", JUNE, made_from)
    for other, why in (
        (MadeFrom({"order_lines": "2"}, "c", "s"), ("order_lines changed",)),
        (MadeFrom({"media": "1"}, "c", "s"), ("media changed", "order_lines changed")),
        (MadeFrom({"order_lines": "1"}, "d", "s"), ("code changed",)),
        (MadeFrom({"order_lines": "1"}, "d", "t"), ("code changed", "settings changed")),
    ):
        assert not lake.is_current("acme", "shelf", JUNE, other)
        assert lake.why_stale("acme", "shelf", JUNE, other) == why
    assert lake.why_stale("acme", "shelf", JULY, made_from) == ("never made",)
    written.path.write_bytes(written.path.read_bytes()[:-1])
    assert lake.why_stale("acme", "shelf", JUNE, made_from) == (f"its file {written.path.name} was lost or damaged",)


def test_the_digest_of_months_changes_with_content_and_not_with_a_rewrite(lake: Lake) -> None:
    lake.write("acme", TABLE, JUNE, rows(a=1), MadeFrom(code="1"))
    before = lake.digest("acme", "shelf", [JUNE])
    lake.write("acme", TABLE, JUNE, rows(a=1), MadeFrom(code="2"))
    assert lake.digest("acme", "shelf", [JUNE]) == before
    lake.write("acme", TABLE, JUNE, rows(a=2), MadeFrom(code="2"))
    assert lake.digest("acme", "shelf", [JUNE]) != before
    assert lake.digest("acme", "shelf", [JUNE, JULY]) != lake.digest("acme", "shelf", [JUNE])


def test_a_document_is_read_back_as_it_was(lake: Lake) -> None:
    lake.write_document("acme", "model", JUNE, {"r": 0.5, "名": "髙"}, MadeFrom())
    assert lake.read_document("acme", "model", JUNE) == {"r": 0.5, "名": "髙"}
    with pytest.raises(ValueError, match=r"[Oo]ut of range|JSON compliant"):
        lake.write_document("acme", "model", JUNE, {"r": float("nan")}, MadeFrom())


@pytest.mark.parametrize("client", ["../x", "a|b", "a/b", "", "A", "..", "a" * 64, "a\n"])
def test_a_client_id_that_could_leave_its_folder_is_refused(lake: Lake, client: str) -> None:
    with pytest.raises(Refused, match="cannot be a client id"):
        lake.write(client, TABLE, JUNE, rows(a=1), MadeFrom())
    assert not list(lake.root.glob("**/*.*"))


def test_a_table_that_lacks_a_column_is_not_written(lake: Lake) -> None:
    with pytest.raises(ValueError, match="lacks the columns sales_jpy"):
        lake.write("acme", TABLE, JUNE, pa.table({"item_id": ["a"]}), MadeFrom())
    assert lake.months("acme", "shelf") == []


def test_digests_do_not_depend_on_the_order_of_keys() -> None:
    assert digest_of({"a": 1, "b": [2]}) == digest_of({"b": [2], "a": 1}) != digest_of({"a": 1, "b": [3]})


def test_counting_columns_are_declared_non_negative() -> None:
    assert count("orders", "Orders").minimum == 0
