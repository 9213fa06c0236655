"""A client that is deleted leaves no byte, one whose contract sets a time keeps no more, and nobody else notices."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.remote_origin import InProcessCodeLocationOrigin, RemoteInstigatorOrigin, RemoteRepositoryOrigin
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    ScheduleInstigatorData,
    SensorInstigatorData,
    TickData,
    TickStatus,
)
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin

from crm_platform.demo import make_demo, write_delivery
from crm_platform.intake import read_admitted
from crm_platform.lake.files import write_whole
from crm_platform.orchestration.automation.client_schedules import schedule_names
from crm_platform.orchestration.automation.messages import Message, Messages
from crm_platform.orchestration.event_log import open_instance
from crm_platform.orchestration.partitions import partition_key
from crm_platform.orchestration.runs import bring_facts_up_to_date
from crm_platform.orchestration.tenants import deletion
from crm_platform.orchestration.tenants.deletion import delete_client, what_is_there
from crm_platform.orchestration.tenants.places import folders_of
from crm_platform.orchestration.tenants.retention import let_go, past_retention
from crm_platform.periods import Month
from crm_platform.refusals import Refused
from crm_platform.reports import publish
from crm_platform_tests.end_to_end.installation import Installation
from crm_platform_tests.end_to_end.stored_texts import plain, texts_of

GONE, STAYS = "kie-ru", "kie-ru-2"  # the one is how the other begins
MARK = "消印の青汁"  # a product of the one that is deleted
LAST, TODAY = Month(2025, 6), dt.date(2026, 2, 3)
BOTH_TOLD = '{"seen": {"kie-ru": "1", "kie-ru-2": "2"}, "told": ["kie-ru/0001", "kie-ru-2/0001"]}'


def furnished(installation: Installation, client: str, folder: Path, mark: str) -> None:
    """Deliver a month, make its facts, and put something of the client wherever something of a client may lie."""
    data, platform = installation.data, installation.platform
    toml = data / "clients" / f"{client}.toml"
    toml.write_text(f'name = "{mark}の店"\n[retention]\ndelivered_files_months = 7\n', "utf-8")
    demo = make_demo(customers=10, months=1, first_month=LAST)
    files = write_delivery(demo, folder)
    products = next(file for file in files if "product" in file.name)
    name = demo.tables["products"]["product_name"][0].as_py()
    encoding = next(code for code in ("utf-8-sig", "cp932") if name.encode(code)[3:] in products.read_bytes())
    products.write_text(products.read_text(encoding).replace(name, mark), encoding)
    answer = installation.run("deliver", "--client", client, "--data-to", str(LAST.last_day), *files)
    assert answer.code == 0, answer.err
    with open_instance(data / "dagster_home") as instance:
        bring_facts_up_to_date(platform, client, None, instance, lambda _: None)
    for month in (LAST.plus(-1), LAST):
        publish(platform.outbox, client, month, {"portfolio/list.csv": mark.encode()})
    for name in folders_of(platform, client).keys() - {"inbox", "inbox/.sealed", "lake", "outbox"}:
        write_whole(data / name / client / "2025-05-01.csv", mark.encode())
    (data / "clients" / f"{client}.definition.tsv").write_text(mark)
    (data / "clients" / f".{client}.toml.x1.staged").write_text(mark)  # a write that was killed
    Messages.of(platform).tell(Message("run_failure", f"{mark} failed", "look", client, str(LAST)))


REPOSITORY = RemoteRepositoryOrigin(
    InProcessCodeLocationOrigin(LoadableTargetOrigin(module_name="m"), location_name="l"), "r"
)


def scheduled(instance: dg.DagsterInstance, client: str) -> RemoteInstigatorOrigin:
    """The client's own schedule, as a daemon that has loaded it writes it."""
    own = RemoteInstigatorOrigin(REPOSITORY, schedule_names(client)[0])
    data = ScheduleInstigatorData("0 4 3 * *", 1.0)
    instance.add_instigator_state(InstigatorState(own, InstigatorType.SCHEDULE, InstigatorStatus.STOPPED, data))
    return own


