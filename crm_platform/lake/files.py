"""Files that appear whole or not at all, and one writer at a time."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from glob import escape
from pathlib import Path

STAGED = ".staged"


def write_whole(path: Path, content: bytes) -> None:
    """Write `content` beside `path`, flush it to the disk and rename it: a reader sees the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    start = f".{path.name[:60]}."
    handle, staged = _staged(lambda: tempfile.mkstemp(prefix=start, suffix=STAGED, dir=path.parent))
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            staged.chmod(0o644)
            staged.replace(path)
    except BaseException:
        staged.unlink(missing_ok=True)
        raise
    clear_left(path.parent.glob(f"{escape(start)}*{STAGED}"))


@contextmanager
def staged_folder(folder: Path) -> Iterator[Path]:
    """A folder beside `folder`, to be filled and put in its place; what is left of it afterwards goes."""
    start = f".{folder.name}."

    def make() -> tuple[int, str]:
        while True:
            made = tempfile.mkdtemp(prefix=start, suffix=STAGED, dir=folder.parent)
            with suppress(FileNotFoundError):
                return os.open(made, os.O_RDONLY), made

    handle, staged = _staged(make)
    try:
        yield staged
    finally:
        shutil.rmtree(staged, ignore_errors=True)
        os.close(handle)


def clear_left(staged: Iterable[Path]) -> None:
    """Remove of these files and folders those whose writer was killed: the system let go of its lock on them."""
    for left in staged:
        try:
            handle = os.open(left, os.O_RDONLY)
        except FileNotFoundError:
            continue
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(left, ignore_errors=True) if left.is_dir() else left.unlink(missing_ok=True)
        except BlockingIOError:
            continue  # somebody fills it
        finally:
            os.close(handle)


def _staged(make: Callable[[], tuple[int, str]]) -> tuple[int, Path]:
    """Something new and locked; made again where another took it, before the lock, for what a killed writer left."""
    while True:
        handle, name = make()
        fcntl.flock(handle, fcntl.LOCK_EX)
        if Path(name).exists():
            return handle, Path(name)
        os.close(handle)


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
