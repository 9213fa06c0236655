"""The Dagster UI of an installation: a code server, the webserver on a free port of 127.0.0.1, the daemon if asked."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from crm_platform_tests.end_to_end.installation import PROJECT

PATIENCE_SECONDS = 120.0  # of a busy machine; a quiet one needs a tenth


@dataclass
class DagsterUi:
    """What serves the UI, which ends with `stack`."""

    data: Path
    folder: Path
    stack: ExitStack
    address: str = ""
    processes: dict[str, int] = field(default_factory=dict)  # process ids by program

    def start(self, program: str, *arguments: str) -> None:
        """Start one of Dagster's programs, which works for the installation until the end."""
        self.processes[program] = self.stack.enter_context(_running(self.data, program, *arguments))

    def start_daemon(self) -> None:
        """Start the daemon: sensors, schedules, backfills, queued runs."""
        self.start("dagster-daemon", "run", "-w", str(self.folder / "workspace.yaml"))


@contextmanager
def dagster_ui(data: Path, folder: Path) -> Iterator[DagsterUi]:
    """Serve the installation below `data`, whose `dagster_home` holds a dagster.yaml; `folder` takes what it needs."""
    code, workspace = folder / "code.sock", folder / "workspace.yaml"
    workspace.write_text(f"load_from: [{{grpc_server: {{socket: {code}, location_name: crm_platform}}}}]\n")
    with ExitStack() as stack, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
        free.close()
        ui = DagsterUi(data, folder, stack, f"http://127.0.0.1:{port}")
        ui.start("dagster", "api", "grpc", "-m", "crm_platform.definitions", "-s", str(code), "--log-level", "warning")
        wait_until(code.exists)
        ui.start("dagster-webserver", "-w", str(workspace), "-h", "127.0.0.1", "-p", port)
        wait_until(lambda: _answers(f"{ui.address}/server_info"))
        yield ui


def wait_until(happened: Callable[[], bool]) -> None:
    """Ask again and again; AssertionError where it does not happen."""
    until = time.monotonic() + PATIENCE_SECONDS
    while not happened():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.5)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5):  # noqa: S310
            return True
    except OSError:
        return False


@contextmanager
def _running(data: Path, program: str, *arguments: str) -> Iterator[int]:
    home = {"CRM_PLATFORM_DATA": str(data), "DAGSTER_HOME": str(data / "dagster_home")}
    command = [str(Path(sys.executable).parent / program), *arguments]
    with subprocess.Popen(
        command, cwd=PROJECT, env={**os.environ, **home}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            yield process.pid
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:  # Dagster ignores the signal where its parent ignores interrupts
                process.kill()
