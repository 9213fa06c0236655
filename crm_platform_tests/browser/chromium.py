"""A page as headless Chromium sees it."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--enable-logging=stderr",
)


@dataclass(frozen=True)
class Seen:
    """The document after its scripts ran, and what the console said."""

    dom: str
    console: str


def open_page(url: str, profile: Path, *, milliseconds: int = 20_000) -> Seen:
    """Open `url` in a new profile and read the document."""
    command = [
        "chromium",
        *QUIET,
        f"--user-data-dir={profile}",
        f"--virtual-time-budget={milliseconds}",
        "--dump-dom",
        url,
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=True)
    console = "\n".join(line for line in done.stderr.splitlines() if "CONSOLE" in line)
    return Seen(done.stdout, console)
