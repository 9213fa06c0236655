"""Files that a command is told to write, held against those that it reads."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from crm_platform.refusals import Refused


def refuse_to_overwrite(target: Path | None, read: Iterable[Path | None]) -> None:
    """Refused where `target` is one of the files that the command reads: there may be no other copy of an export."""
    if target is None or not target.exists():
        return
    for path in read:
        if path is not None and path.exists() and target.samefile(path):
            raise Refused("the command reads this file and would write over it.", "Name another.", file=str(target))