def remembered(instance: dg.DagsterInstance, home: Path) -> None:
    """A paused sensor that remembers both clients, their schedules, ticks of all, and what these logged."""
    sensor = RemoteInstigatorOrigin(REPOSITORY, "deliveries")
    cursor = SensorInstigatorData(cursor=BOTH_TOLD, last_run_key=f"analyse_month|{partition_key(GONE, LAST)}")
    instance.add_instigator_state(InstigatorState(sensor, InstigatorType.SENSOR, InstigatorStatus.STOPPED, cursor))
    for client in (GONE, STAYS):
        own = scheduled(instance, client)
        for origin, keys in ((sensor, [str(partition_key(client, LAST))]), (own, [])):
            of_kind = InstigatorType.SCHEDULE if origin is own else InstigatorType.SENSOR
            told = {"run_ids": [], "run_keys": keys, "selector_id": "s"}
            named = (origin.get_id(), origin.instigator_name, of_kind)
            instance.create_tick(TickData(*named, TickStatus.SUCCESS, 1.0, **told))
            logs = home / "storage" / "r" / origin.instigator_name
            write_whole(logs / f"{client[-1]}.err", f"asked for {client if keys else 'none'}\n".encode())


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """Two clients of which something lies everywhere; tests work on copies."""
    folder = tmp_path_factory.mktemp("tenants")
    installation = Installation.at(folder / "data")
    for client, mark in ((STAYS, "残る青汁"), (GONE, MARK)):  # the last events are of the one that goes
        furnished(installation, client, folder / client, mark)
    home = installation.data / "dagster_home"
    with open_instance(home) as instance:
        remembered(instance, home)
    return installation


@pytest.fixture
def copied(house: Installation, tmp_path: Path) -> Iterator[tuple[Installation, dg.DagsterInstance]]:
    shutil.copytree(house.data, tmp_path / "data")
    with open_instance(tmp_path / "data" / "dagster_home") as instance:
        yield Installation(tmp_path / "data"), instance


def own_files(data: Path, client: str) -> dict[str, str]:
    """Every file of the client by its path, as a digest."""
    files = (path for path in data.rglob("*") if path.is_file() and "dagster_home" not in path.parts)
    own = [path for path in files if client in path.parts or re.match(rf"\.?{client}\.", path.name)]
    return {str(path.relative_to(data)): hashlib.sha256(path.read_bytes()).hexdigest() for path in own}


def told_of(instance: dg.DagsterInstance, client: str) -> dict[str, list[str]]:
    """What Dagster tells of the client's runs: the events of each."""
    runs = instance.get_runs(dg.RunsFilter(tags={"client": client}))
    return {run.run_id: [event.message for event in instance.all_logs(run.run_id)] for run in runs}


def names_the_gone(path: Path, data: Path) -> bool:
    """Whether the file, packed or not, or its path holds the mark, the id or the schedule's name, in any spelling."""
    texts = [plain(str(path.relative_to(data))), *texts_of(path)]
    own = [plain(name) for name in (MARK, GONE, schedule_names(GONE)[0])]
    others = [plain(name) for name in (STAYS, schedule_names(STAYS)[0])]
    return any(name in text.replace(others[0], "").replace(others[1], "") for text in texts for name in own)


def pages_for_later(path: Path) -> int:
    """Pages of a database that hold removed rows, or held them."""
    with closing(sqlite3.connect(path)) as database:
        return int(database.execute("PRAGMA freelist_count").fetchone()[0])


