"""The Dagster UI as an engineer uses it: one code server, webserver and daemon of a tiny client, one headless Chromium.

The tests stand in the order of a day: what is shown before anything ran, a schedule switched off, a backfill by clicks,
a check that fails.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import dagster as dg
import dagster._daemon  # without which the scheduler cannot be imported
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from dagster._core.execution.backfill import BulkActionStatus
from dagster._core.remote_representation.external import RemoteSchedule
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import WorkspaceFileTarget
from dagster._scheduler.scheduler import launch_scheduled_runs

from crm_platform.demo import Demo, make_demo
from crm_platform.orchestration.assets import EVERY_MONTH, MONTHS_ASKED_FOR
from crm_platform.orchestration.assets.facts import customer_months, same_yen_of
from crm_platform.orchestration.assets.history import customer_history
from crm_platform.orchestration.automation.client_schedules import schedule_names
from crm_platform.orchestration.client_month import ClientMonth
from crm_platform.orchestration.client_month_asset import client_months_asset
from crm_platform.orchestration.partitions import partition_key, register_client
from crm_platform.periods import months_between
from crm_platform.tables import TABLES
from crm_platform_tests.browser.dagster_ui import PATIENCE_SECONDS, DagsterUi, dagster_ui, wait_until
from crm_platform_tests.browser.devtools import Page
from crm_platform_tests.end_to_end.installation import PROJECT, Installation

pytestmark = pytest.mark.needs_program("chromium", "chromium")

FACTS = 'group:"facts" or key:"order_lines"'  # what docs/operations.md says to filter the lineage by
FACTS_SHOWN = f"asset-groups~{quote(FACTS)}/"
NO_RUN_BY_ITSELF = 'name = "Demo"\n[schedule]\non_delivery = false\n'
ON_ITS_DAY = dt.datetime(2100, 7, 2, 19, tzinfo=dt.UTC)  # of both clients; so far off that the daemon calls none again
MONTHS_INPUT = "[role=dialog] input[placeholder^=ex]"


@dataclass
class Ui:
    """The UI of an installation, and the page that shows it."""

    served: DagsterUi
    installation: Installation
    instance: dg.DagsterInstance
    demo: Demo
    page: Page

    def show(self, path: str, *texts: str) -> None:
        """Open a page and wait until all of these texts stand on it."""
        self.page.visit(f"{self.served.address}/{path}")
        self.see(*texts)

    def see(self, *texts: str) -> None:
        """Wait until all of these texts stand on the page."""
        until = time.monotonic() + PATIENCE_SECONDS
        while missing := [text for text in texts if text not in (shown := self.page.look("document.body.innerText"))]:
            assert time.monotonic() < until, f"{missing} does not stand there, but {shown}"
            time.sleep(0.5)

    def click(self, css: str, text: str = "") -> None:
        """Click with the mouse on the first thing of this kind, and with this text, that is to be seen and in use."""
        shown = (
            f"(() => {{const one = [...document.querySelectorAll({json.dumps(css)})].find(one => one.checkVisibility()"
            f"&& !one.disabled && one.textContent.trim().startsWith({json.dumps(text)})); if (!one) return null;"
            "const at = one.getBoundingClientRect(); return [at.x + at.width / 2, at.y + at.height / 2]})()"
        )
        at = self.page.until(shown, PATIENCE_SECONDS)
        while at != (now := self._a_moment_later(shown)):
            at = now
        self.page.point(*at, click=True)
        self.page.settled()

    def _a_moment_later(self, expression: str) -> Any:
        """What it is after a while: a dialog moves until it is open, and when a warning comes."""
        time.sleep(0.3)
        return self.page.until(expression, PATIENCE_SECONDS)


@pytest.fixture(scope="module")
def ui(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ui]:
    """A client of three months, delivered and not yet analysed, and one without a delivery; no daemon works yet."""
    folder = tmp_path_factory.mktemp("ui")
    installation, demo = Installation(folder / "data"), make_demo(customers=10, months=3)
    home = installation.data / "dagster_home"
    for made in (home, installation.data / "clients"):
        made.mkdir(parents=True)
    for client in ("demo", "another"):
        (installation.data / "clients" / f"{client}.toml").write_text(NO_RUN_BY_ITSELF)
    (home / "dagster.yaml").write_bytes((PROJECT / "dagster.yaml").read_bytes())
    installation.deliver(demo, folder / "files")
    with ExitStack() as stack:
        instance = stack.enter_context(dg.DagsterInstance.from_config(str(home)))
        register_client(instance, "demo")
        page = stack.enter_context(Page(folder / "profile"))
        page.width(1500, 950)
        served = stack.enter_context(dagster_ui(installation.data, folder))
        yield Ui(served, installation, instance, demo, page)


@pytest.fixture(scope="module")
def backfill(ui: Ui) -> dg.DagsterRun:
    """The run of a backfill of the client's facts, launched by clicks; the daemon takes it up, and begins only then."""
    ui.show(FACTS_SHOWN, "Materialize all")
    ui.click("button", "Materialize all")
    ui.see("The backfill daemon is not running")
    ui.click("[role=dialog] button", "All")  # of the clients, who are one; the other such button is that of the months
    ui.click(MONTHS_INPUT)
    ui.page.type(f"[{ui.demo.first_month.first_day}...{ui.demo.last_month.first_day}]")
    ui.page.press("Tab")
    ui.see("3 partitions")
    ui.click("[role=dialog] button", "Launch backfill")
    wait_until(lambda: bool(ui.instance.get_backfills()))
    ui.page.visit("about:blank")  # which asks the webserver for nothing while we wait
    ui.served.start_daemon()
    wait_until(lambda: any(run.is_finished for run in ui.instance.get_runs()))
    [run] = ui.instance.get_runs()
    return run


