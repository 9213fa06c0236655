"""Which columns, and which cells of other columns, hold personal data (個人情報, R06).

A value is never shown; a finding names the file, the column and the first row. The border: a column whose header tells,
or of whose distinct values at least half tell, is personal as a whole. Of any other column that the mapping needs, only
the rows that tell are lost; one that nothing needs is cut for a single telling value.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from crm_platform.intake.guard import telling_values as shapes
from crm_platform.intake.guard.telling_headers import kind_told, names_a_thing
from crm_platform.intake.reading.raw_rows import RawRows
from crm_platform.intake.reading.text_column import Mask, Positions, TextColumn
from crm_platform.refusals import Refused

_MOST = 0.5
_FEWEST_AMONG_CODES = 3  # fewer values that could be codes say nothing
_OLD_ENOUGH_YEARS = 15  # an unexplained date this long ago, in a customer file, is taken for a birthday
_CODES = {"order_id", "customer_id", "product_id", "subscription_id", "media_id", "first_media_id"}
_NEVER_CODES = {shapes.MAIL, shapes.MOBILE}
_ALSO_CODES = {shapes.BARE_LANDLINE, shapes.POSTAL_CODE}  # as parcel or product numbers outside customer files
_OF_MOST_ONLY = {shapes.KANA_NAME}  # `ゴールド カイイン` is a rank
_MASS = 50  # fewer words in kana are answers (アウトドア, ゴルフ)
_CAST = {
    "ordered_at", "shipped_on", "cancelled_on", "registered_on", "started_on", "ended_on", "quantity", "unit_price_jpy",
    "discount_jpy", "shipping_fee_jpy", "cost_jpy", "list_price_jpy", "line_no", "cycle_no", "supply_days",
}  # fmt: skip  # casting refuses anything but numbers and dates in these


@dataclass(frozen=True)
class PersonalColumn:
    """A column that holds personal data: which kind, the first row in which it shows (1: the header), filled cells."""

    file: str
    header: str
    kind: str
    row: int
    cells: int


@dataclass(frozen=True)
class PersonalCells:
    """Cells of a needed column that hold personal data of a kind, while the column as such does not."""

    file: str
    header: str
    kind: str
    rows: Mask
    row_numbers: Positions

    @property
    def row(self) -> int:
        """The first row in which it shows."""
        return int(self.row_numbers[0])


Finding = PersonalColumn | PersonalCells


def find_personal_data(rows: RawRows, table: str, needed: Mapping[str, str], year: int) -> list[Finding]:
    """Every column and cell of the file that holds personal data, in the order of the columns.

    `needed`: table column by delivered header, "" where the mapping reads it for something else. `year`: of delivery.
    """
    found: list[Finding] = []
    for header, column in rows.columns.items():
        told = kind_told(header, table)
        if told:
            found.append(PersonalColumn(rows.file, header, told, 1, filled_cells(column)))
        else:
            found += _found_in_values(rows, table, header, needed.get(header), year)
    return found


def refuse_personal_name(file: str) -> None:
    """Refused where a file's own name holds an e-mail address or mobile number: names are stored and shown."""
    stem = file.rsplit(".", 1)[0]
    kinds = shapes.positions_by_kind(shapes.suspects(TextColumn.of(pa.array([stem]))))
    told = [kind for kind in kinds if kind in _NEVER_CODES]
    if told:  # not shown here either
        raise Refused(f"the name of a file holds {told[0]}.", "Give the file another name and deliver again.")


def refuse_personal_headers(rows: RawRows, table: str) -> None:
    """Refused where a header is itself personal data: the file lacks its header line, and headers are shown and stored.

    Two words in kana may be a header (`サイズ カラー`); one that tells what it holds may give an example of it.
    """
    headers = [header for header in rows.columns if not kind_told(header, table)]
    kinds = shapes.positions_by_kind(shapes.suspects(TextColumn.of(pa.array(headers, pa.string()))))
    told = [kind for kind in kinds if kind != shapes.KANA_NAME]
    if told:  # not shown here either
        problem = f"the first line holds {told[0]}, not headers."
        raise Refused(problem, "Deliver it with a header line.", file=rows.file, row=1)


def filled_cells(column: TextColumn) -> int:
    """How many cells are not empty."""
    return int((~column.is_empty).sum())


def _found_in_values(rows: RawRows, table: str, header: str, target: str | None, year: int) -> list[Finding]:
    column = rows.columns[header]
    hits = {
        kind: positions
        for kind, positions in shapes.positions_by_kind(shapes.suspects(column)).items()
        if _counts(kind, positions, column, _sense(header, table, target), table, is_needed=target is not None)
    }
    birthdays = _birthdays(column, table, target, year)
    hits |= {shapes.BIRTHDAY: birthdays} if birthdays else {}
    most = _MOST * _filled_values(column)
    if table == "customers" and target is None:
        in_mass = shapes.positions_in_mass(column).items()
        hits |= {kind: positions for kind, positions in in_mass if len(positions) >= max(most, _MASS)}
    if not hits:
        return []
    whole = [kind for kind, positions in hits.items() if len(positions) >= most or target is None]
    if whole:
        first = int(rows.row_numbers[np.flatnonzero(_rows_of(column, hits[whole[0]]))[0]])
        return [PersonalColumn(rows.file, header, whole[0], first, filled_cells(column))]
    cells = {kind: _rows_of(column, positions) for kind, positions in hits.items()}
    return [PersonalCells(rows.file, header, kind, mask, rows.row_numbers[mask]) for kind, mask in cells.items()]


def _sense(header: str, table: str, target: str | None) -> str:
    """What the values are: `cast` numbers and dates, `codes` or names of things, `text`."""
    if target in _CAST:
        return "cast"
    return "codes" if target in _CODES or names_a_thing(header, table) else "text"


def _counts(kind: str, positions: list[int], column: TextColumn, sense: str, table: str, *, is_needed: bool) -> bool:
    """Whether these values are taken for what they look like, given what the column holds."""
    if kind in _NEVER_CODES:
        return True
    if sense == "cast":  # no number or date is written like these, and the row's text would be stored
        return kind != shapes.BARE_LANDLINE
    are_most = len(positions) >= _MOST * _filled_values(column)
    if kind in _OF_MOST_ONLY:
        return are_most and (sense == "text" and not is_needed)
    if sense == "codes":
        return are_most and len(positions) >= _FEWEST_AMONG_CODES
    return are_most or table == "customers" or kind not in _ALSO_CODES


def _birthdays(column: TextColumn, table: str, target: str | None, year: int) -> list[int]:
    if table != "customers" or target in {"registered_on", *_CODES}:
        return []
    return shapes.dates_until(column, year if target == "birth_year" else year - _OLD_ENOUGH_YEARS)


def _filled_values(column: TextColumn) -> int:
    return len(column.distinct) - int(pc.sum(pc.equal(column.distinct, "")).as_py() or 0)


def _rows_of(column: TextColumn, positions: list[int]) -> Mask:
    return np.isin(column.index, positions)