def test_a_deleted_client_leaves_no_byte_and_another_whose_id_begins_alike_keeps_every_one(copied) -> None:
    installation, instance = copied
    data, platform = installation.data, installation.platform
    others, runs = own_files(data, STAYS), told_of(instance, STAYS)
    assert len(others) > 40
    assert len(runs) == 1
    assert any(MARK in text for path in data.rglob("*.tsv") for text in texts_of(path)), "the search finds it"
    deleted = delete_client(platform, GONE, GONE, instance, TODAY)
    instance.dispose()
    left = [str(path) for path in data.rglob("*") if path.is_file() and names_the_gone(path, data)]
    assert left == []
    assert {path.name: pages_for_later(path) for path in data.rglob("*.db") if pages_for_later(path)} == {}
    assert own_files(data, STAYS) == others
    assert not list(data.rglob(GONE))
    with open_instance(data / "dagster_home") as reopened:
        assert told_of(reopened, STAYS) == runs
        assert reopened.get_dynamic_partitions("client") == [STAYS]
        made = reopened.get_latest_materialization_event(dg.AssetKey("order_lines"))
        assert made is not None
        assert made.run_id in runs
        paused, state = sorted(reopened.all_instigator_state(), key=lambda one: one.instigator_type.value)
        assert paused.name == schedule_names(STAYS)[0]
        assert json.loads(state.instigator_data.cursor) == {"seen": {STAYS: "2"}, "told": [f"{STAYS}/0001"]}
        assert state.status is InstigatorStatus.STOPPED, "who paused it finds it paused"
    receipt = json.loads(deleted.receipt.read_bytes())
    assert deleted.receipt.name.startswith("2026-02-03_")
    assert receipt["client_sha256"] == hashlib.sha256(GONE.encode()).hexdigest()
    assert (receipt["messages"], receipt["dagster"]["runs"], receipt["dagster"]["ticks"]) == (1, 1, 2)
    assert receipt["files"]["outbox"] == {"files": 2, "bytes": 2 * len(MARK.encode())}
    assert set(receipt["files"]) == {"clients", *folders_of(platform, GONE)}


@pytest.mark.parametrize("at_removal", [3, 12])
def test_a_deletion_that_was_killed_is_finished_by_the_next_and_its_receipt_counts_all(
    copied, at_removal: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    installation, instance = copied
    platform, removed = installation.platform, []

    def dies(place: Path, remove=deletion.remove) -> None:
        if len(removed) == at_removal:
            raise KeyboardInterrupt
        removed.append(place)
        remove(place)

    found = what_is_there(platform, GONE, instance)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(deletion, "remove", dies)
        delete_client(platform, GONE, GONE, instance, TODAY)
    told = delete_client(platform, GONE, GONE, instance, TODAY).told
    assert {name: told[name] for name in found} == found
    assert not any(what_is_there(platform, GONE, instance).values())
    assert not list((installation.data / "deletions").glob(".*"))


def test_what_a_daemon_wrote_again_of_a_deleted_client_goes_with_the_next_call_and_of_nobody_else(copied) -> None:
    installation, instance = copied
    platform = installation.platform
    delete_client(platform, GONE, GONE, instance, TODAY)
    with pytest.raises(Refused, match="nothing is known"):
        delete_client(platform, GONE, GONE, instance, TODAY)
    scheduled(instance, GONE)
    with pytest.raises(Refused, match="nothing is known"):
        delete_client(platform, "deliveries", "deliveries", instance, TODAY)  # the name of a sensor, and no client
    delete_client(platform, GONE, GONE, instance, TODAY)
    assert not any(what_is_there(platform, GONE, instance).values())
    assert what_is_there(platform, STAYS, instance)["dagster"]["ticks"] > 0


def test_nothing_is_removed_unconfirmed_or_unknown_or_while_a_run_of_the_client_works(copied) -> None:
    installation, instance = copied
    before = installation.everything()
    for client, confirmed in ((GONE, ""), (GONE, STAYS), ("nobody", "nobody"), ("..", ".."), ("Kie-ru", "Kie-ru")):
        with pytest.raises(Refused):
            delete_client(installation.platform, client, confirmed, instance, TODAY)
    run = dg.DagsterRun("facts", run_id="4d1c", status=dg.DagsterRunStatus.STARTED, tags={"client": GONE})
    instance.add_run(run)
    with pytest.raises(Refused, match="4d1c"):
        delete_client(installation.platform, GONE, GONE, instance, TODAY)
    assert installation.everything() == before


def test_the_command_line_removes_of_a_linked_folder_the_link_alone_and_says_what_went(copied, tmp_path: Path) -> None:
    installation, instance = copied
    instance.dispose()  # the command opens the databases itself
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "file").write_text("not the platform's")
    link = installation.data / "alerts" / GONE
    shutil.rmtree(link)
    link.symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    unconfirmed = installation.run("clients", "delete", GONE)
    assert (unconfirmed.code, link.is_symlink()) == (1, True)
    deleted = installation.run("clients", "delete", GONE, "--confirm", GONE)
    assert deleted.code == 0, deleted.err
    assert "nothing is left" in deleted.out
    assert "backups" in deleted.out
    assert not link.is_symlink()
    assert (tmp_path / "elsewhere" / "file").read_text() == "not the platform's"
    assert "nothing is past its time" in installation.run("clients", "retain", STAYS, "--apply").out


