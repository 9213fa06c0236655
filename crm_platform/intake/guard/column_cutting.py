"""A delivered file without the columns that hold personal data, line for line, so that row numbers stay true."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Mapping
from typing import Any

from crm_platform.intake.reading.decoding import UNREADABLE, decode
from crm_platform.intake.reading.delivered_files import DeliveredFile
from crm_platform.intake.reading.splitting import records_of

_BROKEN_ROW = "(not stored)"  # a row that cannot be split may hold personal data anywhere


def cut_columns(file: DeliveredFile, reading: Mapping[str, Any], dropped: set[str]) -> bytes:
    """The bytes of `file` without the columns `dropped`, in its own encoding, delimiter and packing.

    `reading`: the file's part of the receipt. Unreadable rows are blotted out; they stay unreadable and counted.
    """
    encoding, delimiter = str(reading["encoding"]), str(reading["delimiter"])
    text = decode(file.plain, encoding, file.name).text
    headers = list(reading["columns"])
    kept = [position for position, header in enumerate(headers) if header not in dropped]
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\r\n")
    for values, taken in records_of(text.split("\n"), 0, delimiter, len(headers)):
        lines = _write_record(out, writer, values, kept)
        out.write("\r\n" * (taken - lines))
    content = out.getvalue().encode(encoding, "replace")
    return gzip.compress(content, mtime=0) if file.name.lower().endswith(".gz") else content


def _write_record(out: io.StringIO, writer: Any, values: list[str] | None, kept: list[int]) -> int:
    """Write one record; returns how many physical lines it takes."""
    if values == []:
        out.write("\r\n")
        return 1
    if values is None or any(UNREADABLE in value for value in values):
        out.write(f"{_BROKEN_ROW}\r\n")
        return 1
    cut = [values[position] for position in kept]
    writer.writerow(cut)
    return 1 + sum(value.count("\n") for value in cut)
