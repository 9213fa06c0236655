"""How a client's files become the platform's tables: `[admission]`, `[personal_data]` and `[tables.*]` of its TOML.

A mapping may rename, cast, decode and map codes (R08). Setting rows aside and deriving a table are processing (加工,
R09); they are possible, named, counted and listed on the estimate. Here the words are read; `intake` carries them out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from math import inf
from typing import Any, Literal, NoReturn

from crm_platform.clients.client import Client
from crm_platform.refusals import Refused

OPTIONAL_TABLES = ("subscription_events", "contacts", "control_totals")
DELIVERED_TABLES = ("products", "customers", "media", "order_lines", *OPTIONAL_TABLES)
ENCODINGS = ("utf-8", "utf-8-sig", "cp932", "latin-1", "euc_jp")
DELIMITERS = ("\t", ",", ";", "|")
PersonalDataPolicy = Literal["refuse", "drop"]


@dataclass(frozen=True)
class FromColumn:
    """The value of a delivered column; a number may be multiplied by a fixed stated rate (`times`)."""

    header: str
    times: Decimal | None = None


@dataclass(frozen=True)
class ByPattern:
    """`then` where the delivered column matches the regular expression, `otherwise` elsewhere."""

    header: str
    pattern: str
    then: str
    otherwise: str


@dataclass(frozen=True)
class Constant:
    """The same value in every row."""

    value: str


@dataclass(frozen=True)
class NumberWithin:
    """1, 2, 3 … within equal values of another column of the same table, in the order of the file."""

    column: str


Source = FromColumn | ByPattern | Constant | NumberWithin


@dataclass(frozen=True)
class SetAside:
    """A named rule by which rows are left out on purpose; exactly one of the four conditions is set."""

    rule: str
    header: str
    empty: bool = False
    matching: str | None = None
    not_matching: str | None = None
    one_of: tuple[str, ...] = ()


@dataclass(frozen=True)
class TableMapping:
    """What the client says of one table; `columns` is None where it delivers the standard layout (R10)."""

    table: str
    file: str | None = None
    encoding: str | None = None
    delimiter: str | None = None
    columns: Mapping[str, Source] | None = None
    codes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    set_aside: tuple[SetAside, ...] = ()
    derived_from: str | None = None
    include_set_aside: bool = False
    absent: bool = False


@dataclass(frozen=True)
class IntakeRules:
    """All that decides which of a client's rows are admitted, and as what."""

    file: str
    tolerated_bad_row_rate: float
    personal_data: PersonalDataPolicy
    tables: Mapping[str, TableMapping]


def parse_intake_rules(client: Client) -> IntakeRules:
    """The rules of `client`; Refused names the key that is unknown or wrong. Nothing said: the standard layout."""
    reader = _Reader(f"{client.id}.toml")
    raw = client.intake
    admission = reader.table(raw.get("admission", {}), "admission", {"tolerated_bad_row_rate"})
    rate = admission.get("tolerated_bad_row_rate", 0.0)
    if isinstance(rate, bool) or not isinstance(rate, (int, float)) or not 0 <= rate <= 1:
        reader.refuse("admission.tolerated_bad_row_rate", f"the rate is {rate!r}.", "Write a share from 0 to 1.")
    guard = reader.table(raw.get("personal_data", {}), "personal_data", {"policy"})
    policy = reader.choice(guard.get("policy", "refuse"), ("refuse", "drop"), "personal_data.policy")
    said = reader.table(raw.get("tables", {}), "tables", set(DELIVERED_TABLES))
    tables = {name: _table_mapping(reader, name, said.get(name, {})) for name in DELIVERED_TABLES}
    return IntakeRules(reader.file, float(rate), "drop" if policy == "drop" else "refuse", tables)


_TABLE_KEYS = {
    "file", "encoding", "delimiter", "columns", "codes", "set_aside", "derived_from", "include_set_aside", "absent",
}  # fmt: skip


def _table_mapping(reader: _Reader, name: str, said: Any) -> TableMapping:
    place = f"tables.{name}"
    values = reader.table(said, place, _TABLE_KEYS)
    derived, absent = values.get("derived_from"), reader.flag(values.get("absent", False), f"{place}.absent")
    if derived is not None and (derived != "order_lines" or name == "order_lines"):
        reader.refuse(f"{place}.derived_from", f"'{derived}' cannot be derived from.", 'Write "order_lines".')
    if absent and (name == "order_lines" or len(values) > 1):
        reader.refuse(f"{place}.absent", f"{name} cannot be absent here.", "Say only `absent = true`, of a master.")
    encoding, delimiter = values.get("encoding"), values.get("delimiter")
    columns = values.get("columns")
    return TableMapping(
        table=name,
        file=None if values.get("file") is None else reader.text(values["file"], f"{place}.file"),
        encoding=None if encoding is None else reader.choice(encoding, ENCODINGS, f"{place}.encoding"),
        delimiter=None if delimiter is None else reader.choice(delimiter, DELIMITERS, f"{place}.delimiter"),
        columns=None if columns is None else _sources(reader, columns, f"{place}.columns"),
        codes=_codes(reader, values.get("codes", {}), f"{place}.codes"),
        set_aside=_set_aside_rules(reader, values.get("set_aside", []), f"{place}.set_aside"),
        derived_from=derived,
        include_set_aside=reader.flag(values.get("include_set_aside", False), f"{place}.include_set_aside"),
        absent=absent,
    )


