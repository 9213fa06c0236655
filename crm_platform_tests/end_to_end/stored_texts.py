"""Everything that is stored in a folder, as text: packed files unpacked, tables decoded, databases read."""

from __future__ import annotations

import contextlib
import gzip
import html
import io
import re
import sqlite3
import subprocess
import unicodedata
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow.parquet as pq

_ENCODINGS = ("utf-8", "cp932", "utf-16-le", "utf-16-be")
_ESCAPED = re.compile(r"\\+u([0-9a-fA-F]{4})")
_WIDE = {"utf-16-le", "utf-16-be"}
_ENOUGH_NULLS = 0.05  # of a file in UTF-16 with its digits and delimiters


def places_of(values: Iterable[str], folder: Path) -> dict[str, set[str]]:
    """The stored files in which each value stands, in whatever spelling; values that stand nowhere are left out."""
    wanted = {value: plain(value) for value in values}
    found: dict[str, set[str]] = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        for text in texts_of(path):
            for value in [value for value, spelled in wanted.items() if spelled in text]:
                found.setdefault(value, set()).add(str(path.relative_to(folder)))
    return found


def plain(text: str) -> str:
    """NFKC, small letters, escapes of HTML and JSON undone: all spellings of a value are one."""
    text = _ESCAPED.sub(lambda match: chr(int(match[1], 16)), text)
    return unicodedata.normalize("NFKC", html.unescape(text)).casefold()


def texts_of(path: Path) -> Iterator[str]:
    """What the file says: its name, its bytes read in every encoding, and what is packed in it."""
    yield plain(path.name)
    content = path.read_bytes()
    for part in (content, *_unpacked(path, content)):
        nulls = part.count(0) / max(len(part), 1)
        for encoding in _ENCODINGS:
            if encoding not in _WIDE or nulls > _ENOUGH_NULLS:
                yield plain(part.decode(encoding, "ignore"))


def _unpacked(path: Path, content: bytes) -> Iterator[bytes]:
    if content.startswith(b"\x1f\x8b"):
        yield gzip.decompress(content)
    elif content.startswith(b"PK\x03\x04"):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            yield from (archive.read(name) for name in archive.namelist())
    elif content.startswith(b"PAR1"):
        yield str(pq.read_table(io.BytesIO(content)).to_pylist()).encode()
    elif content.startswith(b"%PDF"):
        yield subprocess.run(["pdftotext", "-", "-"], input=content, capture_output=True, check=True).stdout
    elif content.startswith(b"SQLite format 3"):
        yield from _cells_of_database(path)


def _cells_of_database(path: Path) -> Iterator[bytes]:
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        tables = [name for (name,) in database.execute("select name from sqlite_master where type = 'table'")]
        for table in tables:
            cells = [cell for row in database.execute(f'select * from "{table}"') for cell in row]  # noqa: S608
            yield "\n".join(str(cell) for cell in cells if not isinstance(cell, bytes)).encode()
            for cell in (cell for cell in cells if isinstance(cell, bytes)):
                with contextlib.suppress(zlib.error):  # Dagster packs its snapshots
                    yield zlib.decompress(cell)
