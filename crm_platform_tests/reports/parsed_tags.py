"""The tag tree of a PDF of ours, whose structure elements stand uncompressed in the file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_OBJECT = re.compile(rb"(?:^|\n)(\d+) 0 obj\n(<<.*?>>)\nendobj", re.DOTALL)
_REFERENCE = re.compile(rb"(\d+) 0 R")


@dataclass(frozen=True)
class Tag:
    """A structure element: its kind (`H1`, `Figure`, `TH`), what it says of itself, what stands in it."""

    kind: str
    title: str
    alt: str
    scope: str
    columns: int  # that a cell stands across
    kids: tuple[Tag, ...]

    def walk(self) -> Iterator[Tag]:
        """Itself and all beneath it, in reading order."""
        yield self
        for kid in self.kids:
            yield from kid.walk()


def tag_tree(pdf: bytes) -> Tag:
    """The tree from its root; LookupError where the file is not tagged."""
    objects = {int(found[1]): found[2] for found in _OBJECT.finditer(pdf)}
    roots = [body for body in objects.values() if b"/Type/StructTreeRoot" in body]
    if len(roots) != 1:
        raise LookupError(f"the file has {len(roots)} roots of tags instead of one")
    return Tag("StructTreeRoot", "", "", "", 1, _kids(roots[0], objects))


def _kids(body: bytes, objects: Mapping[int, bytes]) -> tuple[Tag, ...]:
    found = re.search(rb"/K(\[[^\]]*\]|\s?\d+ 0 R)", body)
    if found is None:
        return ()
    bodies = (objects.get(int(number), b"") for number in _REFERENCE.findall(found[1]))
    return tuple(_tag(one, objects) for one in bodies if b"/Type/StructElem" in one)


def _tag(body: bytes, objects: Mapping[int, bytes]) -> Tag:
    kind = re.search(rb"/S/(\w+)", body)
    scope, columns = re.search(rb"/Scope/(\w+)", body), re.search(rb"/ColSpan (\d+)", body)
    return Tag(
        kind[1].decode() if kind else "",
        _text(body, b"T"),
        _text(body, b"Alt"),
        scope[1].decode() if scope else "",
        int(columns[1]) if columns else 1,
        _kids(body, objects),
    )


def _text(body: bytes, name: bytes) -> str:
    """A string of the dictionary: UTF-16 in hexadecimal digits, or Latin letters in brackets."""
    found = re.search(rb"/%b(?:<([0-9A-F]*)>|\(((?:\\.|[^\\)])*)\))" % name, body, re.DOTALL)
    if found is None:
        return ""
    if found[1] is not None:
        return bytes.fromhex(found[1].decode()).decode("utf-16")
    return re.sub(rb"\\(.)", rb"\1", found[2], flags=re.DOTALL).decode("latin-1")
