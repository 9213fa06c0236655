"""Seals of deliveries: a note outside each one's folder that it was admitted, so that its loss is found.

`<inbox>/.sealed/<client>/<delivery_id>` holds the digest of the delivery's SHA256SUMS, and that of a later one where
its files were delivered again after a loss. What an installation of before the seals holds is sealed when it is read
next. Without this a folder that is gone would look like orders that were never made.
"""

from __future__ import annotations

from pathlib import Path

from crm_platform.clients import client_folder
from crm_platform.lake import digest_of
from crm_platform.lake.files import write_whole
from crm_platform.refusals import Refused

DIGESTS = "SHA256SUMS"
_SEALS = ".sealed"
_NO_DIGESTS = "without digests"  # of an early edition


def seals_folder(inbox: Path, client_id: str) -> Path:
    """Where the client's seals lie, there or not."""
    return client_folder(inbox / _SEALS, client_id)


def present_ids(inbox: Path, client_id: str) -> list[str]:
    """The deliveries whose folders are there, in the order of arrival."""
    return _names(client_folder(inbox, client_id))


def sealed_ids(inbox: Path, client_id: str) -> list[str]:
    """The deliveries that were admitted, there or lost, in the order of arrival."""
    return _names(seals_folder(inbox, client_id))


def seal(inbox: Path, client_id: str) -> None:
    """Seal every delivery that is there and has no seal."""
    seals = seals_folder(inbox, client_id)
    for name in sorted({*present_ids(inbox, client_id)} - {*_names(seals)}):
        _write(seals / name, [_said_of(client_folder(inbox, client_id, name))])


def allow(inbox: Path, client_id: str, delivery_id: str, digests: bytes) -> None:
    """Let a lost delivery be there again with these digests; before it is there, or it would be refused as another."""
    path = seals_folder(inbox, client_id) / delivery_id
    if path.exists():
        _write(path, sorted({*path.read_text().splitlines(), digest_of(digests)}))


def refuse_lost(inbox: Path, client_id: str, before: str | None = None) -> None:
    """Refused where an admitted delivery, of those that came `before` one, is gone or has not the digests it had."""
    seals = seals_folder(inbox, client_id)
    for name in _names(seals):
        folder = client_folder(inbox, client_id, name)
        if before is not None and name >= before:
            continue
        if not folder.is_dir():
            raise Refused(
                f"the delivery {name} of '{client_id}' was admitted, and is in the inbox no more.",
                "Restore its folder from the backup, or deliver its files again; where there are neither, remove "
                f"{seals / name}: from then on it counts as never delivered.",
                file=str(folder),
            )
        if _said_of(folder) not in (seals / name).read_text().splitlines():
            raise Refused(
                f"the delivery {name} of '{client_id}' is not as it was admitted: its {DIGESTS} is lost or another.",
                f"Restore its folder and {seals / name} from the backup; where there is none, remove the folder and "
                "deliver its files again.",
                file=str(folder / DIGESTS),
            )


def _said_of(folder: Path) -> str:
    try:
        return digest_of((folder / DIGESTS).read_bytes())
    except FileNotFoundError:
        return _NO_DIGESTS


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name[0] != ".") if folder.is_dir() else []


def _write(path: Path, lines: list[str]) -> None:
    write_whole(path, "".join(f"{line}\n" for line in lines).encode())