def test_the_lineage_shows_a_group_for_every_chapter(ui: Ui) -> None:
    ui.show("asset-groups", *{asset.recipe.chapter for asset in (*EVERY_MONTH, *MONTHS_ASKED_FOR)})


def test_the_lineage_of_an_asset_shows_what_it_is_made_from(ui: Ui) -> None:
    upstream = [str(name) for name in customer_history.recipe.reads]
    ui.show("assets/customer_history?view=lineage&lineageScope=upstream&lineageDepth=1", "customer_history", *upstream)


def test_an_asset_shows_what_it_means_its_columns_units_and_origin(ui: Ui) -> None:
    shown = ("Each customer as known", "gap_days", "離脱期間", "[days]", "data-engineering", "DuckDB")
    ui.show("assets/customer_history?view=overview", *shown)


def test_a_client_whose_schedule_is_switched_off_in_the_ui_is_called_no_more_and_every_other_is(ui: Ui) -> None:
    off, books = schedule_names("demo")
    ui.show(f"locations/__repository__@crm_platform/schedules/{off}", "refresh_client", "Running")
    ui.click("label:has(> input[type=checkbox])")
    wait_until(
        lambda: [one.instigator_name for one in ui.instance.all_instigator_state() if not one.is_running] == [off]
    )
    target = WorkspaceFileTarget([str(ui.served.folder / "workspace.yaml")])
    with WorkspaceProcessContext(ui.instance, target) as workspace:
        for moment in (ON_ITS_DAY - dt.timedelta(minutes=1), ON_ITS_DAY + dt.timedelta(minutes=1)):
            list(launch_scheduled_runs(workspace, logging.getLogger(__name__), moment, {}))
        [location] = workspace.create_request_context().code_locations
        ticks = {
            one.name: _ticks_of(ui.instance, one) for one in location.get_repository("__repository__").get_schedules()
        }
    assert ticks == {off: [], **{name: [ON_ITS_DAY.timestamp()] for name in (books, *schedule_names("another"))}}


def _ticks_of(instance: dg.DagsterInstance, schedule: RemoteSchedule) -> list[float]:
    return [tick.timestamp for tick in instance.get_ticks(schedule.get_remote_origin_id(), schedule.selector_id)]


