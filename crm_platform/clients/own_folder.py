"""The one way from a client's id to a folder: nobody's files are reached by the id, table or month of another."""

from __future__ import annotations

from pathlib import Path

from crm_platform.clients.client import valid_client_id
from crm_platform.refusals import Refused

_NO_NAMES = {"", ".", ".."}
_NEVER_IN_A_NAME = frozenset("/\\\0")


def client_folder(root: Path, client_id: str, *below: str) -> Path:
    """`<root>/<client>/<below>…`, there or not: below the client's own folder, and no link stands on the way.

    `root` itself may be a link, to another disk say. Refused where the id or a name cannot name a folder, and where a
    symbolic link stands in a folder's place: it might lead to another client.
    """
    folder = root / valid_client_id(client_id)
    _refuse_link(folder)
    for name in below:
        if name in _NO_NAMES or _NEVER_IN_A_NAME & set(name):
            raise Refused(f"{name[:80]!r} cannot name anything of '{client_id}'.", "Use a plain name without folders.")
        folder = folder / name
        _refuse_link(folder)
    return folder


def _refuse_link(folder: Path) -> None:
    """A bucket holds no links; `folder` is no `Path` there."""
    if isinstance(folder, Path) and folder.is_symlink():
        raise Refused(
            "a symbolic link stands where a client's own folder belongs.",
            "Put the folder itself there, or mount its disk; only the folder of all clients may be a link.",
            file=str(folder),
        )
