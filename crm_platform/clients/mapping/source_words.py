"""The words of `[tables.*.columns]`: each kind of source is told by its keys."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping
from typing import Any

from crm_platform.clients.mapping.sources import (
    ByCases,
    Case,
    Constant,
    FirstFilled,
    FromColumn,
    Joined,
    KeyedHash,
    NumberWithin,
    Part,
    Source,
)
from crm_platform.clients.mapping.toml_reader import TomlReader

_Words = Mapping[str, Any]
_KNOWN_WORDS = (
    '"HEADER", { column, times }, { column, divided_by }, { column, format }, { column, part, separator }, '
    "{ columns, join }, { first_filled }, { column, pattern, then, otherwise }, { cases, otherwise }, { constant }, "
    "{ number_within } or { keyed_hash }"
)


def parse_sources(reader: TomlReader, said: Any, place: str) -> dict[str, Source]:
    """The source of every table column that the mapping names; Refused names the column that is not understood."""
    return {target: _source(reader, value, f"{place}.{target}") for target, value in reader.table(said, place).items()}


def _source(reader: TomlReader, said: Any, place: str) -> Source:
    if isinstance(said, str):
        return FromColumn(reader.text(said, place))
    words = reader.table(said, place)
    parse = _KINDS.get(frozenset(words))
    if parse is None:
        raise reader.refusal(
            place,
            f"the keys {', '.join(sorted(words)) or '(none)'} do not say where the value comes from.",
            f"Write {_KNOWN_WORDS}.",
        )
    return parse(reader, words, place)


def _constant(reader: TomlReader, words: _Words, place: str) -> Source:
    return Constant(reader.text(words["constant"], place))


def _number_within(reader: TomlReader, words: _Words, place: str) -> Source:
    return NumberWithin(reader.text(words["number_within"], place))


def _times(reader: TomlReader, words: _Words, place: str) -> Source:
    times = reader.rate(words["times"], place, signed=True)  # a discount may be written with a minus (△500)
    return FromColumn(reader.text(words["column"], place), times=times)


def _divided_by(reader: TomlReader, words: _Words, place: str) -> Source:
    return FromColumn(reader.text(words["column"], place), divided_by=reader.rate(words["divided_by"], place))


def _format(reader: TomlReader, words: _Words, place: str) -> Source:
    written = reader.text(words["format"], f"{place}.format")
    if not {"%d", "%m"} <= {written[at : at + 2] for at in range(len(written))} or "%Y" not in written:
        reader.refuse(f"{place}.format", f"'{written}' does not name a day.", 'Write such as "%m/%d/%Y %H:%M".')
    try:
        dt.datetime.strptime(dt.datetime(2025, 6, 30, tzinfo=dt.UTC).strftime(written), written)
    except (ValueError, re.error):
        reader.refuse(f"{place}.format", f"'{written}' cannot be read back.", "Name each part of a date once.")
    return FromColumn(reader.text(words["column"], place), format=written)


def _keyed_hash(reader: TomlReader, words: _Words, place: str) -> Source:
    return KeyedHash(reader.texts(words["keyed_hash"], place))


def _joined(reader: TomlReader, words: _Words, place: str) -> Source:
    if not isinstance(words["join"], str):
        reader.refuse(f"{place}.join", f"{words['join']!r} is not a text.", 'Write what stands between: join = " ".')
    return Joined(reader.texts(words["columns"], place), words["join"])


def _first_filled(reader: TomlReader, words: _Words, place: str) -> Source:
    return FirstFilled(reader.texts(words["first_filled"], place))


def _part(reader: TomlReader, words: _Words, place: str) -> Source:
    if type(words["part"]) is not int or words["part"] < 1:
        reader.refuse(f"{place}.part", f"{words['part']!r} is no part.", "Count the parts from 1.")
    separator = reader.text(words["separator"], f"{place}.separator")
    return Part(reader.text(words["column"], place), words["part"], separator)


def _one_case(reader: TomlReader, words: _Words, place: str) -> Source:
    return ByCases((_case(reader, words, place),), reader.text(words["otherwise"], place))


def _cases(reader: TomlReader, words: _Words, place: str) -> Source:
    if not isinstance(words["cases"], list) or not words["cases"]:
        reader.refuse(f"{place}.cases", "the cases are not a list.", "Write cases = [{ column, pattern, then }, …].")
    cases = [reader.table(case, f"{place}.cases", {"column", "pattern", "then"}) for case in words["cases"]]
    if any(len(case) < 3 for case in cases):
        reader.refuse(f"{place}.cases", "a case is not complete.", "Write { column, pattern, then } for each.")
    return ByCases(tuple(_case(reader, case, place) for case in cases), reader.text(words["otherwise"], place))


def _case(reader: TomlReader, words: _Words, place: str) -> Case:
    pattern = reader.pattern(words["pattern"], f"{place}.pattern")
    return Case(reader.text(words["column"], place), pattern, reader.text(words["then"], place))


_KINDS: dict[frozenset[str], Callable[[TomlReader, _Words, str], Source]] = {
    frozenset({"constant"}): _constant,
    frozenset({"number_within"}): _number_within,
    frozenset({"column", "times"}): _times,
    frozenset({"column", "divided_by"}): _divided_by,
    frozenset({"column", "format"}): _format,
    frozenset({"keyed_hash"}): _keyed_hash,
    frozenset({"columns", "join"}): _joined,
    frozenset({"first_filled"}): _first_filled,
    frozenset({"column", "part", "separator"}): _part,
    frozenset({"column", "pattern", "then", "otherwise"}): _one_case,
    frozenset({"cases", "otherwise"}): _cases,
}
