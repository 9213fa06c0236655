"""What a tick and a page cost with 200 clients of 60 months: `python -m crm_platform_tests.benchmarks.scale`.

Wall seconds depend on who else works on the machine; CPU seconds do not, and are what is held against two seconds. Of a
page they are those of webserver and code server together, the second time, until the page shows what is waited for and
every question that it asked of the webserver is answered: it draws what it is for before it has the rest.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import dagster as dg

from crm_platform.orchestration.automation.client_schedules import schedule_names
from crm_platform.orchestration.automation.client_state import fingerprint
from crm_platform.orchestration.automation.deliveries_arrived import Seen
from crm_platform.orchestration.automation.messages import Messages
from crm_platform.orchestration.build import SENSORS, build_definitions
from crm_platform_tests.benchmarks.measured import cost_of
from crm_platform_tests.benchmarks.scale_house import FIRST, ScaleHouse, build
from crm_platform_tests.browser.dagster_ui import DagsterUi, dagster_ui
from crm_platform_tests.browser.devtools import Page

LIMIT_SECONDS = 2.0
IDLE_CPU_SECONDS = 0.05  # in a second
QUIET_SECONDS = 1.0  # between two questions of a page that belong together
LOAD = "import crm_platform.definitions as loaded; loaded.defs.get_repository_def()"
IMPORT = "import dagster, duckdb, ibis, pandas, pyarrow.parquet"
PAGES = {
    "asset, overview": ("assets/order_lines?view=overview", "Latest materialization"),
    "asset, partitions": ("assets/order_lines?view=partitions", "Materialized ("),
    "asset, checks": ("assets/order_lines?view=checks", "obeys_declaration"),
    "asset, events": ("assets/order_lines?view=events", "materialized"),
    "asset, lineage": ("assets/order_lines?view=lineage", "order_lines"),
    "asset, automation": ("assets/order_lines?view=automation", "Automation"),
    "analysis, overview": ("assets/customer_history?view=overview", "Latest materialization"),
    "analysis, partitions": ("assets/customer_history?view=partitions", "Materialized ("),
    "lineage of all assets": ("asset-groups", "two_track"),
    "runs": ("runs", "analyse_month"),
    "jobs": ("jobs", "analyse_month"),
    "automation": ("automation", schedule_names(FIRST)[0]),
}
Answer = TypeVar("Answer")
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass
class Ticks:
    """Ticks as the daemon evaluates them, each printed with its cost."""

    house: ScaleHouse
    instance: dg.DagsterInstance
    repository: dg.RepositoryDefinition
    cursors: dict[str, str | None] = field(default_factory=dict)

    @property
    def resources(self) -> dict[str, Any]:
        """What sensors and schedules ask for."""
        return {"platform": self.house.platform, "messages": Messages.of(self.house.platform)}

    def sensor(self, sensor: dg.SensorDefinition, what: str) -> Any:
        """A tick of the sensor, which goes on from its last."""
        context = dg.build_sensor_context(
            instance=self.instance,
            instance_ref=self.instance.get_ref(),
            cursor=self.cursors.get(sensor.name),
            resources=self.resources,
            repository_def=self.repository,
        )
        said = printed(f"sensor {sensor.name}, {what}", lambda: sensor.evaluate_tick(context))
        self.cursors[sensor.name] = said.cursor
        return said

    def schedule(self, name: str, moment: dt.datetime) -> Any:
        """A tick of the schedule."""
        context = dg.build_schedule_context(
            instance=self.instance,
            scheduled_execution_time=moment,
            resources=self.resources,
            repository_def=self.repository,
        )
        schedule = self.repository.get_schedule_def(name)
        return printed(f"schedule {name}", lambda: schedule.evaluate_tick(context))


def main() -> None:
    """Build the installation, print a line per tick and page."""
    parser = argparse.ArgumentParser(prog="python -m crm_platform_tests.benchmarks.scale")
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--months", type=int, default=60)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        house = printed("(making the installation)", lambda: build(Path(folder), asked.clients, asked.months), None)
        print(f"{asked.clients} clients of {asked.months} months; limit {LIMIT_SECONDS:.0f} s a tick and a warm page")
        measure_load(house)
        with dg.DagsterInstance.from_config(str(house.home)) as instance:
            measure_ticks(Ticks(house, instance, build_definitions(house.platform).get_repository_def()))
        started = time.perf_counter()
        with dagster_ui(house.data, Path(folder)) as ui, Page(Path(folder) / "profile") as page:
            print_cost("UI served", time.perf_counter() - started, served_cpu_seconds(ui), None)
            measure_pages(ui, page)
            for program, process in ui.processes.items():
                print(f"{program + ', afterwards':52} {peak_mib(process):7.0f} MiB")


def measure_load(house: ScaleHouse) -> None:
    """The code location in a process of its own, beside one that imports the libraries alone."""
    environment = {"CRM_PLATFORM_DATA": str(house.data), "DAGSTER_HOME": str(house.home)}
    for name, code in (("libraries alone", IMPORT), ("code location", LOAD)):
        print(f"{name:52} {cost_of(['-c', code], environment)}", flush=True)


def measure_ticks(ticks: Ticks) -> None:
    """Every sensor and one client's schedules: at first, with nothing new, with a changed client."""
    [arrivals, deliveries, _, overdue] = SENSORS
    now = dt.datetime.now(dt.UTC)
    ticks.cursors[deliveries.name] = Seen(runs_to=now.isoformat()).to_cursor()
    said = ticks.sensor(deliveries, "first tick, a part of all")
    assert "Left to the next tick" in said.skip_message, "runs are asked for: the installation is not as it should be"
    asked = {client: fingerprint(ticks.house.platform, client) for client in ticks.house.clients}
    ticks.cursors[deliveries.name] = Seen(asked=asked, runs_to=now.isoformat()).to_cursor()
    ticks.sensor(deliveries, "nothing new")
    client = ticks.house.data / "clients" / f"{FIRST}.toml"
    client.write_text(client.read_text() + "# changed\n")
    ticks.sensor(deliveries, "a client changed")
    ticks.sensor(arrivals, "nothing there")
    for what in ("first", "again"):
        ticks.sensor(overdue, what)
    for name in schedule_names(ticks.house.clients[-1]):
        for day in (1, 3):  # on another day than the client's, and on it
            ticks.schedule(name, dt.datetime(2025, 7, day, 4, tzinfo=dt.timezone(dt.timedelta(hours=9))))