def test_what_is_past_its_time_goes_with_a_receipt_and_what_was_admitted_or_issued_stays(copied) -> None:
    installation, instance = copied
    data, platform = installation.data, installation.platform
    toml = data / "clients" / f"{GONE}.toml"
    periods = "delivered_files_months = 7\ndeliverables_months = 7\nrun_log_months = 7\n"
    toml.write_text(f'name = "店"\n[retention]\n{periods}', "utf-8")
    before, others = own_files(data, GONE), own_files(data, STAYS)
    came = dt.date.fromisoformat(
        json.loads(next(data.glob(f"inbox/{GONE}/*/receipt.json")).read_bytes())["examined_on"]
    )
    later = came.replace(year=came.year + 1)
    listed = past_retention(platform, GONE, instance, later)
    assert own_files(data, GONE) == before, "listing removes nothing"
    past, receipt = let_go(platform, GONE, instance, later)
    assert past == listed
    assert {(one.kind, one.name) for one in past if one.kind == "deliverables"} == {
        ("deliverables", f"outbox/{LAST.plus(-1)}"),  # the latest month would be written again
        ("deliverables", "alerts/2025-05-01.csv"),
        ("deliverables", "contacts/2025-05-01.csv"),
    }
    assert told_of(instance, GONE) == {}
    assert len(told_of(instance, STAYS)) == 1
    after = own_files(data, GONE)
    removed = {path.split("/")[0] for path in before.keys() - after.keys()}
    assert removed == {"inbox", "outbox", "alerts", "contacts"}
    assert {path: digest for path, digest in before.items() if "/files/" not in path and path in after} == {
        path: digest for path, digest in after.items() if path in before
    }
    assert len(json.loads(receipt.read_bytes())["removed"]) == len(past)
    assert own_files(data, STAYS) == others
    assert let_go(platform, GONE, instance, later) == ((), None)
    admitted = read_admitted(platform.inbox, platform.catalogue.load(GONE))[0]
    toml.write_text(
        'name = "店"\n[admission]\ntolerated_bad_row_rate = 0.01\n', "utf-8"
    )  # to be read under another rule
    (kept,) = read_admitted(platform.inbox, platform.catalogue.load(GONE))
    assert f"removed on {later}" in kept.receipt["kept_as_admitted"]
    assert kept.tables["order_lines"] == admitted.tables["order_lines"]


@pytest.mark.parametrize(("day", "is_past"), [("2025-12-01", False), ("2025-12-02", True)])
def test_a_time_is_over_on_the_day_after_its_last(copied, day: str, is_past: bool) -> None:
    installation, instance = copied
    toml = installation.data / "clients" / f"{GONE}.toml"
    toml.write_text('name = "店"\n[retention]\ndeliverables_months = 7\n', "utf-8")
    past = past_retention(installation.platform, GONE, instance, dt.date.fromisoformat(day))
    assert ("alerts/2025-05-01.csv" in {one.name for one in past}) is is_past


@pytest.mark.parametrize("said", ["password = 3", "delivered_files_months = 0", 'run_log_months = "7"', "x = 1"])
def test_a_retention_that_is_no_number_of_months_is_refused(copied, said: str) -> None:
    installation, _ = copied
    (installation.data / "clients" / f"{GONE}.toml").write_text(f'name = "店"\n[retention]\n{said}\n', "utf-8")
    with pytest.raises(Refused, match=r"retention\."):
        installation.platform.catalogue.load(GONE)
