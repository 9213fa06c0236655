"""Deliveries whose files were removed in time, as the client's retention period asks; their admitted rows stay."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from pathlib import Path

from crm_platform.lake.files import write_whole

_MARK = "files_removed.json"


def remove_files(delivery: Path, today: dt.date) -> None:
    """Remove the delivered files of the delivery in this folder; its receipt and admitted rows stay.

    The mark goes first: who is killed between leaves files that nobody reads, and the next call removes them.
    """
    if files_removed_on(delivery) is None:
        write_whole(delivery / _MARK, (json.dumps({"files_removed_on": today.isoformat()}) + "\n").encode())
    if (delivery / "files").exists():
        shutil.rmtree(delivery / "files")


def files_removed_on(delivery: Path) -> dt.date | None:
    """The day on which the files of the delivery in this folder were removed; None where they were not."""
    try:
        return dt.date.fromisoformat(json.loads((delivery / _MARK).read_bytes())["files_removed_on"])
    except FileNotFoundError:
        return None