def measure_pages(ui: DagsterUi, page: Page) -> None:
    """Each page twice: cold, then warm."""
    page.width(1500, 950)
    for name, (path, awaited) in PAGES.items():
        for state in ("cold", "warm"):
            limit = LIMIT_SECONDS if state == "warm" else None
            page.visit("about:blank")
            wait_until_idle(ui)
            used, started = served_cpu_seconds(ui), time.perf_counter()
            page.visit(f"{ui.address}/{path}")
            page.until(f"document.body.innerText.includes({awaited!r})", 300)
            answered = wait_until_answered(page)
            print_cost(f"page {name}, {state}", answered - started, served_cpu_seconds(ui) - used, limit)


def wait_until_answered(page: Page) -> float:
    """Wait until nothing that the page asked of the webserver is open, for a while; since when, by `perf_counter`."""
    since = time.perf_counter()
    while time.perf_counter() - since < QUIET_SECONDS:
        page.settled()  # which reads what happened
        asked = {one["requestId"] for one in page.reported("Network.requestWillBeSent") if _is_question(one["request"])}
        ended = page.reported("Network.loadingFinished") + page.reported("Network.loadingFailed")
        if asked - {one["requestId"] for one in ended}:
            since = time.perf_counter()
        time.sleep(0.05)
    return since


def _is_question(request: dict[str, Any]) -> bool:
    return bool(request["method"] == "POST" and "/graphql" in request["url"])


def wait_until_idle(ui: DagsterUi) -> None:
    """What the page before asked for is answered to the end, though nobody reads it any more."""
    used = -1.0
    while (now := served_cpu_seconds(ui)) - used > IDLE_CPU_SECONDS:
        used = now
        time.sleep(1)


def served_cpu_seconds(ui: DagsterUi) -> float:
    """What webserver and code server have used so far."""
    stats = [Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split() for process in ui.processes.values()]
    return sum(int(stat[11]) + int(stat[12]) for stat in stats) / _TICKS_PER_SECOND


def peak_mib(process: int) -> float:
    """The most memory that the process has held so far."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def printed(name: str, do: Callable[[], Answer], limit: float | None = LIMIT_SECONDS) -> Answer:
    """What `do` returns; a line says what it cost this process."""
    wall, cpu = time.perf_counter(), time.process_time()
    answer = do()
    print_cost(name, time.perf_counter() - wall, time.process_time() - cpu, limit)
    return answer


def print_cost(name: str, wall: float, cpu: float, limit: float | None) -> None:
    """A line; what is above the limit says so."""
    above = "  ABOVE THE LIMIT" if limit and cpu > limit else ""
    print(f"{name:52} {cpu:7.2f} CPU s {wall:7.2f} s wall{above}", flush=True)


if __name__ == "__main__":
    main()