def test_a_backfill_launched_from_the_ui_ends_green_as_one_run_over_every_month(
    ui: Ui, backfill: dg.DagsterRun
) -> None:
    assert backfill.is_success
    ui.show(f"runs/{backfill.run_id}", "Success", *(asset.recipe.name for asset in EVERY_MONTH))
    ui.show("assets/order_lines?view=partitions", "Materialized (3)")
    made = {str(partition_key("demo", month)) for month in months_between(ui.demo.first_month, ui.demo.last_month)}
    for asset in EVERY_MONTH:
        assert ui.instance.get_materialized_partitions(dg.AssetKey(asset.recipe.name)) == made


@pytest.mark.usefixtures("backfill")
def test_a_failed_check_shows_its_reason_beside_the_asset(ui: Ui) -> None:
    lake, month = ui.installation.platform.lake, ui.demo.last_month
    total = pc.sum(lake.read("demo", TABLES["order_lines"], month)["ordered_jpy"]).as_py()
    (lake.root / "demo" / "customer_months" / f"{month}.json").unlink()

    @client_months_asset(customer_months.recipe, conserve=same_yen_of(None))
    def loses_rows(months: Sequence[ClientMonth]) -> Mapping[ClientMonth, pa.Table]:
        return {at: TABLES["customer_months"].empty() for at in months}

    newer = dg.AssetMaterialization("customer_months", partition=partition_key("demo", ui.demo.first_month))
    ui.instance.report_runless_asset_event(newer)  # as of another month, or another client, that was made since
    time.sleep(1)  # Dagster notes when a check was planned in whole seconds, and no run begins sooner
    failed = dg.materialize(
        [loses_rows.definition],
        instance=ui.instance,
        partition_key=partition_key("demo", month),
        resources={"platform": ui.installation.platform},
        raise_on_error=False,
    )
    assert [check.passed for check in failed.get_asset_check_evaluations()] == [False]
    reason = f"ordered_jpy: sums to the order lines, 1 rows, for example 0 instead of {total}"
    ui.show("assets/customer_months?view=checks", "obeys_declaration", "Failed", f"demo for {month}", reason)
    ui.click("[role=tab]", "Execution history")
    ui.see(f"demo {ui.demo.first_month} to {month}", f"demo {month}")


def test_the_backfill_is_told_as_a_success(ui: Ui, backfill: dg.DagsterRun) -> None:
    wait_until(lambda: ui.instance.get_backfills()[0].status == BulkActionStatus.COMPLETED_SUCCESS)
    ui.show("runs?view=backfills", backfill.tags["dagster/backfill"], "3 partitions", "Success")


def test_a_run_that_is_terminated_by_a_click_ends_and_goes_on_by_another(ui: Ui, backfill: dg.DagsterRun) -> None:
    with ui.installation.platform.lake.alone("demo"):  # so that the run waits at its first step
        waiting = begun_again(ui, backfill)
        ui.show(f"runs/{waiting}", "Started", "STEP_START")
        ui.click("button", "Terminate")
        ui.click("[role=dialog] button", "Terminate 1 run")
        wait_until(lambda: status_of(ui, waiting) is dg.DagsterRunStatus.CANCELED)
    again = begun_again(ui, ui.instance.get_run_by_id(waiting))
    wait_until(lambda: status_of(ui, again) is dg.DagsterRunStatus.SUCCESS)


def begun_again(ui: Ui, run: dg.DagsterRun | None) -> str:
    """The id of the run that the button of this one begins; of some runs of a backfill Dagster asks whether to."""
    assert run is not None
    known = set(ui.instance.get_run_ids())
    ui.show(f"runs/{run.run_id}", "Re-execute all")
    ui.click("button", "Re-execute all")
    asks = "document.body.innerText.includes('Re-execution within backfill')"
    wait_until(lambda: ui.page.look(asks) or set(ui.instance.get_run_ids()) > known)
    if ui.page.look(asks):
        ui.click("button", "Confirm")
    wait_until(lambda: set(ui.instance.get_run_ids()) > known)
    [found] = set(ui.instance.get_run_ids()) - known
    return found


def status_of(ui: Ui, run_id: str) -> dg.DagsterRunStatus | None:
    """How it stands with the run."""
    run = ui.instance.get_run_by_id(run_id)
    return run.status if run else None
