"""Every place where something of one client lies, outside of Dagster's own memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from crm_platform.clients import valid_client_id
from crm_platform.intake.drafting.adoption import definition_path
from crm_platform.lake.files import STAGED
from crm_platform.lake.storage import store_of
from crm_platform.orchestration.platform import Platform

RETENTION = "retention"
_OF_EACH_CLIENT = (
    "inbox",
    "inbox/.sealed",
    "alerts",
    "contacts",
    "backtests",
    "drafts",
    "arrivals",
    "projects",
    RETENTION,
)
_DEMO = "demo"  # the made-up client, whose truth lies beside


@dataclass(frozen=True)
class Size:
    """How much lies in a place."""

    files: int = 0
    bytes: int = 0

    def __add__(self, other: Size) -> Size:
        return Size(self.files + other.files, self.bytes + other.bytes)


def folders_of(platform: Platform, client_id: str) -> dict[str, Path]:
    """The client's folders by place, there or not; its tables last, for their lock is held meanwhile."""
    own = {name: platform.data / name / valid_client_id(client_id) for name in _OF_EACH_CLIENT}
    demo = {"truth of the made-up client": platform.data / _DEMO} if client_id == _DEMO else {}
    made = {"outbox": platform.outbox / client_id, "lake": platform.lake.root / client_id}
    copies = platform.data / "lake" / client_id  # where the lake is a bucket, what was read of it
    return {**own, **demo, **({} if copies == made["lake"] else {"copies of the lake": copies}), **made}


def catalogue_files(platform: Platform, client_id: str) -> list[Path]:
    """What the catalogue holds of the client: TOML, table definition, and what a killed write of either left."""
    clients = platform.catalogue.folder
    named = [clients / f"{valid_client_id(client_id)}.toml", definition_path(clients, client_id)]
    staged = [path for one in named for path in sorted(clients.glob(f".{one.name}.*{STAGED}"))]
    return [path for path in (*named, *staged) if is_there(path)]


def is_there(place: Path) -> bool:
    """Whether anything is there; a link counts, whatever it leads to."""
    return (isinstance(place, Path) and place.is_symlink()) or place.exists()


def size_of(place: Path) -> Size:
    """Files and bytes of a file or folder; a link is a file of its own, and what it leads to is not counted."""
    return sum((Size(1, _bytes_of(path)) for path in _files(place)), Size())


def remove(place: Path) -> None:
    """Remove a file or folder with all in it; of a link only the link. Nothing where nothing is."""
    if isinstance(place, Path) and (place.is_symlink() or place.is_file()):
        place.unlink(missing_ok=True)
    elif place.exists():
        store_of(place).clear(place)


def _files(place: Path) -> Iterator[Path]:
    if isinstance(place, Path) and (place.is_symlink() or place.is_file()):
        yield place
    elif place.exists():
        yield from (path for path in place.rglob("*") if not path.is_dir() or _is_link(path))


def _is_link(path: Path) -> bool:
    return isinstance(path, Path) and path.is_symlink()


def _bytes_of(path: Path) -> int:
    """A bucket knows no links."""
    return (path.lstat() if isinstance(path, Path) else path.stat()).st_size