def _sources(reader: _Reader, said: Any, place: str) -> dict[str, Source]:
    return {target: _source(reader, value, f"{place}.{target}") for target, value in reader.table(said, place).items()}


def _source(reader: _Reader, said: Any, place: str) -> Source:
    if isinstance(said, str):
        return FromColumn(reader.text(said, place))
    keys = set(reader.table(said, place))
    if keys == {"constant"}:
        return Constant(reader.text(said["constant"], place))
    if keys == {"number_within"}:
        return NumberWithin(reader.text(said["number_within"], place))
    if keys == {"column", "pattern", "then", "otherwise"}:
        pattern = reader.pattern(said["pattern"], f"{place}.pattern")
        then, otherwise = reader.text(said["then"], place), reader.text(said["otherwise"], place)
        return ByPattern(reader.text(said["column"], place), pattern, then, otherwise)
    if keys == {"column", "times"} and isinstance(said["times"], (int, float)) and 0 < said["times"] < inf:
        return FromColumn(reader.text(said["column"], place), Decimal(str(said["times"])))
    raise reader.refusal(
        place,
        f"the keys {', '.join(sorted(keys)) or '(none)'} do not say where the value comes from.",
        'Write "HEADER", { column, times }, { column, pattern, then, otherwise }, { constant } or { number_within }.',
    )


def _codes(reader: _Reader, said: Any, place: str) -> dict[str, dict[str, str]]:
    codes = {}
    for target, pairs in reader.table(said, place).items():
        inner = reader.table(pairs, f"{place}.{target}")
        if not all(isinstance(value, str) for value in inner.values()):
            reader.refuse(f"{place}.{target}", "a code does not stand for a text.", 'Write "code" = "value".')
        codes[target] = dict(inner)
    return codes


def _set_aside_rules(reader: _Reader, said: Any, place: str) -> tuple[SetAside, ...]:
    if not isinstance(said, list):
        reader.refuse(place, "the rules are not a list.", f"Write [[{place}]] above each rule.")
    rules = tuple(_set_aside(reader, item, place) for item in said)
    if len({rule.rule for rule in rules}) < len(rules):
        reader.refuse(place, "two rules have the same name.", "Give each rule its own name.")
    return rules


def _set_aside(reader: _Reader, said: Any, place: str) -> SetAside:
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


@dataclass(frozen=True)
class _Reader:
    """Reads TOML values and refuses, naming the key, what is not as it should be."""

    file: str

    def refusal(self, place: str, problem: str, remedy: str) -> Refused:
        return Refused(problem, remedy, file=self.file, column=place)

    def refuse(self, place: str, problem: str, remedy: str) -> NoReturn:
        raise self.refusal(place, problem, remedy)

    def table(self, value: Any, place: str, known: set[str] | None = None) -> Mapping[str, Any]:
        if not isinstance(value, Mapping):
            raise self.refusal(place, f"'{place}' is not a table.", f"Write [{place}] and keys below it.")
        for key in value:
            if known is not None and key not in known:
                raise self.refusal(f"{place}.{key}", f"'{key}' is not known here.", f"Use {', '.join(sorted(known))}.")
        return value

    def text(self, value: Any, place: str) -> str:
        if not isinstance(value, str) or not value:
            raise self.refusal(place, f"{value!r} is not a text.", "Write a text in quotation marks.")
        return value

    def flag(self, value: Any, place: str) -> bool:
        if not isinstance(value, bool):
            raise self.refusal(place, f"{value!r} is neither true nor false.", "Write true or false.")
        return value

    def choice(self, value: Any, known: tuple[str, ...], place: str) -> str:
        if value not in known:
            raise self.refusal(place, f"{value!r} is not possible here.", f"Use one of {known!r}.")
        return str(value)

    def pattern(self, value: Any, place: str) -> str:
        try:
            re.compile(self.text(value, place))
        except re.error as error:
            raise self.refusal(place, f"the regular expression is wrong: {error}.", "Mend it.") from error
        return str(value)
