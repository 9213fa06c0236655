"""The words of `[tables.<table>]`, read into a TableMapping."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crm_platform.clients.mapping.source_words import parse_sources
from crm_platform.clients.mapping.table_mapping import (
    DELIMITERS,
    ENCODINGS,
    BulkLines,
    FillDown,
    OrderDiscount,
    SetAside,
    SplitRows,
    TableMapping,
)
from crm_platform.clients.mapping.toml_reader import TomlReader

_KEYS = {
    "file", "encoding", "delimiter", "sheet", "columns", "codes", "set_aside", "fill_down", "split_rows",
    "order_discount", "bulk", "drop", "derived_from", "derived_columns", "include_set_aside", "absent", "differences",
}  # fmt: skip
_OF_LINES_ONLY = ("fill_down", "split_rows", "order_discount", "bulk")


def parse_table(
    reader: TomlReader, name: str, said: Any, preset: str | None, own_columns: frozenset[str]
) -> TableMapping:
    """The mapping of the table `name`; Refused names the key that is unknown or wrong."""
    place = f"tables.{name}"
    values = reader.table(said, place, _KEYS)
    _check_together(reader, name, values, place)

    def text(key: str) -> str | None:
        return None if values.get(key) is None else reader.text(values[key], f"{place}.{key}")

    columns, encoding, delimiter = values.get("columns"), values.get("encoding"), values.get("delimiter")
    set_aside = _set_aside_rules(reader, values.get("set_aside", []), f"{place}.set_aside")
    return TableMapping(
        table=name,
        file=text("file"),
        encoding=None if encoding is None else reader.choice(encoding, ENCODINGS, f"{place}.encoding"),
        delimiter=None if delimiter is None else reader.choice(delimiter, DELIMITERS, f"{place}.delimiter"),
        sheet=text("sheet"),
        columns=None if columns is None else parse_sources(reader, columns, f"{place}.columns"),
        codes=_codes(reader, values.get("codes", {}), f"{place}.codes"),
        set_aside=set_aside,
        fill_down=_fill_down(reader, values.get("fill_down"), f"{place}.fill_down"),
        split_rows=_split_rows(reader, values.get("split_rows"), f"{place}.split_rows"),
        order_discount=_order_discount(reader, values.get("order_discount"), set_aside, f"{place}.order_discount"),
        bulk=_bulk(reader, values.get("bulk"), f"{place}.bulk"),
        drop=reader.texts(values["drop"], f"{place}.drop") if values.get("drop") else (),
        derived_from=values.get("derived_from"),
        derived_columns=_headers(reader, values.get("derived_columns", {}), f"{place}.derived_columns"),
        include_set_aside=reader.flag(values.get("include_set_aside", False), f"{place}.include_set_aside"),
        absent=bool(values.get("absent", False)),
        differences=reader.choice(values.get("differences", "orders"), ("orders", "lines"), f"{place}.differences"),
        preset=preset,
        own_columns=own_columns,
    )


def _check_together(reader: TomlReader, name: str, values: Mapping[str, Any], place: str) -> None:
    derived, absent = values.get("derived_from"), reader.flag(values.get("absent", False), f"{place}.absent")
    if derived is not None and (derived != "order_lines" or name not in {"products", "customers", "media"}):
        reader.refuse(f"{place}.derived_from", f"'{derived}' cannot be derived from.", 'Write "order_lines".')
    if absent and (name == "order_lines" or len(values) > 1):
        reader.refuse(f"{place}.absent", f"{name} cannot be absent here.", "Say only `absent = true`, of a master.")
    if "derived_columns" in values and derived is None:
        reader.refuse(f"{place}.derived_columns", "the table is not derived.", 'Write derived_from = "order_lines".')
    for key in _OF_LINES_ONLY:
        if key in values and name != "order_lines":
            reader.refuse(f"{place}.{key}", f"{key} is possible for order_lines only.", "Leave it out.")
    if "order_discount" in values and "discount_jpy" in reader.table(values.get("columns", {}), f"{place}.columns"):
        reader.refuse(f"{place}.order_discount", "discount_jpy is mapped too.", "Keep one of the two.")


def _headers(reader: TomlReader, said: Any, place: str) -> dict[str, str]:
    return {key: reader.text(value, f"{place}.{key}") for key, value in reader.table(said, place).items()}


def _codes(reader: TomlReader, said: Any, place: str) -> dict[str, dict[str, str]]:
    codes = {}
    for target, pairs in reader.table(said, place).items():
        inner = reader.table(pairs, f"{place}.{target}")
        if not all(isinstance(value, str) for value in inner.values()):
            reader.refuse(f"{place}.{target}", "a code does not stand for a text.", 'Write "code" = "value".')
        codes[target] = dict(inner)
    return codes


def _fill_down(reader: TomlReader, said: Any, place: str) -> FillDown | None:
    if said is None:
        return None
    words = reader.table(said, place, {"within", "columns"})
    if len(words) < 2:
        reader.refuse(place, "the rule is not complete.", "Write { within, columns }.")
    return FillDown(reader.text(words["within"], place), reader.texts(words["columns"], place))


def _split_rows(reader: TomlReader, said: Any, place: str) -> SplitRows | None:
    if said is None:
        return None
    words = reader.table(said, place, {"column", "separator", "first_only"})
    if not {"column", "separator"} <= words.keys():
        reader.refuse(place, "the rule is not complete.", "Write { column, separator, first_only }.")
    first_only = reader.texts(words["first_only"], f"{place}.first_only") if words.get("first_only") else ()
    return SplitRows(reader.text(words["column"], place), reader.text(words["separator"], place), first_only)


def _order_discount(reader: TomlReader, said: Any, set_aside: tuple[SetAside, ...], place: str) -> OrderDiscount | None:
    if said is None:
        return None
    words = reader.table(said, place, {"column", "total", "set_aside", "divided_by"})
    kinds = [reader.text(words[kind], f"{place}.{kind}") for kind in ("column", "total", "set_aside") if kind in words]
    if len(kinds) != 1 or {"set_aside", "divided_by"} <= words.keys():
        reader.refuse(place, "the rule is not clear.", "Write one of { column }, { total } or { set_aside }.")
    if "set_aside" in words and kinds[0] not in {rule.rule for rule in set_aside}:
        reader.refuse(f"{place}.set_aside", f"there is no rule '{kinds[0]}'.", "Name one of [[…set_aside]].")
    divided_by = reader.rate(words["divided_by"], f"{place}.divided_by") if "divided_by" in words else None
    return OrderDiscount(words.get("column"), words.get("total"), words.get("set_aside"), divided_by)


def _bulk(reader: TomlReader, said: Any, place: str) -> BulkLines | None:
    if said is None or said is False:  # false: without the preset's
        return None
    words = reader.table(said, place, {"least_quantity", "least_discount_rate"})
    usual = BulkLines()
    quantity = words.get("least_quantity", usual.least_quantity)
    if isinstance(quantity, bool) or not isinstance(quantity, int) or not 2 <= quantity <= 1_000_000:
        reader.refuse(f"{place}.least_quantity", f"{quantity!r} is not a quantity of several.", "Write 2 or more.")
    return BulkLines(quantity, reader.share(words.get("least_discount_rate", usual.least_discount_rate), place))


def _set_aside_rules(reader: TomlReader, said: Any, place: str) -> tuple[SetAside, ...]:
    if not isinstance(said, list):
        reader.refuse(place, "the rules are not a list.", f"Write [[{place}]] above each rule.")
    rules = tuple(_set_aside(reader, item, place) for item in said)
    if len({rule.rule for rule in rules}) < len(rules):
        reader.refuse(place, "two rules have the same name.", "Give each rule its own name.")
    return rules


def _set_aside(reader: TomlReader, said: Any, place: str) -> SetAside:
    conditions = {"empty", "matching", "not_matching", "one_of"}
    values = reader.table(said, place, {"rule", "column"} | conditions)
    given = conditions & values.keys()
    complete = len(given) == 1 and {"rule", "column"} <= values.keys() and values.get("empty", True) is True
    if not complete or not isinstance(values.get("one_of", []), list):
        reader.refuse(
            place,
            f"the rule {values.get('rule', '(without a name)')!r} is not complete.",
            "Write rule, column, and one of: empty = true, matching, not_matching, one_of.",
        )
    return SetAside(
        rule=reader.text(values["rule"], f"{place}.rule"),
        header=reader.text(values["column"], f"{place}.column"),
        empty="empty" in given,
        matching=reader.pattern(values["matching"], place) if "matching" in given else None,
        not_matching=reader.pattern(values["not_matching"], place) if "not_matching" in given else None,
        one_of=tuple(reader.text(value, f"{place}.one_of") for value in values.get("one_of", ())),
    )
