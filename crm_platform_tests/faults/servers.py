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
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from crm_platform.orchestration.automation.client_state import MOST_BROKEN_OFF
from crm_platform_tests.faults.house import House

PROJECT = Path(__file__).parents[2]
BEGINNING, DATABASE = "run that begins, and the code server", "database"
PARTS = ("run", "daemon", "code server", "webserver", BEGINNING, DATABASE)
_LOCKED_SECONDS, _BEGINS_WITHIN_SECONDS = 12, 20
_WORKING = (
    "select value from run_tags join runs using (run_id) where key = 'process' and status = 'STARTED' "
    "and value like runs.run_id || '%'"
)
_NAMELESS = (
    "select 'runs', count(*) from runs where status = 'STARTED' and not exists (select 1 from run_tags "
    "where run_tags.run_id = runs.run_id and key = 'process' and value like runs.run_id || '%')"
)
_FAILED = (
    "select t.value, count(*) from runs r join run_tags t on t.run_id = r.run_id and t.key = 'client' "
    "where r.status = 'FAILURE' and r.id > coalesce((select max(w.id) from runs w join run_tags u "
    "on u.run_id = w.run_id and u.key = 'client' where u.value = t.value and w.status = 'SUCCESS'), 0) group by t.value"
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
        if part == DATABASE:
            with locked_for(self._runs, _LOCKED_SECONDS):
                working = [1]
        elif part == BEGINNING:
            working = self._kill_while_one_begins()
        elif part == "run":
            working = self.working()
            for process in working:
                _kill(process)
        else:
            self.processes[part].kill()
            self.processes[part].wait()
            working = [self.processes[part].pid]
            self.start(part)
        self.killed[part] += bool(working)
        return bool(working)

    def _kill_while_one_begins(self) -> list[int]:
        """Kill the code server with all its children while a run has begun and has not named its process; whom."""
        end, server = time.monotonic() + _BEGINS_WITHIN_SECONDS, self.processes["code server"]
        while time.monotonic() < end:
            if dict(self._asked(_NAMELESS)).get("runs"):
                killed = [*_descendants(server.pid), server.pid]
                for process in killed:
                    _kill(process)
                server.wait()
                self.start("code server")
                return killed
            time.sleep(0.02)
        return []

    def working(self) -> list[int]:
        """The processes of runs that work now."""
        return [int(value.split()[2]) for (value,) in self._asked(_WORKING)]

    def states(self) -> dict[str, int]:
        """How many runs stand how."""
        return dict(self._asked(_STATES))

    def most_failed(self) -> int:
        """How many runs of a client failed since its last that ended well, of the client with the most."""
        return max(dict(self._asked(_FAILED)).values(), default=0)

    def stop(self) -> None:
        """End all of it, runs as well."""
        for process in [*self.processes.values()]:
            process.kill()
            process.wait()
        for process in self.working():
            _kill(process)

    @property
    def _runs(self) -> Path:
        return self.house.data / "dagster_home" / "history" / "runs.db"

    def _asked(self, question: str) -> list[tuple[str, int]]:
        if not self._runs.exists():
            return []
        with closing(sqlite3.connect(self._runs, timeout=30)) as runs:
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


def strike(servers: Servers, times: int, seed: int, until_seconds: float) -> None:
    """Kill parts one after another, each after a drawn time; runs only while one works."""
    chance, end = random.Random(seed), time.monotonic() + until_seconds
    times += servers.killed.total()
    while servers.killed.total() < times and time.monotonic() < end:
        time.sleep(chance.uniform(2, 15))
        states = servers.states()
        may_fail = servers.most_failed() < MOST_BROKEN_OFF - 2  # else the sensor would leave it to somebody
        works = servers.working()
        weights = (
            9 if works and may_fail else 0,
            3,
            2 if may_fail else 0,
            1,
            2 if may_fail and not works else 0,
            1 if states else 0,
        )
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


@contextmanager
def locked_for(database: Path, seconds: float) -> Iterator[None]:
    """Another process writes to the database and takes its time."""
    begun = threading.Event()

    def hold() -> None:
        with closing(sqlite3.connect(database, timeout=30, isolation_level=None)) as other:
            other.execute("begin exclusive")
            begun.set()
            time.sleep(seconds)
            other.execute("rollback")

    holding = threading.Thread(target=hold)
    holding.start()
    begun.wait()
    yield
    holding.join()


def _kill(process: int) -> None:
    with suppress(ProcessLookupError):  # it may have ended meanwhile
        os.kill(process, signal.SIGKILL)


def _descendants(process: int) -> list[int]:
    """Children of the process and theirs, on Linux."""
    parents = dict[int, list[int]]()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
            parents.setdefault(parent, []).append(int(stat.parent.name))
    found = list[int]()
    for child in parents.get(process, []):
        found += [child, *_descendants(child)]
    return found


def _free_port() -> int:
    with closing(socket.socket()) as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
