"""Workbooks (.xlsx) → a sheet as tab-separated text, one line per row of the sheet, so that row numbers are Excel's."""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
import unicodedata
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal

import numpy as np
import numpy.typing as npt
from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

from crm_platform.intake.reading.unpacking import Allowance, container_of, zip_content
from crm_platform.refusals import Refused

Cell = int | float | str | bool | dt.time | dt.date | dt.datetime | dt.timedelta

_PARTS = re.compile(r"(\[Content_Types\]\.xml|.*\.rels|xl/.*\.xml)", re.IGNORECASE)  # no pictures, no macros
_REFERENCE = re.compile(rb"""\br\s*=\s*["']([A-Za-z]*)(\d+)["']""")
_CELL = re.compile(rb"<(?:\w+:)?c[\s/>]")
_ERROR_CELL = re.compile(rb"""(<(?:\w+:)?c\s[^>]*?\bt\s*=\s*)["']e["']""")
_SHARED_TEXT_CELL = re.compile(rb"""<(?:\w+:)?c\s[^>]*?\bt\s*=\s*["']s["'][^>]*>\s*<(?:\w+:)?v>(\d+)<""")
_SURE_CELLS = 1 << 23
_CELLS_PER_CELL = 16  # a sheet takes memory for its whole rectangle, however few of its cells hold anything
_MOST_TEXT_BYTES = 2 << 30  # a text that many cells share is stored once and read many times
_SHARED_TEXTS = "xl/sharedStrings.xml"
_LINE_BREAKS = re.compile(r"[\t\r\n\v\f\x1c-\x1e\x85\u2028\u2029]+")


def is_office_file(content: bytes, file: str) -> bool:
    """Whether a .zip is really a document of an office program; Refused where it cannot be opened."""
    if container_of(content) != "zip":
        return False
    return any(member.name == "[Content_Types].xml" for member in zip_content(content, file).members)


def sheet_as_text(content: bytes, sheet: str | None, file: str) -> bytes:
    """A sheet as UTF-8 text with tabs; an empty row is an empty line, empty columns on the left are left out.

    `sheet`: its name; without one, the only visible sheet that holds anything. Dates become ISO text (2025-05-01, or
    with the time), whole numbers have no decimals, truth is 1 or 0, errors keep their text (#N/A), line breaks in cells
    become spaces. What a number looks like in Excel (leading zeros by format) is not part of its value and is lost.
    Refused: another kind of document, damage, bombs, no such sheet, several sheets and none named.
    """
    with _opened(content, file) as workbook:
        rows = list(_chosen(workbook, sheet, file).iter_rows())
    if rows and not any(cell != "" for cell in rows[0]):
        raise Refused("the first row of the sheet is empty.", "Let the headers stand in row 1.", file=file, row=1)
    return _as_text(rows)


def visible_sheets(content: bytes, file: str) -> list[tuple[str, list[list[str]]]]:
    """Every visible sheet that holds anything: its name, and its rows of texts from row 1 on."""
    with _opened(content, file) as workbook:
        return [
            (sheet.name, [[cell_text(cell) for cell in row] for row in sheet.iter_rows()])
            for sheet in _filled(workbook)
        ]


@contextmanager
def _opened(content: bytes, file: str) -> Iterator[CalamineWorkbook]:
    try:
        with CalamineWorkbook.from_filelike(io.BytesIO(_cleaned(content, file))) as workbook:
            yield workbook
    except (CalamineError, ValueError, OverflowError) as error:
        raise Refused("the workbook is damaged.", "Save it again, or save it as CSV.", file=file) from error


def _as_text(rows: Iterable[Sequence[Cell]]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, delimiter="\t", lineterminator="\n")
    for row in rows:
        texts = [cell_text(cell) for cell in row]
        if any(texts):
            writer.writerow(texts)
        else:
            out.write("\n")
    return out.getvalue().encode("utf-8", "replace")


def cell_text(cell: Cell) -> str:
    """A cell as text in one line."""
    if isinstance(cell, str):
        return _LINE_BREAKS.sub(" ", cell)
    if isinstance(cell, bool):
        return str(int(cell))
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() else format(Decimal(repr(cell)), "f")
    if isinstance(cell, dt.datetime):
        nearest = cell + dt.timedelta(microseconds=500_000)  # a serial number is off by microseconds
        return nearest.replace(microsecond=0).isoformat(" ")
    if isinstance(cell, dt.timedelta):
        hours, rest = divmod(round(cell.total_seconds()), 3600)
        return f"{hours}:{rest // 60:02d}:{rest % 60:02d}"
    return str(cell)


