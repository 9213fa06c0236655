"""The words of the trade (vocabulary.toml): how well a header names a table column, and what a code says."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from crm_platform.intake.reading.raw_rows import matching_form

VOCABULARY_TABLES = ("order_lines", "customers", "products", "media")
_BRACKETS = re.compile(r"[(\[【「<].*?[)\]】」>]")
_SEGMENTS = re.compile(r"[.:/|]|[\]】]|__")
_CODE = re.compile(r"(?<=[^\x00-\x7f])cd$")
_SHORTEST_PART = 2


@dataclass(frozen=True)
class Words:
    """How a column is called. `rank`: position of each word; `prefer`: `id` or `名称` of a pair that says the same."""

    rank: Mapping[str, int]
    never: re.Pattern[str] | None
    prefer: str
    order_amounts: tuple[str, ...]


@dataclass(frozen=True)
class Match:
    """How well a header names a column, 0 to 1, and the word that says so."""

    score: float
    word: str
    how: str


NO_MATCH = Match(0.0, "", "")


def word_form(header: str) -> str:
    """A header as words are compared: its matching form without joining marks, 商品CD as 商品コード."""
    return _CODE.sub("コード", re.sub(r"[_\-・‐#'’]", "", matching_form(header)))


def targets_of(table: str) -> Mapping[str, Words]:
    """The words of each column of a table that a draft can fill."""
    return _read()[table]


def match_of(header: str, words: Words) -> Match:
    """How well `header` names the column: as a whole, without its brackets, by its last part, or by a part."""
    whole = word_form(header)
    if whole not in words.rank and words.never is not None and words.never.search(whole):
        return NO_MATCH
    bare = word_form(_BRACKETS.sub("", unicodedata.normalize("NFKC", header)))
    last = word_form(_SEGMENTS.split(unicodedata.normalize("NFKC", header))[-1])
    for form, score, how in ((whole, 1.0, "is"), (bare, 0.92, "is"), (last, 0.88, "ends in")):
        if form in words.rank:
            return Match(score - 0.1 * words.rank[form] / len(words.rank), form, how)
    found = [word for word in words.rank if len(word) >= _SHORTEST_PART and word in bare and _is_part(word, bare)]
    if not found or bare in nothing_words():
        return NO_MATCH
    longest = max(found, key=lambda word: (bare.endswith(word), len(word), -words.rank[word]))
    score = (0.6 if bare.endswith(longest) else 0.35) + 0.25 * len(longest) / len(bare)
    return Match(score, longest, "holds")


def _is_part(word: str, form: str) -> bool:
    """Whether a Latin word stands alone enough within a header (`order` is no part of `border`)."""
    if not word.isascii():
        return True
    return len(word) >= 6 and (form.startswith(word) or form.endswith(word))


def is_nothing(header: str) -> bool:
    """Whether the header is known as one that no table needs."""
    bare = word_form(_BRACKETS.sub("", unicodedata.normalize("NFKC", header)))
    return word_form(header) in nothing_words() or bare in nothing_words()


@cache
def nothing_words() -> frozenset[str]:
    """Headers that no table needs, in word form."""
    return frozenset(map(word_form, _toml()["nothing"]["words"]))


def code_meaning(target: str, text: str) -> str:
    """What a code's wording says: a value of the column, `not_an_order`, or "" where it is not clear."""
    plain = unicodedata.normalize("NFKC", text).casefold().strip()
    for meaning, pattern in _toml()["codes"].get(target, {}).items():
        if plain and re.search(pattern, plain):
            return "" if meaning == "unclear" else str(meaning)
    return ""


def row_kind_headers() -> frozenset[str]:
    """Headers of a column that says what kind of row each is (明細区分)."""
    return frozenset(map(word_form, _toml()["row_kinds"]["headers"]))


def row_kind(text: str) -> str:
    """`goods`, `discount`, `shipping`, `fee`, `tax`, `points`; "" where the wording is not known."""
    plain = unicodedata.normalize("NFKC", text).casefold().strip()
    kinds = {kind: pattern for kind, pattern in _toml()["row_kinds"].items() if kind != "headers"}
    return next((kind for kind, pattern in kinds.items() if plain and re.search(pattern, plain)), "")


@cache
def _toml() -> dict[str, Any]:
    return tomllib.loads(resources.files(__package__).joinpath("vocabulary.toml").read_text("utf-8"))


@cache
def _read() -> dict[str, dict[str, Words]]:
    return {table: {name: _words(said) for name, said in _toml()[table].items()} for table in VOCABULARY_TABLES}


def _words(said: Mapping[str, Any]) -> Words:
    forms = list(dict.fromkeys(map(word_form, said["words"])))
    return Words(
        rank={form: rank for rank, form in enumerate(forms)},
        never=re.compile(said["never"]) if "never" in said else None,
        prefer=said.get("prefer", ""),
        order_amounts=tuple(map(word_form, said.get("order_amounts", ()))),
    )
