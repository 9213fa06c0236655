"""CPU seconds and peak memory of a whole process, by the system's own accounts."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Cost:
    """What a finished process cost."""

    cpu_seconds: float
    peak_mib: float

    def __str__(self) -> str:
        return f"{self.cpu_seconds:7.1f} CPU s {self.peak_mib:7.0f} MiB"


def cost_of(arguments: list[str], environment: Mapping[str, str] | None = None) -> Cost:
    """Run Python with `arguments` and wait for it; CalledProcessError where it fails."""
    process = subprocess.Popen(
        [sys.executable, *arguments], env={**os.environ, **(environment or {})}, stdout=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise subprocess.CalledProcessError(status, arguments)
    return Cost(usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)