def _chosen(workbook: CalamineWorkbook, wanted: str | None, file: str) -> CalamineSheet:
    if wanted is not None:
        names = [item.name for item in workbook.sheets_metadata if item.typ == SheetTypeEnum.WorkSheet]
        same = [name for name in names if _plain(name) == _plain(wanted)]
        if not same:
            problem = f"the workbook has no sheet '{wanted}' (it has {_listed(names)})."
            raise Refused(problem, "Rename the sheet, or mend `sheet` in the client's TOML.", file=file)
        return workbook.get_sheet_by_name(same[0])
    filled = _filled(workbook)
    if not filled:
        raise Refused("the workbook is empty.", "Deliver it with a header row and rows.", file=file)
    if len(filled) > 1:
        raise Refused(
            f"the workbook has {len(filled)} sheets: {_listed([item.name for item in filled])}.",
            "Say which one in the client's TOML ([tables.<table>] sheet = …), or leave the others out.",
            file=file,
        )
    return filled[0]


def _filled(workbook: CalamineWorkbook) -> list[CalamineSheet]:
    """Visible sheets that hold anything; hidden ones are lists of codes and the like."""
    listed = [item for item in workbook.sheets_metadata if item.typ == SheetTypeEnum.WorkSheet]
    visible = [workbook.get_sheet_by_name(item.name) for item in listed if item.visible == SheetVisibleEnum.Visible]
    return [sheet for sheet in visible if sheet.start is not None]


def _plain(name: str) -> str:
    return unicodedata.normalize("NFKC", name).strip().casefold()


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"'{name[:40]}'" for name in names[:10]) or "none"


def _cleaned(content: bytes, file: str) -> bytes:
    """The workbook's XML packed anew: unpacked within the limits, fit to be parsed, errors in cells as their text.

    The parser takes memory as the XML demands and ends the whole process where there is none; hence the look before.
    """
    archive = zip_content(content, file)
    members = {member.name: member for member in archive.members if _PARTS.fullmatch(member.name)}
    if "xl/workbook.xml" not in members:
        raise Refused("the document is no .xlsx workbook.", "Save it as .xlsx or as CSV.", file=file)
    allowance = Allowance(file, len(content))
    shared_bytes = np.zeros(0, np.int64)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as cleaned:
        for name in sorted(members, key=lambda name: name != _SHARED_TEXTS):
            part = archive.read(members[name], allowance)
            if name == _SHARED_TEXTS:
                shared_bytes = np.array([len(text) for text in part.split(b"</si>")], np.int64)
            _check_extent(part, shared_bytes, file)
            cleaned.writestr(name, _ERROR_CELL.sub(rb'\1"str"', part))
    return out.getvalue()


def _check_extent(part: bytes, shared_bytes: npt.NDArray[np.int64], file: str) -> None:
    """Refuse a sheet that takes far more memory than it has cells, or than its texts are stored in."""
    cells = len(_CELL.findall(part))
    columns, rows = (set(found) for found in zip(*set(_REFERENCE.findall(part)), strict=True)) if cells else ((), ())
    last_column = max((_column_number(letters) for letters in columns), default=0)
    last_row = max((int(row) for row in rows), default=0)
    if last_column * last_row > max(_SURE_CELLS, _CELLS_PER_CELL * cells):
        raise Refused(
            f"a sheet reaches to row {last_row:,} and column {last_column:,}, but holds only {cells:,} cells.",
            "Copy the list into a new workbook, or save it as CSV.",
            file=file,
        )
    if cells * int(shared_bytes.max(initial=0)) > _MOST_TEXT_BYTES:
        used = np.array([int(number) for number in _SHARED_TEXT_CELL.findall(part)], np.int64)
        if shared_bytes[used[used < len(shared_bytes)]].sum() > _MOST_TEXT_BYTES:
            raise Refused("the texts of a sheet are too long.", "Save it as CSV, in several files.", file=file)


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - 64
    return number
