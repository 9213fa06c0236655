"""Where files rest: a folder of this machine, or a bucket of S3-compatible storage. Nothing else asks which of the two.

A place in a bucket is a UPath: it joins, lists and reads like a Path and passes for one. What differs stands here: how
a file appears whole, how its digest is known, how a set takes the place of another, how one waits for others.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol, cast

from crm_platform.lake.exchange import clear_beside, content_of, exchange
from crm_platform.lake.files import STAGED, alone, is_whole, write_whole
from crm_platform.refusals import Refused

_SCHEME = "s3://"


class Store(Protocol):
    """What a folder and a bucket both do."""

    def write_whole(self, path: Path, content: bytes) -> None:
        """A reader sees the old file or the new one."""

    def read(self, path: Path) -> bytes:
        """The content; FileNotFoundError where there is none."""

    def is_whole(self, path: Path, sha256: str) -> bool:
        """Whether `path` is there with the content of this digest."""

    def at_hand(self, path: Path, sha256: str) -> Path | None:
        """A file of this machine with the content of `path`; None where that is missing or of another digest."""

    def sweep(self, folder: Path, start: str, keep: Collection[str]) -> None:
        """Remove files of `folder` whose name begins with `start`, but those to keep, and what broken writes left."""

    def clear(self, folder: Path) -> None:
        """Remove everything below `folder`, and what was copied of it to this machine."""

    def holds(self, folder: Path, files: Mapping[str, bytes]) -> bool:
        """Whether `folder` holds exactly these (relative path → content)."""

    def exchange(self, folder: Path, files: Mapping[str, bytes]) -> None:
        """Make `folder` hold exactly these; the last of them should be the one that names the others."""

    def clear_beside(self, folder: Path) -> None:
        """Remove what an exchange that was killed left beside `folder`."""

    def alone(self, folder: Path) -> AbstractContextManager[None]:
        """Wait until nobody else works on `folder`."""

    def keeps_others_out(self, place: Path) -> bool:
        """Whether one can wait for another there."""


class Folder:
    """A folder of this machine: renames make files and sets whole, the system's locks make writers wait."""

    def write_whole(self, path: Path, content: bytes) -> None:
        """See `Store`."""
        write_whole(path, content)

    def read(self, path: Path) -> bytes:
        """See `Store`."""
        return path.read_bytes()

    def is_whole(self, path: Path, sha256: str) -> bool:
        """See `Store`."""
        return is_whole(path, sha256)

    def at_hand(self, path: Path, sha256: str) -> Path | None:
        """See `Store`."""
        return path if is_whole(path, sha256) else None

    def sweep(self, folder: Path, start: str, keep: Collection[str]) -> None:
        """See `Store`."""
        for left in {*folder.glob(f"{start}*"), *folder.glob(f".*{STAGED}")}:
            if left.name not in keep:
                left.unlink(missing_ok=True)

    def clear(self, folder: Path) -> None:
        """See `Store`."""
        if folder.exists():
            shutil.rmtree(folder)

    def holds(self, folder: Path, files: Mapping[str, bytes]) -> bool:
        """See `Store`."""
        return content_of(folder) == files

    def exchange(self, folder: Path, files: Mapping[str, bytes]) -> None:
        """See `Store`; in one step."""
        exchange(folder, files)

    def clear_beside(self, folder: Path) -> None:
        """See `Store`."""
        clear_beside(folder)

    def alone(self, folder: Path) -> AbstractContextManager[None]:
        """See `Store`."""
        return alone(folder)

    def keeps_others_out(self, place: Path) -> bool:  # noqa: ARG002
        """See `Store`; the system sees to it."""
        return True


def place_of(address: str) -> Path:
    """The place of this address: a folder, or `s3://bucket/prefix`.

    Where the storage is and who may use it, the environment tells the client of S3 (AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID
    and so on). Refused where the address is of another kind, or what a bucket needs is not installed.
    """
    if "://" not in address:
        return Path(address).resolve()
    if not address.startswith(_SCHEME) or not address.removeprefix(_SCHEME).strip("/"):
        raise Refused(
            f"'{address}' is no place for tables or deliverables.", f"Name a folder, or {_SCHEME}bucket/prefix"
        )
    from upath import UPath  # noqa: PLC0415  a folder needs none of its libraries

    try:
        place = UPath(address.rstrip("/"), use_listings_cache=False)  # others write there, too
        place.fs  # noqa: B018  asks for the package that reads buckets
    except ImportError as error:
        raise Refused(
            f"'{address}' is a bucket, and s3fs is not installed.",
            "Install what production needs: docs/production.md says how.",
        ) from error
    return cast("Path", place)


def store_of(place: Path, copies: Path | None = None) -> Store:
    """What keeps the files below `place`; `copies`: the folder for copies of a bucket's files that are read here."""
    if isinstance(place, Path):
        return Folder()
    from crm_platform.lake.bucket import Bucket  # noqa: PLC0415  the client of S3 is no part of a small installation

    return Bucket(place, copies)
