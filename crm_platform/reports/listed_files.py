"""The files of a month as its index lists them: by service, each deliverable once, with its links and what is new."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Literal

from crm_platform.reports.glyphs import legible
from crm_platform.reports.wording import Wording

FOLDERS = (
    "letter",
    "second_opinion",
    "shopping_alert",
    "portfolio",
    "two_track",
    "proposals",
    "preview",
    "acceptance",
    "month",
)
_FORMATS = (".pdf", ".html", ".docx", ".csv", ".json")  # as their links stand beside one another
_CONTACT_LIST, _DATA_DOCS, _FIRST_PAGE = "contact_list_", "acceptance/data_docs/", "index.html"
State = Literal["new", "changed", "same"]
Files = Mapping[str, Mapping[str, Any]]  # path → its entry in the manifest


@dataclass(frozen=True)
class Link:
    """A file to open: its format as text, its path from the index, what a screen reader says."""

    label: str
    href: str
    spoken: str


@dataclass(frozen=True)
class Entry:
    """A deliverable in all its formats, what it is for, and whether it differs from the month before."""

    name: str
    purpose: str
    links: tuple[Link, ...]
    state: State
    state_label: str
    size: tuple[str, ...]  # rows and those before, or further files; empty where neither is counted


@dataclass(frozen=True)
class Listed:
    """The deliverables of one service."""

    name: str
    entries: tuple[Entry, ...]


def listed_folders(month: str, files: Files, before: Files, words: Wording) -> tuple[Listed, ...]:
    """What is in `files` by service; `before` are those of the month before, without which all is new."""
    keys = sorted({_key(path) for path in files})
    folders = [*FOLDERS, *sorted({_folder(key) for key in keys} - set(FOLDERS))]
    listed = []
    for folder in folders:
        entries = tuple(_entry(key, month, files, before, words) for key in keys if _folder(key) == folder)
        if entries:
            listed.append(Listed(_folder_name(folder, words), _in_order_of_wording(entries, folder, words)))
    return tuple(listed)


def _in_order_of_wording(entries: Sequence[Entry], folder: str, words: Wording) -> tuple[Entry, ...]:
    prefix = f"client_index.files.{folder}."
    names = [text for key, text in words.texts.items() if key.startswith(prefix) and key.endswith(".name")]
    return tuple(
        sorted(entries, key=lambda one: (names.index(one.name) if one.name in names else len(names), one.name))
    )


def _folder(key: str) -> str:
    return key.split("/", maxsplit=1)[0] if "/" in key else "month"


def _key(path: str) -> str:
    """A deliverable whatever its format: the path without its ending; pages that hang together are one."""
    return "acceptance/data_docs" if path.startswith(_DATA_DOCS) else str(PurePosixPath(path).with_suffix(""))


def _text_key(key: str) -> str:
    """Where the wording has a deliverable's name and purpose."""
    folder, name = _folder(key), key.split("/", 1)[-1]
    return f"client_index.files.{folder}.{'contact_list' if name.startswith(_CONTACT_LIST) else name}"


def _name(key: str, path: str, words: Wording) -> str:
    text, channel = f"{_text_key(key)}.name", PurePosixPath(key).name.removeprefix(_CONTACT_LIST)
    return words.text(text, channel=legible(channel)[0]) if words.has(text) else legible(path)[0]


def name_of(path: str, words: Wording) -> str:
    """What a file, or a folder (its path ends in `/`), is called."""
    return _folder_name(path.rstrip("/"), words) if path.endswith("/") else _name(_key(path), path, words)


def _folder_name(folder: str, words: Wording) -> str:
    key = f"client_index.folders.{folder}"
    return words.text(key if words.has(key) else "client_index.folders.other")


def _entry(key: str, month: str, files: Files, before: Files, words: Wording) -> Entry:
    own = {path: one for path, one in files.items() if _key(path) == key}
    purpose, name, state = f"{_text_key(key)}.purpose", _name(key, min(own), words), state_of(own, before)
    return Entry(
        name=name,
        purpose=words.text(purpose if words.has(purpose) else "client_index.other"),
        links=_links(month, own, name, words),
        state=state,
        state_label=words.text(f"client_index.state_{state}"),
        size=_size(own, before, words),
    )


def _links(month: str, own: Files, name: str, words: Wording) -> tuple[Link, ...]:
    """A link per format; of pages that hang together the first alone."""
    shown = [path for path in own if not path.startswith(_DATA_DOCS) or path == f"{_DATA_DOCS}{_FIRST_PAGE}"]
    rank = {
        path: (_FORMATS.index(end) if (end := PurePosixPath(path).suffix) in _FORMATS else 9, path) for path in shown
    }
    links = []
    for path in sorted(shown, key=lambda path: rank[path]):
        label = PurePosixPath(path).suffix.removeprefix(".").upper()
        links.append(Link(label, f"{month}/{path}", words.text("client_index.open", name=name, format=label)))
    return tuple(links)


def state_of(own: Files, before: Files) -> State:
    """How the files of one deliverable stand to those of the month before."""
    former = {path: before[path]["sha256"] for path in own if path in before}
    if not former:
        return "new"
    return "same" if former == {path: one["sha256"] for path, one in own.items()} else "changed"


def _size(own: Files, before: Files, words: Wording) -> tuple[str, ...]:
    """Rows of a list and those of the month before; how many further pages hang on one that is linked."""
    if all(path.startswith(_DATA_DOCS) for path in own):
        return (words.text("client_index.more", files=len(own) - 1),) if len(own) > 1 else ()
    path, one = next(iter(own.items()))
    if one["rows"] is None:
        return ()
    rows, former = words.text("client_index.rows", rows=one["rows"]), before.get(path, one)["rows"]
    return (rows,) if former == one["rows"] else (rows, words.text("client_index.rows_before", rows=former))
