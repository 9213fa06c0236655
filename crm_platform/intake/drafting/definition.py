"""A table definition (テーブル定義書, R03): what a client says of its tables and their columns."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Literal

Kind = Literal["text", "number", "date", "code", "flag"]

KIND_WORDS: dict[Kind, str] = {"text": "文字列", "number": "数値", "date": "日付", "code": "区分", "flag": "フラグ"}
_TOLD_BY_TYPE: tuple[Kind, ...] = ("date", "flag", "code", "number", "text")
_LENGTH = re.compile(r"\(\s*(\d+)(?:\s*[,.、]\s*\d+)?\s*(?:byte|char|桁|文字|バイト)?\s*\)", re.IGNORECASE)


@dataclass(frozen=True)
class DefinedColumn:
    """One column as defined. `physical_name`: the second name that some documents give; `length`: in characters."""

    name: str
    kind: Kind
    physical_name: str = ""
    length: int | None = None
    required: bool = False
    key: bool = False
    codes: tuple[tuple[str, str], ...] = ()
    meaning: str = ""


@dataclass(frozen=True)
class DefinedTable:
    """One table as defined; `file`: how its file is named, where the document says so."""

    name: str
    columns: tuple[DefinedColumn, ...]
    file: str = ""


@dataclass(frozen=True)
class Definition:
    """All tables of a client."""

    tables: tuple[DefinedTable, ...]


def kind_of_type(text: str) -> tuple[Kind, int | None] | None:
    """`varchar(20)` → ("text", 20), `数値型` → ("number", None); None where the word is no type."""
    plain = unicodedata.normalize("NFKC", text).casefold().strip()
    length = _LENGTH.search(plain)
    word = "".join(re.sub(r"\(.*\)", "", plain).split()).removesuffix("型")
    for kind in _TOLD_BY_TYPE:
        if any(re.fullmatch(pattern, word) for pattern in definition_words()["types"][kind]):
            return kind, int(length[1]) if length else None
    return None


@cache
def definition_words() -> Mapping[str, Mapping[str, list[str]]]:
    """The words of definition documents: `headings` by what they say, `types` by kind."""
    return tomllib.loads(resources.files(__package__).joinpath("definition_words.toml").read_text("utf-8"))
