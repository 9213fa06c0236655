"""A file as cells, before anything is known of its headings: definition documents have titles above them."""

from __future__ import annotations

import csv
from dataclasses import dataclass

from crm_platform.intake.reading.decoding import decode
from crm_platform.intake.reading.delivered_files import DeliveredFile
from crm_platform.intake.reading.spreadsheets import visible_sheets

_HEAD_LINES = 30


@dataclass(frozen=True)
class Sheet:
    """Rows of cells; `name` is that of a spreadsheet's sheet, empty for text."""

    name: str
    rows: list[list[str]]


def sheets_of(file: DeliveredFile) -> list[Sheet]:
    """The sheets of `file` that hold anything; text is one sheet without a name. Refused where it cannot be read."""
    if file.is_workbook:
        return [Sheet(name, rows) for name, rows in visible_sheets(file.unpacked, file.name)]
    return [Sheet("", _cells(decode(file.plain, None, file.name).text))]


def _cells(text: str) -> list[list[str]]:
    lines = text.split("\n")
    head = "\n".join(lines[:_HEAD_LINES])
    delimiter = "\t" if "\t" in head or "," not in head else ","
    return list(csv.reader((line + "\n" for line in lines), delimiter=delimiter))
