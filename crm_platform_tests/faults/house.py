"""A small client of whom everything is there that a fault may spoil, and what must be true after the repair."""

from __future__ import annotations

import csv
import datetime as dt
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from crm_platform.demo import make_demo, write_delivery
from crm_platform.intake import accept_delivery, read_files
from crm_platform.lake import MadeFrom
from crm_platform.orchestration.campaign_books import start_campaign
from crm_platform.orchestration.client_month import ClientMonth
from crm_platform.orchestration.platform import Platform
from crm_platform.orchestration.runs import client_at
from crm_platform.reports.outbox import publish
from crm_platform.segments.value_classes import issue_book
from crm_platform.tables import Table
from crm_platform.tables.alerts import LAPSE_ALERTS, TEST_GROUPS
from crm_platform.tables.analyses import FORECASTS, SEGMENT_BOOK
from crm_platform_tests.faults.children import Children, Ended, Job
from crm_platform_tests.faults.injector import Fault
from crm_platform_tests.faults.works import EXAMINED_ON, deliverables

CUSTOMERS, MONTHS = 12, 3
CLIENTS = ("demo", "other")
KEPT = ("inbox", "lake", "outbox")
FOR_GOOD = {"segment_book", "campaign_groups", "campaign_alerts"}
_LOCK = ".lock"


@dataclass(frozen=True)
class House:
    """An installation in a folder."""

    data: Path

    @property
    def platform(self) -> Platform:
        return Platform(data_folder=str(self.data))

    def copied_to(self, folder: Path) -> House:
        shutil.copytree(self.data, folder)
        return House(folder)

    def content(self, *clients: str) -> dict[str, bytes]:
        """Every byte of inbox, lake and outbox of these clients, by default of all; folders, too; but the locks."""
        found = {}
        for place in KEPT:
            for path in (self.data / place).rglob("*"):
                name = path.relative_to(self.data)
                if path.name != _LOCK and (not clients or {*name.parts[1:3]} & {*clients}):
                    found[str(name)] = path.read_bytes() if path.is_file() else b"a folder"
        return found

    def issued(self) -> dict[str, bytes]:
        """What was issued for good."""
        of_lake = {path: content for path, content in self.content().items() if path.startswith("lake/")}
        return {path: content for path, content in of_lake.items() if set(path.split("/")[2:3]) & FOR_GOOD}

    def last(self, client: str = "demo") -> ClientMonth:
        return client_at(self.platform, client, None)

    def struck(self, children: Children, work: str, fault: Fault, client: str = "demo") -> Ended:
        """How the work ended that the fault struck."""
        (ended,) = children.do(Job(work, str(self.data), client, fault))
        return ended

    def repaired(self, children: Children, work: str, client: str = "demo") -> Ended:
        """How the same work ended without a fault."""
        return self.struck(children, work, Fault(), client)


def make_house(data: Path) -> House:
    """Two clients with a delivery each; `demo` with a book, forecasts changed since, a campaign, deliverables."""
    house = House(data)
    (data / "clients").mkdir(parents=True)
    for client in CLIENTS:
        (data / "clients" / f"{client}.toml").write_text(f'name = "{client}"\n')
        demo = make_demo(customers=CUSTOMERS, months=MONTHS, seed=len(client))
        paths = write_delivery(demo, made(data / "first" / client))
        accept_delivery(
            house.platform.inbox, house.platform.catalogue.load(client), read_files(paths), today=EXAMINED_ON
        )
        write_differences(next(path for path in paths if path.stem == "order_lines"), data / "files" / client)
    _issue(house.last())
    publish(data / "outbox", "demo", house.last().month, deliverables("first"))
    return house


def made(folder: Path) -> Path:
    """The folder, which was not there."""
    folder.mkdir(parents=True)
    return folder


def write_differences(order_lines: Path, folder: Path) -> None:
    """Every fifth shipped order once more, as cancelled since."""
    with order_lines.open(encoding="cp932", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    orders = sorted({row["注文番号"] for row in rows if row["状態"] == "出荷済"})[::5]
    last = max(row["受注日時"] for row in rows)[:10]
    undone = {"状態": "キャンセル", "出荷日": "", "キャンセル日": last}
    with (made(folder) / "order_lines.tsv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0], delimiter="\t")
        writer.writeheader()
        writer.writerows({**row, **undone} for row in rows if row["注文番号"] in orders)


def _issue(at: ClientMonth) -> None:
    """A book, a campaign of the month before, groups for one of this month, and forecasts made after the book."""
    lake, client = at.data.lake, at.client.id
    before = at.data.at(at.month.plus(-1))
    for month, first in ((before, 0), (at, 20)):
        customers = [f"C{number:02d}" for number in range(first, first + 20)]
        _store(month, LAPSE_ALERTS, customers, reason="falling_level", falls_on=None)
        drawn = {"test_group": ["treated", "control"] * 10, "channel": ["dm", None] * 10, "stratum": 1}
        _store(month, TEST_GROUPS, customers, campaign_id=f"alert-{month.month}", **drawn)
    with lake.alone(client):
        start_campaign(before, before.as_of + dt.timedelta(days=9))
    _store(at, FORECASTS, customers, expected_sales_jpy=np.arange(20.0) * 1_000)
    book = SEGMENT_BOOK.cast(issue_book(at.arrow("forecasts"), at.as_of, 5))
    lake.write(client, SEGMENT_BOOK, at.month, book, MadeFrom())
    lake.seal(client, SEGMENT_BOOK.name)
    _store(at, FORECASTS, customers, expected_sales_jpy=np.arange(20.0)[::-1] * 1_000)


def _store(at: ClientMonth, table: Table, customers: list[str], **columns: object) -> None:
    zeros = {column.name: 0.0 for column in table.columns if column.name != "customer_id"}
    frame = pd.DataFrame({"customer_id": customers, **zeros, **columns})
    inputs = {"as_of": at.as_of.isoformat()}
    at.data.lake.write(at.client.id, table, at.month, table.from_pandas(frame), MadeFrom(inputs))
