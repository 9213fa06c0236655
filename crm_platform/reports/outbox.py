"""The folder in which a client finds its deliverables: the whole set is exchanged at once, and only if it differs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from crm_platform.clients import client_folder
from crm_platform.lake import store_of
from crm_platform.periods import Month
from crm_platform.reports.manifest import FILE_NAME as MANIFEST


def publish(outbox: Path, client_id: str, month: Month, files: Mapping[str, bytes]) -> Path:
    """Make `<outbox>/<client>/<YYYY-MM>/` hold exactly `files` (relative path → content), and return it.

    In a folder the set is staged beside it and takes its place in one step: who opens the folder finds the old set or
    the new one. In a bucket, which knows no such step, the manifest is put after all that it lists. An identical set is
    left untouched, and a file whose content stays keeps its time of change. ValueError for a path that leaves it.
    """
    return put_in_place(client_folder(outbox, client_id, str(month)), files)


def put_in_place(folder: Path, files: Mapping[str, bytes]) -> Path:
    """Make `folder` hold exactly `files`; see `publish`."""
    wanted = {_inside(path): files[path] for path in sorted(files, key=lambda path: (path == MANIFEST, path))}
    store = store_of(folder)
    if not store.holds(folder, wanted):
        store.exchange(folder, wanted)
    store.clear_beside(folder)
    return folder


def _inside(path: str) -> str:
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or ".." in parts or "\\" in path:
        raise ValueError(f"'{path}' is no path inside the folder of deliverables")
    return str(PurePosixPath(*parts))
