"""A real daemon, code server and webserver on a small installation, each killed at random moments and begun again."""

from __future__ import annotations

import os
import random
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from crm_platform.demo import make_demo, write_delivery
from crm_platform.intake import accept_delivery, read_files
from crm_platform.orchestration.automation.client_state import MOST_BROKEN_OFF
from crm_platform_tests.faults.house import House, made
from crm_platform_tests.faults.works import EXAMINED_ON

PROJECT = Path(__file__).parents[2]
PARTS = ("run", "daemon", "code server", "webserver")
_WORKING = (
    "select value from run_tags join runs using (run_id) where key = 'process' and status = 'STARTED' "
    "and value like runs.run_id || '%'"
)
_STATES = "select status, count(*) from runs group by status"


@dataclass
class Servers:
    """What `make dev` starts, as processes of their own. `killed`: how often each part was."""

    house: House
    port: int
    log: Path
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    killed: Counter[str] = field(default_factory=Counter)

    def start(self, part: str) -> None:
        """Begin one part, or begin it again."""
        commands = {
            "code server": ["dagster", "api", "grpc", "-m", "crm_platform.definitions", "-p", str(self.port)],
            "daemon": ["dagster-daemon", "run", "-w", str(self._workspace())],
            "webserver": ["dagster-webserver", "-w", str(self._workspace()), "-p", str(self.port + 1)],
        }
        program, *arguments = commands[part]
        home = str(self.house.data / "dagster_home")
        environment = {**os.environ, "CRM_PLATFORM_DATA": str(self.house.data), "DAGSTER_HOME": home}
        with self.log.open("ab") as log:
            self.processes[part] = subprocess.Popen(
                [str(Path(sys.executable).parent / program), *arguments],
                env=environment,
                cwd=PROJECT,
                stdout=log,
                stderr=log,
            )

    def kill(self, part: str) -> bool:
        """Kill a server and begin it again, or the run that works now; whether there was anything to kill."""
        if part == "run":
            working = self.working()
            for process in working:
                os.kill(process, signal.SIGKILL)
        else:
            self.processes[part].kill()
            self.processes[part].wait()
            working = [self.processes[part].pid]
            self.start(part)
        self.killed[part] += bool(working)
        return bool(working)

    def working(self) -> list[int]:
        """The processes of runs that work now."""
        return [int(value.split()[2]) for (value,) in self._asked(_WORKING)]

    def states(self) -> dict[str, int]:
        """How many runs stand how."""
        return dict(self._asked(_STATES))

    def stop(self) -> None:
        """End all of it, runs as well."""
        for process in [*self.processes.values()]:
            process.kill()
            process.wait()
        for process in self.working():
            os.kill(process, signal.SIGKILL)

    def _asked(self, question: str) -> list[tuple[str, int]]:
        place = self.house.data / "dagster_home" / "history" / "runs.db"
        if not place.exists():
            return []
        with closing(sqlite3.connect(place, timeout=30)) as runs:
            try:
                return runs.execute(question).fetchall()
            except sqlite3.OperationalError:  # its tables are being made
                return []

    def _workspace(self) -> Path:
        path = self.house.data / "workspace.yaml"
        path.write_text(f"load_from:\n  - grpc_server:\n      host: localhost\n      port: {self.port}\n")
        return path


@contextmanager
def serving(house: House, log: Path) -> Iterator[Servers]:
    """All parts, with the platform's own settings, but quicker to look."""
    home = house.data / "dagster_home"
    home.mkdir(exist_ok=True)
    settings = (PROJECT / "dagster.yaml").read_text()
    for name, value in (("poll_interval_seconds", 10), ("start_timeout_seconds", 60)):
        settings = re.sub(rf"{name}: \d+", f"{name}: {value}", settings)
    (home / "dagster.yaml").write_text(settings)
    servers = Servers(house, _free_port(), log)
    try:
        for part in ("code server", "daemon", "webserver"):
            servers.start(part)
        yield servers
    finally:
        servers.stop()


def small_house(data: Path) -> House:
    """One client, delivered."""
    (data / "clients").mkdir(parents=True)
    (data / "clients" / "demo.toml").write_text('name = "Demo"\n')
    paths = write_delivery(make_demo(customers=10, months=3), made(data / "first"))
    house = House(data)
    client = house.platform.catalogue.load("demo")
    accept_delivery(house.platform.inbox, client, read_files(paths), today=EXAMINED_ON)
    return house


def strike(servers: Servers, times: int, seed: int, until_seconds: float) -> None:
    """Kill parts one after another, each after a drawn time; runs only while one works."""
    chance, end, failed_before = random.Random(seed), time.monotonic() + until_seconds, dict[int, int]()
    while servers.killed.total() < times and time.monotonic() < end:
        time.sleep(chance.uniform(2, 25))
        states = servers.states()
        failed = states.get("FAILURE", 0)
        failed -= failed_before.setdefault(states.get("SUCCESS", 0), failed)
        may_fail = failed < MOST_BROKEN_OFF - 2  # else the sensor would leave it to somebody
        weights = (9 if servers.working() and may_fail else 0, 3, 2 if may_fail else 0, 1)
        (part,) = chance.choices(PARTS, weights)
        if servers.kill(part):
            print(f"  killed: {part} ({servers.killed.total()})", states, flush=True)


def settled(servers: Servers, wanted: dict[str, bytes], until_seconds: float) -> bool:
    """Whether, left alone, the installation comes to hold what is wanted, with no run left unfinished."""
    end = time.monotonic() + until_seconds
    while time.monotonic() < end:
        time.sleep(5)
        unfinished = servers.states().keys() - {"SUCCESS", "FAILURE", "CANCELED"}
        if not unfinished and servers.house.content() == wanted:
            return True
    return False


def _free_port() -> int:
    with closing(socket.socket()) as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
