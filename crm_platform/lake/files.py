"""Files that appear whole or not at all, and one writer at a time."""

from __future__ import annotations

import fcntl
import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

STAGED = ".staged"


def write_whole(path: Path, content: bytes) -> None:
    """Write `content` beside `path`, flush it to the disk and rename it: a reader sees the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, staged = tempfile.mkstemp(prefix=".", suffix=STAGED, dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(staged).chmod(0o644)
        Path(staged).replace(path)
    except BaseException:
        Path(staged).unlink(missing_ok=True)
        raise


def is_whole(path: Path, sha256: str) -> bool:
    """Whether `path` is there with the content of this digest; read again only where the file has changed since."""
    try:
        state = path.stat()
    except FileNotFoundError:
        return False
    return _digest(path, state.st_mtime_ns, state.st_size) == sha256


@lru_cache(maxsize=65_536)
def _digest(path: Path, _changed_ns: int, _size: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Wait until nobody else works on `folder`; the system lets go of the lock of a process that was killed."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
