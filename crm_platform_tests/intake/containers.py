"""Files packed as clients pack them: archives and workbooks made for the tests of the readers."""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import xlsxwriter

from crm_platform.intake import DeliveredFile
from crm_platform_tests.intake.deliveries import text_of


def zip_of(files: Sequence[DeliveredFile], name: str = "delivery.zip", folder: str = "") -> DeliveredFile:
    """The files in one archive, below `folder`."""
    return zip_with({f"{folder}{file.name}": file.content for file in files}, name)


def zip_with(members: Mapping[str | zipfile.ZipInfo, bytes], name: str = "delivery.zip") -> DeliveredFile:
    """An archive of these members, by name or with all that an archive says of one."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, content in members.items():
            archive.writestr(member, content, zipfile.ZIP_DEFLATED)
    return DeliveredFile(name, out.getvalue())


def gzip_of(file: DeliveredFile, name: str | None = None) -> DeliveredFile:
    """The file in gzip."""
    return DeliveredFile(name or f"{file.name}.gz", gzip.compress(file.content, mtime=0))


def workbook_of(sheets: Mapping[str, Sequence[Sequence[Any]]], hidden: Sequence[str] = ()) -> bytes:
    """A workbook of sheets, each given as rows of cells, in the types that they have in Python."""
    out = io.BytesIO()
    options = {"default_date_format": "yyyy/mm/dd hh:mm", "in_memory": True, "strings_to_formulas": True}
    with xlsxwriter.Workbook(out, options) as workbook:
        for name, rows in sheets.items():
            sheet = workbook.add_worksheet(name)
            for number, row in enumerate(rows):
                sheet.write_row(number, 0, row)
            if name in hidden:
                sheet.hide()
    return out.getvalue()


def as_workbook(name: str, rows: Sequence[Sequence[Any]]) -> DeliveredFile:
    """The rows as the one sheet of a workbook."""
    return DeliveredFile(name, workbook_of({"Sheet1": rows}))


def with_part_changed(workbook: bytes, part: str, change: Callable[[bytes], bytes]) -> bytes:
    """The workbook with one part of its XML changed."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(workbook)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for info in old.infolist():
            content = old.read(info)
            new.writestr(info.filename, change(content) if info.filename == part else content)
    return out.getvalue()


Row = Sequence[str]
Packing = Callable[[str, Sequence[Row]], DeliveredFile]


def _text(encoding: str, delimiter: str, line_end: str = "\r\n") -> Packing:
    return lambda stem, rows: DeliveredFile(f"{stem}.csv", text_of(rows, delimiter, line_end).encode(encoding))


PACKINGS: dict[str, Packing] = {
    "cp932 tabs": _text("cp932", "\t"),
    "cp932 commas": _text("cp932", ","),
    "utf-8 unix": _text("utf-8", "\t", "\n"),
    "utf-8 with mark": _text("utf-8-sig", ","),
    "gzip": lambda stem, rows: gzip_of(_text("cp932", ",")(stem, rows)),
    "gzip named csv": lambda stem, rows: gzip_of(_text("cp932", ",")(stem, rows), f"{stem}.csv"),
    "zip": lambda stem, rows: zip_of([_text("cp932", ",")(stem, rows)], f"{stem}.zip", "export/"),
    "zip named csv": lambda stem, rows: zip_of([_text("utf-8", "\t")(stem, rows)], f"{stem}.csv"),
    "xlsx": lambda stem, rows: as_workbook(f"{stem}.xlsx", rows),
    "xlsx named csv": lambda stem, rows: as_workbook(f"{stem}.csv", rows),
    "xlsx in gzip": lambda stem, rows: gzip_of(as_workbook(f"{stem}.xlsx", rows)),
    "xlsx in zip": lambda stem, rows: zip_of([as_workbook(f"{stem}.xlsx", rows)], f"{stem}.zip"),
}
