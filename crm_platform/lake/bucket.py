"""Files at rest in a bucket of S3-compatible storage, as `storage` wants them.

A put is whole or did not happen, so a file needs no other name meanwhile. Each carries its digest as metadata: to look
whether it is whole costs one question, no download. What is read is first copied to this machine, where its digest is
taken: DuckDB and pyarrow read copies, at the speed of a folder.
"""

from __future__ import annotations

import hashlib
import mimetypes
import os
import tempfile
import uuid
from collections.abc import Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

from botocore.exceptions import BotoCoreError
from upath import UPath

from crm_platform.lake.files import STAGED, is_whole
from crm_platform.lake.lease import keeps_conditions, leased
from crm_platform.lake.storage import Folder

_DIGEST = "sha256"  # the metadata that holds it
_ANY_TYPE = "application/octet-stream"


@dataclass(frozen=True)
class Bucket:
    """The places below `root`. `copies`: where copies of what is read lie, by the same names; None: nothing is read."""

    root: Path
    copies: Path | None = None

    def write_whole(self, path: Path, content: bytes) -> None:
        """See `Store`; one put."""
        told = {
            "Metadata": {_DIGEST: hashlib.sha256(content).hexdigest()},
            "ContentType": mimetypes.guess_type(path.name)[0] or _ANY_TYPE,
        }
        with _told_as_of_a_disk(path):
            _files(path).pipe_file(_key(path), content, **told)

    def read(self, path: Path) -> bytes:
        """See `Store`; one get, where reading in parts would ask for the size before."""
        with _told_as_of_a_disk(path):
            return bytes(_files(path).cat_file(_key(path), max_concurrency=1))

    def is_whole(self, path: Path, sha256: str) -> bool:
        """See `Store`; what somebody else put there, without a digest, is read once."""
        bucket, key, _ = _files(path).split_path(_key(path))
        try:
            with _told_as_of_a_disk(path):
                head = _files(path).call_s3("head_object", Bucket=bucket, Key=key)
            told = head["Metadata"].get(_DIGEST) or _digest(path, head["ETag"])
        except FileNotFoundError:
            return False
        return bool(told == sha256)

    def at_hand(self, path: Path, sha256: str) -> Path | None:
        """See `Store`; a copy of this content is as good as the file, which is not asked for then."""
        copy = self._copy(path)
        if not is_whole(copy, sha256):
            try:
                _download(path, copy)
            except FileNotFoundError:
                return None
        return copy if is_whole(copy, sha256) else None

    def sweep(self, folder: Path, start: str, keep: Collection[str]) -> None:
        """See `Store`."""
        for left in folder.glob(f"{start}*"):
            if left.name not in keep:
                left.unlink(missing_ok=True)
        if self.copies is not None:
            Folder().sweep(self._copy(folder), start, keep)

    def clear(self, folder: Path) -> None:
        """See `Store`; the lock stays, which whoever clears the folder holds."""
        left = [key for key in _files(folder).find(f"{_key(folder)}/") if key != _lock_of(folder)]
        if left:
            _files(folder).rm(left)
        if self.copies is not None:
            Folder().clear(self._copy(folder))

    def holds(self, folder: Path, files: Mapping[str, bytes]) -> bool:
        """See `Store`."""
        return _names_in(folder) == files.keys() and not self._differing(folder, files)

    def exchange(self, folder: Path, files: Mapping[str, bytes]) -> None:
        """See `Store`; file by file in the given order, what is no longer wanted last."""
        former = _names_in(folder)
        for name in self._differing(folder, files):
            self.write_whole(folder / name, files[name])
        for name in sorted(former - files.keys()):
            (folder / name).unlink()

    def clear_beside(self, folder: Path) -> None:
        """See `Store`; nothing, since a put is whole or did not happen."""

    def alone(self, folder: Path) -> AbstractContextManager[None]:
        """See `Store`."""
        return leased(_files(folder), _lock_of(folder))

    def keeps_others_out(self, place: Path) -> bool:
        """See `Store`; not every storage of this kind does."""
        return keeps_conditions(_files(place), _key(place / f".{uuid.uuid4().hex}.lock"))

    def _differing(self, folder: Path, files: Mapping[str, bytes]) -> list[str]:
        return [
            name
            for name, content in files.items()
            if not self.is_whole(folder / name, hashlib.sha256(content).hexdigest())
        ]

    def _copy(self, path: Path) -> Path:
        if self.copies is None:
            raise ValueError(f"there is no folder for a copy of {path}")
        return self.copies / _key(path).removeprefix(_key(self.root)).lstrip("/")


def _files(path: Path) -> Any:
    """The client of the storage (fsspec)."""
    return cast("UPath", path).fs


def _key(path: Path) -> str:
    """Bucket and key."""
    return cast("UPath", path).path


def _lock_of(folder: Path) -> str:
    return _key(folder / ".lock")


def _names_in(folder: Path) -> set[str]:
    """Every file below the folder, as a path relative to it."""
    start = f"{_key(folder)}/"
    return {key.removeprefix(start) for key in _files(folder).find(start)}


@lru_cache(maxsize=65_536)
def _digest(path: Path, _etag: str) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(cast("Any", file), "sha256").hexdigest()


def _download(path: Path, copy: Path) -> None:
    """Copy the file to this machine, whole or not at all, in place of its month's former copies."""
    copy.parent.mkdir(parents=True, exist_ok=True)
    handle, staged = tempfile.mkstemp(prefix=".", suffix=STAGED, dir=copy.parent)
    os.close(handle)
    try:
        with _told_as_of_a_disk(path):
            _files(path).get_file(_key(path), staged)
        Path(staged).replace(copy)
    finally:
        Path(staged).unlink(missing_ok=True)
    for former in copy.parent.glob(f"{copy.name.split('.')[0]}.*"):
        if former != copy:
            former.unlink(missing_ok=True)


@contextmanager
def _told_as_of_a_disk(path: Path) -> Iterator[None]:
    """What goes wrong on the way to the storage is an OSError, as it is on the way to a disk."""
    try:
        yield
    except BotoCoreError as error:
        raise OSError(f"{path} cannot be reached: {error}") from error
