"""A real Postgres server on a free port of this machine, for the length of a test."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_DEBIAN = Path("/usr/lib/postgresql")
_PASSWORD = "a-p@ss/word"  # noqa: S105  of a server that lives for a test
_QUICK = "-c fsync=off -c shared_buffers=16MB -c max_connections=20 -c autovacuum=off -c log_min_messages=fatal"


@dataclass(frozen=True)
class PostgresServer:
    """Where it keeps its data, and how it is reached."""

    data: Path
    port: int

    @property
    def environment(self) -> dict[str, str]:
        """What deploy/dagster.yaml asks the environment for."""
        names = {
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            "USER": "dagster",
            "PASSWORD": _PASSWORD,
            "DB": "postgres",
        }
        return {f"DAGSTER_POSTGRES_{name}": value for name, value in names.items()}

    def start(self) -> None:
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -k {self.data} {_QUICK}"
        _run("pg_ctl", "start", "-w", "-D", str(self.data), "-l", str(self.data / "log"), "-o", options)

    def stop(self, mode: str = "immediate") -> None:
        """`immediate`: as a power cut does."""
        _run("pg_ctl", "stop", "-w", "-D", str(self.data), "-m", mode)


def is_installed() -> bool:
    """Whether this machine has the programs."""
    return bool(_found("initdb"))


@contextmanager
def postgres() -> Iterator[PostgresServer]:
    """A server with a database of its own."""
    folder = Path(tempfile.mkdtemp(prefix="postgres"))  # not below pytest's folder, which its user may not enter
    secret = folder / "password"
    secret.write_text(_PASSWORD)
    if os.getuid() == 0:
        for path in (folder, secret):
            shutil.chown(path, "postgres")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        server = PostgresServer(folder / "data", free.getsockname()[1])
    try:
        _run("initdb", "-D", str(server.data), "-U", "dagster", "--pwfile", str(secret), "-A", "scram-sha-256", "-N")
        server.start()
        yield server
        server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(program: str, *arguments: str) -> None:
    """Run a program of the newest Postgres that is installed, as another user where this one is root."""
    other_user = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
    done = subprocess.run(
        [*other_user, _found(program), *arguments],
        cwd="/",
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        check=False,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def _found(program: str) -> str:
    """Where the newest version's program is; empty where none is."""
    return shutil.which(program) or max(map(str, _DEBIAN.glob(f"*/bin/{program}")), default="")
