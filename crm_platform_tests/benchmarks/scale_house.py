"""An installation of many clients and months as it looks after years, made without computing anything.

Of one tiny client tables are left as if runs had made them, and copied for the others; one event of Dagster's for each
asset and one run are multiplied by SQL. So files, records, partitions, events and runs are as many as they would be.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pyarrow as pa

from crm_platform.demo import make_demo, write_delivery
from crm_platform.lake import digest_of
from crm_platform.orchestration.assets import EVERY_MONTH, MONTHS_ASKED_FOR
from crm_platform.orchestration.client_month import ClientData, ClientMonth
from crm_platform.orchestration.client_month_asset import ClientMonthAsset
from crm_platform.orchestration.jobs import analyse_month, backfill_facts
from crm_platform.orchestration.partitions import clients as client_partitions
from crm_platform.orchestration.partitions import partition_key
from crm_platform.orchestration.platform import Platform
from crm_platform.orchestration.segment_books import BOOK
from crm_platform.periods import Month, months_between
from crm_platform.segments.value_classes import issue_book
from crm_platform_tests.end_to_end.installation import PROJECT, Installation

FIRST = "client-000"
_DOCUMENT = {"files": {}, "digest": digest_of(b"")}


@dg.job
def ended_well() -> None:
    """Nothing to do."""


@dataclass(frozen=True)
class ScaleHouse:
    """Clients `client-000` and on, all alike: every month delivered, its facts made, the last month analysed."""

    data: Path
    clients: Sequence[str]
    months: Sequence[Month]

    @property
    def platform(self) -> Platform:
        """Where it lies."""
        return Platform(data_folder=str(self.data))

    @property
    def home(self) -> Path:
        """The folder of the Dagster instance."""
        return self.data / "dagster_home"

    def at(self, client: str, month: Month) -> ClientMonth:
        """A client at a month, read anew."""
        return ClientData(self.platform, self.platform.catalogue.load(client)).at(month)


def build(folder: Path, clients: int, months: int) -> ScaleHouse:
    """Deliver and record the first client, copy it, fill the instance."""
    installation, demo = Installation(folder / "data"), make_demo(customers=10, months=months)
    names = [f"client-{number:03d}" for number in range(clients)]
    house = ScaleHouse(installation.data, names, months_between(demo.first_month, demo.last_month))
    (house.data / "clients").mkdir(parents=True)
    for name in names:
        (house.data / "clients" / f"{name}.toml").write_text(f'name = "{name}"\n')
    answer = installation.run("deliver", "--client", FIRST, *write_delivery(demo, folder / "files"))
    assert answer.code == 0, answer.err
    _record(house, house.months, EVERY_MONTH)
    _record(house, house.months[-1:], MONTHS_ASKED_FOR)
    for name in names[1:]:
        _copy_first(house, name)
    house.home.mkdir(exist_ok=True)
    (house.home / "dagster.yaml").write_bytes((PROJECT / "dagster.yaml").read_bytes())
    _fill_instance(house)
    return house


def _record(house: ScaleHouse, months: Iterable[Month], assets: Iterable[ClientMonthAsset]) -> None:
    """Leave empty tables of the first client as if made from what is there now, and an empty outbox."""
    outbox, last = house.platform.outbox / FIRST, house.months[-1]
    (outbox / str(last)).mkdir(parents=True, exist_ok=True)
    (outbox / str(last) / "manifest.json").write_text(json.dumps(_DOCUMENT))
    (outbox / "index.html").write_bytes(b"")
    data = house.at(FIRST, last).data
    for at in map(data.at, months):
        for recipe in (asset.recipe for asset in assets):
            made_from = recipe.made_from(at)
            if recipe.table is None:
                data.lake.write_document(FIRST, recipe.name, at.month, _DOCUMENT, made_from)
            else:
                rows = _book(at) if recipe.name == BOOK else recipe.table.empty()
                data.lake.write(FIRST, recipe.table, at.month, rows, made_from)


def _book(at: ClientMonth) -> pa.Table:
    """A book of ten customers, whose term begins after the month."""
    expected = [float(number) for number in range(1, 11)]
    forecasts = pa.table({"customer_id": [f"C{number}" for number in range(10)], "expected_sales_jpy": expected})
    return issue_book(forecasts, at.as_of, at.client.settings.value_classes)


def _copy_first(house: ScaleHouse, name: str) -> None:
    """The first client's delivery, tables and outbox as another's."""
    for room in (house.platform.inbox, house.data / "lake", house.platform.outbox):
        shutil.copytree(room / FIRST, room / name)
    at = house.at(name, house.months[-1])
    for recipe in (asset.recipe for asset in MONTHS_ASKED_FOR):  # whose settings name the client
        record = house.data / "lake" / name / recipe.name / f"{at.month}.json"
        said = json.loads(record.read_bytes())
        said["made_from"]["settings"] = digest_of(recipe.settings(at.client))
        record.write_text(json.dumps(said))


def _fill_instance(house: ScaleHouse) -> None:
    """Partitions, an event for each month made, and two runs for each client and month."""
    last = house.months[-1]
    with dg.DagsterInstance.from_config(str(house.home)) as instance:
        instance.add_dynamic_partitions(str(client_partitions.name), list(house.clients))
        for assets, month in ((EVERY_MONTH, house.months[0]), (MONTHS_ASKED_FOR, last)):
            for asset in assets:
                event = dg.AssetMaterialization(
                    asset.recipe.name, partition=partition_key(FIRST, month), metadata={"dagster/row_count": 0}
                )
                instance.report_runless_asset_event(event)
        run = ended_well.execute_in_process(instance=instance, tags={"client": FIRST}).run_id
    with _database(house.home / "history" / "runs" / "index.db") as events:
        wanted = [(FIRST, str(month.first_day)) for month in house.months[1:]]
        wanted += [(name, str(month.first_day)) for name in house.clients[1:] for month in house.months]
        _multiply_events(events, [asset.recipe.name for asset in EVERY_MONTH], wanted)
        wanted = [(name, str(last.first_day)) for name in house.clients[1:]]
        _multiply_events(events, [asset.recipe.name for asset in MONTHS_ASKED_FOR], wanted)
    with _database(house.home / "history" / "runs.db") as runs:
        _multiply_run(runs, run, house.clients, [backfill_facts.name, analyse_month.name] * len(house.months))


def _multiply_events(events: sqlite3.Connection, assets: Sequence[str], wanted: Sequence[tuple[str, str]]) -> None:
    """The stored event of each asset for other clients and months, with the tags by which Dagster finds it."""
    events.execute("CREATE TEMP TABLE wanted (client TEXT, month TEXT)")
    events.executemany("INSERT INTO wanted VALUES (?, ?)", wanted)
    [before] = events.execute("SELECT max(id) FROM event_logs").fetchone()
    for asset in assets:
        events.execute(
            "INSERT INTO event_logs (run_id, event, dagster_event_type, timestamp, step_key, asset_key, partition)"
            " SELECT run_id, replace(replace(event, substr(partition, 1, instr(partition, '|') - 1), client),"
            " substr(partition, instr(partition, '|') + 1), month), dagster_event_type, timestamp, step_key, asset_key,"
            " client || '|' || month FROM event_logs, wanted"
            " WHERE asset_key = ? AND event_logs.id <= ? AND dagster_event_type = 'ASSET_MATERIALIZATION'",
            (json.dumps([asset]), before),
        )
    dimensions = {"client": "1, instr(partition, '|') - 1", "month": "instr(partition, '|') + 1"}
    for dimension, place in dimensions.items():
        events.execute(
            "INSERT INTO asset_event_tags (event_id, asset_key, key, value, event_timestamp)"  # noqa: S608
            f" SELECT id, asset_key, 'dagster/partition/{dimension}', substr(partition, {place}), timestamp"
            " FROM event_logs WHERE id > ?",
            (before,),
        )
    events.execute("DROP TABLE wanted")


def _multiply_run(runs: sqlite3.Connection, run: str, clients: Sequence[str], jobs: Sequence[str]) -> None:
    """The stored run for each client and job, a minute apart, each before the stored one."""
    runs.execute("CREATE TEMP TABLE wanted (client TEXT, job TEXT, minutes INTEGER)")
    every = [(client, job) for job in jobs for client in clients]
    runs.executemany("INSERT INTO wanted VALUES (?, ?, ?)", [(*one, n + 1) for n, one in enumerate(every)])
    earlier = "strftime('%Y-%m-%d %H:%M:%S.000000', {}, '-' || minutes || ' minutes')"
    made, changed = (earlier.format(f"{name}_timestamp") for name in ("create", "update"))
    copied = "run_id || '-' || minutes"
    runs.execute(
        "INSERT INTO runs (run_id, snapshot_id, pipeline_name, status, run_body, create_timestamp, update_timestamp,"  # noqa: S608
        f" start_time, end_time) SELECT {copied}, snapshot_id, job, status,"
        f" replace(replace(replace(run_body, run_id, {copied}), '{FIRST}', client), '{ended_well.name}', job),"
        f" {made}, {changed}, start_time - 60 * minutes, end_time - 60 * minutes FROM runs, wanted WHERE run_id = ?",
        (run,),
    )
    runs.execute(
        "INSERT INTO run_tags (run_id, key, value) SELECT ? || '-' || minutes, 'client', client FROM wanted", (run,)
    )


@contextmanager
def _database(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path)) as connection, connection:
        yield connection
