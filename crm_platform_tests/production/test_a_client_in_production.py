"""A client whose runs are kept in Postgres, and whose lake and outbox lie in a bucket (issue 9, production set-up)."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pytest

from crm_platform.cli.console import instance_here
from crm_platform.demo import Demo, make_demo
from crm_platform.orchestration.assets import EVERY_MONTH
from crm_platform.orchestration.client_month import ClientMonth
from crm_platform.orchestration.doctor import _place
from crm_platform.orchestration.platform import Platform
from crm_platform.orchestration.runs import bring_facts_up_to_date
from crm_platform.reports import manifest, publish, published_manifest
from crm_platform.reports.client_index import manifests_of
from crm_platform_tests.end_to_end.installation import PROJECT, Installation
from crm_platform_tests.production.postgres_server import PostgresServer, is_installed, postgres
from crm_platform_tests.production.s3_server import S3Server

SETTINGS = (PROJECT / "deploy" / "dagster.yaml").read_bytes()


@dataclass(frozen=True)
class OnDisk:
    """A client of five customers and one month on this machine."""

    platform: Platform
    demo: Demo
    at: ClientMonth
    home: Path
    server: PostgresServer | None


@pytest.fixture(scope="module")
def on_disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OnDisk]:
    """Its facts, made by a run that is kept in Postgres where that is installed."""
    folder = tmp_path_factory.mktemp("production")
    installation, demo, home = Installation.at(folder / "data"), make_demo(customers=5, months=1), folder / "home"
    installation.deliver(demo, folder / "files")
    home.mkdir()
    with pytest.MonkeyPatch.context() as environment, postgres() if is_installed() else nullcontext() as server:
        environment.setenv("DAGSTER_HOME", str(home))
        if server is not None:
            (home / "dagster.yaml").write_bytes(SETTINGS)
            for name, value in {**server.environment, "DAGSTER_COMPUTE_LOGS": str(home / "logs")}.items():
                environment.setenv(name, value)
        with instance_here(installation.platform) as instance:
            at = bring_facts_up_to_date(installation.platform, "demo", None, instance, str)
        yield OnDisk(installation.platform, demo, at, home, server)


@pytest.mark.needs_program("pg_ctlcluster", "postgresql")
def test_runs_events_and_partitions_are_in_postgres_after_its_server_went_down(on_disk: OnDisk) -> None:
    on_disk.server.stop()
    on_disk.server.start()
    with instance_here(on_disk.platform) as instance:
        runs = instance.get_runs()
        made = instance.get_materialized_partitions(dg.AssetKey("customer_months"))
        clients = instance.get_dynamic_partitions("client")
    assert [(run.job_name, run.status, run.tags["client"]) for run in runs] == [
        ("backfill_facts", dg.DagsterRunStatus.SUCCESS, "demo")
    ]
    assert made == {f"demo|{on_disk.demo.last_month}-01"}
    assert clients == ["demo"]
    assert (on_disk.home / "dagster.yaml").read_bytes() == SETTINGS
    assert not list(on_disk.home.rglob("*.db"))


def test_facts_documents_and_deliverables_in_a_bucket_are_those_on_disk(
    on_disk: OnDisk, s3: S3Server, tmp_path: Path
) -> None:
    shutil.copytree(on_disk.platform.data, tmp_path, dirs_exist_ok=True, ignore=shutil.ignore_patterns("lake"))
    bucket = s3.new_bucket()
    platform = Platform(data_folder=str(tmp_path), lake_address=f"{bucket}/lake", outbox_address=f"{bucket}/outbox")
    with dg.DagsterInstance.ephemeral() as instance:
        at = bring_facts_up_to_date(platform, "demo", None, instance, str)
    assert all(_place(place).sound for place in (platform.lake.root, platform.outbox))
    assert all(asset.recipe.is_current(at) for asset in EVERY_MONTH)
    for asset in EVERY_MONTH:
        digests = [one.data.lake.digest("demo", asset.recipe.name, one.history_months) for one in (at, on_disk.at)]
        assert digests[0] == digests[1], asset.recipe.name
    for one in (at, on_disk.at):
        lines = one.past("order_lines")
        figures = {"lines": int(lines.count().execute()), "jpy": int(lines.sales_jpy.sum().execute())}
        one.data.lake.write_document("demo", "figures", one.month, figures, EVERY_MONTH[0].recipe.made_from(one))
    assert at.document("figures") == on_disk.at.document("figures")
    assert at.data.lake.digest("demo", "figures", [at.month]) == on_disk.at.data.lake.digest(
        "demo", "figures", [at.month]
    )

    files = {"second_opinion/segments.csv": b"a,1\r\n", "quote.json": b"{}"}
    listed = manifest(files, client="demo", months=at.history_months, spec_fingerprint="", versions={})
    sets = []
    for one in (at, on_disk.at):
        outbox = one.data.platform.outbox
        publish(outbox, "demo", one.month, {**files, "former.csv": b"", "manifest.json": b"{}"})
        publish(outbox, "demo", one.month, {**files, "manifest.json": listed})
        folder = outbox / "demo" / str(one.month)
        sets.append({name: (folder / name).read_bytes() for name in (*files, "manifest.json")})
        assert len([path for path in folder.rglob("*.*") if path.is_file()]) == 3
        assert published_manifest(outbox, "demo", one.month) is not None
        assert list(manifests_of(outbox, "demo")) == [str(one.month)]
    assert sets[0] == sets[1]
    assert not (tmp_path / "outbox" / "demo").exists()
    assert not list((tmp_path / "lake").rglob("????-??.json"))  # copies, no records


def test_a_set_that_could_not_be_put_whole_is_not_taken_for_published_until_it_is_put_again(s3: S3Server) -> None:
    platform = Platform(data_folder="unused", outbox_address=f"{s3.new_bucket()}/outbox")
    month = make_demo(customers=1, months=1).last_month
    old, new = ({"a.csv": content, "b.csv": content} for content in (b"old\r\n", b"new\r\n"))
    listed = [manifest(files, client="demo", months=[month], spec_fingerprint="", versions={}) for files in (old, new)]
    folder = publish(platform.outbox, "demo", month, {**old, "manifest.json": listed[0]})
    s3.refused = lambda key: key.endswith("b.csv")
    with pytest.raises(OSError, match="no space left"):
        publish(platform.outbox, "demo", month, {**new, "manifest.json": listed[1]})
    s3.refused = None
    assert (folder / "manifest.json").read_bytes() == listed[0]
    assert published_manifest(platform.outbox, "demo", month) is None
    publish(platform.outbox, "demo", month, {**new, "manifest.json": listed[1]})
    files = published_manifest(platform.outbox, "demo", month)["files"]
    assert files["b.csv"]["sha256"] == hashlib.sha256(b"new\r\n").hexdigest()
