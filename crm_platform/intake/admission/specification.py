"""The specification of a delivered file, and whether it is the last delivery's (データの仕様が前回と同じ, R13)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from crm_platform.clients.mapping import FromColumn, TableMapping
from crm_platform.intake.mapping.layouts import Layout
from crm_platform.intake.mapping.standard_layout import DELIVERED
from crm_platform.intake.reading.raw_rows import RawRows, matching_form
from crm_platform.lake import digest_of
from crm_platform.tables.table import TEXT

_SAMPLE = 1000
_KINDS = {
    "number": r"^[-−△▲¥]?[0-9][0-9,]*(\.[0-9]+)?円?$",
    "date": r"^[0-9]{4}[-/.][0-9]{1,2}[-/.][0-9]{1,2}([T ].*)?$",
}

Specification = Mapping[str, Any]


def specification_of(raw: RawRows, layout: Layout, mapping: TableMapping) -> dict[str, Any]:
    """Columns in order as [name, kind], delimiter, encoding and codes.

    The kind of a column that is cast is what it is cast to: a month without cancellations has the same specification.
    A column without a value is "empty", a file of ASCII characters only "ascii"; both agree with any other.
    """
    cast_to = {
        matching_form(source.header): str(DELIVERED[mapping.table][target].type)
        for target, source in layout.sources.items()
        if isinstance(source, FromColumn) and DELIVERED[mapping.table][target].type != TEXT
    }
    kinds = {matching_form(name): _kind(column.distinct) for name, column in raw.columns.items()} | cast_to
    return {
        "columns": [[form := matching_form(name), kinds.get(form, "dropped")] for name in raw.reading.headers],
        "delimiter": raw.reading.delimiter,
        "encoding": "ascii" if raw.reading.is_ascii else raw.reading.encoding,
        "codes": {target: dict(pairs) for target, pairs in mapping.codes.items()},
    }


def as_first_read(now: Specification, first: Specification) -> dict[str, Any]:
    """The specification of a file read again from its stored form: as it first came, understood as it is now."""
    kinds = dict(map(tuple, now["columns"]))
    columns = [[name, kinds.get(name, "dropped")] for name, _ in first["columns"]]
    return {"columns": columns, **{key: first[key] for key in ("delimiter", "encoding")}, "codes": now["codes"]}


def fingerprint_of(specification: Specification) -> str:
    """Digest of a specification: equal means the same."""
    return digest_of([specification[part] for part in ("columns", "delimiter", "encoding", "codes")])


def compared_with_last(
    files: Sequence[Mapping[str, Any]], former: Sequence[Mapping[str, Any]]
) -> tuple[bool | None, list[str]]:
    """(`same_spec`, what differs in words): each table against the last of the `former` receipts that brought it.

    `same_spec` is None where no table was delivered before. A table that is new changes nothing of the others'.
    """
    compared, differences = False, []
    for table in dict.fromkeys(file["table"] for file in files):
        last = next((found for receipt in reversed(former) if (found := _of_table(receipt["files"], table))), None)
        if last is not None:
            compared = True
            differences += [f"{table}: {said}" for said in _differences(_of_table(files, table), last)]
    return (not differences if compared else None), differences


def _of_table(files: Sequence[Mapping[str, Any]], table: str) -> list[Mapping[str, Any]]:
    """The differing specifications of a table's files; those of receipts that tell fingerprints alone count too."""
    found = {file["spec_fingerprint"]: file for file in files if file["table"] == table}
    return [found[fingerprint] for fingerprint in sorted(found)]


def _differences(now: Sequence[Mapping[str, Any]], last: Sequence[Mapping[str, Any]]) -> list[str]:
    """Each file of `now` beside the one of `last` that it is closest to.

    Files saved over years may differ among themselves; a month that looks like one of them brings nothing new.
    """
    if [file["spec_fingerprint"] for file in now] == [file["spec_fingerprint"] for file in last]:
        return []
    if any("specification" not in file for file in (*now, *last)):
        return ["the specification differs"]
    closest = [
        min((list(_in_words(file["specification"], former["specification"])) for former in last), key=len)
        for file in now
    ]
    return list(dict.fromkeys(said for words in closest for said in words))


def _in_words(now: Specification, last: Specification) -> Iterator[str]:
    kinds, former = (dict(map(tuple, spec["columns"])) for spec in (now, last))
    yield from (f"column '{name}' added" for name in kinds if name not in former)
    yield from (f"column '{name}' removed" for name in former if name not in kinds)
    kept = [[name for name in spec if name in kinds and name in former] for spec in (kinds, former)]
    if kept[0] != kept[1]:
        moved = next(name for name, other in zip(*kept, strict=True) if name != other)
        yield f"columns moved, the first where '{moved}' now stands"
    for name in kept[0]:
        if kinds[name] != former[name] and "empty" not in {kinds[name], former[name]}:
            yield f"column '{name}' is of kind {kinds[name]}, was {former[name]}"
    if now["delimiter"] != last["delimiter"]:
        yield f"delimiter is {now['delimiter']!r}, was {last['delimiter']!r}"
    if now["encoding"] != last["encoding"] and "ascii" not in {now["encoding"], last["encoding"]}:
        yield f"encoding is {now['encoding']!r}, was {last['encoding']!r}"
    yield from (f"codes of {column} changed" for column in _changed_codes(now["codes"], last["codes"]))


def _changed_codes(now: Mapping[str, Any], last: Mapping[str, Any]) -> list[str]:
    return [column for column in sorted({*now, *last}) if now.get(column) != last.get(column)]


def _kind(distinct: pa.Array) -> str:
    sample = distinct.slice(0, _SAMPLE)
    sample = pc.utf8_normalize(sample.filter(pc.not_equal(sample, "")), "NFKC")  # as the values are cast
    if len(sample) == 0:
        return "empty"
    for kind, pattern in _KINDS.items():
        hits = pc.sum(pc.match_substring_regex(sample, pattern)).as_py() or 0
        if hits >= 0.9 * len(sample):
            return kind
    return "text"
