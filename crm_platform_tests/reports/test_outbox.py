import hashlib
import json
import os
import threading
from pathlib import Path

import pytest

from crm_platform.lake import exchange
from crm_platform.periods import Month
from crm_platform.reports import manifest, publish

JUNE = Month(2025, 6)
OLD = {"second_opinion/segments.csv": b"old", "quote.json": b"1"}
NEW = {"second_opinion/segments.csv": b"new", "quote.json": b"1", "portfolio/cpm_classes.csv": b"x"}


def _content(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_the_folder_holds_exactly_the_files(tmp_path):
    folder = publish(tmp_path, "demo", JUNE, OLD | {"gone.txt": b"gone"})
    assert folder == tmp_path / "demo" / "2025-06"
    publish(tmp_path, "demo", JUNE, NEW)
    assert _content(folder) == NEW
    assert [path.name for path in folder.parent.iterdir()] == ["2025-06"]


def test_an_identical_set_is_left_untouched_and_a_kept_file_keeps_its_time(tmp_path):
    folder = publish(tmp_path, "demo", JUNE, OLD)
    for file in folder.rglob("*"):
        os.utime(file, (1, 1))
    before = folder.stat().st_ino
    publish(tmp_path, "demo", JUNE, OLD)
    assert folder.stat().st_ino == before
    publish(tmp_path, "demo", JUNE, NEW)
    assert (folder / "quote.json").stat().st_mtime == 1
    assert (folder / "second_opinion/segments.csv").stat().st_mtime != 1


@pytest.mark.parametrize("path", ["../other/2025-06/x", "/etc/passwd", "a/../../b", "", "a\\b"])
def test_a_path_that_leaves_the_folder_is_an_error_and_nothing_is_written(tmp_path, path):
    with pytest.raises(ValueError, match="no path inside"):
        publish(tmp_path, "demo", JUNE, {path: b"x"})
    assert list(tmp_path.iterdir()) == []


def test_a_write_that_breaks_off_leaves_the_old_set(tmp_path, monkeypatch):
    folder = publish(tmp_path, "demo", JUNE, OLD)

    def broken(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(exchange.os, "fsync", broken)
    with pytest.raises(OSError, match="no space"):
        publish(tmp_path, "demo", JUNE, NEW)
    assert _content(folder) == OLD
    assert [path.name for path in folder.parent.iterdir()] == ["2025-06"]


def test_where_the_system_cannot_exchange_folders_two_renames_do(tmp_path, monkeypatch):
    monkeypatch.setattr(exchange.sys, "platform", "plan9")
    folder = publish(tmp_path, "demo", JUNE, OLD)
    publish(tmp_path, "demo", JUNE, NEW)
    assert _content(folder) == NEW
    assert [path.name for path in folder.parent.iterdir()] == ["2025-06"]


@pytest.mark.skipif(not hasattr(os, "O_PATH"), reason="only Linux exchanges folders in one step")
def test_the_folder_is_there_at_every_moment_of_an_exchange(tmp_path):
    folder = publish(tmp_path, "demo", JUNE, {"a": b"0", "b": b"0"})
    stop, missing = threading.Event(), []

    def read() -> None:
        while not stop.is_set():
            if not folder.is_dir():
                missing.append(1)

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(1, 60):
        publish(tmp_path, "demo", JUNE, {"a": b"%d" % number, "b": b"%d" % number})
    stop.set()
    reader.join()
    assert missing == []


def test_the_manifest_names_digest_size_and_rows_of_every_file():
    files = {
        "b.csv": '\ufeff顧客番号\r\n"a\r\nb"\r\nc\r\n'.encode(),
        "c.csv": "顧客番号\r\na\r\n".encode("cp932"),
        "a.pdf": b"%PDF",
    }
    made = manifest(
        files,
        client="demo",
        months=[Month(2025, 6), Month(2020, 7)],
        spec_fingerprint="f",
        versions={"b": "2", "a": "1"},
    )
    document = json.loads(made)
    assert list(document["files"]) == ["a.pdf", "b.csv", "c.csv"]
    assert [entry["rows"] for entry in document["files"].values()] == [None, 2, 1]
    assert document["files"]["a.pdf"]["sha256"] == hashlib.sha256(b"%PDF").hexdigest()
    assert (document["first_month"], document["last_month"]) == ("2020-07", "2025-06")
    again = manifest(
        dict(reversed(files.items())),
        client="demo",
        months=[Month(2020, 7), Month(2025, 6)],
        spec_fingerprint="f",
        versions={"a": "1", "b": "2"},
    )
    assert made == again
