"""A fault at a chosen moment of this process: its file-system moments are counted, and at one of them it is struck.

The moments are what Python tells its audit hooks before it opens a file for writing, renames, removes or makes one, or
connects to Dagster's SQLite, and every flush to the disk. A process that is killed is really killed: SIGKILL, no
clean-up, no flush. Everything counted lies below one folder.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["none", "killed", "torn", "full once", "full", "read-only"]
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_CHANGES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.chmod", "os.truncate", "os.link", "os.symlink"}
_ERRORS = {"full once": errno.ENOSPC, "full": errno.ENOSPC, "read-only": errno.EROFS}
RUN_RECORD, REFUSED = "run record", ", refused"
_TAKES_SPACE = {"open", "flush", "os.mkdir"}


@dataclass(frozen=True)
class Fault:
    """What happens at the moment of this number, counted from 0.

    `torn`: killed at a flush that got half of the file to the disk. `full`: from then on nothing more finds space;
    `full once`: the first that needs some. `read-only`: from then on nothing can be changed.
    """

    kind: Kind = "none"
    moment: int = -1


@dataclass
class Injector:
    """Counts, tells the kinds of moments in order, and strikes."""

    root: str
    fault: Fault
    moments: list[str] = field(default_factory=list)

    def install(self) -> None:
        """From now on, for the rest of this process."""
        whole = os.fsync

        def fsync(handle: Any) -> None:
            self.moment("flush", handle if isinstance(handle, int) else handle.fileno())
            whole(handle)

        os.fsync = fsync
        sys.addaudithook(self.heard)

    def heard(self, event: str, arguments: tuple[Any, ...]) -> None:
        """An audit event of any kind."""
        if event == "open" and arguments[2] & _WRITES and self._is_ours(arguments[0]):
            self.moment("open")
        elif event in _CHANGES and (
            self._is_ours(arguments[0]) or (isinstance(arguments[-1], int) and arguments[-1] > 0)
        ):
            self.moment(event)
        elif event == "ctypes.dlsym" and arguments[1] == "renameat2":
            self.moment("exchange")
        elif event == "sqlite3.connect":
            self.moment(RUN_RECORD)

    def moment(self, what: str, handle: int | None = None) -> None:
        """The next moment; strikes where it is the one, or from it on."""
        number, kind = len(self.moments), self.fault.kind
        is_now = number == self.fault.moment
        if is_now and kind in ("killed", "torn"):
            self.moments.append(what)
            if kind == "torn" and handle is not None:
                with suppress(OSError):  # a folder is whole
                    os.ftruncate(handle, os.fstat(handle).st_size // 2)
            os.kill(os.getpid(), signal.SIGKILL)
        if number >= self.fault.moment >= 0 and self._is_refused(what):
            self.moments.append(what + REFUSED)
            raise OSError(_ERRORS[kind], os.strerror(_ERRORS[kind]))
        self.moments.append(what)

    def _is_refused(self, what: str) -> bool:
        """Whether the disk says no: all that takes space on a full one, the first of it only where space is made."""
        if self.fault.kind == "read-only":
            return what != RUN_RECORD
        takes_space = self.fault.kind.startswith("full") and what in _TAKES_SPACE
        return takes_space and not (self.fault.kind == "full once" and what + REFUSED in self.moments)

    def _is_ours(self, path: Any) -> bool:
        return isinstance(path, str | bytes | os.PathLike) and os.fsdecode(path).startswith(self.root)


def _is_below_a_folder(arguments: tuple[Any, ...]) -> bool:
    """Named by an open folder, as whoever removes a tree does."""
    return isinstance(arguments[-1], int) and arguments[-1] > 0
