"""Rows as read → rows that may be kept: keys hashed, personal columns cut, personal cells blotted out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa

from crm_platform.intake.guard.keyed_hash import HashKey, are_keyed_hashes, hashed_column
from crm_platform.intake.guard.personal_data import (
    Finding,
    PersonalCells,
    PersonalColumn,
    filled_cells,
    find_personal_data,
    refuse_personal_headers,
)
from crm_platform.intake.reading.raw_rows import RawRows, matching_form
from crm_platform.intake.reading.text_column import TextColumn
from crm_platform.refusals import Refused

BLOTTED = "(personal data, not stored)"  # stands in a stored file where a cell was
_HASHED, _LEFT_OUT = "hashed as a key", "left out by the mapping"


@dataclass(frozen=True)
class Wanted:
    """What a table's mapping says of the columns that the guard sees.

    `needed`: table column by delivered header that is read, "" where it is read for something else. `hashes`: delivered
    headers by the header of their keyed hash. `drop`: headers that are neither stored nor read.
    """

    needed: Mapping[str, str] = field(default_factory=dict)
    hashes: Mapping[str, Sequence[str]] = field(default_factory=dict)
    drop: Sequence[str] = ()


@dataclass(frozen=True)
class Guarded:
    """Rows without personal data. `cut`: columns that went. `blotted`: cells that are empty now, whose rows are bad."""

    rows: RawRows
    cut: tuple[PersonalColumn, ...]
    blotted: tuple[PersonalCells, ...]
    hash_key_fingerprint: str | None

    @property
    def unexpected(self) -> list[Finding]:
        """All that was found, beside the columns that the mapping itself hashes or leaves out."""
        return [*(item for item in self.cut if item.kind not in {_HASHED, _LEFT_OUT}), *self.blotted]


def guard_rows(rows: RawRows, table: str, wanted: Wanted, year: int, key: HashKey | None) -> Guarded:
    """The rows of a file without personal data. `year`: of the delivery.

    Refused where the mapping wants a keyed hash and its column or the key is missing, or what stands there is no hash,
    and where a header is personal data.
    """
    _refuse_other_than_hashes(rows, wanted)
    hashes = {
        name: _hashed(rows, headers, key) for name, headers in wanted.hashes.items() if not _has(rows.columns, name)
    }
    by_mapping = _named(rows, wanted.drop, _LEFT_OUT)
    by_mapping |= _named(rows, [header for headers in wanted.hashes.values() for header in headers], _HASHED)
    rest = rows.without(set(by_mapping))
    refuse_personal_headers(rest.without(set(wanted.needed)), table)
    found = find_personal_data(_without_hashes(rest, wanted), table, wanted.needed, year)
    cut = {item.header: item for item in found if isinstance(item, PersonalColumn)} | by_mapping
    cells = [*(item for item in found if isinstance(item, PersonalCells)), *_blotted_before(rest)]
    kept = _blotted_out(rest.without(set(cut)), cells)
    return Guarded(
        replace(kept, columns=kept.columns | hashes),
        tuple(cut[header] for header in rows.columns if header in cut),
        tuple(cells),
        key.fingerprint if hashes and key else None,
    )


def with_blots(rows: RawRows, cells: Iterable[PersonalCells]) -> RawRows:
    """The rows as they are stored: the word BLOTTED where a personal cell was, so that it is known when read again."""
    return _overwritten(rows, cells, BLOTTED)


def _blotted_out(rows: RawRows, cells: Iterable[PersonalCells]) -> RawRows:
    return _overwritten(rows, cells, "")


def _refuse_other_than_hashes(rows: RawRows, wanted: Wanted) -> None:
    """A column of this name is never searched for personal data, so it may hold nothing but hashes."""
    for header, column in rows.columns.items():
        if _has(wanted.hashes, header) and not are_keyed_hashes(column):
            raise Refused(
                "the column is named as a keyed hash of the platform's, but holds something else.",
                "Deliver the column itself under its own name; it is hashed before anything is written.",
                file=rows.file,
                row=1,
                column=header[:40],
            )


def _hashed(rows: RawRows, headers: Sequence[str], key: HashKey | None) -> TextColumn:
    delivered = {matching_form(header): column for header, column in rows.columns.items()}
    missing = [header for header in headers if matching_form(header) not in delivered]
    if missing:
        raise Refused(
            f"the file lacks the column '{missing[0]}', whose keyed hash is the key.",
            f"Deliver it, or mend the mapping. The file has: {', '.join(rows.columns)[:300]}.",
            file=rows.file,
            row=1,
            column=missing[0],
        )
    if key is None:
        raise Refused(
            f"the hash of {' + '.join(headers)} is wanted as a key, but there is no secret to hash with.",
            "Set the environment variable CRM_PLATFORM_HASH_KEY, always the same for a client, and deliver again.",
            file=rows.file,
            column=headers[0],
        )
    return hashed_column(key, [delivered[matching_form(header)] for header in headers])


def _named(rows: RawRows, headers: Iterable[str], kind: str) -> dict[str, PersonalColumn]:
    forms = {matching_form(header) for header in headers}
    return {
        header: PersonalColumn(rows.file, header, kind, 1, filled_cells(column))
        for header, column in rows.columns.items()
        if matching_form(header) in forms
    }


def _has(columns: Iterable[str], header: str) -> bool:
    return matching_form(header) in {matching_form(column) for column in columns}


def _without_hashes(rows: RawRows, wanted: Wanted) -> RawRows:
    """Without hashes that were made when the file was stored: `hash(Email)` is no e-mail address."""
    return rows.without({header for header in rows.columns if _has(wanted.hashes, header)})


def _blotted_before(rows: RawRows) -> list[PersonalCells]:
    """Cells that were blotted out when the file was stored."""
    found = []
    for header, column in rows.columns.items():
        position = column.distinct.index(BLOTTED).as_py()
        if position >= 0:
            hits = column.index == position
            found.append(PersonalCells(rows.file, header, "personal data", hits, rows.row_numbers[hits]))
    return found


def _overwritten(rows: RawRows, cells: Iterable[PersonalCells], word: str) -> RawRows:
    columns = dict(rows.columns)
    for item in cells:
        column = columns[item.header]
        with_word = TextColumn(
            pa.concat_arrays([column.distinct, pa.array([word], column.distinct.type)]),
            np.where(item.rows, np.int32(len(column.distinct)), column.index).astype(np.int32),
        )
        columns[item.header] = TextColumn.of(with_word.texts)
    return replace(rows, columns=columns)
