"""What a bucket does otherwise than a folder: puts, copies for reading, and locks that their holders renew."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from crm_platform.lake import Lake, MadeFrom, lease, place_of
from crm_platform.refusals import Refused
from crm_platform_tests.lake.test_the_lake_keeps_tables_whole import JUNE, TABLE, rows
from crm_platform_tests.production.s3_server import S3Server


@pytest.fixture
def lake(s3: S3Server, tmp_path: Path) -> Iterator[Lake]:
    yield Lake(place_of(f"{s3.new_bucket()}/lake"), copies=tmp_path)
    s3.refused, s3.ignores_conditions = None, False


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("ASKED_EVERY_SECONDS", 0.05), ("RENEWED_EVERY_SECONDS", 0.1), ("GIVEN_UP_AFTER_LOOKS", 10)):
        monkeypatch.setattr(lease, name, value)


@pytest.mark.parametrize("refused", [".parquet", ".json"])
def test_a_put_that_fails_leaves_the_old_month_and_the_next_write_cleans_up(
    lake: Lake, s3: S3Server, refused: str
) -> None:
    lake.write("acme", TABLE, JUNE, rows(a=1), MadeFrom())
    s3.refused = lambda key: key.endswith(refused)
    with pytest.raises(OSError, match="no space left"):
        lake.write("acme", TABLE, JUNE, rows(a=5), MadeFrom())
    s3.refused = None
    assert lake.read("acme", TABLE, JUNE)["sales_jpy"].to_pylist() == [1]
    lake.write("acme", TABLE, JUNE, rows(a=7), MadeFrom())
    assert lake.read("acme", TABLE, JUNE)["sales_jpy"].to_pylist() == [7]
    assert len(list((lake.root / "acme" / "shelf").iterdir())) == 2


def test_what_is_read_is_copied_once_and_a_damaged_copy_anew(lake: Lake) -> None:
    lake.write("acme", TABLE, JUNE, rows(a=1), MadeFrom())
    lake.read("acme", TABLE, JUNE)
    (copy,) = lake.copies.rglob("*.parquet")
    assert copy.parent == lake.copies / "acme" / "shelf"
    copied = copy.stat().st_ino
    lake.scan("acme", TABLE, [JUNE])
    assert copy.stat().st_ino == copied
    copy.write_bytes(copy.read_bytes()[:-9])
    assert lake.read("acme", TABLE, JUNE)["sales_jpy"].to_pylist() == [1]
    lake.write("acme", TABLE, JUNE, rows(a=2), MadeFrom())
    assert not copy.exists()


def test_a_file_that_was_restored_by_another_program_is_judged_by_its_content(lake: Lake) -> None:
    written = lake.write("acme", TABLE, JUNE, rows(a=1), MadeFrom())
    content = written.path.read_bytes()
    written.path.write_bytes(content)  # without the digest that our own puts carry
    assert lake.is_current("acme", "shelf", JUNE, MadeFrom())
    written.path.write_bytes(content[:-1] + b"x")
    assert not lake.is_current("acme", "shelf", JUNE, MadeFrom())


@pytest.mark.usefixtures("impatient")
def test_workers_of_a_client_wait_for_each_other_and_nothing_is_lost(lake: Lake) -> None:
    count = lake.root / "count"
    count.write_bytes(b"0")

    def work() -> None:
        with lake.alone("acme"):
            seen = int(count.read_bytes())
            time.sleep(0.02)
            count.write_bytes(str(seen + 1).encode())

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    with lake.alone("other"):  # another client's lock keeps nobody waiting
        for worker in workers:
            worker.join()
    assert count.read_bytes() == b"4"
    assert not list(lake.root.glob("*/.lock"))


@pytest.mark.usefixtures("impatient")
def test_the_lock_of_a_dead_worker_is_taken_over_and_that_of_a_slow_one_is_not(lake: Lake, s3: S3Server) -> None:
    told: list[str] = []

    def wait() -> None:
        with lake.alone("acme"):
            told.append("next")

    waiting = threading.Thread(target=wait)
    with lake.alone("acme"):
        s3.looks = 0
        waiting.start()
        while s3.looks < 20 and not told:  # more often than at the lock of a dead one
            time.sleep(0.02)
        told.append("slow")
    waiting.join()
    assert told == ["slow", "next"]
    (lake.root / "acme" / ".lock").write_bytes(b"of a machine that lost its power")
    began = time.monotonic()
    with lake.alone("acme"):
        waited = time.monotonic() - began
    assert waited >= 0.5  # ten looks
    assert not list(lake.root.glob("*/.lock"))


@pytest.mark.usefixtures("impatient")
def test_a_worker_whose_lock_was_taken_is_told_and_leaves_the_other_its_lock(lake: Lake) -> None:
    lock = lake.root / "acme" / ".lock"
    with pytest.raises(Refused, match="another has begun"), lake.alone("acme"):
        lock.write_bytes(b"of another")
    assert lock.read_bytes() == b"of another"


@pytest.mark.usefixtures("impatient")
def test_a_worker_to_whom_an_answer_was_lost_knows_its_own_lock(lake: Lake, s3: S3Server) -> None:
    with lake.alone("acme"):
        s3.answers_to_lose = 1
        while s3.answers_to_lose:  # until the lock is renewed
            time.sleep(0.05)
    assert not list(lake.root.glob("*/.lock"))


def test_storage_without_conditional_puts_is_found_out(lake: Lake, s3: S3Server) -> None:
    assert lake.store.keeps_others_out(lake.root)
    s3.ignores_conditions = True
    assert not lake.store.keeps_others_out(lake.root)


def test_clearing_a_client_leaves_neither_object_nor_copy_and_others_whole(lake: Lake) -> None:
    for client in ("acme", "acme2"):
        lake.write(client, TABLE, JUNE, rows(a=1), MadeFrom())
        lake.read(client, TABLE, JUNE)
    with lake.alone("acme"):
        lake.store.clear(lake.root / "acme")
    assert {key.split("/")[2] for key in lake.root.fs.find(lake.root.path)} == {"acme2"}
    assert [path.name for path in lake.copies.iterdir()] == ["acme2"]
    assert lake.read("acme2", TABLE, JUNE).num_rows == 1


@pytest.mark.parametrize("address", ["gs://bucket/lake", "s3://", "https://host/lake"])
def test_an_address_of_another_kind_is_refused(address: str) -> None:
    with pytest.raises(Refused, match="Name a folder, or s3://bucket/prefix"):
        place_of(address)
