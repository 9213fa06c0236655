"""A set of files that takes the place of another in one step: who opens the folder finds the old set or the new one."""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import sys
from collections.abc import Mapping
from glob import escape
from pathlib import Path

from crm_platform.lake.files import STAGED, clear_left, staged_folder

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2
_FORMER = ".former"
_NOT_SUPPORTED = {errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP}


def content_of(folder: Path) -> dict[str, bytes] | None:
    """Every file of the folder (relative path → content); None where there is no such folder."""
    if not folder.is_dir():
        return None
    return {str(file.relative_to(folder).as_posix()): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def exchange(folder: Path, files: Mapping[str, bytes]) -> None:
    """Stage `files` beside `folder`, let them take its place; a file whose content stays keeps its time of change."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with staged_folder(folder) as staged:
        _fill(staged, files, folder)
        _take_place(staged, folder)


def clear_beside(folder: Path) -> None:
    """Remove what exchanges that were killed left beside `folder`."""
    start = f".{escape(folder.name)}."
    clear_left([*folder.parent.glob(f"{start}*{STAGED}"), *folder.parent.glob(f"{start}*{_FORMER}")])


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
        aside = staged.with_suffix(_FORMER)
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
