"""The settings in the folder of the Dagster instance: the platform's own, until an operator writes others.

A copy that the platform wrote names the digest of what follows its first line, so a later version knows it and replaces
it. Any other file is somebody's: a production home, say, with Postgres in it. It is never touched.
"""

from __future__ import annotations

import sys
from pathlib import Path

from crm_platform.lake import digest_of
from crm_platform.lake.files import write_whole

FILE_NAME = "dagster.yaml"
OURS = Path(__file__).parents[2] / FILE_NAME
_BEFORE_SEALS = (
    "40d5c606f9b0ba4f59da3067236434029532fb17de63076c60b809e9de9eec65"  # a copy without a first line of ours
)


def settle(home: Path, ours: Path = OURS) -> None:
    """Make `home`, with the platform's settings in it unless it holds somebody's; `ours` may be absent."""
    home.mkdir(parents=True, exist_ok=True)
    copy = home / FILE_NAME
    there = copy.read_bytes() if copy.exists() else None
    if ours.exists() and (there is None or is_ours(there)):
        wanted = sealed(ours.read_bytes())
        if there != wanted:
            write_whole(copy, wanted)


def sealed(settings: bytes) -> bytes:
    """The settings under a line that names their digest."""
    seal = f"# Written by crm-platform, which replaces it while it is as written: {digest_of(settings)}"
    return seal.encode() + b"\n" + settings


def is_ours(copy: bytes) -> bool:
    """Whether the platform wrote exactly this, in this version or an earlier one."""
    _, _, settings = copy.partition(b"\n")
    return copy == sealed(settings) or digest_of(copy) == _BEFORE_SEALS


if __name__ == "__main__":
    settle(Path(sys.argv[1]))
