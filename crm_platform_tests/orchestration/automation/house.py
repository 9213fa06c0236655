"""A small house with a Dagster instance: ticks as the daemon evaluates them, tables left as if runs had made them."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import dagster as dg

from crm_platform.demo import make_demo, write_delivery
from crm_platform.lake import digest_of
from crm_platform.orchestration.automation.messages import Messages
from crm_platform.orchestration.build import build_definitions
from crm_platform.orchestration.client_month import ClientData
from crm_platform.orchestration.client_month_asset import ClientMonthAsset
from crm_platform.orchestration.partitions import client_months, partition_key
from crm_platform.orchestration.platform import Platform
from crm_platform.periods import Month, months_between
from crm_platform_tests.end_to_end.installation import Installation


@dg.job
def ends_well() -> None:
    """Nothing to do: sensors read the tags of a run only."""


class House:
    """Clients `demo`, with some months delivered, `broken`, whose file is wrong, `another`, which delivered nothing."""

    def __init__(self, folder: Path, instance: dg.DagsterInstance, months: int) -> None:
        demo = make_demo(customers=10, months=months)
        self.files, self.folder, self.instance = folder / "files", folder, instance
        self.installation = Installation(folder / "data")
        (folder / "data" / "clients").mkdir(parents=True)
        for client, text in {"demo": 'name = "Demo"', "another": 'name = "Another"', "broken": "name = "}.items():
            self.client_file(client).write_text(f"{text}\n")
        self.delivered = write_delivery(demo, self.files)
        self.deliver(*self.delivered)
        self.platform: Platform = self.installation.platform
        self.months = months_between(demo.first_month, demo.last_month)
        self.last = self.months[-1]
        self.repository = build_definitions(self.platform).get_repository_def()
        self.resources = {"platform": self.platform, "messages": Messages.of(self.platform)}
        self.cursors: dict[str, str | None] = {}

    @property
    def data(self) -> ClientData:
        """The client `demo`, read anew."""
        return ClientData(self.platform, self.platform.catalogue.load("demo"))

    def client_file(self, client: str) -> Path:
        return self.folder / "data" / "clients" / f"{client}.toml"

    def deliver(self, *files: Path) -> None:
        answer = self.installation.run("deliver", "--client", "demo", *files)
        assert answer.code == 0, answer.err

    def tick(self, sensor: dg.SensorDefinition) -> Any:
        """A tick of the sensor, which goes on from its last; what it asks for, or why for nothing."""
        context = dg.build_sensor_context(
            instance=self.instance,
            instance_ref=self.instance.get_ref(),
            cursor=self.cursors.get(sensor.name),
            resources=self.resources,
            repository_def=self.repository,
        )
        said = sensor.evaluate_tick(context)
        self.cursors[sensor.name] = said.cursor
        return said

    def told(self) -> list[dict[str, str | None]]:
        """Every message so far."""
        files = sorted((self.folder / "data" / "messages").glob("*.jsonl"))
        return [json.loads(line) for file in files for line in file.read_text("utf-8").splitlines()]

    def ended(self, **tags: str) -> None:
        """A run of the client has ended well."""
        assert ends_well.execute_in_process(instance=self.instance, tags={"client": "demo", **tags}).success

    def launched(self, asked: dg.RunRequest, job: str) -> Any:
        """The metadata that the run which was asked for leaves; its job has one op."""
        result = self.repository.get_job(job).execute_in_process(instance=self.instance, tags=asked.tags)
        [output] = [one.step_output_data for one in result.all_events if one.is_successful_output]
        return output.metadata

    def make(self, months: Iterable[Month], assets: Iterable[ClientMonthAsset]) -> None:
        """Leave empty tables with the record of ones that were made from what is there now, and an empty outbox."""
        document, outbox = {"files": {}, "digest": digest_of(b"")}, self.platform.outbox / "demo"
        (outbox / str(self.last)).mkdir(parents=True, exist_ok=True)
        (outbox / str(self.last) / "manifest.json").write_text(json.dumps(document))
        (outbox / "index.html").write_bytes(b"")
        for at in map(self.data.at, months):
            for recipe in (asset.recipe for asset in assets):
                made_from = recipe.made_from(at)
                if recipe.table is None:
                    at.data.lake.write_document("demo", recipe.name, at.month, document, made_from)
                else:
                    at.data.lake.write("demo", recipe.table, at.month, recipe.table.empty(), made_from)

    def key(self, month: Month) -> str:
        """The partition of `demo` and a month, as one that the definitions know."""
        key = str(partition_key("demo", month))
        assert key in client_months.get_partition_keys(dynamic_partitions_store=self.instance)
        return key

    def cancelled(self, months: Sequence[Month]) -> Path:
        """A file of differences: an order of each of these months, whole, and cancelled since."""
        with (self.files / "order_lines.tsv").open(encoding="cp932", newline="") as file:
            rows = list(csv.DictReader(file, delimiter="\t"))
        wanted = list[dict[str, str]]()
        for month in months:
            of_month = (row for row in rows if row["受注日時"].startswith(f"{month.year}/{month.number:02d}"))
            order = next(row["注文番号"] for row in of_month if row["状態"] == "出荷済")
            wanted += [row for row in rows if row["注文番号"] == order]
        path = self.folder / "cancelled" / "order_lines.tsv"
        path.parent.mkdir(exist_ok=True)
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, wanted[0], delimiter="\t")
            writer.writeheader()
            undone = {"状態": "キャンセル", "出荷日": "", "キャンセル日": f"{self.last.last_day:%Y/%m/%d}"}
            writer.writerows({**row, **undone} for row in wanted)
        return path
