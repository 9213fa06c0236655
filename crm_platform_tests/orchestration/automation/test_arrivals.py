"""A folder of arrivals is taken whole, once, exactly as it would be delivered by hand, or refused and left (R91)."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_platform.intake import read_inbox
from crm_platform.orchestration import code_digest
from crm_platform.orchestration.automation.arrivals import COMPLETE, REFUSED, SUMS, Arrival, arrival_named
from crm_platform.orchestration.automation.arrivals_complete import ARRIVAL_TAG, arrivals_complete
from crm_platform.refusals import Refused
from crm_platform_tests.orchestration.automation.house import House

FILES = st.dictionaries(st.sampled_from(["a.csv", "b.csv", "受注.tsv"]), st.binary(max_size=4), min_size=1)


def sums(files: dict[str, bytes]) -> bytes:
    return "".join(f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in files.items()).encode()


def copied(folder: Path, steps: list[tuple[str, bytes]], count: int) -> bool:
    """Copy until so many bytes and names have come; whether that was all."""
    for name, content in steps:
        if count == 0:
            return False
        (folder / name).write_bytes(content[: count - 1])
        if count - 1 < len(content):
            return False
        count -= 1 + len(content)
    return True


@settings(max_examples=60)
@given(st.data())
def test_what_is_half_copied_is_never_whole_in_whatever_order_it_comes(data: st.DataObject) -> None:
    files = data.draw(FILES)
    if data.draw(st.booleans()):
        steps = data.draw(st.permutations([*files.items(), (SUMS, sums(files))]))
    else:
        steps = [*files.items(), (COMPLETE, b"")]  # written last
    whole = sum(1 + len(content) for _, content in steps)
    with tempfile.TemporaryDirectory() as folder:
        is_whole = copied(Path(folder), steps, data.draw(st.integers(0, whole)))
        named = Path(folder).rename(Path(folder).with_name(f"a{Path(folder).name}"))
        assert (Arrival("acme", named).waits_for is None) == is_whole
        named.rename(folder)


def test_a_file_of_the_right_name_and_size_is_not_whole_until_it_agrees_byte_by_byte(tmp_path: Path) -> None:
    files = {"a.csv": b"abc"}
    (tmp_path / SUMS).write_bytes(sums(files))
    for content, is_whole in ((b"ab", False), (b"abd", False), (b"abc", True)):
        (tmp_path / "a.csv").write_bytes(content)
        named = tmp_path.rename(tmp_path.with_name(f"a{len(content)}{content[-1]}"))
        assert (Arrival("acme", named).waits_for is None) == is_whole
        named.rename(tmp_path)


def dropped(folder: Path, *files: Path, mark: bytes | None = b"") -> Path:
    folder.mkdir(parents=True)
    for file in files:
        shutil.copy(file, folder)
    if mark is not None:
        (folder / COMPLETE).write_bytes(mark)
    return folder


@pytest.mark.parametrize("name", ["a.csv.part", ".a.csv.x8Yq", "a.filepart"])
def test_a_file_that_is_being_copied_is_waited_for_though_the_mark_is_there(tmp_path: Path, name: str) -> None:
    folder = dropped(tmp_path / "2025-06")
    (folder / "a.csv").write_bytes(b"a")
    assert Arrival("acme", folder).waits_for is None
    (folder / name).write_bytes(b"a")
    assert "being copied" in str(Arrival("acme", folder).waits_for)


def test_links_folders_and_names_that_must_not_be_shown_are_refused(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("another client's")
    for spoil in (lambda at: (at / "a.csv").symlink_to(tmp_path / "secret"), lambda at: (at / "b").mkdir()):
        folder = dropped(tmp_path / f"x{len(list(tmp_path.iterdir()))}")
        spoil(folder)
        with pytest.raises(Refused):
            _ = Arrival("acme", folder).waits_for
    for name in ("taro@example.jp", "090-1234-5678", "..", "a/b", "山田太郎"):
        with pytest.raises(Refused) as refused:
            arrival_named(tmp_path, "acme", name)
        assert name not in str(refused.value)


JUNE = dt.date(2025, 6, 30)


@pytest.mark.parametrize(
    ("said", "day"), [("", None), ('data_to = "2025-06-30"', JUNE), ("data_to = 2025-06-30", JUNE)]
)
def test_the_mark_may_say_to_which_day_the_files_reach(tmp_path: Path, said: str, day: dt.date | None) -> None:
    assert Arrival("acme", dropped(tmp_path / "a", mark=said.encode())).data_to == day


@pytest.mark.parametrize(
    "said", ["data_to = 'June'", "date_to = 2025-06-30", "30.6.2025", "data_to = 2025-06-30T01:00:00"]
)
def test_a_mark_that_says_anything_else_is_refused(tmp_path: Path, said: str) -> None:
    with pytest.raises(Refused, match="data_to"):
        _ = Arrival("acme", dropped(tmp_path / "a", mark=said.encode())).data_to


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with dg.instance_for_test() as instance:
        yield House(tmp_path_factory.mktemp("house"), instance, months=2)


def taken(house: House, request: dg.RunRequest) -> Any:
    job = house.repository.get_job("take_delivery")
    return job.execute_in_process(
        run_config=request.run_config,
        instance=house.instance,
        tags=request.tags,
        raise_on_error=False,
        resources=house.resources,
    )


def asked(house: House) -> list[dg.RunRequest]:
    return house.tick(arrivals_complete).run_requests or []


def test_whole_folders_are_taken_one_by_one_and_removed_and_the_same_files_do_nothing(house: House) -> None:
    root = house.folder / "data" / "arrivals"
    dropped(root / "demo" / "1-again", *house.delivered)
    late = dropped(root / "demo" / "2-late", house.cancelled([house.months[0]]), mark=None)
    (late / SUMS).write_bytes(sums({"order_lines.tsv": (late / "order_lines.tsv").read_bytes()}))
    dropped(root / "demo" / "3-half", *house.delivered, mark=None)
    dropped(root / "nobody" / "1", *house.delivered)
    assert asked(house) == []  # what is whole must look the same twice
    before = read_inbox(house.platform.inbox, "demo")
    (again,) = asked(house)
    assert taken(house, again).success
    assert read_inbox(house.platform.inbox, "demo") == before
    assert asked(house) == []
    (new,) = asked(house)
    result = taken(house, new)
    assert result.success
    assert len(read_inbox(house.platform.inbox, "demo")) == len(before) + 1
    assert sorted(path.name for path in (root / "demo").iterdir()) == ["3-half"]
    assert "arrivals/demo/3-half waits for COMPLETE or SHA256SUMS" in house.tick(arrivals_complete).skip_message
    assert [one["kind"] for one in house.told()] == ["arrivals_unusable"]  # of nobody, once
    assert taken(house, new).success  # asked for twice: it is gone


def test_folders_wait_while_another_version_of_the_code_waits_for_a_restart_and_are_taken_after_it(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = dropped(house.folder / "data" / "arrivals" / "demo" / "4-whole", *house.delivered)
    told = len(house.told())
    with monkeypatch.context() as patch:
        patch.setattr(code_digest, "installed_code", lambda: "another")
        said = [house.tick(arrivals_complete) for _ in range(3)]
    assert [one.run_requests or [] for one in said] == [[], [], []]
    assert "start it again" in said[0].skip_message
    assert [one["kind"] for one in house.told()[told:]] == ["code_changed"]
    assert asked(house) == []  # what is whole must look the same twice
    (request,) = asked(house)
    assert taken(house, request).success
    assert not whole.exists()


def test_what_is_refused_stays_with_the_reason_and_is_looked_at_again_once_it_changes(house: House) -> None:
    root = house.folder / "data" / "arrivals"
    shutil.rmtree(root, ignore_errors=True)
    folder = dropped(root / "demo" / "bad")
    (folder / "order_lines.tsv").write_bytes("注文番号\nN1\n".encode())
    asked(house)
    (request,) = asked(house)
    told, inbox = len(house.told()), read_inbox(house.platform.inbox, "demo")
    result = taken(house, request)
    assert not result.success
    assert (folder / REFUSED).read_text("utf-8").strip()
    assert read_inbox(house.platform.inbox, "demo") == inbox
    (said,) = house.told()[told:]
    assert (said["kind"], said["client"]) == ("delivery_refused", "demo")
    assert asked(house) == asked(house) == []
    (folder / "order_lines.tsv").write_bytes("注文番号\nN2\n".encode())
    asked(house)
    assert len(asked(house)) == 1


def test_files_whose_run_was_killed_are_asked_for_again_but_not_for_ever(house: House) -> None:
    root = house.folder / "data" / "arrivals"
    shutil.rmtree(root, ignore_errors=True)
    dropped(root / "demo" / "killed", *house.delivered)
    asked(house)
    keys = []
    while requests := asked(house):
        keys.append(requests[0].run_key)
        tag = {ARRIVAL_TAG: requests[0].tags[ARRIVAL_TAG]}
        config = dict(requests[0].run_config)
        run = house.instance.create_run_for_job(house.repository.get_job("take_delivery"), tags=tag, run_config=config)
        house.instance.report_run_failed(run)
    assert len(keys) == len(set(keys)) == 3


def test_a_folder_that_changes_between_two_looks_is_not_taken_though_its_mark_came_first(house: House) -> None:
    root = house.folder / "data" / "arrivals"
    shutil.rmtree(root, ignore_errors=True)
    folder = dropped(root / "demo" / "slow", house.delivered[0])
    assert asked(house) == []
    shutil.copy(house.delivered[1], folder)
    assert asked(house) == []
    assert len(asked(house)) == 1
    cursor = json.loads(str(house.cursors[arrivals_complete.name]))
    assert "slow" not in json.dumps(cursor)  # names of folders stay out of Dagster's databases until they are taken
