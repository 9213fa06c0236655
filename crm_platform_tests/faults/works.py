"""What is under way when a fault strikes: each a call of the platform on an installation, that may be made again."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg

from crm_platform.cli.console import instance_here
from crm_platform.intake import accept_delivery, read_files
from crm_platform.orchestration.assets import EVERY_MONTH, intake
from crm_platform.orchestration.campaign_books import campaigns_of, start_campaign
from crm_platform.orchestration.client_month import ClientMonth
from crm_platform.orchestration.dead_runs import process_tag
from crm_platform.orchestration.partitions import partition_key, register_client
from crm_platform.orchestration.platform import Platform
from crm_platform.orchestration.runs import bring_facts_up_to_date, client_at, run_platform
from crm_platform.orchestration.segment_books import book_in_force, books_of, reissue_book
from crm_platform.refusals import Refused
from crm_platform.reports.outbox import publish

EXAMINED_ON = dt.date(2025, 7, 1)
REASON = "the forecast was wrong"
CHEAP = (intake.products, intake.customers)


def deliver(data: Path, client: str) -> None:
    """A file of differences into the inbox."""
    platform = Platform(data_folder=str(data))
    files = read_files(sorted((data / "files" / client).iterdir()))
    accept_delivery(platform.inbox, platform.catalogue.load(client), files, today=EXAMINED_ON)


def refresh(data: Path, client: str) -> None:
    """A run of the stale months' facts, and one of a few analyses of the latest month, under Dagster."""
    platform = Platform(data_folder=str(data))
    with instance_here(platform) as instance:
        at = bring_facts_up_to_date(platform, client, None, instance, lambda _: None)
        if not all(asset.recipe.is_current(at) for asset in CHEAP):
            _analyse(platform, at, instance)


def onboard(data: Path, client: str) -> None:
    """Everything, as the command does it."""
    platform = Platform(data_folder=str(data))
    with instance_here(platform) as instance:
        run_platform(platform, client, None, instance, lambda _: None)


def begin(data: Path, client: str) -> None:
    """The first command of an installation: Dagster's databases are made."""
    with instance_here(Platform(data_folder=str(data))) as instance:
        register_client(instance, client)


def publish_again(data: Path, client: str) -> None:
    """Another set of deliverables in place of the month's."""
    publish(data / "outbox", client, _last(data, client).month, deliverables("second"))


def reissue(data: Path, client: str) -> None:
    """Another book inside the term of the one in force; a second time is refused, which is as well."""
    at = _last(data, client)
    with at.data.lake.alone(client), _unless_done("would be the same"):
        reissue_book(at, REASON)


def begin_campaign(data: Path, client: str) -> None:
    """The campaign of the latest month; a second time is refused."""
    at = _last(data, client)
    with at.data.lake.alone(client), _unless_done("began on"):
        start_campaign(at, at.as_of + dt.timedelta(days=7))


def deliverables(edition: str) -> dict[str, bytes]:
    """A small set; one file of it stays the same."""
    return {
        "manifest.json": f'{{"edition": "{edition}"}}'.encode(),
        "portfolio/list.csv": f"customer,{edition}\n".encode() * 99,
        "portfolio/report.html": b"<p>as it was</p>",
        f"{edition}/more.csv": b"1\n",
    }


def read_issued(data: Path, client: str) -> None:
    """What was issued for good, as every run reads it."""
    at = _last(data, client)
    books_of(at.data), book_in_force(at), campaigns_of(at.data)


WORKS: dict[str, Callable[[Path, str], None]] = {
    work.__name__: work
    for work in (deliver, begin, refresh, onboard, publish_again, reissue, begin_campaign, read_issued)
}
RUN_TABLES = tuple(asset.recipe.name for asset in (*EVERY_MONTH, *CHEAP))


def _analyse(platform: Platform, at: ClientMonth, instance: dg.DagsterInstance) -> None:
    run_id = str(uuid.uuid4())
    key = partition_key(at.client.id, at.month)
    job = dg.Definitions(
        assets=[asset.definition for asset in (*EVERY_MONTH, *CHEAP)],
        jobs=[dg.define_asset_job("few", dg.AssetSelection.assets(*(asset.definition for asset in CHEAP)))],
        resources={"platform": platform},
        executor=dg.in_process_executor,
    ).resolve_job_def("few")
    quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    tags = {"client": at.client.id, **process_tag(run_id)}
    result = job.execute_in_process(quiet, instance, partition_key=key, run_id=run_id, tags=tags, raise_on_error=False)
    if not result.success:
        raise Refused("the analyses failed.", "")


@contextmanager
def _unless_done(said: str) -> Iterator[None]:
    try:
        yield
    except Refused as refused:
        if said not in str(refused):
            raise


def _last(data: Path, client: str) -> ClientMonth:
    return client_at(Platform(data_folder=str(data)), client, None)
