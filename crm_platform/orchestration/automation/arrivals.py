"""Raw files that somebody drops into `data/arrivals/<client>/<folder>/`: whole or not yet, refused or removed.

A folder is whole when a file `COMPLETE` lies in it, written last, or `SHA256SUMS` agrees with every other file. What is
refused stays, with the reason in `REFUSED.txt`, until something in the folder changes.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import shutil
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

from crm_platform.clients import client_folder, valid_client_id
from crm_platform.intake.guard.personal_data import refuse_personal_name
from crm_platform.lake import digest_of
from crm_platform.lake.files import write_whole
from crm_platform.refusals import Refused

COMPLETE, SUMS, REFUSED = "COMPLETE", "SHA256SUMS", "REFUSED.txt"
_OURS = frozenset({COMPLETE, SUMS, REFUSED})
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_UNFINISHED = (".part", ".partial", ".filepart", ".tmp", ".crdownload")
_TAKEN = ".taken-"  # renamed so before it is removed: what is half removed is never taken for a delivery
_DIGEST_LINE = re.compile(r"\\?([0-9a-f]{64}) [ *](.+)")


@dataclass(frozen=True)
class Arrival:
    """A folder below `arrivals/<client>`."""

    client: str
    folder: Path

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.name

    @property
    def place(self) -> str:
        """`arrivals/<client>/<folder>`, or without a name that must not be shown."""
        try:
            refuse_unusable_name(self.name)
        except Refused:
            return f"a folder of arrivals/{self.client}"
        return f"arrivals/{self.client}/{self.name}"

    @cached_property
    def files(self) -> dict[str, Path]:
        """What was dropped, by name, but the marks of this module; Refused where it is no plain file."""
        found = {}
        for path in sorted(self.folder.iterdir()):
            if path.is_symlink() or not path.is_file():
                remedy = "Put plain files into it; pack folders as .zip."
                raise Refused("the folder of an arrival holds a folder or a link.", remedy)
            if path.name not in _OURS:
                found[path.name] = path
        return found

    @cached_property
    def state(self) -> str:
        """A digest of names, sizes and times of all in the folder but REFUSED.txt; another once anything changes."""
        stats = {path.name: path.lstat() for path in self.folder.iterdir() if path.name != REFUSED}
        return digest_of({name: [stat.st_size, stat.st_mtime_ns] for name, stat in stats.items()})

    @property
    def waits_for(self) -> str | None:
        """Why the folder is not whole yet, in words; None where it is. Refused where it can never be taken."""
        refuse_unusable_name(self.name)
        names = self.files
        marks = {mark for mark in (COMPLETE, SUMS) if (self.folder / mark).is_file()}
        if not marks:
            return f"{COMPLETE} or {SUMS}"
        if copied := [name for name in names if name.startswith(".") or name.endswith(_UNFINISHED)]:
            return f"{len(copied)} files that are being copied"
        if not names:
            return "its files"
        return self._differs_from_sums() if SUMS in marks else None

    @property
    def data_to(self) -> dt.date | None:
        """The last day that the files cover, as COMPLETE says, or None; Refused where it says what is no day."""
        mark = self.folder / COMPLETE
        try:
            said = tomllib.loads(mark.read_text("utf-8")) if mark.exists() else {}
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise _no_mark() from error
        day = said.get("data_to")
        day = _day(day) if isinstance(day, str) else day
        if set(said) - {"data_to"} or (day is not None and type(day) is not dt.date):
            raise _no_mark()
        return day

    @property
    def is_refused(self) -> bool:
        """Whether these very files were refused before."""
        note = self.folder / REFUSED
        return note.is_file() and note.read_text("utf-8", "replace").rstrip().endswith(self.state)

    def refuse(self, reason: str) -> None:
        """Say beside the files why they are not taken; they are left as they are."""
        again = "They are looked at again once a file changes, or this note is removed."
        told = f"{reason}\n\n{again}\nWhat was refused: {self.state}\n"
        write_whole(self.folder / REFUSED, told.encode())

    def remove(self) -> None:
        """Remove the folder. Raw files may hold personal data; without them the inbox holds what is needed."""
        taken = self.folder.with_name(f"{_TAKEN}{self.name}")
        if taken.exists():
            shutil.rmtree(taken)
        self.folder.rename(taken)
        shutil.rmtree(taken)

    def _differs_from_sums(self) -> str | None:
        lines = (self.folder / SUMS).read_text("utf-8", "replace").splitlines()
        stated = {match[2]: match[1] for match in map(_DIGEST_LINE.fullmatch, lines) if match}
        stated = {name.removeprefix("./"): digest for name, digest in stated.items()}
        missing = {name for name in stated.keys() - self.files.keys() if name not in _OURS}
        if missing or self.files.keys() - stated.keys():
            return f"files that {SUMS} does not name, or that it names and are not there"
        if any(_sha256(self.files[name]) != stated[name] for name in self.files):
            return f"files that agree with {SUMS}"
        return None


def arrivals_of(root: Path, client_id: str) -> list[Arrival]:
    """The client's folders, by name."""
    folder = client_folder(root, client_id)
    found = sorted(folder.iterdir()) if folder.is_dir() else []
    return [Arrival(client_id, path) for path in found if path.is_dir() and not path.name.startswith(".")]


def sweep(root: Path, client_id: str) -> None:
    """Remove what was taken and half removed; the caller knows that no run of the client is under way."""
    for left in client_folder(root, client_id).glob(f"{_TAKEN}*"):
        shutil.rmtree(left)


def clients_with_arrivals(root: Path) -> Iterator[str]:
    """The names of the folders below `root`, which should be clients of the catalogue."""
    if root.is_dir():
        yield from sorted(path.name for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))


def arrival_named(root: Path, client_id: str, name: str) -> Arrival:
    """The client's arrival of this name; Refused where the name cannot be one."""
    refuse_unusable_name(name)
    return Arrival(valid_client_id(client_id), client_folder(root, client_id, name))


def refuse_unusable_name(name: str) -> None:
    """Refused where a folder's name, which the UI shows, has other characters or is somebody's address or number."""
    if not _NAME.fullmatch(name):
        remedy = "Name it with letters, digits, '.', '-' and '_' of ASCII, 63 at most, such as 2025-06."
        raise Refused("the name of a folder of arrivals cannot be used.", remedy)
    refuse_personal_name(name)


def _sha256(path: Path) -> str:
    state = path.stat()
    return _digest(path, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=4_096)
def _digest(path: Path, _changed_ns: int, _size: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _day(text: str) -> dt.date | str:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        return text


def _no_mark() -> Refused:
    remedy = 'Leave it empty, or write the last day that the files cover: data_to = "2025-06-30".'
    return Refused(f"{COMPLETE} says what cannot be read.", remedy, file=COMPLETE)
