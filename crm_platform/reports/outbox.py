"""The folder in which a client finds its deliverables: the whole set is exchanged at once, and only if it differs."""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from crm_platform.clients import valid_client_id
from crm_platform.periods import Month

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2
_NOT_SUPPORTED = {errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP}


def publish(outbox: Path, client_id: str, month: Month, files: Mapping[str, bytes]) -> Path:
    """Make `<outbox>/<client>/<YYYY-MM>/` hold exactly `files` (relative path → content), and return it.

    The set is staged beside the folder and takes its place in one step: who opens the folder finds the old set or the
    new one. An identical set is left untouched, and a file whose content stays keeps its time of change. ValueError for
    a path that leaves the folder.
    """
    return put_in_place(outbox / valid_client_id(client_id) / str(month), files)


def put_in_place(folder: Path, files: Mapping[str, bytes]) -> Path:
    """Make `folder` hold exactly `files`, in one step; see `publish`."""
    wanted = {_inside(path): content for path, content in sorted(files.items())}
    if _content(folder) == wanted:
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    staged = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=".staged", dir=folder.parent))
    try:
        _fill(staged, wanted, folder)
        _take_place(staged, folder)
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    return folder


def _inside(path: str) -> str:
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or ".." in parts or "\\" in path:
        raise ValueError(f"'{path}' is no path inside the folder of deliverables")
    return str(PurePosixPath(*parts))


def _content(folder: Path) -> dict[str, bytes] | None:
    if not folder.is_dir():
        return None
    return {str(file.relative_to(folder).as_posix()): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def _fill(staged: Path, files: Mapping[str, bytes], former: Path) -> None:
    for path, content in files.items():
        file = staged / path
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("wb") as handle:
            handle.write(content)
            handle.flush()
            os.fsync(handle.fileno())
        known = former / path
        if known.is_file() and known.read_bytes() == content:
            shutil.copystat(known, file)
    staged.chmod(0o755)


def _take_place(staged: Path, folder: Path) -> None:
    """Put `staged` where `folder` is; afterwards `staged` holds the former set, if there was one."""
    if not folder.exists():
        staged.rename(folder)
    elif not _exchanged(staged, folder):
        aside = staged.with_suffix(".former")
        folder.rename(aside)
        staged.rename(folder)
        aside.rename(staged)


def _exchanged(one: Path, other: Path) -> bool:
    """Exchange two folders in one step, where the system can (Linux since 3.15); elsewhere two renames must do."""
    if sys.platform != "linux":
        return False
    library = ctypes.CDLL(None, use_errno=True)
    if not hasattr(library, "renameat2"):
        return False
    if library.renameat2(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) == 0:
        return True
    code = ctypes.get_errno()
    if code in _NOT_SUPPORTED:
        return False
    raise OSError(code, os.strerror(code), str(other))
